//! Policies: signed by the registrar, taken into force on a member's machine only if they are newer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::letters::PolicyBundle;
use super::witness_rule::{WitnessLines, WitnessRule};
use crate::client::{ClientError, ProfileSettings};
use crate::clock;
use crate::crypto::hash;
use crate::domain::StateCode;
use crate::durable;
use crate::settings::load_settings;
use crate::sign::{Certificate, Signer, sign_detached};
use crate::tlog::LogVerifierKey;
use crate::trust::{Policy, VerifiedPolicy, encode_policy, parse_policy, verify_policy};
use crate::wire::{Base64Bytes, PolicyLine, ServerSheet, compose_tlog_policy};

/// Signs the policy that sends members to `server`, trusts these roots and asks for these witnesses.
pub(super) fn sign_policy(
    state: StateCode,
    version: u64,
    server: &ServerSheet,
    roots: &BTreeMap<StateCode, Certificate>,
    rule: &WitnessRule,
    signer: &dyn Signer,
) -> Result<PolicyBundle, ClientError> {
    let log_line = |vkey: &str| {
        let key = vkey.parse().map_err(|fault| {
            ClientError::not_possible(format!("a log key of the server's sheet: {fault}"), "ask the server's operator for the sheet again")
        })?;
        LogVerifierKey::from_wire(&key).map_err(ClientError::unproven)?;
        Ok::<_, ClientError>(PolicyLine::Log { key, url: None })
    };
    let WitnessLines { lines, votes, provisional } = rule.to_lines(state)?;
    let lines: Vec<PolicyLine> = [log_line(&server.events)?, log_line(&server.directory)?].into_iter().chain(lines).collect();
    let time = clock::now_second();
    let policy = Policy {
        state,
        version,
        time,
        server: server.address.clone(),
        server_spki: server.tls_spki,
        roots: roots.iter().map(|(state, root)| (*state, root.certificate_sha256())).collect(),
        votes,
        provisional,
        tlog: compose_tlog_policy(&lines).map_err(ClientError::unproven)?,
    };
    let policy = encode_policy(&policy);
    let signature = sign_detached(signer, &hash(policy.as_bytes()), time).map_err(ClientError::unproven)?;
    let roots = roots.iter().map(|(state, root)| (*state, root.to_pem())).collect();
    Ok(PolicyBundle { policy, signature: Base64Bytes(signature), roots })
}

/// Checks a bundle as a member of `state` would.
pub(super) fn verify_bundle(bundle: &PolicyBundle, state: StateCode, version_min: u64) -> Result<VerifiedPolicy, ClientError> {
    let mut roots = Vec::new();
    for (state, pem) in &bundle.roots {
        let root = Certificate::parse_pem(pem).map_err(|refused| ClientError::unproven(format!("the root of {state}: {refused}")))?;
        roots.push((*state, root.der().to_vec()));
    }
    verify_policy(bundle.policy.as_bytes(), &bundle.signature.0, state, &roots, version_min).map_err(ClientError::unproven)
}

/// Writes a checked bundle into a profile's folder.
pub(super) fn publish_bundle(folder: &Path, bundle: &PolicyBundle) -> Result<(), ClientError> {
    let roots = folder.join("roots");
    fs::create_dir_all(&roots).map_err(ClientError::file("make", &roots))?;
    for (state, pem) in &bundle.roots {
        publish(&roots.join(format!("{state}.pem")), pem.as_bytes())?;
    }
    publish(&folder.join("policy.p7s"), &bundle.signature.0)?;
    publish(&folder.join("policy.txt"), bundle.policy.as_bytes())?;
    // A root that the policy no longer names is trusted no longer.
    for entry in fs::read_dir(&roots).map_err(ClientError::file("read", &roots))? {
        let path = entry.map_err(ClientError::file("read", &roots))?.path();
        let is_named = bundle.roots.keys().any(|state| path == roots.join(format!("{state}.pem")));
        if !is_named {
            fs::remove_file(&path).map_err(ClientError::file("remove", &path))?;
        }
    }
    Ok(())
}

fn publish(path: &Path, bytes: &[u8]) -> Result<(), ClientError> {
    durable::publish_file(path, bytes).map_err(ClientError::file("write", path))
}

/// The version of the policy in a profile's folder; zero if there is none.
pub(super) fn version_in_force(folder: &Path) -> Result<u64, ClientError> {
    let path = folder.join("policy.txt");
    match fs::read(&path) {
        Ok(bytes) => parse_policy(&bytes).map(|policy| policy.version).map_err(ClientError::unproven),
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(other) => Err(ClientError::file("read", &path)(other)),
    }
}

/// Takes a newer policy into force in the profile in `folder`: signed by the own state's registrar, under
/// the root that this machine has trusted so far.
///
/// # Errors
/// When it is not newer, not so signed, or would exchange the own state's root.
pub fn take_policy(folder: &Path, bundle: &PolicyBundle) -> Result<VerifiedPolicy, ClientError> {
    let settings: ProfileSettings = load_settings(&folder.join("profile.toml"))
        .map_err(|refused| ClientError::not_possible(refused.to_string(), "name a profile's folder"))?;
    let state = settings.member.state();
    let path = folder.join(format!("roots/{state}.pem"));
    let trusted = fs::read_to_string(&path).map_err(ClientError::file("read", &path))?;
    if bundle.roots.get(&state) != Some(&trusted) {
        return Err(ClientError::unproven(format!("this policy has another root of {state} than this machine trusts")));
    }
    let verified = verify_bundle(bundle, state, version_in_force(folder)? + 1)?;
    publish_bundle(folder, bundle)?;
    Ok(verified)
}
