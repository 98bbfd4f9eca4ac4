//! Writes the files of evidence, into a folder or into a ZIP, and lists their digests.
//!
//! A ZIP is written beside its name and appears there when it is complete. Its files are stored as they are, in the order
//! in which they were written, of one fixed time: the same content gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::proven_log::ProvenLog;
use crate::client::{Client, ClientError};
use crate::crypto::hash;
use crate::domain::{Hash, Log, StateCode};
use crate::durable::{self, StagedFile};
use crate::sign::{Certificate, parse_detached, verify_detached};

/// What verifies it all again.
const SCRIPT: (&str, &str) = ("verify.sh", include_str!("verify.sh"));

/// Writes files and remembers their digests.
pub(super) struct Writer {
    path: PathBuf,
    target: Target,
    sums: BTreeMap<String, Hash>,
}

enum Target {
    Folder,
    Zip(Box<ZipWriter<StagedFile>>),
}

impl Writer {
    /// Begins in a new folder.
    pub(super) fn in_folder(path: &Path) -> Result<Self, ClientError> {
        durable::make_private_folder(path).map_err(ClientError::file("make", path))?;
        Ok(Self { path: path.to_owned(), target: Target::Folder, sums: BTreeMap::new() })
    }

    /// Begins a ZIP.
    pub(super) fn in_zip(path: &Path) -> Result<Self, ClientError> {
        let staged = StagedFile::stage(path).map_err(ClientError::file("write", path))?;
        Ok(Self { path: path.to_owned(), target: Target::Zip(Box::new(ZipWriter::new(staged))), sums: BTreeMap::new() })
    }

    /// Writes one file.
    pub(super) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), ClientError> {
        let path = self.path.join(name);
        let written = match &mut self.target {
            Target::Folder => write_file(&path, bytes, mode_of(name)),
            Target::Zip(zip) => store(zip, name, bytes),
        };
        written.map_err(ClientError::file("write", &path))?;
        self.sums.insert(name.to_owned(), hash(bytes));
        Ok(())
    }

    /// Writes the roots and the policy by which all of it was judged.
    pub(super) fn write_policy(&mut self, client: &Client) -> Result<(), ClientError> {
        let named = |state: &StateCode| client.policy().policy().roots.iter().any(|(named, _)| named == state);
        for (state, der) in client.profile().load_roots()?.into_iter().filter(|(state, _)| named(state)) {
            let root = Certificate::parse_der(&der).map_err(ClientError::unproven)?;
            self.write(&format!("roots/{state}.pem"), root.to_pem().as_bytes())?;
        }
        for name in ["policy.txt", "policy.p7s"] {
            let path = client.profile().path(name);
            let bytes = fs::read(&path).map_err(ClientError::file("read", &path))?;
            self.write(&format!("policy/{name}"), &bytes)?;
        }
        Ok(())
    }

    /// Writes a log's checkpoint and key.
    pub(super) fn write_checkpoint(&mut self, log: Log, proven: &ProvenLog) -> Result<(), ClientError> {
        self.write(&format!("logs/{log}.checkpoint"), proven.note.as_str().as_bytes())?;
        self.write(&format!("logs/{log}.vkey"), format!("{}\n", proven.key).as_bytes())
    }

    /// Writes a statement with its signature and its certificates.
    pub(super) fn write_statement(&mut self, at: &str, statement: &[u8], signature: &[u8]) -> Result<(), ClientError> {
        let parsed = parse_detached(signature).map_err(ClientError::unproven)?;
        let signed = verify_detached(&hash(statement), &parsed).map_err(ClientError::unproven)?;
        self.write(&format!("{at}/statement.txt"), statement)?;
        self.write(&format!("{at}/signature.p7s"), signature)?;
        self.write(&format!("{at}/signer.pem"), signed.signer().to_pem().as_bytes())?;
        self.write(&format!("{at}/issuer.pem"), signed.issuer().to_pem().as_bytes())
    }

    /// Writes a leaf with its proof.
    pub(super) fn write_leaf(&mut self, at: &str, index: u64, leaf: &[u8], log: &ProvenLog) -> Result<(), ClientError> {
        self.write(&format!("{at}/leaf-{index}.bin"), leaf)?;
        self.write(&format!("{at}/leaf-{index}.tlog-proof"), log.prove(index)?.as_bytes())
    }

    /// Writes the script and the list of digests. A ZIP appears now.
    pub(super) fn finish(mut self) -> Result<(), ClientError> {
        self.write(SCRIPT.0, SCRIPT.1.as_bytes())?;
        let sums: String = self.sums.iter().map(|(name, sha256)| format!("{sha256}  {name}\n")).collect();
        self.write("SHA256SUMS", sums.as_bytes())?;
        let Target::Zip(zip) = self.target else { return Ok(()) };
        let finished = zip.finish().map_err(io::Error::from).and_then(StagedFile::publish_new);
        finished.map_err(ClientError::file("write", &self.path))
    }
}

fn mode_of(name: &str) -> u32 {
    if name == SCRIPT.0 { 0o700 } else { 0o600 }
}

fn write_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    durable::publish_new_file(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn store(zip: &mut ZipWriter<StagedFile>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .system(System::Unix)
        .unix_permissions(mode_of(name))
        .large_file(u32::try_from(bytes.len()).is_err());
    zip.start_file(name, options)?;
    zip.write_all(bytes)
}
