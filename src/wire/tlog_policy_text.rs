//! Reads trust policies (C2SP tlog-policy), and lets no line contradict one above it.
//!
//! Two things are stricter than the specification, so that a policy has one spelling: words are parted by
//! one space where it allows any run of spaces and tabs, and text is UTF-8 where it takes any bytes.

use std::collections::BTreeSet;

use super::checkpoint::parse_decimal;
use super::tlog_policy::encode_lines;
use super::{PolicyLine, PolicyName, Quorum, SignatureType, Threshold, TlogPolicy, VerifierKey};
use crate::domain::Malformed;

/// A policy: 96 entries with keys and URLs, and as much again for comments.
pub const TLOG_POLICY_BYTES_MAX: usize = 64 * 1024;

/// Logs, witnesses and groups, of each as many as C2SP tlog-policy asks a reader to take.
pub const POLICY_ENTRIES_MAX: usize = 32;

/// Bytes that are no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogPolicyMalformed {
    /// Longer than [`TLOG_POLICY_BYTES_MAX`].
    #[error("the policy is longer than {TLOG_POLICY_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8, or a control character other than LF, or no LF at its end.
    #[error("a policy is UTF-8 text in lines that each end in LF, without tabs or control characters")]
    NotText,
    /// A line that the grammar or an earlier line forbids.
    #[error("line {line} of the policy: {fault}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: Malformed,
    },
    /// It does not say which cosignatures it asks for.
    #[error("the policy has no quorum line; one that asks for no witness says \"quorum none\"")]
    NoQuorum,
}

/// Reads a policy.
///
/// # Errors
/// When the bytes are not one, or it contradicts itself.
pub fn parse_tlog_policy(bytes: &[u8]) -> Result<TlogPolicy, TlogPolicyMalformed> {
    if bytes.len() > TLOG_POLICY_BYTES_MAX {
        return Err(TlogPolicyMalformed::TooLong);
    }
    let char_ok = |byte: u8| (byte >= b' ' && byte != 0x7f) || byte == b'\n';
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.bytes().all(char_ok));
    let body = text.and_then(|text| text.strip_suffix('\n')).ok_or(TlogPolicyMalformed::NotText)?;
    let mut scope = Scope::default();
    let mut lines = Vec::new();
    for (above, text) in body.split('\n').enumerate() {
        let admitted = parse_line(text).and_then(|line| scope.admit(&line).map(|()| line));
        lines.push(admitted.map_err(|fault| TlogPolicyMalformed::Line { line: above + 1, fault })?);
    }
    let quorum = scope.quorum.ok_or(TlogPolicyMalformed::NoQuorum)?;
    Ok(TlogPolicy { lines, quorum })
}

/// Puts lines together to a policy.
///
/// # Errors
/// When what comes out would not be a policy of these lines.
pub fn compose_tlog_policy(lines: &[PolicyLine]) -> Result<TlogPolicy, TlogPolicyMalformed> {
    let policy = parse_tlog_policy(encode_lines(lines).as_bytes())?;
    // A comment without its `#`, or a URL of two words, would come out as something else.
    if policy.lines == lines { Ok(policy) } else { Err(TlogPolicyMalformed::NotText) }
}

fn parse_line(text: &str) -> Result<PolicyLine, Malformed> {
    if text.is_empty() {
        return Ok(PolicyLine::Empty);
    }
    if text.starts_with('#') {
        return Ok(PolicyLine::Comment(text.to_owned()));
    }
    let words: Vec<&str> = text.split(' ').collect();
    if words.contains(&"") {
        return Err(line_malformed("its words must be parted by one space, with none before or after"));
    }
    match words.as_slice() {
        ["log", key, url @ ..] => Ok(PolicyLine::Log { key: key.parse()?, url: parse_url(url)? }),
        ["witness", name, key, url @ ..] => Ok(PolicyLine::Witness { name: name.parse()?, key: key.parse()?, url: parse_url(url)? }),
        ["group", name, threshold, members @ ..] => {
            let members = members.iter().map(|member| member.parse()).collect::<Result<Vec<_>, _>>()?;
            Ok(PolicyLine::Group { name: name.parse()?, threshold: parse_threshold(threshold, members.len())?, members })
        }
        ["quorum", "none"] => Ok(PolicyLine::Quorum(Quorum::None)),
        ["quorum", name] => Ok(PolicyLine::Quorum(Quorum::Of(name.parse()?))),
        _ => Err(line_malformed("it must be a log, witness, group or quorum line, a comment, or empty")),
    }
}

