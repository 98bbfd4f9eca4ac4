//! The other side of the contract: seal, send, ask, verify, remember.
//!
//! Never takes the server's word without a proof. A face for it (`cli`, `desk`) shows what it returns
//! and decides nothing. It blocks, and drives its sockets with a runtime of its own: whoever has an async runtime
//! calls it from a thread that may block.
//!
//! ```text
//! Client::open ── profile (unlocked), policy, this machine's copies of both logs
//!   follow     ── newer checkpoints, only if they continue the copies; the directory, folded and judged
//!   send       ── outbox: seal, stage ── upload ── sign ── act ── receipt verified ── "sent"
//!   open       ── release ── receipt verified ── slip, blob ── verified to the last byte ── files appear ── opened
//!   rewrap     ── unwrap ── slips opened with the old key, sealed to the one in force ── rewrap; a colleague: confirm
//!   history    ── a case replayed from the log: every statement, in order, judged as of its leaf
//! ```

mod acts;
mod authority_keys;
mod chains;
mod cover;
mod fault;
mod finding;
mod follow;
mod full_head;
mod history;
mod inbox;
mod mirror;
mod notices;
mod objections;
mod opening;
mod outbox;
mod pipe;
mod profile;
mod profile_keys;
mod recovery;
mod registers;
mod rewrapping;
mod sending;
mod session;
mod slips;
mod standing;
mod transfers;
mod unlock;

use std::fs::File;

use crate::clock;
use crate::crypto::{hash, random_nonce};
use crate::domain::Log;
use crate::sign::{Signer, sign_detached};
use crate::trust::{Directory, VerifiedPolicy};
use crate::wire::{Act, Statement, encode_statement};

pub use cover::{COVER_NAME, CheckedCover, Cover, CoverDocument, is_plain_name};
pub use fault::ClientError;
pub use full_head::FullHead;
pub use history::{CaseEvent, CaseHistory, SignedBytes};
pub use inbox::InboxEntry;
pub use mirror::Mirror;
pub use notices::Notice;
pub use opening::OpenedSubmission;
pub use outbox::{Draft, DraftDocument, Waiting};
pub use profile::{Profile, ProfileSettings};
pub use profile_keys::TlsKey;
pub use rewrapping::Rewrapping;
pub use sending::{SendingStage, Sent, Submission, Watch};
pub use session::Session;
pub use standing::ProvisionalNotice;
pub use transfers::Progress;
pub use unlock::{AskPassphrase, Unlock};

/// A member at their machine, connected when need be.
pub struct Client {
    profile: Profile,
    policy: VerifiedPolicy,
    session: Session,
    events: Mirror,
    directory_mirror: Mirror,
    directory: Directory,
    /// Held as long as the client lives.
    _lock: File,
}

impl Client {
    /// Takes up a profile: checks its policy, recomputes its copies of the logs, folds the directory.
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// When a part of the profile is missing or does not check, or another process works with it.
    pub fn open(profile: Profile) -> Result<Self, ClientError> {
        let lock = profile.lock()?;
        let policy = profile.load_policy()?;
        let memory = profile.make_folder("memory")?;
        let session = Session::new(&policy.policy().server, policy.policy().server_spki, profile.load_tls_key()?)?;
        let events = Mirror::open(&memory, Log::Events, &policy)?;
        let directory_mirror = Mirror::open(&memory, Log::Directory, &policy)?;
        let directory = Directory::new(policy.origin(Log::Directory).clone(), policy.anchors().clone());
        let mut client = Self { profile, policy, session, events, directory_mirror, directory, _lock: lock };
        client.fold_directory()?;
        Ok(client)
    }

    /// Whose machine this is.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The policy in force.
    pub fn policy(&self) -> &VerifiedPolicy {
        &self.policy
    }

    /// The directory as this machine has verified it.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// This machine's copy of a log.
    pub fn mirror(&self, log: Log) -> &Mirror {
        match log {
            Log::Events => &self.events,
            Log::Directory => &self.directory_mirror,
        }
    }

    /// A statement of this member, now, as of what this machine has verified; with its signature.
    fn sign_statement(&self, act: Act, signer: &dyn Signer) -> Result<SignedBytes, ClientError> {
        self.require_permitted_now(act.op())?;
        let log = act.op().log();
        let now = clock::now_second();
        let statement = Statement {
            log: self.policy.origin(log).clone(),
            act,
            actor: self.profile.member().clone(),
            certificate: signer.certificate().certificate_sha256(),
            directory: self.directory_mirror.head(),
            seen: self.mirror(log).head(),
            time: now,
            nonce: random_nonce(),
        };
        let statement = encode_statement(&statement).into_bytes();
        let signature = sign_detached(signer, &hash(&statement), now).map_err(|fault| {
            ClientError::not_possible(format!("the statement could not be signed: {fault}"), "check the statement key of the profile")
        })?;
        Ok(SignedBytes { statement, signature })
    }
}
