//! The authority's sealing identities that this member holds: made here, granted, handed on.
//!
//! ```text
//! custodian                                    colleague
//! replace_key: identity made, kept ── `replace` in the directory
//! grant: `grant` in the directory ── file ──▶  take_grant: the directory must say that they hold it
//! ```
//!
//! An identity is taken for the authority's only if the directory names its key.

use super::{Client, ClientError, Profile};
use crate::clock;
use crate::domain::{AuthorityCode, Hash, MemberCode};
use crate::seal::{GrantedIdentity, SealingIdentity, SealingRecipient, seal_authority_identity};
use crate::trust::SealingKey;
use crate::wire::{Act, Grant, Replacement};

impl Profile {
    /// Makes a sealing identity for the authority and keeps it, sealed to the member's own. Gives its public half.
    ///
    /// # Errors
    /// When the member's own identity is missing, or it cannot be written.
    pub(crate) fn make_authority_identity(&self) -> Result<SealingRecipient, ClientError> {
        let (own, identity) = (self.load_member_identity()?, SealingIdentity::generate());
        let sealed = seal_authority_identity(&identity, self.member().authority(), &own.recipient()).map_err(ClientError::unproven)?;
        let recipient = identity.recipient();
        self.publish_granted_identity(&recipient.fingerprint(), &sealed)?;
        Ok(recipient)
    }
}

impl Client {
    /// The authority's sealing identity of a key that the directory names.
    pub(super) fn load_authority_identity(&self, key: &Hash) -> Result<SealingIdentity, ClientError> {
        self.require_named(self.profile.load_granted_identity(key)?)
    }

    /// Logs that another member of the own authority holds its sealing identity, and gives them the identity of the key in
    /// force, sealed to the key that the directory lists for them.
    ///
    /// # Errors
    /// When this profile does not hold the identity, its member is no custodian, or the other is not in force.
    pub fn grant(&mut self, member: &MemberCode) -> Result<Vec<u8>, ClientError> {
        self.follow()?;
        let authority = self.profile.member().authority().clone();
        if *member.authority() != authority {
            let hint = "only members of the own authority hold its key";
            return Err(ClientError::not_possible(format!("{member} is not of {authority}"), hint));
        }
        let (record, holder) = (self.require_member(member)?, self.member_key(member)?);
        let key = self.sealing_in_force(&authority)?;
        let (fingerprint, is_logged) = (key.fingerprint(), key.is_held_under(record.entry_index()));
        let identity = self.load_authority_identity(&fingerprint)?;
        if !is_logged {
            self.publish_entry(|after| Act::Grant(Grant { after, member: member.clone(), key: fingerprint }))?;
        }
        // From here on the log says that they hold it; a file that is lost is written again.
        seal_authority_identity(&identity, &authority, &holder).map_err(ClientError::unproven)
    }

    /// Takes a grant of the authority's sealing identity.
    ///
    /// # Errors
    /// When it does not open with this member's key, is of no key of the authority, or was not logged.
    pub fn take_grant(&mut self, sealed: &[u8]) -> Result<(), ClientError> {
        self.follow()?;
        let granted = self.profile.open_grant(sealed)?;
        let fingerprint = granted.fingerprint();
        let member = self.profile.member();
        let record = self.directory.member_at(member, self.directory.as_of(clock::now()));
        let key = self.directory.authority(member.authority()).and_then(|record| record.key(&fingerprint));
        let is_logged = key.zip(record).is_some_and(|(key, record)| key.is_held_under(record.entry_index()));
        self.require_named(granted)?;
        if !is_logged {
            return Err(ClientError::unproven(format!("the directory does not say that {member} was granted this key")));
        }
        self.profile.publish_granted_identity(&fingerprint, sealed)
    }

    /// Makes a new sealing identity for the authority and has the directory name it in place of the key in force. What was
    /// sealed to the old key still opens with the old identity, which stays.
    ///
    /// # Errors
    /// When another replacement is pending, or the server refuses.
    pub fn replace_key(&mut self) -> Result<SealingKey, ClientError> {
        self.follow()?;
        let authority = self.profile.member().authority().clone();
        let pending = self.directory.authority(&authority).and_then(|record| record.pending_at(self.directory.as_of(clock::now())));
        if let Some(pending) = pending {
            let effect = pending.takes_effect().to_second();
            let hint = "wait for it, or cancel it: elchi directory cancel";
            return Err(ClientError::not_possible(format!("a replacement of {authority}'s key is pending until {effect}"), hint));
        }
        let sealing = self.profile.make_authority_identity()?;
        self.publish_replacement(&authority, &sealing.to_string())
    }

    /// Makes a sealing identity for the authority, whose public half the registrar is to publish. Gives that half.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn prepare_key(&self) -> Result<SealingRecipient, ClientError> {
        self.profile.make_authority_identity()
    }

    /// Has the directory name a sealing key in place of an authority's key in force.
    pub(crate) fn publish_replacement(&mut self, authority: &AuthorityCode, sealing: &str) -> Result<SealingKey, ClientError> {
        self.follow()?;
        let key = self.sealing_in_force(authority)?.fingerprint();
        let entry = |after| Act::Replace(Replacement { after, authority: authority.clone(), key, sealing: sealing.to_owned() });
        self.publish_entry(entry)?;
        let named = self.directory.authority(authority).and_then(|record| record.keys().find(|key| key.text() == sealing));
        named.cloned().ok_or_else(|| ClientError::unproven("the directory does not name the key that it was given"))
    }

    /// An authority's sealing key in force now.
    pub(super) fn sealing_in_force(&self, authority: &AuthorityCode) -> Result<&SealingKey, ClientError> {
        self.directory.sealing_at(authority, self.directory.as_of(clock::now())).ok_or_else(|| {
            ClientError::not_possible(
                format!("{authority} is not in the directory"),
                "check the code; `elchi profile show` lists the authorities",
            )
        })
    }

    /// The identity is of a key that the directory names for this authority, in force or not.
    pub(super) fn require_named(&self, granted: GrantedIdentity) -> Result<SealingIdentity, ClientError> {
        let authority = self.profile.member().authority();
        let named = self.directory.authority(authority).and_then(|record| record.key(&granted.fingerprint()));
        let named = named.ok_or_else(|| ClientError::unproven(format!("the directory names no such sealing key for {authority}")))?;
        granted.verify_listed(&parse_listed(authority, named)?).map_err(ClientError::unproven)
    }
}

/// A sealing key as the directory lists it, to seal to.
pub(super) fn parse_listed(authority: &AuthorityCode, key: &SealingKey) -> Result<SealingRecipient, ClientError> {
    key.text().parse().map_err(|_| ClientError::unproven(format!("the directory's sealing key of {authority} is no key")))
}