fn line_malformed(rule: &'static str) -> Malformed {
    Malformed { what: "the line", rule }
}

fn parse_url(words: &[&str]) -> Result<Option<String>, Malformed> {
    match words {
        [] => Ok(None),
        [url] => Ok(Some((*url).to_owned())),
        _ => Err(line_malformed("after a key there may be a URL and nothing more")),
    }
}

fn parse_threshold(text: &str, members: usize) -> Result<Threshold, Malformed> {
    let in_range = |count: &u64| *count >= 1 && usize::try_from(*count).is_ok_and(|count| count <= members);
    match text {
        _ if members == 0 => Err(line_malformed("a group must have members")),
        "any" => Ok(Threshold::Any),
        "all" => Ok(Threshold::All),
        count => match parse_decimal(count).filter(in_range) {
            Some(count) => Ok(Threshold::Count(count)),
            None => Err(line_malformed("how many are enough must be \"any\", \"all\", or 1 to the number of members")),
        },
    }
}

/// What the lines so far have defined and used.
#[derive(Default)]
struct Scope {
    log_keys: BTreeSet<[u8; 32]>,
    witness_keys: BTreeSet<[u8; 32]>,
    groups: usize,
    names: BTreeSet<PolicyName>,
    members: BTreeSet<PolicyName>,
    quorum: Option<Quorum>,
}

impl Scope {
    fn admit(&mut self, line: &PolicyLine) -> Result<(), Malformed> {
        match line {
            PolicyLine::Log { key, .. } => admit_key(&mut self.log_keys, key, SignatureType::Note),
            PolicyLine::Witness { name, key, .. } => {
                admit_key(&mut self.witness_keys, key, SignatureType::Cosignature)?;
                self.define(name)
            }
            PolicyLine::Group { name, members, .. } => self.admit_group(name, members),
            PolicyLine::Quorum(quorum) => self.admit_quorum(quorum),
            PolicyLine::Comment(_) | PolicyLine::Empty => Ok(()),
        }
    }

    fn define(&mut self, name: &PolicyName) -> Result<(), Malformed> {
        let is_new = self.names.insert(name.clone());
        if is_new { Ok(()) } else { Err(line_malformed("its name is taken by a line above")) }
    }

    fn require_defined(&self, name: &PolicyName) -> Result<(), Malformed> {
        if self.names.contains(name) { Ok(()) } else { Err(line_malformed("it names what no line above defines")) }
    }

    fn admit_group(&mut self, name: &PolicyName, members: &[PolicyName]) -> Result<(), Malformed> {
        self.groups += 1;
        if self.groups > POLICY_ENTRIES_MAX {
            return Err(line_malformed("there are too many groups"));
        }
        for member in members {
            self.require_defined(member)?;
            if !self.members.insert(member.clone()) {
                return Err(line_malformed("a member stands in a group already, and would count twice"));
            }
        }
        self.define(name)
    }

    fn admit_quorum(&mut self, quorum: &Quorum) -> Result<(), Malformed> {
        if let Quorum::Of(name) = quorum {
            self.require_defined(name)?;
        }
        match self.quorum.replace(quorum.clone()) {
            None => Ok(()),
            Some(_) => Err(line_malformed("there must be one quorum line only")),
        }
    }
}

fn admit_key(keys: &mut BTreeSet<[u8; 32]>, key: &VerifierKey, expected: SignatureType) -> Result<(), Malformed> {
    if key.signature_type != expected {
        return Err(line_malformed("a log's key must be of type 1 and a witness's of type 4"));
    }
    if !keys.insert(key.public_key) {
        return Err(line_malformed("its key stands in a line above"));
    }
    if keys.len() > POLICY_ENTRIES_MAX { Err(line_malformed("there are too many logs or witnesses")) } else { Ok(()) }
}
