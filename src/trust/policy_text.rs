//! A client's policy as text: which server, which roots, which log keys, which witnesses.
//!
//! ```text
//! elchi-policy/v1
//! state KG
//! version 2
//! time 2026-11-23T20:19:00Z
//! server mla.example:8443 spki 91ab…
//! root KG 5a60…
//! root TR c07e…
//! vote KG kg                                              whose cosignatures, below, are which state's
//! vote TR tr
//! provisional 259200 submit release opened acknowledge    seconds without a full checkpoint, and acts meanwhile
//! tlog-policy
//! log mla.example/events+…
//! log mla.example/directory+…
//! witness kg.1 witness.kg.example+…
//! witness tr.1 witness.tr.example+…
//! group kg any kg.1
//! group tr any tr.1
//! group states all kg tr
//! quorum states
//! ```
//!
//! What follows the line `tlog-policy` is a C2SP tlog-policy, to be given to other tools as it is.

use std::fmt::Write as _;

use super::policy::PolicyRejected;
use crate::domain::limits::PROVISIONAL_SECONDS_MAX;
use crate::domain::{Hash, Log, StateCode, UtcSecond};
use crate::mla::Op;
use crate::wire::{PolicyLine, PolicyName, Quorum, TlogPolicy, encode_tlog_policy, parse_tlog_policy};

/// The longest policy: a C2SP policy and a head of 32 roots.
pub const POLICY_BYTES_MAX: usize = 128 * 1024;

const FIRST_LINE: &str = "elchi-policy/v1";
const TLOG_LINE: &str = "tlog-policy";

/// A policy as its text has it, not yet anyone's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The state whose registrar gives it.
    pub state: StateCode,
    /// Rises with every change.
    pub version: u64,
    /// When it was signed.
    pub time: UtcSecond,
    /// The server's host and port.
    pub server: String,
    /// SHA-256 of the server's TLS public key (SubjectPublicKeyInfo).
    pub server_spki: Hash,
    /// SHA-256 of each state's root certificate, by state.
    pub roots: Vec<(StateCode, Hash)>,
    /// The witness or group of the tlog-policy whose cosignatures are a state's, by state.
    pub votes: Vec<(StateCode, PolicyName)>,
    /// What may be done while other states' witnesses are away; nothing if it is not there.
    pub provisional: Option<ProvisionalWork>,
    /// The logs, their keys, the witnesses, the quorum.
    pub tlog: TlogPolicy,
}

/// What a policy lets people do under a provisional checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionalWork {
    /// For how long after the last full checkpoint: at least 1, at most [`PROVISIONAL_SECONDS_MAX`].
    pub seconds: u64,
    /// Which acts of the events log, in the order of [`Op::ALL`], each once. Reading is always possible.
    pub acts: Vec<Op>,
}

impl Policy {
    /// The witness or group that stands for the policy's own state, if the policy asks for witnesses.
    pub fn own_vote(&self) -> Option<&PolicyName> {
        self.votes.iter().find(|(state, _)| *state == self.state).map(|(_, name)| name)
    }
}

/// Writes a policy.
pub fn encode_policy(policy: &Policy) -> String {
    let Policy { state, version, time, server, server_spki, roots, votes, provisional, tlog } = policy;
    let mut text = format!("{FIRST_LINE}\nstate {state}\nversion {version}\ntime {time}\nserver {server} spki {server_spki}\n");
    // Writing to a String cannot fail.
    for (state, sha256) in roots {
        let _ = writeln!(text, "root {state} {sha256}");
    }
    for (state, name) in votes {
        let _ = writeln!(text, "vote {state} {name}");
    }
    if let Some(ProvisionalWork { seconds, acts }) = provisional {
        let acts: String = acts.iter().map(|op| format!(" {op}")).collect();
        let _ = writeln!(text, "provisional {seconds}{acts}");
    }
    text + TLOG_LINE + "\n" + &encode_tlog_policy(tlog)
}

