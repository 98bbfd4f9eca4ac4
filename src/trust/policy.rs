//! A client's policy: which server, which roots, which log keys. It comes signed by the client's own
//! registrar with a rising version, never from the server.
//!
//! ```text
//! elchi-policy/v1
//! state KG
//! version 1
//! time 2026-11-23T20:19:00Z
//! server mla.example:8443 spki 91ab…
//! root KG 5a60…
//! root TR c07e…
//! tlog-policy
//! log mla.example/events+…
//! log mla.example/directory+…
//! quorum none
//! ```
//!
//! What follows the line `tlog-policy` is a C2SP tlog-policy, to be given to other tools as it is.

use std::fmt::Write as _;
use std::sync::Arc;

use super::anchors::TrustAnchors;
use super::chain::verify_chain;
use super::profile::CertificateProfile;
use crate::crypto::hash;
use crate::domain::{Hash, Log, Origin, StateCode, UnixMillis, UtcSecond};
use crate::sign::{parse_detached, verify_detached};
use crate::tlog::LogPolicy;
use crate::wire::{PolicyLine, TlogPolicy, encode_tlog_policy, parse_tlog_policy};

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
    /// The logs, their keys, the quorum.
    pub tlog: TlogPolicy,
}

/// A policy that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRejected {
    /// It is not a policy's text.
    #[error("the policy is malformed: {0}\nhint: ask your registrar for it again")]
    Malformed(String),
    /// It is not signed by this state's registrar.
    #[error("the policy is not signed by {state}'s registrar: {reason}\nhint: take a policy from your own registrar only")]
    NotSigned {
        /// Whose registrar should have signed.
        state: StateCode,
        /// Why not.
        reason: String,
    },
    /// It is older than the one in force.
    #[error("the policy has version {found}, and version {in_force} is in force\nhint: ask your registrar for the newest")]
    Older {
        /// The version of the one given.
        found: u64,
        /// The version in force.
        in_force: u64,
    },
    /// A root certificate is missing, or not the one that the policy names.
    #[error("the root certificate of {0} is not the one that the policy names\nhint: ask your registrar for the roots again")]
    Root(StateCode),
    /// The roots or the log keys cannot be used.
    #[error("the policy cannot be used: {0}\nhint: ask your registrar")]
    Unusable(String),
}

/// A policy in force: signed by the own state's registrar, with its roots and log keys checked. Only
/// [`verify_policy`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedPolicy {
    policy: Policy,
    anchors: Arc<TrustAnchors>,
    logs: LogPolicy,
    events: Origin,
    directory: Origin,
}

impl VerifiedPolicy {
    /// What it says.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The roots.
    pub fn anchors(&self) -> &Arc<TrustAnchors> {
        &self.anchors
    }

    /// The log keys and the quorum.
    pub fn logs(&self) -> &LogPolicy {
        &self.logs
    }

    /// The origin of one of the two logs.
    pub fn origin(&self, log: Log) -> &Origin {
        match log {
            Log::Events => &self.events,
            Log::Directory => &self.directory,
        }
    }
}

/// Writes a policy.
pub fn encode_policy(policy: &Policy) -> String {
    let Policy { state, version, time, server, server_spki, roots, tlog } = policy;
    let mut text = format!("{FIRST_LINE}\nstate {state}\nversion {version}\ntime {time}\nserver {server} spki {server_spki}\n");
    for (state, sha256) in roots {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "root {state} {sha256}");
    }
    text + TLOG_LINE + "\n" + &encode_tlog_policy(tlog)
}

