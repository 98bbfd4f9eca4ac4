//! What an entry must keep to fit the directory as it stands: whose it is, what stands twice, what builds on what.

use super::directory::Directory;
use super::entry_signer::EntrySigner;
use super::statement::CheckedSignature;
use crate::domain::limits::DIRECTORY_ENTRIES_PER_STATE_MAX;
use crate::domain::{AuthorityCode, MemberCode, Role, StateCode, UnixMillis};
use crate::wire::{Act, AuthorityEntry, Grant, MemberEntry, Recovery, Refusal, RefusalCode, Replacement, Revocation};

impl Directory {
    /// The entry keeps the rules of its act. Who signed it was verified.
    pub(super) fn require_allowed(&self, signed: &CheckedSignature, signer: EntrySigner, time: UnixMillis) -> Result<(), Refusal> {
        let statement = &signed.statement;
        let (actor, state) = (&statement.actor, statement.actor.state());
        self.require_order(&statement.act, state)?;
        self.require_room(&statement.act, state)?;
        match &statement.act {
            Act::Authority(entry) => self.require_new_authority(entry, state),
            Act::Member(entry) => self.require_new_member(entry, state),
            Act::Revoke(entry) => self.require_living_member(entry, state),
            Act::Replace(entry) => self.require_replaceable(entry, actor, signer, time),
            Act::Grant(entry) => self.require_grantable(entry, actor, signer, time),
            Act::Recover(entry) => self.require_recoverable(entry, actor, signer, time),
            // That it names a pending replacement, and that its signer may object, is one question: `entry_signer`.
            Act::Cancel(_) => Ok(()),
            Act::Submit(_) | Act::Release(_) | Act::Opened(_) | Act::Acknowledge(_) | Act::Forward(_) | Act::Close(_) => {
                Err(no_entry(&statement.act))
            }
            Act::Unwrap(_) | Act::Rewrap(_) | Act::Confirm(_) | Act::Reject(_) | Act::Inspect(_) => Err(no_entry(&statement.act)),
        }
    }

    /// Entries build on their state's last one. A cancellation may build on what it cancels: others may come while it is
    /// carried by hand, and whoever wants the replacement could go on making them.
    fn require_order(&self, act: &Act, state: StateCode) -> Result<(), Refusal> {
        let after_its_own = matches!(act, Act::Cancel(cancellation) if cancellation.after == cancellation.entry);
        if after_its_own || act.after() == Some(&self.last_entry(state)) {
            return Ok(());
        }
        Err(Refusal::new(RefusalCode::CaseMoved, format!("the entry does not build on {state}'s last entry")))
    }

    /// Revocations and cancellations are always possible: each takes something that is there, so they are as many at most.
    fn require_room(&self, act: &Act, state: StateCode) -> Result<(), Refusal> {
        let always = matches!(act, Act::Revoke(_) | Act::Cancel(_));
        if always || self.entries_of(state) < DIRECTORY_ENTRIES_PER_STATE_MAX {
            return Ok(());
        }
        Err(refused(format!("{state} has as many entries as a state may have, {DIRECTORY_ENTRIES_PER_STATE_MAX}")))
    }

    fn require_new_authority(&self, entry: &AuthorityEntry, state: StateCode) -> Result<(), Refusal> {
        require_own(entry.authority.state(), state)?;
        if self.authority(&entry.authority).is_some() {
            return Err(refused(format!("{} is in the directory already; its key cannot be swapped by naming it again", entry.authority)));
        }
        let has_central = self.authorities().any(|(code, record)| code.state() == state && record.is_central());
        if entry.central && has_central {
            return Err(refused(format!("{state} has a central authority already")));
        }
        Ok(())
    }

    fn require_new_member(&self, entry: &MemberEntry, state: StateCode) -> Result<(), Refusal> {
        require_own(entry.member.state(), state)?;
        if self.authority(entry.member.authority()).is_none() {
            return Err(refused(format!("{} is not in the directory", entry.member.authority())));
        }
        if self.records_of(&entry.member).iter().any(|record| record.revoked_at().is_none()) {
            return Err(refused(format!("{} has an entry that was not revoked", entry.member)));
        }
        let hashes = [entry.tls, entry.statement];
        if self.members().any(|record| hashes.contains(&record.entry().tls) || hashes.contains(&record.entry().statement)) {
            return Err(refused("a certificate of this entry stands in another one".into()));
        }
        if entry.roles.contains(&Role::Registrar) {
            return Err(refused("a registrar is certified by the root, not by an entry".into()));
        }
        Ok(())
    }

