//! The witness's configuration, and loading what it names.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::ledger::{Ledger, WitnessFault};
use crate::net::TlsIdentity;
use crate::settings::load_settings;
use crate::tlog::WitnessSigningKey;

/// `witness.toml`. Relative paths are meant from the folder that the file is in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The key that cosigns.
    pub key: PathBuf,
    /// The TLS private key, PKCS#8 PEM.
    pub tls_key: PathBuf,
    /// The TLS certificate, PEM.
    pub tls_certificate: PathBuf,
    /// The folder of what it remembers, one file a log.
    pub logs: PathBuf,
}

/// A witness ready to serve.
pub struct LoadedWitness {
    /// The configuration, paths made whole.
    pub config: WitnessConfig,
    /// Its TLS key and certificate.
    pub identity: TlsIdentity,
    /// What it remembers, with its key.
    pub ledger: Ledger,
}

/// Loads `witness.toml` and what it names.
///
/// # Errors
/// When a part is missing, damaged or cannot be used.
pub fn load_witness(path: &Path) -> Result<LoadedWitness, WitnessFault> {
    let mut config: WitnessConfig = load_settings(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let WitnessConfig { key, tls_key, tls_certificate, logs, .. } = &mut config;
    for named in [key, tls_key, tls_certificate, logs] {
        *named = folder.join(&*named);
    }
    let key = read_secret(&config.key)?;
    let key = WitnessSigningKey::parse(key.trim_end_matches('\n')).map_err(|refused| WitnessFault::unusable(&config.key, refused))?;
    let identity = load_identity(&config)?;
    let ledger = Ledger::open(&config.logs, key)?;
    Ok(LoadedWitness { config, identity, ledger })
}

fn load_identity(config: &WitnessConfig) -> Result<TlsIdentity, WitnessFault> {
    let WitnessConfig { tls_key, tls_certificate, .. } = config;
    let (_, key) = decode_pem(&read_secret(tls_key)?, "PRIVATE KEY", tls_key)?;
    let (_, certificate) = decode_pem(&read_secret(tls_certificate)?, "CERTIFICATE", tls_certificate)?;
    TlsIdentity::load(vec![certificate.to_vec()], &key).map_err(|fault| WitnessFault::unusable(tls_key, fault))
}

fn decode_pem(text: &str, expected: &'static str, path: &Path) -> Result<(&'static str, Zeroizing<Vec<u8>>), WitnessFault> {
    let (label, der) = der::pem::decode_vec(text.as_bytes()).map_err(|fault| WitnessFault::unusable(path, fault))?;
    let der = Zeroizing::new(der);
    if label == expected { Ok((expected, der)) } else { Err(WitnessFault::unusable(path, format!("it is no PEM of a {expected}"))) }
}

fn read_secret(path: &Path) -> Result<Zeroizing<String>, WitnessFault> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(WitnessFault::file("read", path))
}
