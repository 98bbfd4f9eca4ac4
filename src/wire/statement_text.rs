//! The grammar of statements: fixed field order, one spelling, LF, no optional space.
//!
//! ```text
//! elchi-statement/v1
//! log mla.example/events
//! op acknowledge
//! case 5f0c…
//! after 83d1…
//! actor tr.moj/01
//! certificate 91ab…
//! directory 14 77e0…
//! seen 12 09c4…
//! time 2026-11-23T20:19:00Z
//! nonce 4be1…
//! ```
//!
//! The head is `log` and `op`, the foot is `actor` to `nonce`; between them stand the lines of the op.
//! What is parsed is encoded again and compared, so a statement has one spelling by construction.

use std::collections::BTreeSet;

use super::entries_text::{encode_entry, parse_entry};
use super::statement::{Act, DocumentLine, Forward, Inspection, OnCase, OnDocuments, OnSlips, SlipLine, Statement, Submit};
use super::statement_lines::{Lines, StatementMalformed, encode_each, push};
use crate::domain::limits::{DOCUMENTS_PER_SUBMISSION_MAX, RECIPIENTS_MAX, SLIPS_PER_STATEMENT_MAX, STATEMENT_BYTES_MAX};
use crate::domain::{AuthorityCode, Tag};
use crate::mla::Op;

const FIRST_LINE: &str = "elchi-statement/v1";

/// Reads a statement.
///
/// # Errors
/// When the bytes are not the one spelling of a statement.
pub fn parse_statement(bytes: &[u8]) -> Result<Statement, StatementMalformed> {
    if bytes.len() > STATEMENT_BYTES_MAX {
        return Err(StatementMalformed::TooLong);
    }
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n');
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.bytes().all(|b| is_text(&b)));
    let body = text.and_then(|text| text.strip_suffix('\n')).ok_or(StatementMalformed::NotText)?;
    let statement = parse_lines(&mut Lines::new(body))?;
    require_well_formed(&statement)?;
    if encode_statement(&statement).as_bytes() == bytes { Ok(statement) } else { Err(StatementMalformed::NotCanonical) }
}

/// Writes a statement.
pub fn encode_statement(statement: &Statement) -> String {
    let mut text = format!("{FIRST_LINE}\nlog {}\nop {}\n", statement.log, statement.act.op());
    encode_act(&mut text, &statement.act);
    let Statement { actor, certificate, directory, seen, time, nonce, .. } = statement;
    push(&mut text, format_args!("actor {actor}"));
    push(&mut text, format_args!("certificate {certificate}"));
    push(&mut text, format_args!("directory {} {}", directory.size, directory.root));
    push(&mut text, format_args!("seen {} {}", seen.size, seen.root));
    push(&mut text, format_args!("time {time}"));
    push(&mut text, format_args!("nonce {nonce}"));
    text
}

fn encode_act(text: &mut String, act: &Act) {
    if let Some(case) = act.case() {
        push(text, format_args!("case {case}"));
    }
    if let Some(after) = act.after() {
        push(text, format_args!("after {after}"));
    }
    match act {
        Act::Submit(act) => {
            push(text, format_args!("kind {}", act.kind));
            for DocumentLine { tag, upload, sha256, bytes } in &act.documents {
                push(text, format_args!("document {tag} upload {upload} sha256 {sha256} bytes {bytes}"));
            }
            encode_slips(text, &act.slips);
            encode_each(text, "to", &act.to);
        }
        Act::Release(act) | Act::Opened(act) | Act::Unwrap(act) => encode_each(text, "document", &act.documents),
        Act::Rewrap(act) | Act::Confirm(act) | Act::Reject(act) => {
            encode_each(text, "document", &act.documents);
            encode_slips(text, &act.slips);
        }
        Act::Inspect(act) => push(text, format_args!("authority {}", act.authority)),
        Act::Acknowledge(_) | Act::Close(_) => {}
        Act::Forward(act) => {
            encode_each(text, "document", &act.documents);
            encode_slips(text, &act.slips);
            encode_each(text, "to", &act.to);
        }
        Act::Authority(_) | Act::Member(_) | Act::Revoke(_) | Act::Replace(_) | Act::Cancel(_) | Act::Grant(_) | Act::Recover(_) => {
            encode_entry(text, act)
        }
    }
}

fn encode_slips(text: &mut String, slips: &[SlipLine]) {
    for SlipLine { document, authority, key, sha256 } in slips {
        push(text, format_args!("slip {document} {authority} key {key} sha256 {sha256}"));
    }
}

fn parse_lines(lines: &mut Lines<'_>) -> Result<Statement, StatementMalformed> {
    lines.take_exactly(FIRST_LINE)?;
    let log = lines.value("log")?;
    let op = lines.value("op")?;
    let act = parse_act(lines, op)?;
    let statement = Statement {
        log,
        act,
        actor: lines.value("actor")?,
        certificate: lines.value("certificate")?,
        directory: lines.tree_head("directory")?,
        seen: lines.tree_head("seen")?,
        time: lines.value("time")?,
        nonce: lines.value("nonce")?,
    };
    if lines.is_over() { Ok(statement) } else { Err(StatementMalformed::NotCanonical) }
}