    fn require_living_member(&self, entry: &Revocation, state: StateCode) -> Result<(), Refusal> {
        require_own(entry.member.state(), state)?;
        let living = self.records_of(&entry.member).iter().any(|record| record.revoked_at().is_none());
        if living { Ok(()) } else { Err(refused(format!("{} has no entry to revoke", entry.member))) }
    }

    fn require_replaceable(&self, entry: &Replacement, actor: &MemberCode, signer: EntrySigner, time: UnixMillis) -> Result<(), Refusal> {
        let authority = &entry.authority;
        require_own(authority.state(), actor.state())?;
        let record = self.authority(authority).ok_or_else(|| refused(format!("{authority} is not in the directory")))?;
        if signer == EntrySigner::Member {
            self.require_custodian(actor, authority, time)?;
        }
        if let Some(pending) = record.pending_at(self.as_of(time)) {
            let effect = pending.takes_effect().to_second();
            return Err(refused(format!("another replacement of {authority}'s key is pending until {effect}; it can be cancelled")));
        }
        if record.key_at(self.as_of(time)).fingerprint() != entry.key {
            return Err(refused(format!("the key that is to be replaced is not the one in force of {authority}")));
        }
        if self.has_sealing_key(&entry.sealing) {
            return Err(refused("the new key stands in the directory already; a replacement needs a fresh one".into()));
        }
        Ok(())
    }

    fn require_grantable(&self, entry: &Grant, actor: &MemberCode, signer: EntrySigner, time: UnixMillis) -> Result<(), Refusal> {
        let authority = actor.authority();
        if signer != EntrySigner::Member {
            return Err(no_custodian(actor, authority));
        }
        self.require_custodian(actor, authority, time)?;
        let at = self.as_of(time);
        let member = &entry.member;
        if member.authority() != authority {
            return Err(refused(format!("{member} is not of {authority}, and only its members hold its key")));
        }
        let record = self.member_at(member, at).ok_or_else(|| refused(format!("the directory has no entry in force for {member}")))?;
        let key = self.sealing_at(authority, at).filter(|key| key.fingerprint() == entry.key);
        let key = key.ok_or_else(|| refused(format!("the key that is granted is not the one in force of {authority}")))?;
        if key.is_held_under(record.entry_index()) {
            return Err(refused(format!("{member} holds this key already")));
        }
        Ok(())
    }

    /// Whoever has put a key together, of whatever time, says so themselves.
    fn require_recoverable(&self, entry: &Recovery, actor: &MemberCode, signer: EntrySigner, time: UnixMillis) -> Result<(), Refusal> {
        let authority = actor.authority();
        if signer != EntrySigner::Member {
            return Err(no_custodian(actor, authority));
        }
        self.require_custodian(actor, authority, time)?;
        if entry.member != *actor {
            return Err(refused(format!("{} says themselves that they have put a key together", entry.member)));
        }
        let key = self.authority(authority).and_then(|record| record.key(&entry.key));
        let key = key.ok_or_else(|| refused(format!("the directory names no such sealing key for {authority}")))?;
        let record = self.member_at(actor, self.as_of(time));
        if record.is_some_and(|record| key.is_held_under(record.entry_index())) {
            return Err(refused(format!("{actor} holds this key already")));
        }
        Ok(())
    }

    fn require_custodian(&self, actor: &MemberCode, authority: &AuthorityCode, time: UnixMillis) -> Result<(), Refusal> {
        let record = self.member_at(actor, self.as_of(time)).filter(|record| record.has_role(&[Role::Custodian]));
        if actor.authority() == authority && record.is_some() { Ok(()) } else { Err(no_custodian(actor, authority)) }
    }

    /// Whether any entry names this sealing key, of an authority or of a member, in force or not.
    fn has_sealing_key(&self, sealing: &str) -> bool {
        let of_authority = self.authorities().any(|(_, record)| record.keys().any(|key| key.text() == sealing));
        of_authority || self.members().any(|record| record.entry().sealing == sealing)
    }
}

fn require_own(namespace: StateCode, state: StateCode) -> Result<(), Refusal> {
    if namespace == state { Ok(()) } else { Err(refused(format!("nobody of {state} names {namespace}'s authorities and members"))) }
}

fn no_entry(act: &Act) -> Refusal {
    Refusal::new(RefusalCode::WrongLog, format!("{} is no directory entry", act.op()))
}

fn no_custodian(actor: &MemberCode, authority: &AuthorityCode) -> Refusal {
    Refusal::new(RefusalCode::RoleMissing, format!("{actor} is no custodian of {authority}"))
}

fn refused(reason: String) -> Refusal {
    Refusal::new(RefusalCode::EntryRefused, reason)
}
