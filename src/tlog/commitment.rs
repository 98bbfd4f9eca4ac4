//! What an event leaf commits to (PROTOCOL.md, Leaves): a statement under a tag, without showing either.

use crate::crypto::hash_parts;
use crate::domain::{ChainKind, Hash, Tag};

/// `SHA-256("elchi-commit/v1\n" ‖ u8 kind ‖ tag ‖ SHA-256(statement) ‖ SHA-256(signature))`.
pub fn commitment(kind: ChainKind, tag: &Tag, statement_sha256: &Hash, signature_sha256: &Hash) -> Hash {
    hash_parts(&[b"elchi-commit/v1\n", &[kind.to_byte()], tag.as_bytes(), statement_sha256.as_bytes(), signature_sha256.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `printf 'elchi-commit/v1\n\002…' | sha256sum`.
    #[test]
    fn known_answer() {
        let [tag, statement, signature] = [[1; 32], [2; 32], [3; 32]];
        let commit = commitment(ChainKind::Document, &Tag::from_bytes(tag), &Hash::from_bytes(statement), &Hash::from_bytes(signature));
        assert_eq!(commit.to_string(), "d92fec292678df4278a2d2c867da65f4e249da922c0735a4d42d254b26546feb");
    }
}
