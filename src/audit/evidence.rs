//! Evidence: everything that an audit rests on, in files that stock tools read.
//!
//! ```text
//! roots/KG.pem …                     each state's root
//! policy/policy.txt .p7s             the auditor's policy: log keys, roots' fingerprints
//! logs/events.checkpoint .vkey       the newest checkpoints, and the keys they are signed with
//! events/000000/statement.txt        a statement, named by its first leaf
//!              /signature.p7s        its detached CMS
//!              /signer.pem issuer.pem
//!              /leaf-0.bin           each of its leaves
//!              /leaf-0.tlog-proof    its C2SP proof
//! directory/000000/…                 the same of each directory entry
//! blobs/<document>.age               sealed documents and slips, where somebody put them here
//! slips/<document>-<authority>.age
//! SHA256SUMS verify.sh
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use super::proven_log::ProvenLog;
use super::writer::Writer;
use crate::client::{CaseEvent, Client, ClientError};
use crate::domain::Log;
use crate::wire::decode_directory_leaf;

/// Writes the evidence of all that the profile's member may see, as of the logs that this machine has followed, into
/// the new folder `folder`.
///
/// # Errors
/// When the folder exists, a log or a case does not check, or a file cannot be written.
pub fn write_evidence(client: &mut Client, folder: &Path) -> Result<(), ClientError> {
    let authorities = client.watched_authorities();
    let histories = client.load_registered(&authorities)?;
    let inspections = client.load_inspections(&authorities)?;
    let mut out = Writer::in_folder(folder)?;
    // In the log's order.
    let acts = histories.iter().flat_map(|history| &history.events).chain(&inspections);
    let acts: BTreeMap<u64, &CaseEvent> = acts.map(|act| (act.first_index, act)).collect();
    write_all(&mut out, client, acts.into_values())?;
    out.finish()
}

/// Writes roots, policy and checkpoints, these acts, and the directory whole.
pub(super) fn write_all<'h>(out: &mut Writer, client: &Client, acts: impl Iterator<Item = &'h CaseEvent>) -> Result<(), ClientError> {
    out.write_policy(client)?;
    let [events, directory] = [ProvenLog::load(client, Log::Events)?, ProvenLog::load(client, Log::Directory)?];
    out.write_checkpoint(Log::Events, &events)?;
    out.write_checkpoint(Log::Directory, &directory)?;
    for act in acts {
        let at = format!("events/{:06}", act.first_index);
        out.write_statement(&at, act.statement.bytes(), act.statement.signature())?;
        for (index, leaf) in (act.first_index..).zip(&act.leaves) {
            out.write_leaf(&at, index, leaf, &events)?;
        }
    }
    client.mirror(Log::Directory).scan(0, |index, bytes| {
        let at = format!("directory/{index:06}");
        let leaf = decode_directory_leaf(bytes).map_err(ClientError::unproven)?;
        out.write_statement(&at, &leaf.statement, &leaf.signature)?;
        out.write_leaf(&at, index, bytes, &directory)
    })
}
