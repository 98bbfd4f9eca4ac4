//! Who is at the other end of a connection: decided by the certificate of the handshake, nothing else.

use super::chain::{ChainRefused, PathPlace, VerifiedCertificate, verify_chain};
use super::directory::Directory;
use super::members::MemberRecord;
use super::profile::CertificateProfile;
use super::statement::JudgedAt;
use crate::domain::{MemberCode, Role, UnixMillis};
use crate::sign::Certificate;

/// A member or registrar whose TLS certificate was checked. Only [`verify_peer`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedPeer {
    certificate: VerifiedCertificate,
    /// By the directory; a registrar's by the root.
    roles: Vec<Role>,
}

impl VerifiedPeer {
    /// Who it is.
    pub fn member(&self) -> &MemberCode {
        self.certificate.member()
    }

    /// Whether it speaks for its state's directory, and for nothing else.
    pub fn is_registrar(&self) -> bool {
        self.roles.contains(&Role::Registrar)
    }

    /// Whether it may sign acts for its authority.
    pub fn is_signatory(&self) -> bool {
        self.roles.contains(&Role::Signatory)
    }

    /// Whether it may see every case of its state.
    pub fn is_auditor(&self) -> bool {
        self.roles.contains(&Role::Auditor)
    }

    /// The TLS certificate.
    pub fn certificate(&self) -> &VerifiedCertificate {
        &self.certificate
    }
}

/// Why a peer is not let in. For traces: outside there is only a TLS alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerRefused {
    /// No certificate, or one that does not parse.
    #[error("the client certificate does not parse: {0}")]
    Unreadable(String),
    /// No root of this server certified it.
    #[error("{0}")]
    UnknownIssuer(ChainRefused),
    /// It is not valid now.
    #[error("{0}")]
    Expired(ChainRefused),
    /// It is of no profile that may connect.
    #[error("{0}")]
    Profile(ChainRefused),
    /// The member's entry was revoked.
    #[error("the directory's entry of {0} was revoked")]
    Revoked(MemberCode),
    /// The directory has no entry in force for the member with this certificate.
    #[error("the directory has no entry in force for {0} with this TLS certificate")]
    NotInDirectory(MemberCode),
}

impl From<ChainRefused> for PeerRefused {
    fn from(refused: ChainRefused) -> Self {
        match refused {
            ChainRefused::Expired { .. } | ChainRefused::NotYetValid { .. } => PeerRefused::Expired(refused),
            ChainRefused::UnknownIssuer | ChainRefused::SignatureMismatch => PeerRefused::UnknownIssuer(refused),
            _ => PeerRefused::Profile(refused),
        }
    }
}

/// Checks a handshake's certificates (DER, the leaf first) at `now`.
///
/// # Errors
/// When the leaf is not a TLS certificate of a member in force or of a registrar.
pub fn verify_peer(chain_der: &[&[u8]], directory: &Directory, now: UnixMillis) -> Result<VerifiedPeer, PeerRefused> {
    let (leaf, intermediates) = parse_chain(chain_der)?;
    let anchors = directory.anchors();
    // A registrar's certificate is issued by the root and comes alone.
    if intermediates.is_empty() {
        let certificate = verify_chain(CertificateProfile::RegistrarTls, &leaf, &[], anchors, now)?;
        return Ok(VerifiedPeer { certificate, roles: vec![Role::Registrar] });
    }
    let certificate = verify_chain(CertificateProfile::Tls, &leaf, &intermediates, anchors, now)?;
    let roles = require_in_force(&certificate, directory, now)?.entry().roles.clone();
    Ok(VerifiedPeer { certificate, roles })
}

/// Checks that a peer who was let in may stay: not expired, not revoked since.
///
/// # Errors
/// When it may not.
pub fn verify_peer_still(peer: &VerifiedPeer, directory: &Directory, now: UnixMillis) -> Result<(), PeerRefused> {
    let certificate = &peer.certificate;
    if now.to_second() > certificate.not_after() {
        return Err(ChainRefused::Expired { place: PathPlace::Leaf, since: certificate.not_after() }.into());
    }
    if peer.is_registrar() {
        return Ok(());
    }
    require_in_force(certificate, directory, now).map(|_| ())
}

fn parse_chain(chain_der: &[&[u8]]) -> Result<(Certificate, Vec<Certificate>), PeerRefused> {
    let parse = |der: &&[u8]| Certificate::parse_der(der).map_err(|fault| PeerRefused::Unreadable(fault.to_string()));
    let (leaf, rest) = chain_der.split_first().ok_or_else(|| PeerRefused::Unreadable("there is none".into()))?;
    Ok((parse(leaf)?, rest.iter().map(parse).collect::<Result<_, _>>()?))
}

fn require_in_force<'d>(
    certificate: &VerifiedCertificate,
    directory: &'d Directory,
    now: UnixMillis,
) -> Result<&'d MemberRecord, PeerRefused> {
    let at = JudgedAt { directory_size: directory.size(), time: now };
    let record = directory.member_at(certificate.member(), at).filter(|record| record.entry().tls == certificate.certificate_sha256());
    let member = certificate.member();
    match record {
        Some(record) => Ok(record),
        None if directory.is_revoked(member) => Err(PeerRefused::Revoked(member.clone())),
        None => Err(PeerRefused::NotInDirectory(member.clone())),
    }
}