/// Reads a policy.
///
/// # Errors
/// When the bytes are not the one spelling of a policy.
pub fn parse_policy(bytes: &[u8]) -> Result<Policy, PolicyRejected> {
    let malformed = |reason: &str| PolicyRejected::Malformed(reason.to_owned());
    if bytes.len() > POLICY_BYTES_MAX {
        return Err(malformed("it is too long"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not text"))?;
    let (head, tlog) = text.split_once(&format!("\n{TLOG_LINE}\n")).ok_or_else(|| malformed("it has no line tlog-policy"))?;
    let tlog = parse_tlog_policy(tlog.as_bytes()).map_err(|fault| PolicyRejected::Malformed(fault.to_string()))?;
    let policy = parse_head(head, tlog).ok_or_else(|| malformed("a line of its head is not as PROTOCOL.md has it"))?;
    if encode_policy(&policy).as_bytes() == bytes { Ok(policy) } else { Err(malformed("it is not in its one spelling")) }
}

fn parse_head(head: &str, tlog: TlogPolicy) -> Option<Policy> {
    let mut lines = head.strip_prefix(FIRST_LINE)?.strip_prefix('\n')?.split('\n');
    let state = lines.next()?.strip_prefix("state ")?.parse().ok()?;
    let version = lines.next()?.strip_prefix("version ")?.parse().ok()?;
    let time = lines.next()?.strip_prefix("time ")?.parse().ok()?;
    let (server, spki) = lines.next()?.strip_prefix("server ")?.split_once(" spki ")?;
    let root = |line: &str| {
        let (state, sha256) = line.strip_prefix("root ")?.split_once(' ')?;
        Some((state.parse().ok()?, sha256.parse().ok()?))
    };
    let roots: Vec<(StateCode, Hash)> = lines.map(root).collect::<Option<_>>()?;
    let in_order = !roots.is_empty() && roots.is_sorted_by(|a, b| a.0 < b.0);
    let server_ok = server.bytes().all(|b| matches!(b, b'!'..=b'~'));
    let server_spki = spki.parse().ok()?;
    (in_order && server_ok).then(|| Policy { state, version, time, server: server.to_owned(), server_spki, roots, tlog })
}

/// Takes a policy into force: signed by the registrar of `state` under the root given for it, no older
/// than `version_min`, and with the root certificates (DER) that it names.
///
/// # Errors
/// When any of that does not hold.
pub fn verify_policy(
    bytes: &[u8],
    signature: &[u8],
    state: StateCode,
    roots: &[(StateCode, Vec<u8>)],
    version_min: u64,
) -> Result<VerifiedPolicy, PolicyRejected> {
    let policy = parse_policy(bytes)?;
    let anchors = take_roots(&policy, roots)?;
    verify_registrar(bytes, signature, state, &anchors, policy.time).map_err(|reason| PolicyRejected::NotSigned { state, reason })?;
    if policy.state != state {
        return Err(PolicyRejected::NotSigned { state, reason: format!("it is for {}", policy.state) });
    }
    if policy.version < version_min {
        return Err(PolicyRejected::Older { found: policy.version, in_force: version_min });
    }
    let logs = LogPolicy::from_wire(&policy.tlog).map_err(|fault| PolicyRejected::Unusable(fault.to_string()))?;
    let (events, directory) = (log_origin(&policy, Log::Events)?, log_origin(&policy, Log::Directory)?);
    Ok(VerifiedPolicy { policy, anchors: Arc::new(anchors), logs, events, directory })
}

fn take_roots(policy: &Policy, roots: &[(StateCode, Vec<u8>)]) -> Result<TrustAnchors, PolicyRejected> {
    let find = |(state, sha256): &(StateCode, Hash)| {
        let root = roots.iter().find(|(given, der)| given == state && hash(der) == *sha256);
        root.map(|(state, der)| (*state, der.as_slice())).ok_or(PolicyRejected::Root(*state))
    };
    let named: Vec<(StateCode, &[u8])> = policy.roots.iter().map(find).collect::<Result<_, _>>()?;
    TrustAnchors::from_der(named).map_err(|fault| PolicyRejected::Unusable(fault.to_string()))
}

fn verify_registrar(bytes: &[u8], signature: &[u8], state: StateCode, anchors: &TrustAnchors, time: UtcSecond) -> Result<(), String> {
    let detached = parse_detached(signature).map_err(|fault| fault.to_string())?;
    let proof = verify_detached(&hash(bytes), &detached).map_err(|fault| fault.to_string())?;
    let at: UnixMillis = time.to_millis();
    let certificate = verify_chain(CertificateProfile::Registrar, proof.signer(), std::slice::from_ref(proof.issuer()), anchors, at)
        .map_err(|fault| fault.to_string())?;
    if certificate.state() == state { Ok(()) } else { Err(format!("{} signed it", certificate.member())) }
}

/// The one log of the policy whose origin ends in the log's name.
fn log_origin(policy: &Policy, log: Log) -> Result<Origin, PolicyRejected> {
    let suffix = format!("/{log}");
    let names = policy.tlog.lines().iter().filter_map(|line| match line {
        PolicyLine::Log { key, .. } => Some(key.name.as_str()),
        _ => None,
    });
    let mut found: Vec<&str> = names.filter(|name| name.ends_with(&suffix)).collect();
    found.dedup();
    match found.as_slice() {
        [name] => name.parse().map_err(|fault: crate::domain::Malformed| PolicyRejected::Unusable(fault.to_string())),
        _ => Err(PolicyRejected::Unusable(format!("it must name exactly one {log} log"))),
    }
}
