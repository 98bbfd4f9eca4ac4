//! The member's side of enrolment: keys are made here and stay here.

use std::path::Path;

use super::ca::{create_request, generate_key};
use super::letters::{Admission, Enrolment, Invitation};
use super::policy::{publish_bundle, verify_bundle};
use crate::client::{Client, ClientError, Profile};
use crate::domain::{Hash, MemberCode};
use crate::durable;
use crate::seal::SealingIdentity;
use crate::sign::{Certificate, SoftwareSigner};
use crate::trust::{CertificateProfile, JudgedAt, verify_chain};

/// Begins a profile in the new folder `folder`: checks the invitation's policy, makes the TLS, the statement
/// and the sealing key, and answers with what is public.
///
/// # Errors
/// When the folder exists, the policy does not check, or nothing can be written.
pub fn enrol(invitation: &Invitation, folder: &Path) -> Result<Enrolment, ClientError> {
    verify_bundle(&invitation.policy, invitation.member.state(), 1)?;
    make_profile(folder, &invitation.member)?;
    publish_bundle(folder, &invitation.policy)?;
    let tls_request = make_key(folder, "tls.key")?;
    let statement_request = make_key(folder, "statement.key")?;
    let own = SealingIdentity::generate();
    publish(&folder.join("member.age"), format!("{}\n", own.expose_secret().as_str()).as_bytes())?;
    let authority_sealing = if invitation.founds { Some(Profile::open(folder)?.make_authority_identity()?.to_string()) } else { None };
    Ok(Enrolment {
        member: invitation.member.clone(),
        token: invitation.token,
        tls_request,
        statement_request,
        sealing: own.recipient().to_string(),
        authority_sealing,
    })
}

/// Completes a profile: the certificates must be of the keys that are here, and the directory log must hold
/// this member's entry with them.
///
/// # Errors
/// When anything does not match, or the server cannot be reached.
pub fn accept(admission: &Admission, folder: &Path) -> Result<Client, ClientError> {
    let profile = Profile::open(folder)?;
    if *profile.member() != admission.member {
        return Err(ClientError::unproven(format!("this admission is of {}, and the profile of {}", admission.member, profile.member())));
    }
    // Before anything that works here is replaced.
    let tls = verify_admitted(&profile, CertificateProfile::Tls, &admission.tls)?;
    let statement = verify_admitted(&profile, CertificateProfile::Statement, &admission.statement)?;
    publish(&folder.join("tls.pem"), admission.tls.as_bytes())?;
    publish(&folder.join("statement.pem"), admission.statement.as_bytes())?;
    let mut client = Client::open(folder)?;
    client.follow()?;
    let listed =
        client.directory().member_at(&admission.member, JudgedAt { directory_size: client.directory().size(), time: crate::clock::now() });
    let entry = listed.ok_or_else(|| ClientError::unproven(format!("the directory has no entry of {}", admission.member)))?.entry();
    if (entry.tls, entry.statement) != (tls, statement) {
        return Err(ClientError::unproven("the directory lists other certificates than these"));
    }
    if entry.sealing != profile.load_member_identity()?.recipient().to_string() {
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
    let key = profile.load_key(if kind == CertificateProfile::Tls { "tls.key" } else { "statement.key" })?;
    SoftwareSigner::from_pkcs8_der(&key, leaf.clone(), issuer.clone()).map_err(|fault| refused(fault.to_string()))?;
    Ok(verified.certificate_sha256())
}

/// Makes a profile's folder, readable by its owner only, with `profile.toml` in it.
pub(super) fn make_profile(folder: &Path, member: &MemberCode) -> Result<(), ClientError> {
    durable::make_private_folder(folder).map_err(ClientError::file("make", folder))?;
    publish(&folder.join("profile.toml"), format!("member = \"{member}\"\n").as_bytes())
}

/// Makes a P-256 key file and gives its signing request.
pub(super) fn make_key(folder: &Path, name: &str) -> Result<String, ClientError> {
    let (key, _) = generate_key().map_err(ClientError::unproven)?;
    publish_key(&folder.join(name), &key)?;
    create_request(&key).map_err(ClientError::unproven)
}

/// Writes a private key (PKCS#8 DER) as PEM.
pub(super) fn publish_key(path: &Path, key_pkcs8: &[u8]) -> Result<(), ClientError> {
    let pem = der::pem::encode_string("PRIVATE KEY", der::pem::LineEnding::LF, key_pkcs8).map_err(ClientError::unproven)?;
    publish(path, zeroize::Zeroizing::new(pem).as_bytes())
}

/// The PEM of a leaf (DER) and its issuer.
pub(super) fn chain_pem(leaf_der: &[u8], issuer_der: &[u8]) -> Result<String, ClientError> {
    let pem = |der: &[u8]| Certificate::parse_der(der).map(|certificate| certificate.to_pem()).map_err(ClientError::unproven);
    Ok(pem(leaf_der)? + &pem(issuer_der)?)
}

pub(super) fn publish(path: &Path, bytes: &[u8]) -> Result<(), ClientError> {
    durable::publish_file(path, bytes).map_err(ClientError::file("write", path))
}