fn parse_act(lines: &mut Lines<'_>, op: Op) -> Result<Act, StatementMalformed> {
    Ok(match op {
        Op::Submit => Act::Submit(parse_submit(lines)?),
        Op::Release => Act::Release(parse_on_documents(lines)?),
        Op::Opened => Act::Opened(parse_on_documents(lines)?),
        Op::Acknowledge => Act::Acknowledge(parse_on_case(lines)?),
        Op::Forward => Act::Forward(parse_forward(lines)?),
        Op::Close => Act::Close(parse_on_case(lines)?),
        Op::Unwrap => Act::Unwrap(parse_on_documents(lines)?),
        Op::Rewrap => Act::Rewrap(parse_on_slips(lines)?),
        Op::Confirm => Act::Confirm(parse_on_slips(lines)?),
        Op::Reject => Act::Reject(parse_on_slips(lines)?),
        Op::Inspect => Act::Inspect(Inspection { authority: lines.value("authority")? }),
        Op::Authority | Op::Member | Op::Revoke | Op::Replace | Op::Cancel | Op::Grant | Op::Recover => parse_entry(lines, op)?,
    })
}

fn parse_submit(lines: &mut Lines<'_>) -> Result<Submit, StatementMalformed> {
    Ok(Submit {
        case: lines.value("case")?,
        after: lines.value("after")?,
        kind: lines.value("kind")?,
        documents: lines.list("document", DOCUMENTS_PER_SUBMISSION_MAX, parse_document_line)?,
        slips: parse_slips(lines, SLIPS_PER_STATEMENT_MAX)?,
        to: parse_recipients(lines)?,
    })
}

fn parse_document_line(lines: &mut Lines<'_>) -> Result<DocumentLine, StatementMalformed> {
    let text = lines.take("document")?;
    let [tag, _, upload, _, sha256, _, bytes] = lines.split(text, ["", "upload", "", "sha256", "", "bytes", ""])?;
    Ok(DocumentLine { tag: lines.read(tag)?, upload: lines.read(upload)?, sha256: lines.read(sha256)?, bytes: lines.number(bytes)? })
}

fn parse_slips(lines: &mut Lines<'_>, max: usize) -> Result<Vec<SlipLine>, StatementMalformed> {
    lines.list("slip", max, |lines| {
        let text = lines.take("slip")?;
        let [document, authority, _, key, _, sha256] = lines.split(text, ["", "", "key", "", "sha256", ""])?;
        Ok(SlipLine {
            document: lines.read(document)?,
            authority: lines.read(authority)?,
            key: lines.read(key)?,
            sha256: lines.read(sha256)?,
        })
    })
}

fn parse_recipients(lines: &mut Lines<'_>) -> Result<Vec<AuthorityCode>, StatementMalformed> {
    lines.list("to", RECIPIENTS_MAX, |lines| lines.value("to"))
}

fn parse_documents(lines: &mut Lines<'_>) -> Result<Vec<Tag>, StatementMalformed> {
    lines.list("document", DOCUMENTS_PER_SUBMISSION_MAX, |lines| lines.value("document"))
}

fn parse_on_documents(lines: &mut Lines<'_>) -> Result<OnDocuments, StatementMalformed> {
    Ok(OnDocuments { case: lines.value("case")?, documents: parse_documents(lines)? })
}

fn parse_on_slips(lines: &mut Lines<'_>) -> Result<OnSlips, StatementMalformed> {
    let (case, documents) = (lines.value("case")?, parse_documents(lines)?);
    Ok(OnSlips { case, documents, slips: parse_slips(lines, DOCUMENTS_PER_SUBMISSION_MAX)? })
}

fn parse_on_case(lines: &mut Lines<'_>) -> Result<OnCase, StatementMalformed> {
    Ok(OnCase { case: lines.value("case")?, after: lines.value("after")? })
}

fn parse_forward(lines: &mut Lines<'_>) -> Result<Forward, StatementMalformed> {
    Ok(Forward {
        case: lines.value("case")?,
        after: lines.value("after")?,
        documents: parse_documents(lines)?,
        slips: parse_slips(lines, SLIPS_PER_STATEMENT_MAX)?,
        to: parse_recipients(lines)?,
    })
}

/// What no single line shows: order, repetition, slips of documents and recipients that are not there.
fn require_well_formed(statement: &Statement) -> Result<(), StatementMalformed> {
    if !statement.log.as_str().ends_with(&format!("/{}", statement.act.op().log())) {
        return Err(StatementMalformed::OtherLog(statement.act.op()));
    }
    let documents = statement.act.documents();
    if documents.iter().collect::<BTreeSet<_>>().len() != documents.len() {
        return Err(StatementMalformed::List("document"));
    }
    if !statement.act.recipients().is_sorted_by(|a, b| a < b) {
        return Err(StatementMalformed::List("to"));
    }
    if let Act::Member(entry) = &statement.act {
        let in_order = entry.roles.is_sorted_by(|a, b| a < b);
        return if in_order { Ok(()) } else { Err(StatementMalformed::List("role")) };
    }
    match &statement.act {
        Act::Confirm(act) | Act::Reject(act) => require_slips_in_order(&documents, &act.slips),
        act => require_slips_in_order(&documents, act.slips()),
    }
}

fn require_slips_in_order(documents: &[Tag], slips: &[SlipLine]) -> Result<(), StatementMalformed> {
    let position: std::collections::BTreeMap<&Tag, usize> = documents.iter().enumerate().map(|(at, tag)| (tag, at)).collect();
    let keys: Option<Vec<_>> = slips.iter().map(|slip| Some((*position.get(&slip.document)?, &slip.authority))).collect();
    match keys {
        Some(keys) if keys.is_sorted_by(|a, b| a < b) => Ok(()),
        _ => Err(StatementMalformed::List("slip")),
    }
}
