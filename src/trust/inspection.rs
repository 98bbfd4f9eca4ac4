//! Auditors read what is not addressed to them, and say so first: an `inspect` on the register of the authority whose
//! cases they read, where its members see it.

use super::directory::Directory;
use super::statement::{JudgedAt, VerifiedStatement, verify_member};
use crate::domain::{AuthorityCode, Role};
use crate::wire::{Act, Refusal, RefusalCode};

/// An inspection that was permitted. Only [`permit_inspection`] makes one.
#[derive(Debug, Clone)]
pub struct InspectionPermit {
    statement: VerifiedStatement,
    authority: AuthorityCode,
}

impl InspectionPermit {
    /// The statement that was permitted.
    pub fn statement(&self) -> &VerifiedStatement {
        &self.statement
    }

    /// Whose register is inspected.
    pub fn authority(&self) -> &AuthorityCode {
        &self.authority
    }
}

/// Decides whether an auditor may inspect a register, by the directory as of `at`: of their own state, and of an
/// authority that is in the directory.
///
/// # Errors
/// A refusal that names the first rule it breaks.
pub fn permit_inspection(statement: VerifiedStatement, directory: &Directory, at: JudgedAt) -> Result<InspectionPermit, Refusal> {
    let text = statement.statement();
    let Act::Inspect(act) = &text.act else { return Err(Refusal::not_found()) };
    let authority = act.authority.clone();
    if !verify_member(text, directory, at)?.has_role(&[Role::Auditor]) {
        return Err(Refusal::new(RefusalCode::RoleMissing, format!("{} is no auditor", text.actor)));
    }
    let is_there = directory.authority_at(&authority, at.directory_size).is_some();
    if !is_there || authority.state() != text.actor.state() {
        return Err(Refusal::new(
            RefusalCode::RecipientRefused,
            format!("{authority} is not in the directory, or not of the auditor's state"),
        ));
    }
    Ok(InspectionPermit { statement, authority })
}
