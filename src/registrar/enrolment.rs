//! The member's side of enrolment: keys are made here and stay here.

use std::path::Path;

use super::ca::{create_request, generate_key};
use super::letters::{Admission, Enrolment, Invitation};
use super::policy::{publish_bundle, verify_bundle};
use crate::client::{Client, ClientError, Profile};
use crate::domain::{AuthorityCode, MemberCode};
use crate::durable;
use crate::net::TlsIdentity;
use crate::seal::{SealingIdentity, seal_authority_identity};
use crate::sign::{Certificate, Signer};
use crate::trust::JudgedAt;

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
    let authority_sealing = if invitation.founds { Some(found_authority(folder, invitation.member.authority(), &own)?) } else { None };
    Ok(Enrolment {
        member: invitation.member.clone(),
        token: invitation.token,
        tls_request,
        statement_request,
        sealing: own.recipient().to_string(),
        authority_sealing,
    })
}

/// The authority's sealing identity, made by its first member, kept sealed to that member's own key.
fn found_authority(folder: &Path, authority: &AuthorityCode, own: &SealingIdentity) -> Result<String, ClientError> {
    let identity = SealingIdentity::generate();
    let sealed = seal_authority_identity(&identity, authority, &own.recipient()).map_err(ClientError::unproven)?;
    publish(&folder.join("authority.age"), &sealed)?;
    Ok(identity.recipient().to_string())
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
    publish(&folder.join("tls.pem"), admission.tls.as_bytes())?;
    publish(&folder.join("statement.pem"), admission.statement.as_bytes())?;
    let tls = profile.load_tls_key()?;
    TlsIdentity::load(tls.chain_der.clone(), &tls.key_pkcs8)
        .map_err(|fault| ClientError::unproven(format!("the TLS certificate is not of this machine's key: {fault}")))?;
    let statement = profile.load_statement_signer()?;
    let mut client = Client::open(folder)?;
    client.follow()?;
    let tls_sha256 = tls.chain_der.first().map(|der| crate::crypto::hash(der));
    let listed =
        client.directory().member_at(&admission.member, JudgedAt { directory_size: client.directory().size(), time: crate::clock::now() });
    let entry = listed.ok_or_else(|| ClientError::unproven(format!("the directory has no entry of {}", admission.member)))?.entry();
    if Some(entry.tls) != tls_sha256 || entry.statement != statement.certificate().certificate_sha256() {
        return Err(ClientError::unproven("the directory lists other certificates than these"));
    }
    if entry.sealing != profile.load_member_identity()?.recipient().to_string() {
        return Err(ClientError::unproven("the directory lists another sealing key than this machine made"));
    }
    Ok(client)
}

/// Seals the authority's identity to another member of the same authority, by the key that the directory
/// lists for them.
///
/// # Errors
/// When this profile does not hold the identity, or the member is not in force.
pub fn grant(client: &mut Client, member: &MemberCode) -> Result<Vec<u8>, ClientError> {
    client.follow()?;
    let authority = client.profile().member().authority().clone();
    if *member.authority() != authority {
        return Err(ClientError::not_possible(format!("{member} is not of {authority}"), "only members of the own authority hold its key"));
    }
    let at = JudgedAt { directory_size: client.directory().size(), time: crate::clock::now() };
    let record = client.directory().member_at(member, at);
    let record = record.ok_or_else(|| ClientError::not_possible(format!("{member} is not in the directory"), "ask your registrar"))?;
    let holder = record.entry().sealing.parse().map_err(|_| ClientError::unproven(format!("the sealing key of {member} is no key")))?;
    let identity = client.load_authority_identity()?;
    seal_authority_identity(&identity, &authority, &holder).map_err(ClientError::unproven)
}

/// Takes a granted identity into the profile, if it is the one that the directory lists.
///
/// # Errors
/// When it does not open with this member's key, or is not of the authority's listed key.
pub fn take_grant(client: &mut Client, sealed: &[u8]) -> Result<(), ClientError> {
    client.follow()?;
    client.verify_granted_identity(sealed)?;
    publish(&client.profile().path("authority.age"), sealed)
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
