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
use std::fmt::Write as _;
use std::str::{FromStr, Split};

use super::statement::{
    Act, AuthorityEntry, DocumentLine, Forward, MemberEntry, OnCase, OnDocuments, Revocation, SlipLine, Statement, Submit,
};
use crate::domain::limits::{
    DOCUMENTS_PER_SUBMISSION_MAX, RECIPIENTS_MAX, SLIPS_PER_STATEMENT_MAX, STATEMENT_BYTES_MAX, STATEMENT_LINE_BYTES_MAX,
};
use crate::domain::{AuthorityCode, Malformed, Role, Tag, TreeHead};
use crate::mla::Op;

const FIRST_LINE: &str = "elchi-statement/v1";

/// Bytes that are no statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementMalformed {
    /// Longer than [`STATEMENT_BYTES_MAX`], or a line longer than [`STATEMENT_LINE_BYTES_MAX`].
    #[error("the statement or one of its lines is too long")]
    TooLong,
    /// Other characters than printable ASCII and LF, or no LF at the end.
    #[error("a statement is printable ASCII in lines that each end in LF")]
    NotText,
    /// Another line than the grammar has here.
    #[error("line {line} must begin with {expected:?}")]
    Unexpected {
        /// Counted from 1.
        line: usize,
        /// The keyword the grammar has here.
        expected: &'static str,
    },
    /// A value that is not the one spelling of its kind.
    #[error("line {line}: {fault}")]
    Value {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: Malformed,
    },
    /// An op for the other log.
    #[error("op {0} does not belong to this log")]
    OtherLog(Op),
    /// A list that is empty, too long, unsorted or has something twice.
    #[error("the {0} lines must be at least one, not too many, in order and each once")]
    List(&'static str),
    /// Well formed but not the one spelling.
    #[error("the statement is not in its one spelling")]
    NotCanonical,
}

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

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
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
        Act::Release(act) | Act::Opened(act) => encode_each(text, "document", &act.documents),
        Act::Acknowledge(_) | Act::Close(_) => {}
        Act::Forward(act) => {
            encode_each(text, "document", &act.documents);
            encode_slips(text, &act.slips);
            encode_each(text, "to", &act.to);
        }
        Act::Authority(entry) => encode_authority(text, entry),
        Act::Member(entry) => encode_member(text, entry),
        Act::Revoke(entry) => {
            push(text, format_args!("member {}", entry.member));
            push(text, format_args!("reason {}", entry.reason));
        }
    }
}

fn encode_each(text: &mut String, keyword: &str, values: &[impl std::fmt::Display]) {
    values.iter().for_each(|value| push(text, format_args!("{keyword} {value}")));
}

fn encode_slips(text: &mut String, slips: &[SlipLine]) {
    for SlipLine { document, authority, key, sha256 } in slips {
        push(text, format_args!("slip {document} {authority} key {key} sha256 {sha256}"));
    }
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

/// The lines of a statement, taken one after the other.
struct Lines<'a> {
    rest: std::iter::Peekable<Split<'a, char>>,
    number: usize,
}

impl<'a> Lines<'a> {
    fn new(body: &'a str) -> Self {
        Self { rest: body.split('\n').peekable(), number: 0 }
    }