/// Reads a policy.
///
/// # Errors
/// When the bytes are not the one spelling of a policy, or its votes and its quorum do not fit together.
pub fn parse_policy(bytes: &[u8]) -> Result<Policy, PolicyRejected> {
    let malformed = |reason: &str| PolicyRejected::Malformed(reason.to_owned());
    if bytes.len() > POLICY_BYTES_MAX {
        return Err(malformed("it is too long"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not text"))?;
    let (head, tlog) = text.split_once(&format!("\n{TLOG_LINE}\n")).ok_or_else(|| malformed("it has no line tlog-policy"))?;
    let tlog = parse_tlog_policy(tlog.as_bytes()).map_err(|fault| PolicyRejected::Malformed(fault.to_string()))?;
    let policy = parse_head(head, tlog).ok_or_else(|| malformed("a line of its head is not as PROTOCOL.md has it"))?;
    if encode_policy(&policy).as_bytes() != bytes {
        return Err(malformed("it is not in its one spelling"));
    }
    require_votes(&policy).map_err(malformed)?;
    Ok(policy)
}

fn parse_head(head: &str, tlog: TlogPolicy) -> Option<Policy> {
    let mut lines = head.strip_prefix(FIRST_LINE)?.strip_prefix('\n')?.split('\n');
    let state = lines.next()?.strip_prefix("state ")?.parse().ok()?;
    let version = lines.next()?.strip_prefix("version ")?.parse().ok()?;
    let time = lines.next()?.strip_prefix("time ")?.parse().ok()?;
    let (server, spki) = lines.next()?.strip_prefix("server ")?.split_once(" spki ")?;
    let server_spki = spki.parse().ok()?;
    let (mut roots, mut votes, mut provisional) = (Vec::new(), Vec::new(), None);
    for line in lines {
        // Written again, what stands in another order comes out in this one.
        match line.split_once(' ')? {
            ("root", root) => roots.push(parse_pair(root)?),
            ("vote", vote) => votes.push(parse_pair(vote)?),
            ("provisional", work) if provisional.is_none() => provisional = Some(parse_provisional(work)?),
            _ => return None,
        }
    }
    let in_order = !roots.is_empty() && is_ascending(&roots) && is_ascending(&votes);
    let server_ok = server.bytes().all(|b| matches!(b, b'!'..=b'~'));
    (in_order && server_ok).then(|| Policy {
        state,
        version,
        time,
        server: server.to_owned(),
        server_spki,
        roots,
        votes,
        provisional,
        tlog,
    })
}

fn parse_pair<T: std::str::FromStr>(text: &str) -> Option<(StateCode, T)> {
    let (state, value) = text.split_once(' ')?;
    Some((state.parse().ok()?, value.parse().ok()?))
}

fn parse_provisional(text: &str) -> Option<ProvisionalWork> {
    let mut words = text.split(' ');
    let seconds = words.next()?.parse().ok().filter(|seconds| (1..=PROVISIONAL_SECONDS_MAX).contains(seconds))?;
    let acts: Vec<Op> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let acts_ok = acts.is_sorted_by(|a, b| a < b) && acts.iter().all(|op| op.log() == Log::Events);
    acts_ok.then_some(ProvisionalWork { seconds, acts })
}

fn is_ascending<T>(pairs: &[(StateCode, T)]) -> bool {
    pairs.is_sorted_by(|a, b| a.0 < b.0)
}

/// Each vote is somebody's whom the policy knows; and there are votes if, and only if, there is a quorum to reach.
fn require_votes(policy: &Policy) -> Result<(), &'static str> {
    let defines = |name: &PolicyName| {
        policy.tlog.lines().iter().any(|line| match line {
            PolicyLine::Witness { name: defined, .. } | PolicyLine::Group { name: defined, .. } => defined == name,
            _ => false,
        })
    };
    for (place, (state, name)) in policy.votes.iter().enumerate() {
        if !policy.roots.iter().any(|(rooted, _)| rooted == state) {
            return Err("a vote is of a state that has no root");
        }
        if !defines(name) || policy.votes.iter().skip(place + 1).any(|(_, other)| other == name) {
            return Err("each vote must name a witness or a group of its own that is defined below");
        }
    }
    match policy.tlog.quorum() {
        Quorum::None if !policy.votes.is_empty() || policy.provisional.is_some() => Err("without a quorum there is nothing to vote on"),
        Quorum::Of(_) if policy.own_vote().is_none() => Err("it asks for witnesses and does not say which are its own state's"),
        _ => Ok(()),
    }
}
