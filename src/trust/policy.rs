//! A policy in force: it comes signed by the client's own registrar with a rising version, never from the server.

use std::sync::Arc;

use super::anchors::TrustAnchors;
use super::chain::verify_chain;
use super::policy_text::{Policy, parse_policy};
use super::profile::CertificateProfile;
use crate::crypto::hash;
use crate::domain::{Hash, Log, Origin, StateCode, UnixMillis, UtcSecond};
use crate::sign::{parse_detached, verify_detached};
use crate::tlog::LogPolicy;
use crate::wire::PolicyLine;

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

    /// The log keys, the witnesses and the quorum.
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
