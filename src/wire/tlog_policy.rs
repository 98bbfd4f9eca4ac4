//! Trust policies (C2SP tlog-policy): which logs, which witnesses, and how many of them must cosign.
//!
//! ```text
//! # anything, kept
//! log mla.example/events+4a2f90c1+ATs0…
//!
//! witness kg.1 kg.example/witness+90c14a2f+BKl9…  https://witness.kg.example
//! witness tr.1 tr.example/witness+c14a2f90+BJ3x…
//! group states all kg.1 tr.1
//! quorum states                                    or `quorum none`: no cosignature is asked for
//! ```
//!
//! A policy is a list of lines here, comments and empty lines included, so that it has one spelling.
//! This file is what a policy is and how it is written; `tlog_policy_text` reads one.

use std::fmt;
use std::str::FromStr;

use super::VerifierKey;
use crate::domain::Malformed;

/// A well-formed policy. The ids of its keys are not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogPolicy {
    pub(super) lines: Vec<PolicyLine>,
    pub(super) quorum: Quorum,
}

impl TlogPolicy {
    /// Its lines, in order.
    pub fn lines(&self) -> &[PolicyLine] {
        &self.lines
    }

    /// Which cosignatures it asks for.
    pub fn quorum(&self) -> &Quorum {
        &self.quorum
    }
}

/// A line of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyLine {
    /// A log whose checkpoints are taken; the key's name is its origin.
    Log {
        /// The key of its own signatures.
        key: VerifierKey,
        /// Where it is.
        url: Option<String>,
    },
    /// Someone who cosigns.
    Witness {
        /// How this file calls it.
        name: PolicyName,
        /// The key of its cosignatures.
        key: VerifierKey,
        /// Where it is.
        url: Option<String>,
    },
    /// Witnesses and groups that count as one when enough of them do.
    Group {
        /// How this file calls it.
        name: PolicyName,
        /// How many are enough.
        threshold: Threshold,
        /// Defined above; each stands in one group only, so that nobody counts twice.
        members: Vec<PolicyName>,
    },
    /// The rule; exactly one line.
    Quorum(Quorum),
    /// A line for people, with its `#`.
    Comment(String),
    /// An empty line.
    Empty,
}

/// Which cosignatures make a checkpoint valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quorum {
    /// None are asked for.
    None,
    /// This witness's, or this group's.
    Of(PolicyName),
}

/// How many members of a group are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// One.
    Any,
    /// Each.
    All,
    /// This many: 1 to the number of members.
    Count(u64),
}

/// What a policy calls a witness or a group; means nothing outside of it. `none` is taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyName(String);

impl FromStr for PolicyName {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let char_ok = |c: char| c > ' ' && c != '\x7f';
        if text.is_empty() || text == "none" || !text.chars().all(char_ok) {
            return Err(Malformed {
                what: "a policy's name",
                rule: "it must not be empty, nor have spaces or control characters, nor be \"none\"",
            });
        }
        Ok(Self(text.to_owned()))
    }
}

/// Writes a policy.
pub fn encode_tlog_policy(policy: &TlogPolicy) -> String {
    encode_lines(&policy.lines)
}

pub(super) fn encode_lines(lines: &[PolicyLine]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

impl fmt::Display for PolicyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write_url = |f: &mut fmt::Formatter<'_>, url: &Option<String>| url.iter().try_for_each(|url| write!(f, " {url}"));
        match self {
            PolicyLine::Log { key, url } => write!(f, "log {key}").and_then(|()| write_url(f, url)),
            PolicyLine::Witness { name, key, url } => write!(f, "witness {name} {key}").and_then(|()| write_url(f, url)),
            PolicyLine::Group { name, threshold, members } => {
                write!(f, "group {name} {threshold}")?;
                members.iter().try_for_each(|member| write!(f, " {member}"))
            }
            PolicyLine::Quorum(Quorum::None) => f.write_str("quorum none"),
            PolicyLine::Quorum(Quorum::Of(name)) => write!(f, "quorum {name}"),
            PolicyLine::Comment(text) => f.write_str(text),
            PolicyLine::Empty => Ok(()),
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threshold::Any => f.write_str("any"),
            Threshold::All => f.write_str("all"),
            Threshold::Count(count) => write!(f, "{count}"),
        }
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
