//! Who may sign an entry of the directory, and as of when they are judged.
//!
//! ```text
//! authority, member     the state's registrar
//! revoke                the state's registrar; the member themselves
//! replace               the state's registrar; a custodian of the authority
//! grant, recover        a custodian of the authority
//! cancel                whoever was custodian of the authority a day before the replacement, even if they are no
//!                       longer: certificate and entry are judged as of that moment
//! ```

use super::directory::Directory;
use super::profile::CertificateProfile;
use super::sealing_keys::SealingKey;
use super::statement::{CheckedSignature, require_near, verify_member, verify_signer};
use crate::domain::UnixMillis;
use crate::domain::limits::{CLOCK_SKEW_MS_MAX, CUSTODY_MS};
use crate::sign::VerifiedSignature;
use crate::wire::{Act, Cancellation, Refusal, RefusalCode};

/// As what the actor of an entry signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntrySigner {
    /// The root's own certificate says so.
    Registrar,
    /// An entry of the directory says so.
    Member,
}

impl Directory {
    /// The certificate of an entry is of a kind that may sign it, and was the actor's when it had to be.
    pub(super) fn verify_entry_signer(
        &self,
        signed: &CheckedSignature,
        proof: &VerifiedSignature,
        time: UnixMillis,
    ) -> Result<EntrySigner, Refusal> {
        let statement = &signed.statement;
        if let Act::Cancel(cancellation) = &statement.act {
            return self.verify_objector(signed, proof, cancellation, time);
        }
        let by_registrar = verify_signer(signed, proof, CertificateProfile::Registrar, self.anchors(), time);
        let by_member = match &statement.act {
            Act::Revoke(entry) => entry.member == statement.actor,
            Act::Replace(_) | Act::Grant(_) | Act::Recover(_) => true,
            _ => false,
        };
        match by_registrar {
            Ok(_) => Ok(EntrySigner::Registrar),
            Err(refusal) if !by_member => Err(refusal),
            Err(_) => {
                verify_signer(signed, proof, CertificateProfile::Statement, self.anchors(), time)?;
                verify_member(statement, self, self.as_of(time))?;
                Ok(EntrySigner::Member)
            }
        }
    }

    /// Who cancels was custodian a day before the replacement. What became of their entry since does not matter: whoever
    /// replaces a key against the custodians' will revokes them first, or waits until their entries are over.
    fn verify_objector(
        &self,
        signed: &CheckedSignature,
        proof: &VerifiedSignature,
        cancellation: &Cancellation,
        time: UnixMillis,
    ) -> Result<EntrySigner, Refusal> {
        let replaced = self.require_pending(cancellation, time)?.place().time();
        let day_before = UnixMillis(replaced.0.saturating_sub(CUSTODY_MS));
        verify_signer(signed, proof, CertificateProfile::Statement, self.anchors(), day_before)?;
        let (actor, authority) = (&signed.statement.actor, &cancellation.authority);
        let was_custodian = self
            .records_of(actor)
            .iter()
            .any(|record| record.was_custodian_at(day_before) && record.entry().statement == signed.statement.certificate);
        if actor.authority() == authority && was_custodian {
            return Ok(EntrySigner::Member);
        }
        Err(Refusal::new(RefusalCode::RoleMissing, format!("{actor} was no custodian of {authority} a day before the replacement")))
    }

    /// The replacement that a cancellation names, which must still wait.
    fn require_pending(&self, cancellation: &Cancellation, time: UnixMillis) -> Result<&SealingKey, Refusal> {
        let pending = self.authority(&cancellation.authority).and_then(|record| record.pending_at(self.as_of(time)));
        pending.filter(|key| key.place().leaf() == cancellation.entry).ok_or_else(|| {
            let detail =
                format!("no such replacement of {}'s key is pending: it has taken effect, or was cancelled", cancellation.authority);
            Refusal::new(RefusalCode::EntryRefused, detail)
        })
    }

    /// The actor's clock was near the entry's time. A cancellation may be carried by hand: it was signed between the
    /// replacement that it names and now.
    pub(super) fn require_timely(&self, signed: &CheckedSignature, time: UnixMillis) -> Result<(), Refusal> {
        let statement = &signed.statement;
        let Act::Cancel(cancellation) = &statement.act else { return require_near(statement, time) };
        let (claimed, replaced) = (statement.time.to_millis().0, self.require_pending(cancellation, time)?.place().time().0);
        if replaced <= claimed.saturating_add(CLOCK_SKEW_MS_MAX) && claimed <= time.0.saturating_add(CLOCK_SKEW_MS_MAX) {
            return Ok(());
        }
        Err(Refusal::new(RefusalCode::ClockSkew, "the cancellation was not signed between the replacement and now"))
    }
}
