//! A bundle: one ZIP with every act of one case, for an expert or the defence, years later and offline.
//!
//! ```text
//! READ-ME-FIRST.html   what it proves, what not, how to check it, the acts
//! logs/events.leaves   every leaf of the events log, one after the other: from them verify.sh computes the root anew,
//!                      and sees that no leaf of this case is left out
//! …                    all that evidence has (`evidence`), of this case's acts alone; the directory whole
//! ```
//!
//! Of other cases it has the leaves, which are commitments: tags, order and times; never a statement.

use std::path::Path;

use super::evidence::write_all;
use super::page::write_page;
use super::writer::Writer;
use crate::client::{CaseHistory, Client, ClientError};
use crate::domain::Log;
use crate::wire::EVENT_LEAF_BYTES;

/// Follows the logs and writes the bundle of the case whose tag begins like `text` into the new file `out`. Gives the case.
///
/// # Errors
/// When there is no such case, or more than one; when not all witnesses stand behind the logs now; when the logs do not
/// check, the file exists, or it cannot be written.
pub fn write_bundle(client: &mut Client, text: &str, out: &Path) -> Result<CaseHistory, ClientError> {
    if out.exists() {
        return Err(ClientError::not_possible(
            format!("{} is there already; it is not overwritten", out.display()),
            "name a new file with --out",
        ));
    }
    let (history, document) = client.find_history(text)?;
    if document.is_some() {
        let hint = format!("its case is {}", history.tag);
        return Err(ClientError::not_possible(format!("{text} is a document, and a bundle is of a case"), hint));
    }
    let standing = client.standing_of_both();
    if !standing.is_final() {
        return Err(ClientError::NotWitnessed(format!(
            "a bundle is made to last, and the logs are {standing}\nhint: try again when all witnesses are back"
        )));
    }
    let mut zip = Writer::in_zip(out)?;
    zip.write("READ-ME-FIRST.html", write_page(client, &history).as_bytes())?;
    zip.write("logs/events.leaves", &load_leaves(client)?)?;
    write_all(&mut zip, client, history.events.iter())?;
    zip.finish()?;
    Ok(history)
}

/// All leaves, in memory: 136 MB for a million.
fn load_leaves(client: &Client) -> Result<Vec<u8>, ClientError> {
    let mirror = client.mirror(Log::Events);
    let mut leaves = Vec::with_capacity(EVENT_LEAF_BYTES * usize::try_from(mirror.head().size).unwrap_or(0));
    mirror.scan(0, |_, leaf| {
        leaves.extend_from_slice(leaf);
        Ok(())
    })?;
    Ok(leaves)
}
