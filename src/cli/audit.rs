//! `elchi audit …`: what an auditor does.

use std::path::Path;

use serde_json::json;

use super::arguments::{AuditCommand, ProfileArgs};
use super::fault::CliFault;
use super::output::Output;
use super::profile::{folder, open_client};
use crate::audit::{Mirrored, Subject, keep_finding, load_release_log, run_audit, write_bundle, write_evidence, write_mirror};
use crate::client::ClientError;
use crate::domain::Log;

pub(super) fn run(profile: &ProfileArgs, command: AuditCommand, output: &Output) -> Result<(), CliFault> {
    let done = match command {
        AuditCommand::Follow => follow(profile, output),
        AuditCommand::Case { tag } => release_log(profile, &tag, Subject::Case, output),
        AuditCommand::Document { tag } => release_log(profile, &tag, Subject::Document, output),
        AuditCommand::Evidence { folder } => evidence(profile, &folder, output),
        AuditCommand::Mirror { folder } => mirror(profile, &folder, output),
        AuditCommand::Bundle { case, out } => bundle(profile, &case, &out, output),
    };
    if let Err(CliFault::Client(finding)) = &done
        && finding.is_unproven()
    {
        keep(&folder(profile)?, finding, output);
    }
    done
}

/// Whatever an auditor's command finds wrong is kept. That it could not be kept changes nothing about what was found.
fn keep(profile: &Path, finding: &ClientError, output: &Output) {
    match keep_finding(profile, finding) {
        Ok(kept) => output.remark(&format!("notice: what this rests on is kept in {}", kept.display())),
        Err(fault) => output.remark(&format!("warning: what this rests on could not be kept: {fault}")),
    }
}

fn follow(profile: &ProfileArgs, output: &Output) -> Result<(), CliFault> {
    let report = run_audit(&mut *open_client(profile, output)?)?;
    output.result(&report, || report.to_text());
    Ok(())
}

fn release_log(profile: &ProfileArgs, tag: &str, subject: Subject, output: &Output) -> Result<(), CliFault> {
    let log = load_release_log(&mut *open_client(profile, output)?, tag, subject)?;
    output.result(&log, || log.to_text());
    Ok(())
}

fn evidence(profile: &ProfileArgs, folder: &Path, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    client.follow()?;
    write_evidence(&mut client, folder)?;
    output.result(&json!({"folder": folder, "standing": client.standing_of_both()}), || {
        format!("Written, and the logs are {}. Verify it with {}", client.standing_of_both(), folder.join("verify.sh").display())
    });
    Ok(())
}

fn mirror(profile: &ProfileArgs, folder: &Path, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    client.follow()?;
    let mirrored = write_mirror(&client, folder)?;
    output.result(&mirrored, || {
        let line =
            |mirrored: &Mirrored| format!("{}  {} leaves, {} of them new\n", mirrored.log, mirrored.now, mirrored.now - mirrored.before);
        mirrored.iter().map(line).collect()
    });
    Ok(())
}

fn bundle(profile: &ProfileArgs, case: &str, out: &Path, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(profile, output)?;
    let history = write_bundle(&mut client, case, out)?;
    let head = client.mirror(Log::Events).head();
    let value = json!({"case": history.tag, "file": out, "acts": history.events.len(), "events": [head.size, head.root]});
    output.result(&value, || {
        format!(
            "{} acts of case {} are in {out}, provably all among the log's {} leaves.\nVerify it with: unzip {out} -d FOLDER && bash FOLDER/verify.sh",
            history.events.len(),
            history.tag,
            head.size,
            out = out.display()
        )
    });
    Ok(())
}