    /// The rest of the next line, which must begin with `keyword` and a space.
    fn take(&mut self, keyword: &'static str) -> Result<&'a str, StatementMalformed> {
        self.number += 1;
        let unexpected = StatementMalformed::Unexpected { line: self.number, expected: keyword };
        let line = self.rest.next().ok_or(unexpected.clone())?;
        if line.len() > STATEMENT_LINE_BYTES_MAX {
            return Err(StatementMalformed::TooLong);
        }
        line.strip_prefix(keyword).and_then(|rest| rest.strip_prefix(' ')).ok_or(unexpected)
    }

    fn next_is(&mut self, keyword: &str) -> bool {
        self.rest.peek().is_some_and(|line| line.split(' ').next() == Some(keyword))
    }

    fn value<T: FromStr<Err = Malformed>>(&mut self, keyword: &'static str) -> Result<T, StatementMalformed> {
        let text = self.take(keyword)?;
        self.read(text)
    }

    fn read<T: FromStr<Err = Malformed>>(&self, text: &str) -> Result<T, StatementMalformed> {
        text.parse().map_err(|fault| self.wrong(fault))
    }

    fn wrong(&self, fault: Malformed) -> StatementMalformed {
        StatementMalformed::Value { line: self.number, fault }
    }

    /// A decimal without leading zeros.
    fn number(&self, text: &str) -> Result<u64, StatementMalformed> {
        let canonical = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
        canonical.ok_or_else(|| self.wrong(Malformed { what: "a number", rule: "it must be a decimal without leading zeros, below 2^64" }))
    }

    /// The values of a line of `N` words, with fixed words between them where `words` has some.
    fn split<const N: usize>(&self, text: &'a str, words: [&str; N]) -> Result<[&'a str; N], StatementMalformed> {
        let malformed = || self.wrong(Malformed { what: "the line", rule: "it must have exactly the words of PROTOCOL.md" });
        let mut found = [""; N];
        let mut parts = text.split(' ');
        for (slot, word) in found.iter_mut().zip(words) {
            *slot = parts.next().ok_or_else(malformed)?;
            if !word.is_empty() && *slot != word {
                return Err(malformed());
            }
        }
        if parts.next().is_some() { Err(malformed()) } else { Ok(found) }
    }

    fn list<T>(
        &mut self,
        keyword: &'static str,
        max: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, StatementMalformed>,
    ) -> Result<Vec<T>, StatementMalformed> {
        let mut values = Vec::new();
        while self.next_is(keyword) {
            if values.len() == max {
                return Err(StatementMalformed::List(keyword));
            }
            values.push(read(self)?);
        }
        if values.is_empty() { Err(StatementMalformed::List(keyword)) } else { Ok(values) }
    }

    fn tree_head(&mut self, keyword: &'static str) -> Result<TreeHead, StatementMalformed> {
        let text = self.take(keyword)?;
        let [size, root] = self.split(text, ["", ""])?;
        Ok(TreeHead { size: self.number(size)?, root: self.read(root)? })
    }
}

fn parse_lines(lines: &mut Lines<'_>) -> Result<Statement, StatementMalformed> {
    lines.number += 1;
    if lines.rest.next() != Some(FIRST_LINE) {
        return Err(StatementMalformed::Unexpected { line: 1, expected: FIRST_LINE });
    }
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
    if lines.rest.next().is_some() { Err(StatementMalformed::NotCanonical) } else { Ok(statement) }
}

fn parse_act(lines: &mut Lines<'_>, op: Op) -> Result<Act, StatementMalformed> {
    Ok(match op {
        Op::Submit => Act::Submit(parse_submit(lines)?),
        Op::Release => Act::Release(parse_on_documents(lines)?),
        Op::Opened => Act::Opened(parse_on_documents(lines)?),
        Op::Acknowledge => Act::Acknowledge(parse_on_case(lines)?),
        Op::Forward => Act::Forward(parse_forward(lines)?),
        Op::Close => Act::Close(parse_on_case(lines)?),
        Op::Authority => Act::Authority(parse_authority(lines)?),
        Op::Member => Act::Member(parse_member(lines)?),
        Op::Revoke => Act::Revoke(parse_revocation(lines)?),
    })
}

fn parse_submit(lines: &mut Lines<'_>) -> Result<Submit, StatementMalformed> {
    Ok(Submit {
        case: lines.value("case")?,
        after: lines.value("after")?,
        kind: lines.value("kind")?,
        documents: lines.list("document", DOCUMENTS_PER_SUBMISSION_MAX, parse_document_line)?,
        slips: parse_slips(lines)?,
        to: parse_recipients(lines)?,
    })
}

fn parse_document_line(lines: &mut Lines<'_>) -> Result<DocumentLine, StatementMalformed> {
    let text = lines.take("document")?;
    let [tag, _, upload, _, sha256, _, bytes] = lines.split(text, ["", "upload", "", "sha256", "", "bytes", ""])?;
    Ok(DocumentLine { tag: lines.read(tag)?, upload: lines.read(upload)?, sha256: lines.read(sha256)?, bytes: lines.number(bytes)? })
}

fn parse_slips(lines: &mut Lines<'_>) -> Result<Vec<SlipLine>, StatementMalformed> {
    lines.list("slip", SLIPS_PER_STATEMENT_MAX, |lines| {
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

fn parse_on_case(lines: &mut Lines<'_>) -> Result<OnCase, StatementMalformed> {
    Ok(OnCase { case: lines.value("case")?, after: lines.value("after")? })
}

fn parse_forward(lines: &mut Lines<'_>) -> Result<Forward, StatementMalformed> {
    Ok(Forward {
        case: lines.value("case")?,
        after: lines.value("after")?,
        documents: parse_documents(lines)?,
        slips: parse_slips(lines)?,
        to: parse_recipients(lines)?,
    })
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
    require_slips_in_order(&documents, statement.act.slips())
}

fn require_slips_in_order(documents: &[Tag], slips: &[SlipLine]) -> Result<(), StatementMalformed> {
    let position: std::collections::BTreeMap<&Tag, usize> = documents.iter().enumerate().map(|(at, tag)| (tag, at)).collect();
    let keys: Option<Vec<_>> = slips.iter().map(|slip| Some((*position.get(&slip.document)?, &slip.authority))).collect();
    match keys {
        Some(keys) if keys.is_sorted_by(|a, b| a < b) => Ok(()),
        _ => Err(StatementMalformed::List("slip")),
    }
}
