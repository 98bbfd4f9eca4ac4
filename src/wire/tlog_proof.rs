//! Proofs to keep (C2SP tlog-proof), as files named `.tlog-proof`: that a leaf stands in a log. Elchi writes
//! them, for others to read; `audit/verify.sh` is one reader.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! index 73894                                       of the leaf, from 0
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=      the inclusion proof, from the leaf up (RFC 6962, 2.1.1)
//! B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
//!
//! mla.example/events                                the checkpoint, as the log signed it
//! 109482
//! sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
//!
//! — mla.example/events hI2DJw…
//! ```

use super::SignedNote;
use super::checkpoint::encode_base64_hash;
use crate::domain::Hash;

/// Writes the proof of the leaf at `index` under `checkpoint`, without extra data.
pub fn encode_tlog_proof(index: u64, path: &[Hash], checkpoint: &SignedNote) -> String {
    let path: String = path.iter().map(|hash| encode_base64_hash(hash) + "\n").collect();
    format!("c2sp.org/tlog-proof@v1\nindex {index}\n{path}\n{}", checkpoint.as_str())
}
