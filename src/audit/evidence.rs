//! Evidence: everything that an audit rests on, in files that stock tools read.
//!
//! ```text
//! roots/KG.pem …                     each state's root
//! policy/policy.txt .p7s             the auditor's policy: log keys, roots' fingerprints
//! logs/events.checkpoint .vkey       the newest checkpoints, and the keys they are signed with
//! events/000000/statement.txt        a statement, named by its first leaf
//!              /signature.p7s        its detached CMS
//!              /signer.pem issuer.pem
//!              /leaf-0.bin           each of its leaves
//!              /leaf-0.tlog-proof    its C2SP proof
//! directory/000000/…                 the same of each directory entry
//! blobs/<document>.age               sealed documents and slips, where somebody put them here
//! slips/<document>-<authority>.age
//! SHA256SUMS verify.sh
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::client::{Client, ClientError};
use crate::crypto::hash;
use crate::domain::{Hash, Log, StateCode};
use crate::durable;
use crate::sign::{Certificate, parse_detached, verify_detached};
use crate::tlog::{Frontier, NodeSource, leaf_hash, prove_inclusion};
use crate::wire::{PolicyLine, SignedNote, VerifierKey, decode_directory_leaf, encode_tlog_proof};

const SCRIPT: &str = include_str!("verify.sh");

/// Writes the evidence of all that the profile's member may see, as of the logs that this machine has followed, into
/// the new folder `folder`.
///
/// # Errors
/// When the folder exists, a log or a case does not check, or a file cannot be written.
pub fn write_evidence(client: &mut Client, folder: &Path) -> Result<(), ClientError> {
    let authorities = client.watched_authorities();
    let histories = client.load_registered(&authorities)?;
    let mut out = Writer::create(folder)?;
    out.write_policy(client)?;
    let [events, directory] = [ProvenLog::load(client, Log::Events)?, ProvenLog::load(client, Log::Directory)?];
    out.write_checkpoint(Log::Events, &events)?;
    out.write_checkpoint(Log::Directory, &directory)?;
    for event in histories.iter().flat_map(|history| &history.events) {
        let at = format!("events/{:06}", event.first_index);
        out.write_statement(&at, event.statement.bytes(), event.statement.signature())?;
        for (index, leaf) in (event.first_index..).zip(&event.leaves) {
            out.write_leaf(&at, index, leaf, &events)?;
        }
    }
    let mut entries = Vec::new();
    client.mirror(Log::Directory).scan(0, |index, leaf| {
        entries.push((index, leaf.to_vec()));
        Ok(())
    })?;
    for (index, bytes) in entries {
        let at = format!("directory/{index:06}");
        let leaf = decode_directory_leaf(&bytes).map_err(ClientError::unproven)?;
        out.write_statement(&at, &leaf.statement, &leaf.signature)?;
        out.write_leaf(&at, index, &bytes, &directory)?;
    }
    out.finish()
}

/// A log's checkpoint with the nodes of its tree.
struct ProvenLog {
    size: u64,
    /// With the log's signature and the witnesses' that were verified, and no other.
    note: SignedNote,
    /// The log's key that signed it.
    key: VerifierKey,
    nodes: BTreeMap<(u8, u64), Hash>,
}

impl NodeSource for ProvenLog {
    type Fault = ClientError;

    fn load_node(&self, level: u8, index: u64) -> Result<Hash, ClientError> {
        let node = self.nodes.get(&(level, index)).copied();
        node.ok_or_else(|| ClientError::unproven("this machine's copy of the log is not complete"))
    }
}

impl ProvenLog {
    fn load(client: &Client, log: Log) -> Result<Self, ClientError> {
        let mirror = client.mirror(log);
        let checkpoint = mirror.checkpoint();
        let checkpoint = checkpoint.ok_or_else(|| ClientError::unproven(format!("there is no checkpoint of the {log} log")))?;
        // A policy may name several keys of a log, old and new: the one whose signature was verified.
        let signed_by = checkpoint.log_signature();
        let by_policy = |line: &PolicyLine| match line {
            PolicyLine::Log { key, .. } if key.name == signed_by.name && key.key_id == signed_by.key_id => Some(key.clone()),
            _ => None,
        };
        let key = client.policy().policy().tlog.lines().iter().find_map(by_policy);
        let key = key.ok_or_else(|| ClientError::unproven("the checkpoint is signed by no key of the policy"))?;
        let note = checkpoint.to_plain_note().map_err(ClientError::unproven)?;
        let (mut frontier, mut nodes) = (Frontier::new(), BTreeMap::new());
        mirror.scan(0, |_, leaf| {
            nodes.extend(frontier.append(leaf_hash(leaf)).into_iter().map(|node| ((node.level, node.index), node.hash)));
            Ok(())
        })?;
        Ok(Self { size: checkpoint.head().size, note, key, nodes })
    }

    fn prove(&self, index: u64) -> Result<String, ClientError> {
        let path = prove_inclusion(self, index, self.size).map_err(ClientError::unproven)?;
        Ok(encode_tlog_proof(index, &path, &self.note))
    }
}

/// Writes files and remembers their digests.
struct Writer {
    folder: PathBuf,
    sums: BTreeMap<String, Hash>,
}

impl Writer {
    fn create(folder: &Path) -> Result<Self, ClientError> {
        durable::make_private_folder(folder).map_err(ClientError::file("make", folder))?;
        Ok(Self { folder: folder.to_owned(), sums: BTreeMap::new() })
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), ClientError> {
        let path = self.folder.join(name);
        let parent = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(ClientError::file("make", parent))?;
        durable::publish_new_file(&path, bytes).map_err(ClientError::file("write", &path))?;
        self.sums.insert(name.to_owned(), hash(bytes));
        Ok(())
    }

    fn write_policy(&mut self, client: &Client) -> Result<(), ClientError> {
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

    fn write_checkpoint(&mut self, log: Log, proven: &ProvenLog) -> Result<(), ClientError> {
        self.write(&format!("logs/{log}.checkpoint"), proven.note.as_str().as_bytes())?;
        self.write(&format!("logs/{log}.vkey"), format!("{}\n", proven.key).as_bytes())
    }

    fn write_statement(&mut self, at: &str, statement: &[u8], signature: &[u8]) -> Result<(), ClientError> {
        let parsed = parse_detached(signature).map_err(ClientError::unproven)?;
        let signed = verify_detached(&hash(statement), &parsed).map_err(ClientError::unproven)?;
        self.write(&format!("{at}/statement.txt"), statement)?;
        self.write(&format!("{at}/signature.p7s"), signature)?;
        self.write(&format!("{at}/signer.pem"), signed.signer().to_pem().as_bytes())?;
        self.write(&format!("{at}/issuer.pem"), signed.issuer().to_pem().as_bytes())
    }

    fn write_leaf(&mut self, at: &str, index: u64, leaf: &[u8], log: &ProvenLog) -> Result<(), ClientError> {
        self.write(&format!("{at}/leaf-{index}.bin"), leaf)?;
        self.write(&format!("{at}/leaf-{index}.tlog-proof"), log.prove(index)?.as_bytes())
    }

    fn finish(mut self) -> Result<(), ClientError> {
        self.write("verify.sh", SCRIPT.as_bytes())?;
        let script = self.folder.join("verify.sh");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).map_err(ClientError::file("write", &script))?;
        let sums: String = self.sums.iter().map(|(name, sha256)| format!("{sha256}  {name}\n")).collect();
        self.write("SHA256SUMS", sums.as_bytes())
    }
}
