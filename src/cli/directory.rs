//! `elchi directory …`; and the directory as `elchi profile show` shows it.

use serde_json::{Value, json};

use super::arguments::{DirectoryCommand, ProfileArgs};
use super::fault::CliFault;
use super::output::Output;
use super::profile::open_client;
use crate::clock;
use crate::domain::{AuthorityCode, UnixMillis};
use crate::registrar::{load_letter, publish_letter};
use crate::trust::{AuthorityRecord, Directory, Holder, JudgedAt, SealingKey};

pub(super) fn run(argument: &ProfileArgs, command: DirectoryCommand, output: &Output) -> Result<(), CliFault> {
    let mut client = open_client(argument, output)?;
    match command {
        DirectoryCommand::Cancel { out: Some(out), entry } => {
            publish_letter(&out, &client.write_cancellation(entry)?)?;
            output.result(&json!({"cancellation": out}), || {
                format!("Give {} to any member of your state, now: elchi directory submit {0}", out.display())
            });
        }
        DirectoryCommand::Cancel { out: None, .. } => {
            let receipt = client.cancel_replacement()?;
            output.result(&json!({"entry": receipt.first_index()}), || {
                format!("The replacement is cancelled, by entry {} of the directory. The old key stays in force.", receipt.first_index())
            });
        }
        DirectoryCommand::Submit { letter } => {
            let receipt = client.submit_cancellation(load_letter(&letter)?)?;
            output.result(&json!({"entry": receipt.first_index()}), || {
                format!("It is in the directory, as entry {}.", receipt.first_index())
            });
        }
    }
    Ok(())
}

/// Every authority with its keys and who holds them, for programs.
pub(super) fn describe_authorities(directory: &Directory) -> Vec<Value> {
    let at = directory.as_of(clock::now());
    directory.authorities().map(|(code, record)| describe_authority(directory, code, record, at)).collect()
}

fn describe_authority(directory: &Directory, code: &AuthorityCode, record: &AuthorityRecord, at: JudgedAt) -> Value {
    let key = record.key_at(at);
    let time = |time: UnixMillis| time.to_second().to_string();
    let pending = |key: &SealingKey| {
        json!({
            "sealing_key": key.fingerprint(), "named_by": key.named_by(), "takes_effect": time(key.takes_effect()),
            "entry": key.place().leaf(),
        })
    };
    let holder = |holder: &Holder| {
        json!({
            "member": holder.member(), "since": time(holder.since()), "granted_by": holder.granted_by(),
            "recovered": holder.has_recovered(), "revoked": is_revoked(directory, holder),
        })
    };
    let custodians = directory.custodians_at(code, at);
    let custodians: Vec<_> =
        custodians.map(|record| json!({"member": record.entry().member, "since": time(record.in_force_from())})).collect();
    json!({
        "authority": code,
        "central": record.is_central(),
        "sealing_key": key.fingerprint(),
        "since": time(key.takes_effect()),
        "pending": record.pending_at(at).map(pending),
        "holders": key.holders().iter().map(holder).collect::<Vec<_>>(),
        "custodians": custodians,
    })
}

/// Every authority with its keys and who holds them, for people.
pub(super) fn authorities_text(directory: &Directory) -> String {
    let at = directory.as_of(clock::now());
    directory.authorities().map(|(code, record)| authority_text(directory, code, record, at)).collect()
}

fn authority_text(directory: &Directory, code: &AuthorityCode, record: &AuthorityRecord, at: JudgedAt) -> String {
    let key = record.key_at(at);
    let central = if record.is_central() { "  central authority" } else { "" };
    let mut text = format!("  {}{central}\n", code.label());
    text += &format!("    sealing key {}, since {}\n", key.fingerprint(), key.takes_effect().to_second());
    if let Some(pending) = record.pending_at(at) {
        let (key, by) = (pending.fingerprint(), pending.named_by().label());
        text +=
            &format!("    PENDING     {key}, from {} on, by {by}, entry {}\n", pending.takes_effect().to_second(), pending.place().leaf());
    }
    for holder in key.holders() {
        let by = match holder.granted_by() {
            Some(by) => format!("by {}", by.label()),
            None if holder.has_recovered() => "from shares".into(),
            None => "made it".into(),
        };
        let revoked = if is_revoked(directory, holder) { ", REVOKED: the key should be replaced" } else { "" };
        text += &format!("    held by     {}, since {}, {by}{revoked}\n", holder.member().label(), holder.since().to_second());
    }
    for custodian in directory.custodians_at(code, at) {
        text += &format!("    custodian   {}, since {}\n", custodian.entry().member.label(), custodian.in_force_from().to_second());
    }
    text
}

fn is_revoked(directory: &Directory, holder: &Holder) -> bool {
    directory.record_of(holder).is_some_and(|record| record.revoked_at().is_some())
}
