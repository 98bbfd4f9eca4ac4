//! A statement that was checked: grammar, signature, certificate, directory.

use super::anchors::TrustAnchors;
use super::chain::verify_chain;
use super::directory::Directory;
use super::members::MemberRecord;
use super::profile::CertificateProfile;
use crate::crypto::hash;
use crate::domain::limits::CLOCK_SKEW_MS_MAX;
use crate::domain::{Hash, Origin, UnixMillis, UtcSecond};
use crate::sign::{VerifiedSignature, parse_detached, verify_detached};
use crate::wire::{Refusal, RefusalCode, Statement, parse_statement};

/// The point at which certificates, entries and keys are judged: a directory size and a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedAt {
    /// Entries with a lower index count.
    pub directory_size: u64,
    /// The time of the leaf, or now for one that is still to be written.
    pub time: UnixMillis,
}

/// A statement with its exact bytes, signed by the member it names, who was in the directory then.
/// Only [`verify_statement`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedStatement {
    signed: CheckedSignature,
    certificate_until: UtcSecond,
}

impl VerifiedStatement {
    /// The statement.
    pub fn statement(&self) -> &Statement {
        &self.signed.statement
    }

    /// Its exact bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.signed.bytes
    }

    /// Its detached CMS.
    pub fn signature(&self) -> &[u8] {
        &self.signed.signature
    }

    /// SHA-256 of its bytes.
    pub fn sha256(&self) -> Hash {
        self.signed.sha256
    }

    /// SHA-256 of its signature.
    pub fn signature_sha256(&self) -> Hash {
        hash(&self.signed.signature)
    }

    /// The last second of the certificate it is signed with.
    pub fn certificate_until(&self) -> UtcSecond {
        self.certificate_until
    }
}

/// Checks a statement of the events log as of `at`.
///
/// # Errors
/// A refusal that names the first thing that does not hold.
pub fn verify_statement(
    bytes: &[u8],
    signature: &[u8],
    log: &Origin,
    directory: &Directory,
    at: JudgedAt,
) -> Result<VerifiedStatement, Refusal> {
    let (signed, proof) = check_signature(bytes, signature, log)?;
    let certificate_until = verify_signer(&signed, &proof, CertificateProfile::Statement, directory.anchors(), at.time)?;
    verify_member(&signed.statement, directory, at)?;
    require_near(&signed.statement, at.time)?;
    Ok(VerifiedStatement { signed, certificate_until })
}

/// The signer's clock was not far from `time`, so that a statement cannot be kept back and used later.
///
/// # Errors
/// `clock-skew`.
pub fn require_near(statement: &Statement, time: UnixMillis) -> Result<(), Refusal> {
    if statement.time.to_millis().abs_diff(time) <= CLOCK_SKEW_MS_MAX {
        return Ok(());
    }
    let log = time.to_second();
    Err(Refusal::new(RefusalCode::ClockSkew, format!("the statement's time is more than ten minutes from the log's, {log}")))
}

/// A statement whose signature is right, by whoever holds the certificate that it names.
#[derive(Debug, Clone)]
pub(super) struct CheckedSignature {
    pub(super) statement: Statement,
    pub(super) bytes: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) sha256: Hash,
}

/// Grammar, log, mathematics of the signature, and that the statement names this very certificate.
pub(super) fn check_signature(bytes: &[u8], signature: &[u8], log: &Origin) -> Result<(CheckedSignature, VerifiedSignature), Refusal> {
    let statement = parse_statement(bytes).map_err(|fault| Refusal::new(RefusalCode::Malformed, fault.to_string()))?;
    if statement.log != *log {
        return Err(Refusal::new(RefusalCode::WrongLog, format!("the statement is for {}, not for {log}", statement.log)));
    }
    let invalid = |reason: String| Refusal::new(RefusalCode::SignatureInvalid, reason);
    let detached = parse_detached(signature).map_err(|fault| invalid(fault.to_string()))?;
    let sha256 = hash(bytes);
    let proof = verify_detached(&sha256, &detached).map_err(|fault| invalid(fault.to_string()))?;
    if proof.signer().certificate_sha256() != statement.certificate {
        return Err(invalid("the statement names another certificate than the one it is signed with".into()));
    }
    let signed = CheckedSignature { statement, bytes: bytes.to_vec(), signature: signature.to_vec(), sha256 };
    Ok((signed, proof))
}

/// The certificate is of the profile, valid at `time`, and the actor's. Gives its last second.
pub(super) fn verify_signer(
    signed: &CheckedSignature,
    proof: &VerifiedSignature,
    profile: CertificateProfile,
    anchors: &TrustAnchors,
    time: UnixMillis,
) -> Result<UtcSecond, Refusal> {
    let refused = |reason: String| Refusal::new(RefusalCode::CertificateRefused, reason);
    let issuer = std::slice::from_ref(proof.issuer());
    let certificate = verify_chain(profile, proof.signer(), issuer, anchors, time).map_err(|fault| refused(fault.to_string()))?;
    if certificate.member() != &signed.statement.actor {
        return Err(refused(format!("the certificate is {}'s, the statement {}'s", certificate.member(), signed.statement.actor)));
    }
    Ok(certificate.not_after())
}

/// The directory has the actor, in force at `at`, with this statement certificate.
pub(super) fn verify_member<'d>(statement: &Statement, directory: &'d Directory, at: JudgedAt) -> Result<&'d MemberRecord, Refusal> {
    let actor = &statement.actor;
    let record = directory
        .member_at(actor, at)
        .ok_or_else(|| Refusal::new(RefusalCode::RoleMissing, format!("the directory has no entry in force for {actor}")))?;
    if record.entry().statement != statement.certificate {
        return Err(Refusal::new(RefusalCode::CertificateRefused, format!("the directory has another statement certificate for {actor}")));
    }
    Ok(record)
}
