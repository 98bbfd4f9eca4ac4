//! The TLS key of a server or a witness: others know it by the hash of its public half, and by nothing else.

use zeroize::Zeroizing;

use super::ca::{CaFault, Validity, generate_key, issue_server_certificate};
use crate::clock;
use crate::domain::{Hash, UtcSecond};
use crate::sign::Certificate;

/// The key is pinned, so the certificate lives as long as the key.
const VALID_SECONDS: u64 = 20 * 365 * 24 * 3600;

/// Clocks differ: it is valid from an hour ago.
const BACKDATED_SECONDS: u64 = 3600;

/// A fresh TLS key with its self-signed certificate.
pub struct PinnedTls {
    /// PKCS#8 DER.
    pub key: Zeroizing<Vec<u8>>,
    /// DER.
    pub certificate: Vec<u8>,
    /// SHA-256 of the public key (SubjectPublicKeyInfo).
    pub spki: Hash,
}

/// Makes the TLS key of whoever is reached by `address`, `host:port`.
///
/// # Errors
/// When the host is no DNS name or address.
pub fn make_pinned_tls(address: &str) -> Result<PinnedTls, CaFault> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let (key, _) = generate_key()?;
    let now = clock::now_second().unix();
    let second = |unix| UtcSecond::from_unix(unix).map_err(|_| CaFault::Validity);
    let validity = Validity { from: second(now - BACKDATED_SECONDS)?, until: second(now + VALID_SECONDS)? };
    let certificate = issue_server_certificate(host, &key, validity)?;
    let spki = Certificate::parse_der(&certificate).map_err(|_| CaFault::Unreadable)?.spki_sha256();
    Ok(PinnedTls { key, certificate, spki })
}
