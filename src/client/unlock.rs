//! A profile's key, to which every private file of the profile is sealed; and how it is come by.
//!
//! ```text
//! profile.age     in the profile: the key, sealed with a passphrase that is asked for
//! unlock file     anywhere else: the key as it is, for programs that nobody sits at; several profiles may share one
//! ```
//!
//! Both hold the same text. The key never changes: another passphrase seals the same key anew.
//!
//! ```text
//! # elchi-profile/v1
//! AGE-SECRET-KEY-PQ-1…
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::ClientError;
use crate::durable;
use crate::seal::{
    Passphrase, PassphraseRefused, SealingIdentity, encode_identity_file, open_with_passphrase, parse_identity_file, seal_with_passphrase,
};

/// The file of the key behind a passphrase.
const SEALED_NAME: &str = "profile.age";

const COMMENT: &str = "elchi-profile/v1";

/// Where a profile's key comes from.
pub enum Unlock {
    /// An unlock file, outside of the profile.
    File(PathBuf),
    /// Whoever sits here.
    Passphrase(Box<dyn AskPassphrase>),
}

/// Whoever can ask a person for a passphrase.
pub trait AskPassphrase {
    /// The passphrase of the profile in `folder`.
    ///
    /// # Errors
    /// When nobody can be asked.
    fn ask(&self, folder: &Path) -> Result<Passphrase, ClientError>;

    /// A new one for it.
    ///
    /// # Errors
    /// When nobody can be asked, or what they answer will not do.
    fn ask_new(&self, folder: &Path) -> Result<Passphrase, ClientError>;
}

/// A profile's key, to seal and open its private files with.
#[derive(Clone)]
pub(super) struct ProfileKey {
    identity: Arc<SealingIdentity>,
    /// What to say when a file does not open with it.
    mismatch_hint: &'static str,
}

impl Unlock {
    /// A key for a profile that is about to be made in `folder`; and its `profile.age`, if there is to be one. An unlock
    /// file is made if it is not there: from then on the key survives a crash.
    pub(super) fn make_key(&self, folder: &Path) -> Result<(ProfileKey, Option<Vec<u8>>), ClientError> {
        match self {
            Unlock::File(path) => {
                if !path.exists() {
                    let text = encode_identity_file(COMMENT, &SealingIdentity::generate());
                    durable::publish_new_file(path, &text).map_err(ClientError::file("write", path))?;
                }
                Ok((load_unlock_file(path)?, None))
            }
            Unlock::Passphrase(asker) => {
                let key = ProfileKey::behind_passphrase(SealingIdentity::generate());
                let sealed = key.seal_with(&asker.ask_new(folder)?)?;
                Ok((key, Some(sealed)))
            }
        }
    }

    /// The key of the profile in `folder`.
    pub(super) fn load_key(&self, folder: &Path) -> Result<ProfileKey, ClientError> {
        match self {
            Unlock::File(path) => load_unlock_file(path),
            Unlock::Passphrase(asker) => {
                let sealed = load_sealed(folder)?;
                open_sealed(folder, &sealed, &asker.ask(folder)?)
            }
        }
    }
}

impl ProfileKey {
    fn behind_passphrase(identity: SealingIdentity) -> Self {
        Self { identity: Arc::new(identity), mismatch_hint: "restore profile.age, or the file, from a backup" }
    }

    pub(super) fn identity(&self) -> &SealingIdentity {
        &self.identity
    }

    pub(super) fn mismatch_hint(&self) -> &'static str {
        self.mismatch_hint
    }

    fn seal_with(&self, passphrase: &Passphrase) -> Result<Vec<u8>, ClientError> {
        seal_with_passphrase(&encode_identity_file(COMMENT, &self.identity), passphrase).map_err(ClientError::unproven)
    }

    /// Puts the key behind a passphrase: from here on this one opens the profile, and an earlier passphrase does not. An unlock file
    /// still does.
    pub(super) fn publish_with(&self, folder: &Path, passphrase: &Passphrase) -> Result<(), ClientError> {
        publish_sealed(folder, &self.seal_with(passphrase)?)
    }
}

/// Writes a profile's key behind a passphrase, whole or not at all.
pub(super) fn publish_sealed(folder: &Path, sealed: &[u8]) -> Result<(), ClientError> {
    let path = folder.join(SEALED_NAME);
    durable::publish_file(&path, sealed).map_err(ClientError::file("write", &path))
}

fn load_unlock_file(path: &Path) -> Result<ProfileKey, ClientError> {
    const HINT: &str = "name the unlock file that the profile was made with, and see that the disk it is on is there";
    let unusable = |why: String| ClientError::not_possible(format!("the unlock file {} cannot be used: {why}", path.display()), HINT);
    let text = Zeroizing::new(fs::read(path).map_err(|fault| unusable(fault.to_string()))?);
    let identity = parse_key(&text).ok_or_else(|| unusable("it is none".into()))?;
    Ok(ProfileKey {
        identity: Arc::new(identity),
        mismatch_hint: "name the unlock file that this profile was made with; or leave --unlock and ELCHI_UNLOCK out, to be asked for a passphrase",
    })
}

fn load_sealed(folder: &Path) -> Result<Vec<u8>, ClientError> {
    let path = folder.join(SEALED_NAME);
    fs::read(&path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => ClientError::Profile {
            path: folder.to_owned(),
            reason: "it has no passphrase; its key lies in an unlock file outside of it".into(),
            hint: "name that file with --unlock or ELCHI_UNLOCK",
        },
        _ => ClientError::file("read", &path)(source),
    })
}

fn open_sealed(folder: &Path, sealed: &[u8], passphrase: &Passphrase) -> Result<ProfileKey, ClientError> {
    let unusable = |reason: String, hint| ClientError::Profile { path: folder.to_owned(), reason, hint };
    let text = open_with_passphrase(sealed, passphrase).map_err(|refused| {
        let hint = match refused {
            PassphraseRefused::NotOpened => "type it again; nobody can recover one that is forgotten, and a registrar can invite you anew",
            _ => "restore profile.age from a backup",
        };
        unusable(format!("{SEALED_NAME}: {refused}"), hint)
    })?;
    let identity = parse_key(&text)
        .ok_or_else(|| unusable(format!("{SEALED_NAME} holds no key of a profile"), "restore profile.age from a backup"))?;
    Ok(ProfileKey::behind_passphrase(identity))
}

fn parse_key(text: &[u8]) -> Option<SealingIdentity> {
    let (comment, identity) = parse_identity_file(text)?;
    (comment == COMMENT).then_some(identity)
}
