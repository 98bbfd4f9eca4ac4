//! What an audit that found something wrong leaves behind: all that the finding rests on, as it was at that moment.
//!
//! ```text
//! PROFILE/evidence/audit-2026-11-24T09-00-00Z/
//!   finding.txt              what is wrong, in words
//!   memory/                  this machine's copies of both logs, their checkpoints, the statements that were read
//!   policy.txt .p7s roots/   what it was judged by
//! PROFILE/evidence/*.checkpoint      heads that contradict each other, as they were offered (`client::follow`)
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use crate::client::{Client, ClientError};
use crate::clock;
use crate::durable;

/// What of a profile a finding rests on. No key is among it.
const KEPT: [&str; 4] = ["memory", "policy.txt", "policy.p7s", "roots"];

/// Copies it into a new folder of the profile's `evidence`, and gives the folder.
///
/// # Errors
/// When a file cannot be read or written.
pub fn keep_finding(client: &Client, finding: &ClientError) -> Result<PathBuf, ClientError> {
    let moment = clock::now_second().to_string().replace(':', "-");
    let folder = client.profile().path(&format!("evidence/audit-{moment}"));
    fs::create_dir_all(&folder).map_err(ClientError::file("make", &folder))?;
    for name in KEPT {
        copy(&client.profile().path(name), &folder.join(name))?;
    }
    let text = folder.join("finding.txt");
    durable::publish_file(&text, format!("{finding}\n").as_bytes()).map_err(ClientError::file("write", &text))?;
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> Result<(), ClientError> {
    if from.is_dir() {
        fs::create_dir_all(to).map_err(ClientError::file("make", to))?;
        for entry in fs::read_dir(from).map_err(ClientError::file("read", from))? {
            let path = entry.map_err(ClientError::file("read", from))?.path();
            if let Some(name) = path.file_name() {
                copy(&path, &to.join(name))?;
            }
        }
        return Ok(());
    }
    // The copies of the logs are appended to later, so a link would not do.
    fs::copy(from, to).map(drop).map_err(ClientError::file("copy", from))
}
