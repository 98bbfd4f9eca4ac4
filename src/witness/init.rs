//! Making a witness: its keys, its configuration, its sheet; and adding logs to it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::ledger::{WitnessFault, encode_head, page_name};
use crate::domain::Hash;
use crate::durable;
use crate::tlog::{LogVerifierKey, WitnessSigningKey};
use crate::wire::{KeyName, VerifierKey, WitnessSheet};

/// What a new witness is made from.
pub struct NewWitness<'a> {
    /// Its name: a URL without a scheme, such as `witness.kg.example`.
    pub name: KeyName,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Host and port by which logs reach it.
    pub address: String,
    /// The TLS key, PKCS#8 DER.
    pub tls_key: &'a [u8],
    /// Its self-signed certificate, DER.
    pub tls_certificate: &'a [u8],
    /// SHA-256 of the certificate's public key.
    pub tls_spki: Hash,
}

/// Makes a witness's folder, with `witness.toml` in it, and gives the sheet that others need.
///
/// # Errors
/// When the folder exists or cannot be written.
pub fn init_witness(folder: &Path, new: &NewWitness<'_>) -> Result<WitnessSheet, WitnessFault> {
    durable::make_private_folder(folder).map_err(WitnessFault::file("make", folder))?;
    let logs = folder.join("logs");
    fs::create_dir(&logs).map_err(WitnessFault::file("make", &logs))?;
    let key_path = folder.join("witness.key");
    let key = WitnessSigningKey::generate(new.name.clone()).map_err(|fault| WitnessFault::unusable(&key_path, fault))?;
    publish(&key_path, format!("{}\n", key.expose_secret().as_str()).as_bytes())?;
    publish_pem(&folder.join("tls.key"), "PRIVATE KEY", new.tls_key)?;
    publish_pem(&folder.join("tls.pem"), "CERTIFICATE", new.tls_certificate)?;
    let sheet = WitnessSheet {
        key: key.verifier_key().to_wire().to_string(),
        address: new.address.clone(),
        path: String::new(),
        tls_spki: new.tls_spki,
    };
    let sheet_path = folder.join("witness-sheet.json");
    let json = serde_json::to_vec_pretty(&sheet).map_err(|fault| WitnessFault::unusable(&sheet_path, fault))?;
    publish(&sheet_path, &json)?;
    let config = include_str!("../../config/witness.example.toml").replace("0.0.0.0:8444", &new.listen.to_string());
    publish(&folder.join("witness.toml"), config.as_bytes())?;
    Ok(sheet)
}

/// Has the witness that is configured in `folder` cosign for a log, from its first checkpoint on. It takes effect when
/// the witness starts.
///
/// # Errors
/// When the key is no log's, or the witness has a log of that origin already.
pub fn add_log(folder: &Path, key: &VerifierKey) -> Result<(), WitnessFault> {
    let logs = folder.join("logs");
    let key = LogVerifierKey::from_wire(key).map_err(|refused| WitnessFault::unusable(&logs, refused))?;
    let path = logs.join(page_name(&key));
    durable::publish_new_file(&path, encode_head(&key).as_bytes()).map_err(WitnessFault::file("write", &path))
}

fn publish_pem(path: &Path, label: &'static str, der: &[u8]) -> Result<(), WitnessFault> {
    let text = der::pem::encode_string(label, der::pem::LineEnding::LF, der).map_err(|fault| WitnessFault::unusable(path, fault))?;
    publish(path, zeroize::Zeroizing::new(text).as_bytes())
}

fn publish(path: &Path, bytes: &[u8]) -> Result<(), WitnessFault> {
    durable::publish_file(path, bytes).map_err(WitnessFault::file("write", path))
}
