//! What an audit that found something wrong leaves behind: all that the finding rests on, as it was at that moment.
//!
//! ```text
//! PROFILE/evidence/audit-91ab…/        one for each finding
//!   finding.txt              what is wrong, in words, and when it was found
//!   memory/                  this machine's copies of both logs, their checkpoints, the statements that were read
//!   policy.txt .p7s roots/   what it was judged by
//! PROFILE/evidence/*.checkpoint      heads that contradict each other, as they were offered (`client::follow`)
//! ```
//!
//! An audit that runs on a timer finds the same thing again and again, also when the log has grown meanwhile. The folder is
//! named for the finding and the policy, so the second time it is there, and nothing is copied again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::client::ClientError;
use crate::clock;
use crate::crypto::hash_parts;
use crate::durable::{self, StagedFile};

/// What of a profile a finding rests on. No key is among it.
const KEPT: [&str; 4] = ["memory", "policy.txt", "policy.p7s", "roots"];

/// Copies it into a folder of the profile's `evidence`, unless it is there, and gives the folder.
///
/// # Errors
/// When a file cannot be read or written.
pub fn keep_finding(profile: &Path, finding: &ClientError) -> Result<PathBuf, ClientError> {
    let policy = fs::read(profile.join("policy.txt")).unwrap_or_default();
    let name = hash_parts(&[finding.to_string().as_bytes(), b"\n", policy.as_slice()]);
    let folder = profile.join("evidence").join(format!("audit-{:.16}", name.to_string()));
    let text = folder.join("finding.txt");
    if text.exists() {
        return Ok(folder);
    }
    make_folder(&folder)?;
    for name in KEPT {
        copy(&profile.join(name), &folder.join(name))?;
    }
    // From here on all of it is there.
    durable::publish_file(&text, format!("{} {finding}\n", clock::now_second()).as_bytes()).map_err(ClientError::file("write", &text))?;
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> Result<(), ClientError> {
    if from.is_dir() {
        make_folder(to)?;
        for entry in fs::read_dir(from).map_err(ClientError::file("read", from))? {
            let path = entry.map_err(ClientError::file("read", from))?.path();
            if let Some(name) = path.file_name() {
                copy(&path, &to.join(name))?;
            }
        }
        return Ok(());
    }
    if from.exists() && !to.exists() { copy_file(from, to) } else { Ok(()) }
}

/// The copies of the logs are appended to later, so a link would not do. A copy that is cut short is none.
fn copy_file(from: &Path, to: &Path) -> Result<(), ClientError> {
    let mut source = fs::File::open(from).map_err(ClientError::file("read", from))?;
    let copied = StagedFile::stage(to).and_then(|mut staged| {
        std::io::copy(&mut source, &mut staged)?;
        staged.publish()
    });
    copied.map_err(ClientError::file("copy", from))
}

fn make_folder(folder: &Path) -> Result<(), ClientError> {
    fs::create_dir_all(folder).map_err(ClientError::file("make", folder))
}
