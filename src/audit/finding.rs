//! What an audit that found something wrong leaves behind: all that the finding rests on, as it was at that moment.
//!
//! ```text
//! PROFILE/evidence/audit-91ab…/        one for each state of this machine's copies
//!   finding.txt              what is wrong, in words, each finding once
//!   memory/                  this machine's copies of both logs, their checkpoints, the statements that were read
//!   policy.txt .p7s roots/   what it was judged by
//! PROFILE/evidence/*.checkpoint      heads that contradict each other, as they were offered (`client::follow`)
//! ```
//!
//! An audit that runs on a timer finds the same thing again and again. The folder is named for the heads of the copies and
//! the policy, so the second time it is there, and what is in it is not copied again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::client::ClientError;
use crate::clock;
use crate::crypto::hash;
use crate::durable::{self, StagedFile};

/// What of a profile a finding rests on. No key is among it.
const KEPT: [&str; 4] = ["memory", "policy.txt", "policy.p7s", "roots"];

/// What tells one state of the copies from another.
const HEADS: [&str; 3] = ["memory/events.checkpoint", "memory/directory.checkpoint", "policy.txt"];

/// Copies it into a folder of the profile's `evidence`, unless it is there, and gives the folder.
///
/// # Errors
/// When a file cannot be read or written.
pub fn keep_finding(profile: &Path, finding: &ClientError) -> Result<PathBuf, ClientError> {
    let folder = profile.join("evidence").join(format!("audit-{:.16}", state_of(profile)));
    make_folder(&folder)?;
    for name in KEPT {
        copy(&profile.join(name), &folder.join(name))?;
    }
    note(&folder.join("finding.txt"), &finding.to_string())?;
    Ok(folder)
}

/// Names the heads of the copies and the policy. A head is a checkpoint's text: cosignatures come and go.
fn state_of(profile: &Path) -> String {
    let text = |name: &&str| fs::read_to_string(profile.join(name)).unwrap_or_default();
    let heads: Vec<String> = HEADS.iter().map(text).map(|text| text.split("\n\n").take(1).collect()).collect();
    hash(heads.join("\n\n").as_bytes()).to_string()
}

/// Adds a finding with its time, once.
fn note(path: &Path, finding: &str) -> Result<(), ClientError> {
    let noted = fs::read_to_string(path).unwrap_or_default();
    if noted.contains(finding) {
        return Ok(());
    }
    let text = format!("{noted}{} {finding}\n", clock::now_second());
    durable::publish_file(path, text.as_bytes()).map_err(ClientError::file("write", path))
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
