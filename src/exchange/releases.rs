//! Blobs whose release is in force.

use super::views::{RELEASE_VIEW, Released, decode_release, release_key};
use super::{ActError, Exchange, ExchangeFault};
use crate::clock;
use crate::domain::limits::RELEASE_MS_MAX;
use crate::domain::{Tag, UnixMillis};
use crate::store::BlobReader;
use crate::trust::VerifiedPeer;
use crate::wire::{Refusal, RefusalCode};

/// A released blob, which can be read as long as the release is in force.
pub struct ReleasedBlob {
    blob: BlobReader,
    released: UnixMillis,
}

impl ReleasedBlob {
    /// The blob's length.
    pub const fn bytes(&self) -> u64 {
        self.blob.bytes()
    }

    /// The bytes from `offset` to the end of the chunk that it lies in, at most 1 MiB.
    ///
    /// # Errors
    /// A refusal when the release has ended by `now`; or a fault.
    pub fn read_at(&self, offset: u64, now: UnixMillis) -> Result<Vec<u8>, ActError> {
        if !is_in_force(self.released, now) {
            return Err(Refusal::new(RefusalCode::NotReleased, "the release has ended").into());
        }
        Ok(self.blob.read_at(offset)?)
    }
}

impl Exchange {
    /// The blob of a document whose release to this very TLS certificate stands in the log and is
    /// younger than a day.
    ///
    /// # Errors
    /// A refusal when there is no such release, alike for a document that is not there; or a fault.
    pub fn open_released_blob(&self, peer: &VerifiedPeer, document: &Tag) -> Result<ReleasedBlob, ActError> {
        let not_released = || Refusal::new(RefusalCode::NotReleased, "there is no release in force of such a document to you");
        let released = self.load_release(Released::Document, peer, document)?.ok_or_else(not_released)?;
        let blob = self.store.open_blob(document)?.ok_or(ExchangeFault::Damaged { what: "documents" })?;
        Ok(ReleasedBlob { blob, released })
    }

    /// When something was released to this very TLS certificate, if that stands in the log and is younger than a day.
    pub(super) fn load_release(&self, what: Released, peer: &VerifiedPeer, tag: &Tag) -> Result<Option<UnixMillis>, ActError> {
        let key = release_key(what, tag, &peer.certificate().certificate_sha256());
        let Some(released) = self.store.load_view(RELEASE_VIEW, &key)? else { return Ok(None) };
        let released = decode_release(&released)?;
        Ok(is_in_force(released, clock::now()).then_some(released))
    }
}

fn is_in_force(released: UnixMillis, now: UnixMillis) -> bool {
    now.0.saturating_sub(released.0) <= RELEASE_MS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_in_force_for_a_day_from_its_leaf() {
        let (released, day) = (UnixMillis(1_795_465_140_000), 24 * 3600 * 1000);
        for after in [0, 1, day] {
            assert!(is_in_force(released, UnixMillis(released.0 + after)), "{after} ms later");
        }
        assert!(!is_in_force(released, UnixMillis(released.0 + day + 1)));
        assert!(is_in_force(released, UnixMillis(released.0 - 1)), "a clock that was set back");
    }
}
