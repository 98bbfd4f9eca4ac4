//! A member's profile: one folder with their keys, their policy, and what this machine remembers.
//!
//! ```text
//! profile.toml        member = "kg.gpo/01"
//! policy.txt .p7s     the registrar's policy and its signature
//! roots/KG.pem …      the root certificates that the policy names
//! tls.key .pem        TLS key (PKCS#8 PEM); its certificate and the issuing CA's
//! statement.key .pem  statement key; its certificate and the issuing CA's
//! member.age          the member's own sealing identity
//! authority-….age     the authority's sealing identities, each age-sealed to the member's; named by the first 16 digits
//!                     of the key's fingerprint
//! memory/             copies of both logs with their checkpoints, statements that were read
//! receipts/ outbox/   what was done, what is on its way
//! lock                held by the process that works with the profile
//! ```
//!
//! Keys are readable by their owner only. A registrar's profile has no sealing identities.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use zeroize::Zeroizing;

use super::ClientError;
use crate::domain::{Hash, MemberCode, StateCode};
use crate::durable;
use crate::seal::{GrantedIdentity, SealingIdentity, open_authority_identity};
use crate::settings::load_settings;
use crate::sign::{Certificate, Signer, SoftwareSigner};
use crate::trust::{VerifiedPolicy, verify_policy};

/// `profile.toml`.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileSettings {
    /// Whose profile it is.
    pub member: MemberCode,
}

/// A profile's folder. Its parts are read when they are needed.
#[derive(Debug, Clone)]
pub struct Profile {
    folder: PathBuf,
    member: MemberCode,
}

/// A certificate with its issuing CA's and the private key, as TLS needs them.
pub struct TlsKey {
    /// DER, the leaf first.
    pub chain_der: Vec<Vec<u8>>,
    /// PKCS#8 DER.
    pub key_pkcs8: Zeroizing<Vec<u8>>,
}

/// The file of an authority's sealing identity: enough of the fingerprint to tell an authority's keys apart.
fn authority_identity_name(key: &Hash) -> String {
    format!("authority-{}.age", &key.to_string()[..16])
}

impl Profile {
    /// Opens the profile in `folder`.
    ///
    /// # Errors
    /// When there is none, or its settings are not as expected.
    pub fn open(folder: &Path) -> Result<Self, ClientError> {
        let settings: ProfileSettings = load_settings(&folder.join("profile.toml")).map_err(|refused| ClientError::Profile {
            path: folder.to_owned(),
            reason: refused.to_string(),
            hint: "name the folder that `elchi profile accept` completed, with --profile or ELCHI_PROFILE",
        })?;
        Ok(Self { folder: folder.to_owned(), member: settings.member })
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

    /// The TLS key with its chain.
    ///
    /// # Errors
    /// When a part is missing or does not parse.
    pub fn load_tls_key(&self) -> Result<TlsKey, ClientError> {
        let chain = self.load_certificates("tls.pem")?;
        let key_pkcs8 = self.load_key("tls.key")?;
        Ok(TlsKey { chain_der: chain.iter().map(|certificate| certificate.der().to_vec()).collect(), key_pkcs8 })
    }

    /// The statement key with its certificate.
    ///
    /// # Errors
    /// When a part is missing, does not parse, or does not belong to the other.
    pub fn load_statement_signer(&self) -> Result<impl Signer + use<>, ClientError> {
        let mut chain = self.load_certificates("statement.pem")?;
        if chain.len() != 2 {
            return Err(self.broken("statement.pem must hold the certificate and its issuer's".into()));
        }
        let (issuer, certificate) = (chain.remove(1), chain.remove(0));
        let key = self.load_key("statement.key")?;
        SoftwareSigner::from_pkcs8_der(&key, certificate, issuer).map_err(|refused| self.broken(format!("statement.key: {refused}")))
    }

    /// The authority's sealing identity of the key with this fingerprint, as it was granted to the member; to be held
    /// against the directory.
    ///
    /// # Errors
    /// When it is missing or does not open.
    pub fn load_granted_identity(&self, key: &Hash) -> Result<GrantedIdentity, ClientError> {
        let grant = self.read(&authority_identity_name(key)).map_err(|fault| match fault {
            ClientError::Profile { path, reason, .. } => ClientError::Profile {
                path,
                reason,
                hint: "ask a custodian of your authority for `elchi profile grant`, and take it with `elchi profile take-grant`",
            },
            other => other,
        })?;
        self.open_grant(&grant)
    }

    /// Whether the member was granted the authority's sealing identity of the key with this fingerprint, and has it here.
    pub(super) fn has_granted_identity(&self, key: &Hash) -> bool {
        self.path(&authority_identity_name(key)).exists()
    }

    /// Keeps a sealing identity of the authority, sealed to the member's own.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn publish_granted_identity(&self, key: &Hash, sealed: &[u8]) -> Result<(), ClientError> {
        let path = self.path(&authority_identity_name(key));
        durable::publish_file(&path, sealed).map_err(ClientError::file("write", &path))
    }

    /// The authority's sealing identity from a grant to this member; to be held against the directory.
    ///
    /// # Errors
    /// When it does not open.
    pub fn open_grant(&self, grant: &[u8]) -> Result<GrantedIdentity, ClientError> {
        let own = self.load_member_identity()?;
        open_authority_identity(grant, &own, self.member.authority())
            .map_err(|refused| ClientError::unproven(format!("the grant: {refused}")))
    }

    /// The member's own sealing identity.
    ///
    /// # Errors
    /// When it is missing or no identity.
    pub fn load_member_identity(&self) -> Result<SealingIdentity, ClientError> {
        let text = Zeroizing::new(self.read("member.age")?);
        let text = std::str::from_utf8(&text).map_err(|_| self.broken("member.age is not text".into()))?;
        let line = text.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
        SealingIdentity::parse(line).map_err(|refused| self.broken(format!("member.age: {refused}")))
    }

    /// The one certificate of a PEM file.
    pub(crate) fn load_certificate(&self, name: &str) -> Result<Certificate, ClientError> {
        Ok(self.load_certificates(name)?.remove(0))
    }

    fn load_certificates(&self, name: &str) -> Result<Vec<Certificate>, ClientError> {
        let text = self.read(name)?;
        let text = std::str::from_utf8(&text).map_err(|_| self.broken(format!("{name} is not text")))?;
        Certificate::parse_chain_pem(text).map_err(|refused| self.broken(format!("{name}: {refused}")))
    }

    /// The DER of a PKCS#8 PEM file.
    pub(crate) fn load_key(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, ClientError> {
        let text = Zeroizing::new(self.read(name)?);
        let (label, der) = der::pem::decode_vec(&text).map_err(|fault| self.broken(format!("{name}: {fault}")))?;
        if label == "PRIVATE KEY" { Ok(Zeroizing::new(der)) } else { Err(self.broken(format!("{name} is not a PKCS#8 key"))) }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, ClientError> {
        let path = self.path(name);
        fs::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => self.broken(format!("{name} is missing")),
            _ => ClientError::file("read", &path)(source),
        })
    }

    fn broken(&self, reason: String) -> ClientError {
        ClientError::Profile {
            path: self.folder.clone(),
            reason,
            hint: "complete it with `elchi profile accept`, or restore it from a backup",
        }
    }
}
