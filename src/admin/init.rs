//! Making a server: keys, configuration, its sheet for the registrars.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::AdminFault;
use crate::domain::{Log, Origin, StateCode};
use crate::durable;
use crate::sign::Certificate;
use crate::tlog::LogSigningKey;
use crate::wire::ServerSheet;

/// What a new server is made from.
pub struct NewServer<'a> {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Host and port by which clients reach it.
    pub address: String,
    /// The first part of both logs' origins, such as `mla.example`.
    pub log_name: String,
    /// Each state's root, PEM.
    pub roots: &'a [(StateCode, String)],
    /// The TLS key, PKCS#8 DER.
    pub tls_key: &'a [u8],
    /// Its self-signed certificate, DER.
    pub tls_certificate: &'a [u8],
}

/// Makes a server's folder, with `elchi.toml` in it, and gives the sheet that registrars need.
///
/// # Errors
/// When the folder exists or cannot be written, or a root or name cannot be used.
pub fn init_server(folder: &Path, new: &NewServer<'_>) -> Result<ServerSheet, AdminFault> {
    durable::make_private_folder(folder).map_err(AdminFault::file("make", folder))?;
    for name in ["roots", "witnesses", "guard", "data"] {
        let path = folder.join(name);
        fs::create_dir(&path).map_err(AdminFault::file("make", &path))?;
    }
    for (state, pem) in new.roots {
        let path = folder.join(format!("roots/{state}.pem"));
        let root = Certificate::parse_pem(pem).map_err(|refused| AdminFault::unusable(&path, refused))?;
        publish(&path, root.to_pem().as_bytes())?;
    }
    let key_path = folder.join("tls.key");
    let key = der::pem::encode_string("PRIVATE KEY", der::pem::LineEnding::LF, new.tls_key);
    let key = zeroize::Zeroizing::new(key.map_err(|fault| AdminFault::unusable(&key_path, fault))?);
    publish(&key_path, key.as_bytes())?;
    let certificate_path = folder.join("tls.pem");
    let certificate = Certificate::parse_der(new.tls_certificate).map_err(|refused| AdminFault::unusable(&certificate_path, refused))?;
    publish(&certificate_path, certificate.to_pem().as_bytes())?;
    let sheet = ServerSheet {
        address: new.address.clone(),
        tls_spki: certificate.spki_sha256(),
        events: make_log_key(folder, &new.log_name, Log::Events)?,
        directory: make_log_key(folder, &new.log_name, Log::Directory)?,
    };
    let sheet_path = folder.join("server-sheet.json");
    let json = serde_json::to_vec_pretty(&sheet).map_err(|fault| AdminFault::unusable(&sheet_path, fault))?;
    publish(&sheet_path, &json)?;
    publish(&folder.join("elchi.toml"), config_text(new.listen).as_bytes())?;
    Ok(sheet)
}

/// Makes a log's key and gives its verifier key.
fn make_log_key(folder: &Path, log_name: &str, log: Log) -> Result<String, AdminFault> {
    let path = folder.join(format!("{log}.key"));
    let origin: Origin = format!("{log_name}/{log}").parse().map_err(|malformed| AdminFault::unusable(&path, malformed))?;
    let key = LogSigningKey::generate(origin).map_err(|fault| AdminFault::unusable(&path, fault))?;
    publish(&path, format!("{}\n", key.expose_secret().as_str()).as_bytes())?;
    Ok(key.verifier_key().to_wire().to_string())
}

fn config_text(listen: SocketAddr) -> String {
    include_str!("../../config/server.example.toml").replace("0.0.0.0:8443", &listen.to_string())
}

fn publish(path: &Path, bytes: &[u8]) -> Result<(), AdminFault> {
    durable::publish_file(path, bytes).map_err(AdminFault::file("write", path))
}
