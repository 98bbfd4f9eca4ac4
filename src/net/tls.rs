//! TLS 1.3 as both sides speak it: one provider, one set of suites, no resumption (RFC 8446).
//!
//! | | |
//! |---|---|
//! | key exchange | X25519MLKEM768 (aws-lc), then X25519 (ring) |
//! | suites | AES-256-GCM-SHA384, then ChaCha20-Poly1305-SHA256 |
//! | certificates | ECDSA P-256 with SHA-256, both ways; a witness asks its callers for none |
//! | resumption, tickets, early data, SNI | none |
//! | ALPN | `http/1.1`, required both ways |
//!
//! A resumed session would be let in without a certificate, so there are none.

use std::sync::{Arc, LazyLock};

use rustls::client::Resumption;
use rustls::crypto::ring::cipher_suite::{TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256};
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, CommonState, ServerConfig, SignatureScheme};

use super::EdgeClock;
use super::peers::{GateVerifier, PeerGate, PinVerifier};
use crate::domain::Hash;

const ALPN_HTTP_1_1: &[u8] = b"http/1.1";

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    Arc::new(CryptoProvider {
        cipher_suites: vec![TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256],
        kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768, ring::kx_group::X25519],
        ..ring::default_provider()
    })
});

/// A certificate and key that TLS cannot use.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// The private key is not PKCS#8 of a P-256 key.
    #[error("the TLS key is not a P-256 key in PKCS#8")]
    Key,
    /// There is no certificate, or it is not one.
    #[error("the TLS certificate is missing or damaged")]
    Certificate,
    /// The certificate is for another key.
    #[error("the TLS certificate is not for the TLS key")]
    Mismatch,
    /// What TLS itself says against the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

impl From<rustls::Error> for TlsFault {
    fn from(error: rustls::Error) -> Self {
        TlsFault::Setup(error.to_string())
    }
}

/// One side's certificate chain and key. The key stays inside.
#[derive(Clone)]
pub struct TlsIdentity {
    certified: Arc<CertifiedKey>,
}

impl TlsIdentity {
    /// Takes up a chain (DER, leaf first, without the root) and the leaf's key (PKCS#8 DER).
    ///
    /// # Errors
    /// When either is damaged, not P-256, or they do not belong together.
    pub fn load(chain_der: Vec<Vec<u8>>, key_pkcs8: &[u8]) -> Result<Self, TlsFault> {
        let key_der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key_pkcs8));
        let key = ring::sign::any_ecdsa_type(&key_der).map_err(|_| TlsFault::Key)?;
        key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]).ok_or(TlsFault::Key)?;
        let chain: Vec<_> = chain_der.into_iter().map(CertificateDer::from).collect();
        webpki::EndEntityCert::try_from(chain.first().ok_or(TlsFault::Certificate)?).map_err(|_| TlsFault::Certificate)?;
        let certified = CertifiedKey::new(chain, key);
        certified.keys_match().map_err(|_| TlsFault::Mismatch)?;
        Ok(Self { certified: Arc::new(certified) })
    }

    fn resolver(&self) -> Arc<SingleCertAndKey> {
        Arc::new(SingleCertAndKey::from(self.certified.clone()))
    }
}

pub(super) fn server_config<G: PeerGate>(identity: &TlsIdentity, gate: Arc<G>, clock: EdgeClock) -> Result<Arc<ServerConfig>, TlsFault> {
    let builder = ServerConfig::builder_with_provider(PROVIDER.clone()).with_protocol_versions(&[&TLS13])?;
    let builder = if G::ADMITS_STRANGERS {
        builder.with_no_client_auth()
    } else {
        builder.with_client_cert_verifier(Arc::new(GateVerifier { gate, clock }))
    };
    let mut config = builder.with_cert_resolver(identity.resolver());
    config.ignore_client_order = true;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![ALPN_HTTP_1_1.to_vec()];
    Ok(Arc::new(config))
}

/// Without an identity the client is nobody in particular.
pub(super) fn client_config(identity: Option<&TlsIdentity>, pins: Vec<Hash>) -> Result<Arc<ClientConfig>, TlsFault> {
    let builder = ClientConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinVerifier { pins }));
    let mut config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity.resolver()),
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.enable_sni = false;
    config.alpn_protocols = vec![ALPN_HTTP_1_1.to_vec()];
    Ok(Arc::new(config))
}

/// Whether the other side agreed to speak HTTP/1.1; rustls lets one through that named no protocol at all.
pub(super) fn speaks_http_1_1(connection: &CommonState) -> bool {
    connection.alpn_protocol() == Some(ALPN_HTTP_1_1)
}
