//! Who may finish a handshake: the gate that a server puts behind its listener, and the pins of a client.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible, SignatureScheme};

use super::EdgeClock;
use crate::crypto::hash;
use crate::domain::{Hash, UnixMillis};

/// Certificates in a peer's chain, at most: leaf, issuing CA, and one to spare.
const CHAIN_CERTIFICATES_MAX: usize = 3;

/// Decides who a certificate chain belongs to, and later whether they may still be here.
///
/// The edge asks in the middle of the handshake (a refusal is then a TLS alert), at its end for the
/// peer that every request carries, before each request, and again and again while a connection
/// is open. The calls must be quick and must not block: they run where connections are served.
pub trait PeerGate: Send + Sync + 'static {
    /// Who it is; handed to the handler with each request.
    type Peer: Clone + Send + Sync + 'static;
    /// Whether peers need no certificate: they are then asked for none, and the chain is empty. For what is public, and
    /// signed: whoever carries it.
    const ADMITS_STRANGERS: bool = false;

    /// Whom peers belong to, as far as places are shared out: no group may hold more than its part of the connections.
    type Group: Copy + Eq + std::hash::Hash + fmt::Debug + Send + Sync + 'static;

    /// Judges a chain (DER, leaf first) by profile, path, time and revocation. That the peer holds the
    /// leaf's key is the handshake's business.
    ///
    /// # Errors
    /// When the peer is not admitted.
    fn verify_peer(&self, chain_der: &[&[u8]], now: UnixMillis) -> Result<Self::Peer, PeerRefused>;

    /// Judges again, later, someone who was admitted.
    ///
    /// # Errors
    /// When the peer has expired or been revoked.
    fn verify_still(&self, peer: &Self::Peer, now: UnixMillis) -> Result<(), PeerRefused>;

    /// The group of someone who was admitted; it never changes.
    fn group_of(&self, peer: &Self::Peer) -> Self::Group;
}

/// A peer was not admitted. The reason is for traces; outside there is only the alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the peer is refused: {reason}")]
pub struct PeerRefused {
    /// What the peer is told, as a TLS alert.
    pub alert: PeerAlert,
    /// What the operator reads.
    pub reason: String,
}

/// The TLS alerts (RFC 8446, section 6.2) that a gate may answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerAlert {
    /// `unknown_ca`: the chain ends in no root that is trusted here.
    UnknownIssuer,
    /// `certificate_expired`: or not valid yet.
    Expired,
    /// `certificate_revoked`.
    Revoked,
    /// `bad_certificate`: it is not of the profile.
    BadCertificate,
    /// `access_denied`: a good certificate of someone who is not known here.
    NotAdmitted,
}

impl PeerAlert {
    fn to_certificate_error(self) -> CertificateError {
        match self {
            PeerAlert::UnknownIssuer => CertificateError::UnknownIssuer,
            PeerAlert::Expired => CertificateError::Expired,
            PeerAlert::Revoked => CertificateError::Revoked,
            PeerAlert::BadCertificate => CertificateError::BadEncoding,
            PeerAlert::NotAdmitted => CertificateError::ApplicationVerificationFailure,
        }
    }
}

/// Strangers can fill no log: only refusals of people who once were admitted are for the operator.
fn trace_refused(refused: &PeerRefused) {
    let PeerRefused { alert, reason } = refused;
    match alert {
        PeerAlert::UnknownIssuer | PeerAlert::BadCertificate => tracing::debug!(?alert, reason, "a certificate is refused"),
        _ => tracing::info!(?alert, reason, "a certificate is refused"),
    }
}

/// ECDSA on P-256 with SHA-256, both ways: the only keys that the certificate profiles have.
static SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[webpki::ring::ECDSA_P256_SHA256],
    mapping: &[(SignatureScheme::ECDSA_NISTP256_SHA256, &[webpki::ring::ECDSA_P256_SHA256])],
};

/// SHA-256 of a certificate's SubjectPublicKeyInfo: what clients pin, and what tells connected members apart.
pub(super) fn public_key_hash(certificate: &CertificateDer<'_>) -> Result<Hash, Error> {
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(|_| CertificateError::BadEncoding)?;
    Ok(hash(&parsed.subject_public_key_info()))
}

/// Puts a [`PeerGate`] where rustls asks about client certificates.
pub(super) struct GateVerifier<G> {
    pub(super) gate: Arc<G>,
    pub(super) clock: EdgeClock,
}

impl<G> fmt::Debug for GateVerifier<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GateVerifier")
    }
}

impl<G: PeerGate> ClientCertVerifier for GateVerifier<G> {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    /// No hints: an outsider learns nothing about who is trusted here.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if intermediates.len() >= CHAIN_CERTIFICATES_MAX {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let chain: Vec<&[u8]> = std::iter::once(leaf).chain(intermediates).map(AsRef::as_ref).collect();
        match self.gate.verify_peer(&chain, self.clock.now()) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(refused) => {
                trace_refused(&refused);
                Err(refused.alert.to_certificate_error().into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::SupportedVersionsExtensionRequired.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &SIGNATURES)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNATURES.supported_schemes()
    }
}

/// The server's key is none of those that the client was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server's public key has SHA-256 {found}")]
pub(super) struct KeyNotPinned {
    pub(super) found: Hash,
}

/// Takes a server by its public key, and by nothing else: names, dates and issuers prove nothing here.
#[derive(Debug)]
pub(super) struct PinVerifier {
    pub(super) pins: Vec<Hash>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = public_key_hash(certificate)?;
        if self.pins.contains(&found) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::Other(OtherError(Arc::new(KeyNotPinned { found }))).into())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::SupportedVersionsExtensionRequired.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &SIGNATURES)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNATURES.supported_schemes()
    }
}
