//! SHA-256 (FIPS 180-4), at once, in parts, and with a running state that survives a restart.

use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};

use crate::domain::Hash;

/// SHA-256 of `bytes`.
pub fn hash(bytes: &[u8]) -> Hash {
    hash_parts(&[bytes])
}

/// SHA-256 of the concatenation of `parts`.
pub fn hash_parts(parts: &[&[u8]]) -> Hash {
    let mut hasher = Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finish()
}

/// A SHA-256 in progress.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

/// A saved [`Hasher`], to be written beside the bytes it has taken in so far.
#[derive(Clone, PartialEq, Eq)]
pub struct HashState(Vec<u8>);

/// Bytes that are no saved SHA-256 state.
#[derive(Debug, thiserror::Error)]
#[error("the saved SHA-256 state is damaged")]
pub struct StateRefused;

impl Hasher {
    /// Starts with nothing hashed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was taken in.
    pub fn finish(self) -> Hash {
        Hash::from_bytes(self.0.finalize().into())
    }

    /// The running state, to be continued by [`Hasher::restore`].
    pub fn save(&self) -> HashState {
        HashState(self.0.serialize().to_vec())
    }

    /// Continues where [`Hasher::save`] left off.
    ///
    /// # Errors
    /// When the bytes are no state that `save` gave.
    pub fn restore(state: &HashState) -> Result<Self, StateRefused> {
        let array = state.0.as_slice().try_into().map_err(|_| StateRefused)?;
        Sha256::deserialize(&array).map(Self).map_err(|_| StateRefused)
    }
}

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl HashState {
    /// The state as bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A stored state; judged by [`Hasher::restore`].
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_standards_example() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash(b"abc").to_string(), expected);
        assert_eq!(hash_parts(&[b"a", b"", b"bc"]).to_string(), expected);
    }

    #[test]
    fn a_damaged_state_is_refused() {
        assert!(Hasher::restore(&HashState::from_bytes(vec![1, 2, 3])).is_err());
    }

    proptest! {
        #[test]
        fn a_saved_state_continues(data in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
            let cut = cut.min(data.len());
            let mut first = Hasher::new();
            first.update(&data[..cut]);
            let saved = HashState::from_bytes(first.save().as_bytes().to_vec());
            let mut second = Hasher::restore(&saved).unwrap();
            second.update(&data[cut..]);
            prop_assert_eq!(second.finish(), hash(&data));
        }
    }
}
