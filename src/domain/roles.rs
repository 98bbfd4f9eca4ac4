//! What a member is trusted to do.

use std::fmt;
use std::str::FromStr;

use super::{Malformed, serde_as_text};

/// A member's role in an authority. A member may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Prepares, reads, asks for release; sends nothing.
    Drafter,
    /// Signs acts on behalf of the authority.
    Signatory,
    /// Holds the authority's sealing identity: grants it, replaces it, objects to its replacement.
    Custodian,
    /// Speaks for the state's directory.
    Registrar,
    /// Reads statements and logs of the whole state; opens nothing.
    Auditor,
}

impl Role {
    /// All roles, in the order in which statements list them.
    pub const ALL: [Role; 5] = [Role::Drafter, Role::Signatory, Role::Custodian, Role::Registrar, Role::Auditor];

    /// The role's word in statements.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Drafter => "drafter",
            Role::Signatory => "signatory",
            Role::Custodian => "custodian",
            Role::Registrar => "registrar",
            Role::Auditor => "auditor",
        }
    }
}

impl FromStr for Role {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let rule = "it must be drafter, signatory, custodian, registrar or auditor";
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or(Malformed { what: "a role", rule })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(Role);
