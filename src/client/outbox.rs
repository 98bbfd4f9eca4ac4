//! The outbox: a submission on its way, on disk. Sealing is randomised, so what is sent again after a cut
//! must be the very bytes that were sealed first.
//!
//! ```text
//! outbox/<id>/draft.json      what will be said, digests, slips, and how far the uploads are
//!            /<tag>.age       the sealed documents
//!            /act.json        the signed statement, once there is one
//! ```
//!
//! A crash while sealing leaves a folder without `draft.json`, which [`discard_unfinished`] removes. After that
//! every step can be repeated: uploads go on at their offset, the same act gets the same receipt.

use std::fs::{self, File};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ClientError, Profile};
use crate::crypto::random_tag;
use crate::domain::{AuthorityCode, Hash, Tag, UploadId};
use crate::durable;
use crate::mla::SubmissionKind;
use crate::wire::{ActRequest, SlipBody};

/// A sealed submission that was not sent yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The case.
    pub case: Tag,
    /// Request or response.
    pub kind: SubmissionKind,
    /// To whom, ascending.
    pub to: Vec<AuthorityCode>,
    /// The title, to be recognised by.
    pub title: String,
    /// The sealed documents; the first is the cover.
    pub documents: Vec<DraftDocument>,
    /// Their slips, by document, then by authority.
    pub slips: Vec<SlipBody>,
    /// Fingerprints of the sealing keys that the slips are sealed to.
    pub keys: Vec<(AuthorityCode, Hash)>,
}

/// A sealed document in the outbox.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftDocument {
    /// Its tag.
    pub tag: Tag,
    /// SHA-256 of the sealed bytes.
    pub sha256: Hash,
    /// Length of the sealed bytes.
    pub bytes: u64,
    /// The upload that takes them, once one was begun.
    pub upload: Option<UploadId>,
}

/// A submission that waits in the outbox.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The name of its folder.
    pub name: String,
    /// What it is.
    pub draft: Draft,
}

/// One folder of the outbox.
#[derive(Debug, Clone)]
pub(super) struct OutboxFolder(PathBuf);

impl OutboxFolder {
    /// A new, empty folder.
    pub(super) fn create(profile: &Profile) -> Result<Self, ClientError> {
        let name = random_tag().to_string();
        Ok(Self(profile.make_folder(&format!("outbox/{}", &name[..16]))?))
    }

    /// All folders, in the order of their names.
    pub(super) fn list(profile: &Profile) -> Result<Vec<Self>, ClientError> {
        let outbox = profile.make_folder("outbox")?;
        let mut folders = Vec::new();
        for entry in fs::read_dir(&outbox).map_err(ClientError::file("read", &outbox))? {
            folders.push(Self(entry.map_err(ClientError::file("read", &outbox))?.path()));
        }
        folders.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(folders)
    }

    pub(super) fn name(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(super) fn blob_path(&self, tag: &Tag) -> PathBuf {
        self.0.join(format!("{tag}.age"))
    }

    pub(super) fn open_blob(&self, tag: &Tag) -> Result<File, ClientError> {
        let path = self.blob_path(tag);
        File::open(&path).map_err(ClientError::file("open", &path))
    }

    /// From here on the submission survives a crash.
    pub(super) fn publish_draft(&self, draft: &Draft) -> Result<(), ClientError> {
        self.publish("draft.json", draft)
    }

    pub(super) fn load_draft(&self) -> Result<Draft, ClientError> {
        let missing = || ClientError::not_possible(format!("{} holds no draft", self.0.display()), "remove it and send again");
        self.load("draft.json")?.ok_or_else(missing)
    }

    pub(super) fn publish_act(&self, act: &ActRequest) -> Result<(), ClientError> {
        self.publish("act.json", act)
    }

    pub(super) fn load_act(&self) -> Result<Option<ActRequest>, ClientError> {
        self.load("act.json")
    }

    /// Forgets a statement that the server has not logged and will not.
    pub(super) fn remove_act(&self) -> Result<(), ClientError> {
        let path = self.0.join("act.json");
        fs::remove_file(&path).map_err(ClientError::file("remove", &path))
    }

    pub(super) fn remove(self) -> Result<(), ClientError> {
        fs::remove_dir_all(&self.0).map_err(ClientError::file("remove", &self.0))
    }

    fn publish<T: Serialize>(&self, name: &str, value: &T) -> Result<(), ClientError> {
        let path = self.0.join(name);
        let bytes = serde_json::to_vec(value).map_err(ClientError::unproven)?;
        durable::publish_file(&path, &bytes).map_err(ClientError::file("write", &path))
    }

    fn load<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ClientError> {
        let path = self.0.join(name);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|fault| {
                ClientError::not_possible(format!("{} is damaged: {fault}", path.display()), "remove its folder and send again")
            }),
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(other) => Err(ClientError::file("read", &path)(other)),
        }
    }
}

/// Removes what a crash while sealing left: sealed bytes that no draft names.
pub(super) fn discard_unfinished(profile: &Profile) -> Result<(), ClientError> {
    for folder in OutboxFolder::list(profile)? {
        if !folder.0.join("draft.json").exists() {
            folder.remove()?;
        }
    }
    Ok(())
}
