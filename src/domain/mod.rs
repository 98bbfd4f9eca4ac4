//! The nouns, correct by construction: ids, hashes, tags, codes, roles, times, limits.
//!
//! A value of these types is always well formed, so nobody downstream checks it again. This module
//! never does I/O, never reads a clock and never draws randomness.
//!
//! ```text
//! KG              StateCode       a state with a root certificate, a registrar, a witness
//! kg.gpo          AuthorityCode   an organisation of that state, or a unit of one
//! kg.gpo/07       MemberCode      a person in it
//! mla.example/events  Origin      a log
//! 5f0c…(64 hex)   Tag, Hash, …    32 bytes, one spelling: lower-case hex
//! ```

mod bytes32;
mod codes;
pub mod limits;
mod logs;
mod roles;
mod slips;
mod times;

pub use bytes32::{Hash, Nonce, Tag, UploadId};
pub use codes::{AuthorityCode, MemberCode, Origin, StateCode};
pub use logs::{ChainKind, Log, TreeHead};
pub use roles::Role;
pub use slips::SlipName;
pub use times::{UnixMillis, UtcSecond};

/// Text that is not the one spelling of a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not well formed: {rule}")]
pub struct Malformed {
    /// The noun that was expected.
    pub what: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
}

/// Gives a type that is displayed and parsed as one string its serde form: that same string.
macro_rules! serde_as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
use serde_as_text;
