//! The lines of directory entries, read and written.

use super::entries::{AuthorityEntry, Cancellation, Grant, MemberEntry, Recovery, Replacement, Revocation};
use super::statement::Act;
use super::statement_lines::{Lines, StatementMalformed, encode_each, push};
use crate::domain::{Malformed, Role};
use crate::mla::Op;

/// Writes the lines of a directory entry behind its `after`. Other acts have none here.
pub(super) fn encode_entry(text: &mut String, act: &Act) {
    match act {
        Act::Authority(entry) => encode_authority(text, entry),
        Act::Member(entry) => encode_member(text, entry),
        Act::Revoke(Revocation { member, reason, .. }) => {
            push(text, format_args!("member {member}"));
            push(text, format_args!("reason {reason}"));
        }
        Act::Replace(Replacement { authority, key, sealing, .. }) => {
            push(text, format_args!("authority {authority}"));
            push(text, format_args!("key {key}"));
            push(text, format_args!("sealing {sealing}"));
        }
        Act::Cancel(Cancellation { authority, entry, .. }) => {
            push(text, format_args!("authority {authority}"));
            push(text, format_args!("entry {entry}"));
        }
        Act::Grant(Grant { member, key, .. }) | Act::Recover(Recovery { member, key, .. }) => {
            push(text, format_args!("member {member}"));
            push(text, format_args!("key {key}"));
        }
        Act::Submit(_) | Act::Release(_) | Act::Opened(_) | Act::Acknowledge(_) | Act::Forward(_) | Act::Close(_) => {}
        Act::Unwrap(_) | Act::Rewrap(_) | Act::Confirm(_) | Act::Reject(_) | Act::Inspect(_) => {}
    }
}

/// Reads the lines of a directory entry.
pub(super) fn parse_entry(lines: &mut Lines<'_>, op: Op) -> Result<Act, StatementMalformed> {
    Ok(match op {
        Op::Authority => Act::Authority(parse_authority(lines)?),
        Op::Member => Act::Member(parse_member(lines)?),
        Op::Revoke => Act::Revoke(parse_revocation(lines)?),
        Op::Replace => Act::Replace(parse_replacement(lines)?),
        Op::Cancel => Act::Cancel(parse_cancellation(lines)?),
        Op::Grant => Act::Grant(parse_grant(lines)?),
        Op::Recover => Act::Recover(parse_recovery(lines)?),
        Op::Submit | Op::Release | Op::Opened | Op::Acknowledge | Op::Forward | Op::Close => return Err(StatementMalformed::OtherLog(op)),
        Op::Unwrap | Op::Rewrap | Op::Confirm | Op::Reject | Op::Inspect => return Err(StatementMalformed::OtherLog(op)),
    })
}

fn encode_authority(text: &mut String, entry: &AuthorityEntry) {
    push(text, format_args!("authority {}", entry.authority));
    push(text, format_args!("central {}", if entry.central { "yes" } else { "no" }));
    push(text, format_args!("sealing {}", entry.sealing));
}

fn encode_member(text: &mut String, entry: &MemberEntry) {
    push(text, format_args!("member {}", entry.member));
    encode_each(text, "role", &entry.roles);
    push(text, format_args!("tls {}", entry.tls));
    push(text, format_args!("statement {}", entry.statement));
    push(text, format_args!("sealing {}", entry.sealing));
    push(text, format_args!("valid {} {}", entry.valid_from, entry.valid_until));
}

fn parse_authority(lines: &mut Lines<'_>) -> Result<AuthorityEntry, StatementMalformed> {
    let after = lines.value("after")?;
    let authority = lines.value("authority")?;
    let central = match lines.take("central")? {
        "yes" => true,
        "no" => false,
        _ => return Err(lines.wrong(Malformed { what: "central", rule: "it must be yes or no" })),
    };
    Ok(AuthorityEntry { after, authority, central, sealing: lines.take("sealing")?.to_owned() })
}

fn parse_member(lines: &mut Lines<'_>) -> Result<MemberEntry, StatementMalformed> {
    let after = lines.value("after")?;
    let member = lines.value("member")?;
    let roles = lines.list("role", Role::ALL.len(), |lines| lines.value("role"))?;
    let tls = lines.value("tls")?;
    let statement = lines.value("statement")?;
    let sealing = lines.take("sealing")?.to_owned();
    let text = lines.take("valid")?;
    let [from, until] = lines.split(text, ["", ""])?;
    let (valid_from, valid_until) = (lines.read(from)?, lines.read(until)?);
    Ok(MemberEntry { after, member, roles, tls, statement, sealing, valid_from, valid_until })
}

fn parse_revocation(lines: &mut Lines<'_>) -> Result<Revocation, StatementMalformed> {
    Ok(Revocation { after: lines.value("after")?, member: lines.value("member")?, reason: lines.value("reason")? })
}

fn parse_replacement(lines: &mut Lines<'_>) -> Result<Replacement, StatementMalformed> {
    let (after, authority, key) = (lines.value("after")?, lines.value("authority")?, lines.value("key")?);
    Ok(Replacement { after, authority, key, sealing: lines.take("sealing")?.to_owned() })
}

fn parse_cancellation(lines: &mut Lines<'_>) -> Result<Cancellation, StatementMalformed> {
    Ok(Cancellation { after: lines.value("after")?, authority: lines.value("authority")?, entry: lines.value("entry")? })
}

fn parse_recovery(lines: &mut Lines<'_>) -> Result<Recovery, StatementMalformed> {
    Ok(Recovery { after: lines.value("after")?, member: lines.value("member")?, key: lines.value("key")? })
}

fn parse_grant(lines: &mut Lines<'_>) -> Result<Grant, StatementMalformed> {
    Ok(Grant { after: lines.value("after")?, member: lines.value("member")?, key: lines.value("key")? })
}
