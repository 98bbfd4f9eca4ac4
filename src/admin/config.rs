//! The server's configuration, and loading what it names.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::AdminFault;
use crate::domain::StateCode;
use crate::exchange::LogKeys;
use crate::settings::load_settings;
use crate::sign::Certificate;
use crate::store::StoreSettings;
use crate::tlog::LogSigningKey;
use crate::trust::TrustAnchors;
use crate::wire::WitnessSheet;

/// `elchi.toml`. Relative paths are meant from the folder that the file is in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// The TLS private key, PKCS#8 PEM.
    pub tls_key: PathBuf,
    /// The TLS certificate, PEM.
    pub tls_certificate: PathBuf,
    /// The signing key of the events log.
    pub events_log_key: PathBuf,
    /// The signing key of the directory log.
    pub directory_log_key: PathBuf,
    /// The folder of the states' roots: `KG.pem`, `TR.pem`.
    pub roots: PathBuf,
    /// The folder of the witnesses' sheets.
    pub witnesses: PathBuf,
    /// The store.
    pub store: StoreSettings,
}

/// A configuration with all that it names, except the store.
pub struct LoadedServer {
    /// The configuration, paths made whole.
    pub config: ServerConfig,
    /// TLS certificate, DER.
    pub tls_certificate: Vec<u8>,
    /// TLS key, PKCS#8 DER.
    pub tls_key: Zeroizing<Vec<u8>>,
    /// The log keys.
    pub keys: LogKeys,
    /// The states' roots.
    pub anchors: TrustAnchors,
    /// The witnesses to ask.
    pub witnesses: Vec<WitnessSheet>,
}

/// Loads `elchi.toml` and what it names.
///
/// # Errors
/// When a part is missing or cannot be used.
pub fn load_server(path: &Path) -> Result<LoadedServer, AdminFault> {
    let mut config: ServerConfig = load_settings(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let ServerConfig { tls_key, tls_certificate, events_log_key, directory_log_key, roots, witnesses, store, .. } = &mut config;
    let StoreSettings { folder: data, guard_file, .. } = store;
    for named in [tls_key, tls_certificate, events_log_key, directory_log_key, roots, witnesses, data, guard_file] {
        *named = folder.join(&*named);
    }
    let keys = LogKeys { events: load_log_key(&config.events_log_key)?, directory: load_log_key(&config.directory_log_key)? };
    let certificate = load_certificate(&config.tls_certificate)?;
    let tls_key = load_tls_key(&config.tls_key)?;
    let anchors = load_anchors(&config.roots)?;
    let witnesses = load_witnesses(&config.witnesses)?;
    Ok(LoadedServer { tls_certificate: certificate.der().to_vec(), tls_key, keys, anchors, witnesses, config })
}

fn load_witnesses(folder: &Path) -> Result<Vec<WitnessSheet>, AdminFault> {
    let mut sheets = Vec::new();
    for entry in fs::read_dir(folder).map_err(AdminFault::file("read", folder))? {
        let path = entry.map_err(AdminFault::file("read", folder))?.path();
        let bytes = fs::read(&path).map_err(AdminFault::file("read", &path))?;
        sheets.push(
            serde_json::from_slice(&bytes).map_err(|fault| AdminFault::unusable(&path, format!("it is no witness's sheet: {fault}")))?,
        );
    }
    Ok(sheets)
}

fn load_log_key(path: &Path) -> Result<LogSigningKey, AdminFault> {
    let text = read_secret(path)?;
    LogSigningKey::parse(text.trim_end_matches('\n')).map_err(|refused| AdminFault::unusable(path, refused))
}

fn load_certificate(path: &Path) -> Result<Certificate, AdminFault> {
    let text = fs::read_to_string(path).map_err(AdminFault::file("read", path))?;
    Certificate::parse_pem(&text).map_err(|refused| AdminFault::unusable(path, refused))
}

fn load_tls_key(path: &Path) -> Result<Zeroizing<Vec<u8>>, AdminFault> {
    let text = read_secret(path)?;
    let (label, der) = der::pem::decode_vec(text.as_bytes()).map_err(|fault| AdminFault::unusable(path, fault))?;
    if label == "PRIVATE KEY" { Ok(Zeroizing::new(der)) } else { Err(AdminFault::unusable(path, "it is no PKCS#8 key")) }
}

fn load_anchors(folder: &Path) -> Result<TrustAnchors, AdminFault> {
    let mut roots: Vec<(StateCode, Vec<u8>)> = Vec::new();
    for entry in fs::read_dir(folder).map_err(AdminFault::file("read", folder))? {
        let path = entry.map_err(AdminFault::file("read", folder))?.path();
        let state = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        let state = state.ok_or_else(|| AdminFault::unusable(&path, "its name is no state's code, such as KG.pem"))?;
        roots.push((state, load_certificate(&path)?.der().to_vec()));
    }
    TrustAnchors::from_der(roots.iter().map(|(state, der)| (*state, der.as_slice())))
        .map_err(|refused| AdminFault::unusable(folder, refused))
}

fn read_secret(path: &Path) -> Result<Zeroizing<String>, AdminFault> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(AdminFault::file("read", path))
}
