//! A member's profile: one folder with their keys, their policy, and what this machine remembers.
//!
//! ```text
//! profile.toml           member = "kg.gpo/01"
//! profile.age            the profile's key behind a passphrase, unless it lies in an unlock file elsewhere
//! policy.txt .p7s        the registrar's policy and its signature
//! roots/KG.pem …         the root certificates that the policy names
//! tls.key.age tls.pem    TLS key (PKCS#8 PEM); its certificate and the issuing CA's
//! statement.key.age …    statement key; its certificate and the issuing CA's
//! member.key.age         the member's own sealing identity
//! authority-….age        the authority's sealing identities, each age-sealed to the member's; named by the first 16
//!                        digits of the key's fingerprint
//! memory/                copies of both logs with their checkpoints, statements that were read
//! receipts/ outbox/      what was done, what is on its way
//! lock                   held by the process that works with the profile
//! ```
//!
//! Every `.key.age` is age-sealed to the profile's key (`unlock`). A registrar's profile has no sealing identities.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::ClientError;
use super::unlock::{ProfileKey, Unlock, publish_sealed};
use crate::domain::{Hash, MemberCode, StateCode};
use crate::durable;
use crate::seal::Passphrase;
use crate::settings::load_settings;
use crate::sign::Certificate;
use crate::trust::{VerifiedPolicy, verify_policy};

/// `profile.toml`.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileSettings {
    /// Whose profile it is.
    pub member: MemberCode,
}

/// A profile's folder, unlocked. Its parts are read when they are needed.
#[derive(Clone)]
pub struct Profile {
    folder: PathBuf,
    member: MemberCode,
    key: ProfileKey,
}

impl Profile {
    /// Makes a profile's folder, readable by its owner only, with its key in place.
    ///
    /// # Errors
    /// When the folder exists or cannot be written, or there is no key to be had.
    pub(crate) fn create(folder: &Path, member: &MemberCode, unlock: &Unlock) -> Result<Self, ClientError> {
        let (key, sealed) = unlock.make_key(folder)?;
        durable::make_private_folder(folder).map_err(ClientError::file("make", folder))?;
        if let Some(sealed) = sealed {
            publish_sealed(folder, &sealed)?;
        }
        // From here on nothing that is sealed to the key is lost with this process.
        let profile = Self { folder: folder.to_owned(), member: member.clone(), key };
        profile.publish("profile.toml", format!("member = \"{member}\"\n").as_bytes())?;
        Ok(profile)
    }

    /// Opens the profile in `folder`.
    ///
    /// # Errors
    /// When there is none, its settings are not as expected, or it cannot be unlocked.
    pub fn open(folder: &Path, unlock: &Unlock) -> Result<Self, ClientError> {
        let settings: ProfileSettings = load_settings(&folder.join("profile.toml")).map_err(|refused| ClientError::Profile {
            path: folder.to_owned(),
            reason: refused.to_string(),
            hint: "name the folder that `elchi profile accept` completed, with --profile or ELCHI_PROFILE",
        })?;
        Ok(Self { folder: folder.to_owned(), member: settings.member, key: unlock.load_key(folder)? })
    }

    /// Puts the profile's key behind a passphrase, in place of an earlier one or of an unlock file. Nothing else changes.
    ///
    /// # Errors
    /// When the key does not open this profile's files, or `profile.age` cannot be written.
    pub fn change_passphrase(&self, passphrase: &Passphrase) -> Result<(), ClientError> {
        // With the wrong key the profile would be locked for good.
        self.load_key("tls.key.age")?;
        self.key.publish_with(&self.folder, passphrase)
    }

    pub(super) fn key(&self) -> &ProfileKey {
        &self.key
    }

    /// Whose it is.
    pub fn member(&self) -> &MemberCode {
        &self.member
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file or folder of the profile.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where the receipt of a statement is kept that this profile put.
    pub(super) fn receipt_path(&self, statement: &Hash) -> PathBuf {
        self.folder.join("receipts").join(format!("{statement}.json"))
    }

    /// A folder of the profile, made if it is not there yet.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_folder(&self, name: &str) -> Result<PathBuf, ClientError> {
        let path = self.path(name);
        fs::create_dir_all(&path).map_err(ClientError::file("make", &path))?;
        Ok(path)
    }

    /// Takes the profile for this process until the file is dropped: two that write one memory would mix it up.
    ///
    /// # Errors
    /// When another process has it.
    pub(super) fn lock(&self) -> Result<File, ClientError> {
        let path = self.path("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(ClientError::file("open", &path))?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| ClientError::Profile {
            path: self.folder.clone(),
            reason: "another elchi is working with it".into(),
            hint: "wait until that one has ended",
        })?;
        Ok(file)
    }

    /// The policy in force.
    ///
    /// # Errors
    /// When it is not signed by the own state's registrar, or not usable.
    pub fn load_policy(&self) -> Result<VerifiedPolicy, ClientError> {
        let (text, signature) = (self.read("policy.txt")?, self.read("policy.p7s")?);
        let verified = verify_policy(&text, &signature, self.member.state(), &self.load_roots()?, 0);
        verified.map_err(|rejected| ClientError::unproven(format!("{}: {rejected}", self.path("policy.txt").display())))
    }

    /// The root certificates that came with the policy, DER.
    ///
    /// # Errors
    /// When one cannot be read or is no certificate.
    pub fn load_roots(&self) -> Result<Vec<(StateCode, Vec<u8>)>, ClientError> {
        let folder = self.path("roots");
        let mut roots = Vec::new();
        for entry in fs::read_dir(&folder).map_err(ClientError::file("read", &folder))? {
            let path = entry.map_err(ClientError::file("read", &folder))?.path();
            // A write that a crash cut short left a temporary file.
            if path.extension().is_none_or(|extension| extension != "pem") {
                continue;
            }
            let state = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            let state = state.ok_or_else(|| self.broken(format!("{} is not named for a state", path.display())))?;
            roots.push((state, self.load_certificate(&format!("roots/{state}.pem"))?.der().to_vec()));
        }
        Ok(roots)
    }

    /// The one certificate of a PEM file.
    pub(crate) fn load_certificate(&self, name: &str) -> Result<Certificate, ClientError> {
        Ok(self.load_certificates(name)?.remove(0))
    }

    pub(super) fn load_certificates(&self, name: &str) -> Result<Vec<Certificate>, ClientError> {
        let text = self.read(name)?;
        let text = std::str::from_utf8(&text).map_err(|_| self.broken(format!("{name} is not text")))?;
        Certificate::parse_chain_pem(text).map_err(|refused| self.broken(format!("{name}: {refused}")))
    }

    /// Writes a file of the profile, whole or not at all.
    pub(crate) fn publish(&self, name: &str, bytes: &[u8]) -> Result<(), ClientError> {
        let path = self.path(name);
        durable::publish_file(&path, bytes).map_err(ClientError::file("write", &path))
    }

    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, ClientError> {
        let path = self.path(name);
        fs::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => self.broken(format!("{name} is missing")),
            _ => ClientError::file("read", &path)(source),
        })
    }

    pub(super) fn broken(&self, reason: String) -> ClientError {
        ClientError::Profile {
            path: self.folder.clone(),
            reason,
            hint: "complete it with `elchi profile accept`, or restore it from a backup",
        }
    }
}
