//! The member's side of enrolment: keys are made here and stay here.

use std::path::Path;

use super::ca::{create_request, generate_key};
use super::letters::{Admission, Enrolment, Invitation};
use super::policy::{publish_bundle, verify_bundle};
use crate::client::{Client, ClientError, Profile, Unlock};
use crate::domain::Hash;
use crate::sign::{Certificate, SoftwareSigner};
use crate::trust::{CertificateProfile, JudgedAt, verify_chain};

/// Begins a profile in the new folder `folder`: checks the invitation's policy, makes the TLS, the statement
/// and the sealing key, and answers with what is public.
///
/// # Errors
/// When the folder exists, the policy does not check, there is no key to seal to, or nothing can be written.
pub fn enrol(invitation: &Invitation, folder: &Path, unlock: &Unlock) -> Result<Enrolment, ClientError> {
    verify_bundle(&invitation.policy, invitation.member.state(), 1)?;
    let profile = Profile::create(folder, &invitation.member, unlock)?;
    publish_bundle(folder, &invitation.policy)?;
    let tls_request = make_key(&profile, "tls.key.age")?;
    let statement_request = make_key(&profile, "statement.key.age")?;
    let sealing = profile.make_member_identity()?.to_string();
    let authority_sealing = if invitation.founds { Some(profile.make_authority_identity()?.to_string()) } else { None };
    Ok(Enrolment { member: invitation.member.clone(), token: invitation.token, tls_request, statement_request, sealing, authority_sealing })
}

/// Completes a profile: the certificates must be of the keys that are here, and the directory log must hold
/// this member's entry with them.
///
/// # Errors
/// When anything does not match, or the server cannot be reached.
pub fn accept(admission: &Admission, profile: Profile) -> Result<Client, ClientError> {
    if *profile.member() != admission.member {
        return Err(ClientError::unproven(format!("this admission is of {}, and the profile of {}", admission.member, profile.member())));
    }
    // Before anything that works here is replaced.
    let tls = verify_admitted(&profile, CertificateProfile::Tls, &admission.tls)?;
    let statement = verify_admitted(&profile, CertificateProfile::Statement, &admission.statement)?;
    profile.publish("tls.pem", admission.tls.as_bytes())?;
    profile.publish("statement.pem", admission.statement.as_bytes())?;
    let mut client = Client::open(profile)?;
    client.follow()?;
    let listed =
        client.directory().member_at(&admission.member, JudgedAt { directory_size: client.directory().size(), time: crate::clock::now() });
    let entry = listed.ok_or_else(|| ClientError::unproven(format!("the directory has no entry of {}", admission.member)))?.entry();
    if (entry.tls, entry.statement) != (tls, statement) {
        return Err(ClientError::unproven("the directory lists other certificates than these"));
    }
    if entry.sealing != client.profile().load_member_identity()?.recipient().to_string() {
        return Err(ClientError::unproven("the directory lists another sealing key than this machine made"));
    }
    Ok(client)
}

/// An admission's certificate: this member's, under their own state's root, of the key that this machine made. Gives
/// its SHA-256.
fn verify_admitted(profile: &Profile, kind: CertificateProfile, chain_pem: &str) -> Result<Hash, ClientError> {
    let refused = |reason: String| ClientError::unproven(format!("the {kind:?} certificate of this admission cannot be used: {reason}"));
    let chain = Certificate::parse_chain_pem(chain_pem).map_err(|fault| refused(fault.to_string()))?;
    let [leaf, issuer] = chain.as_slice() else { return Err(refused("it must come with its issuer's, and no other".into())) };
    let policy = profile.load_policy()?;
    let verified = verify_chain(kind, leaf, std::slice::from_ref(issuer), policy.anchors(), crate::clock::now());
    let verified = verified.map_err(|fault| refused(fault.to_string()))?;
    if verified.member() != profile.member() {
        return Err(refused(format!("it is {}'s", verified.member())));
    }
    let key = profile.load_key(if kind == CertificateProfile::Tls { "tls.key.age" } else { "statement.key.age" })?;
    SoftwareSigner::from_pkcs8_der(&key, leaf.clone(), issuer.clone()).map_err(|fault| refused(fault.to_string()))?;
    Ok(verified.certificate_sha256())
}

/// Makes a P-256 key, keeps it in the profile, and gives its signing request.
pub(super) fn make_key(profile: &Profile, name: &str) -> Result<String, ClientError> {
    let (key, _) = generate_key().map_err(ClientError::unproven)?;
    profile.publish_key(name, &key)?;
    create_request(&key).map_err(ClientError::unproven)
}

/// The PEM of a leaf (DER) and its issuer.
pub(super) fn chain_pem(leaf_der: &[u8], issuer_der: &[u8]) -> Result<String, ClientError> {
    let pem = |der: &[u8]| Certificate::parse_der(der).map(|certificate| certificate.to_pem()).map_err(ClientError::unproven);
    Ok(pem(leaf_der)? + &pem(issuer_der)?)
}
