//! `DIR/evidence`: what the auditor writes, with the sealed documents and slips beside it, verified by the
//! script that comes with it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::people::Cast;
use super::stage::Stage;
use super::story::Outcome;
use crate::audit::write_evidence;
use crate::client::Draft;

/// Where sealed documents are kept until there is a folder of evidence.
const SEALED: &str = "sealed";

/// Keeps what a member is about to upload: hard links to the sealed documents, and copies of the slips.
/// What cannot be kept is missing from the evidence, and [`collect_evidence`] says so.
pub(super) fn keep_sealed(folder: &Path, outbox: &Path) {
    let (blobs, slips) = (folder.join(SEALED).join("blobs"), folder.join(SEALED).join("slips"));
    let made = fs::create_dir_all(&blobs).and_then(|()| fs::create_dir_all(&slips));
    let Ok(drafts) = made.and_then(|()| fs::read_dir(outbox)) else { return };
    for draft in drafts.flatten() {
        let bytes = fs::read(draft.path().join("draft.json")).unwrap_or_default();
        let Ok(parsed) = serde_json::from_slice::<Draft>(&bytes) else { continue };
        for document in &parsed.documents {
            let name = format!("{}.age", document.tag);
            let _ = fs::hard_link(draft.path().join(&name), blobs.join(&name));
        }
        for slip in &parsed.slips {
            let _ = fs::write(slips.join(format!("{}-{}.age", slip.document, slip.authority)), &slip.slip.0);
        }
    }
}

/// Has the requesting state's auditor write the evidence, puts the sealed documents into it, and runs its
/// script. Gives the script's last line.
pub(super) fn collect_evidence(stage: &mut Stage<'_>, cast: &Cast, outcome: &Outcome) -> Result<String, String> {
    let evidence = stage.path("evidence");
    stage.step("kg.audit/01 writes the evidence", |stage| {
        let mut client = cast.client(stage, "kg.audit/01").map_err(|fault| fault.to_string())?;
        client.follow().map_err(|fault| fault.to_string())?;
        write_evidence(&mut client, &evidence).map_err(|fault| fault.to_string())?;
        for kind in ["blobs", "slips"] {
            move_into(&stage.path(SEALED).join(kind), &evidence.join(kind)).map_err(|fault| fault.to_string())?;
        }
        fs::remove_dir_all(stage.path(SEALED)).map_err(|fault| fault.to_string())
    })?;
    let kept = fs::read_dir(evidence.join("blobs")).map_err(|fault| fault.to_string())?.count();
    if kept != outcome.documents.len() {
        return Err(format!("{kept} of {} sealed documents were kept", outcome.documents.len()));
    }
    stage.step("verify.sh verifies it with openssl and sha256sum", |_| run_script(&evidence.join("verify.sh")))
}

fn move_into(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::hard_link(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn run_script(script: &Path) -> Result<String, String> {
    let output = Command::new("bash").arg(script).output().map_err(|fault| format!("cannot run {}: {fault}", script.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(format!("{} does not agree:\n{text}{}", script.display(), String::from_utf8_lossy(&output.stderr)));
    }
    Ok(text.lines().last().unwrap_or_default().to_owned())
}
