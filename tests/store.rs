//! The store: a commit is all there or not at all, an upload resumes, a rolled-back database does not start.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use elchi::crypto::{hash, hash_parts};
use elchi::domain::limits::{SEGMENT_BYTES, SMALL_BLOB_BYTES_MAX, UPLOAD_IDLE_SECONDS_MAX, UPLOADS_PER_MEMBER_MAX};
use elchi::domain::{ChainKind, Hash, Log, MemberCode, SlipName, Tag, TreeHead, UnixMillis, UploadId};
use elchi::store::{
    Acceptance, AcceptedStatement, ChainEntry, ChainLink, ClaimedDocument, ClaimedUpload, CommitBatch, CommitFault, Heads, LogAppend,
    NewNode, NewSlip, OpenFault, SlipChange, Store, StoreFault, StoreSettings, UPLOAD_PREFIX_BYTES, UploadFault, UploadProgress,
    ViewUpdate,
};

pub(crate) const NOW: UnixMillis = UnixMillis(1_795_465_140_000);
const MIB: usize = 1024 * 1024;

/// A folder for a store, with its guard file beside it.
pub(crate) struct Home {
    root: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    /// On a memory disk where there is one: for tests that open many stores and cut no power.
    pub(crate) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { Self { root: tempfile::tempdir_in(memory).unwrap() } } else { Self::new() }
    }

    pub(crate) fn settings(&self) -> StoreSettings {
        settings_in(self.root.path())
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(&self.settings()).unwrap()
    }
}

/// As an operator writes them who names nothing but the two places.
fn default_settings(root: &Path) -> StoreSettings {
    toml::from_str(&format!("folder = {:?}\nguard_file = {:?}", root.join("store"), root.join("guard"))).unwrap()
}

pub(crate) fn settings_in(root: &Path) -> StoreSettings {
    StoreSettings { free_bytes_min: 16 * MIB as u64, ..default_settings(root) }
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn member(code: &str) -> MemberCode {
    code.parse().unwrap()
}

pub(crate) fn owner() -> MemberCode {
    member("kg.gpo/07")
}

pub(crate) fn tag(name: &str) -> Tag {
    Tag::from_bytes(*hash(name.as_bytes()).as_bytes())
}

pub(crate) fn upload_id(name: &str) -> UploadId {
    UploadId::from_bytes(*hash(name.as_bytes()).as_bytes())
}

/// Bytes that differ everywhere and depend on a name.
pub(crate) fn content(name: &str, bytes: usize) -> Vec<u8> {
    let seed = hash(name.as_bytes());
    let mut state = u64::from_be_bytes(seed.as_bytes()[..8].try_into().unwrap()) | 1;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend(state.to_be_bytes());
    }
    out.truncate(bytes);
    out
}

/// The Merkle tree hash as RFC 6962 section 2.1 words it.
fn tree_hash(leaves: &[Vec<u8>]) -> Hash {
    match leaves {
        [] => hash(b""),
        [leaf] => hash_parts(&[&[0], leaf]),
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            hash_parts(&[&[1], tree_hash(left).as_bytes(), tree_hash(right).as_bytes()])
        }
    }
}

/// What a store must hold, kept by the test itself.
#[derive(Clone, Default)]
pub(crate) struct Model {
    leaves: BTreeMap<Log, Vec<Vec<u8>>>,
    statements: Vec<AcceptedStatement>,
    chains: BTreeMap<(ChainKind, Tag), Vec<u64>>,
    documents: BTreeMap<Tag, Vec<u8>>,
    slips: BTreeMap<SlipName, Vec<u8>>,
    views: BTreeMap<(u8, Tag), Vec<u8>>,
}

/// An act on the events log, or an entry of the directory.
#[derive(Clone)]
pub(crate) struct Act {
    pub(crate) log: Log,
    pub(crate) statement: Vec<u8>,
    pub(crate) tags: Vec<(ChainKind, Tag)>,
    pub(crate) documents: Vec<(Tag, ClaimedUpload, Vec<u8>)>,
    /// So many bytes more in a view.
    pub(crate) padding: usize,
}

impl Act {
    pub(crate) fn new(name: &str) -> Self {
        let tags = vec![(ChainKind::Case, tag(&format!("case of {name}"))), (ChainKind::Register, tag("register"))];
        Self { log: Log::Events, statement: format!("statement {name}\n").into_bytes(), tags, documents: Vec::new(), padding: 0 }
    }

    pub(crate) fn in_directory(name: &str) -> Self {
        Self { log: Log::Directory, statement: format!("entry {name}\n").into_bytes(), tags: vec![], documents: vec![], padding: 0 }
    }

    pub(crate) fn with(mut self, document: &str, claimed: ClaimedUpload, content: Vec<u8>) -> Self {
        self.tags.insert(1, (ChainKind::Document, tag(document)));
        self.documents.push((tag(document), claimed, content));
        self
    }
}

impl Model {
    fn of(&self, log: Log) -> &[Vec<u8>] {
        self.leaves.get(&log).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn heads(&self) -> Heads {
        let head = |log| TreeHead { size: self.of(log).len() as u64, root: tree_hash(self.of(log)) };
        Heads { events: head(Log::Events), directory: head(Log::Directory) }
    }

    fn append(&self, log: Log, new: Vec<Vec<u8>>) -> LogAppend {
        let old = self.of(log).len();
        let all: Vec<Vec<u8>> = self.of(log).iter().chain(&new).cloned().collect();
        let mut nodes = Vec::new();
        for level in 0..64u8 {
            for index in old >> level..all.len() >> level {
                let hash = tree_hash(&all[index << level..(index + 1) << level]);
                nodes.push(NewNode { level, index: index as u64, hash });
            }
        }
        LogAppend { leaves: new, nodes, head: TreeHead { size: all.len() as u64, root: tree_hash(&all) } }
    }

    /// The batch of some acts on top of this model.
    pub(crate) fn batch(&self, acts: &[Act]) -> CommitBatch {
        let mut batch = CommitBatch::on(self.heads());
        let mut new: BTreeMap<Log, Vec<Vec<u8>>> = BTreeMap::new();
        let mut seqs: BTreeMap<(ChainKind, Tag), u64> = BTreeMap::new();
        for act in acts {
            let leaves = new.entry(act.log).or_default();
            let first_leaf = (self.of(act.log).len() + leaves.len()) as u64;
            let count = act.tags.len().max(1);
            leaves.extend((0..count).map(|number| [act.statement.as_slice(), b" leaf ", &[number as u8]].concat()));
            let accepted = Acceptance { first_leaf, leaf_count: count as u64 };
            let (statement, signature) = (act.statement.clone(), [b"signature of ".as_slice(), &act.statement].concat());
            batch.statements.push(AcceptedStatement { log: act.log, statement, signature, leaves: accepted });
            for (leaf_index, (kind, tag)) in (first_leaf..).zip(&act.tags) {
                let next = seqs.entry((*kind, *tag)).or_insert_with(|| self.chains.get(&(*kind, *tag)).map_or(0, Vec::len) as u64);
                batch.chain.push(ChainEntry { kind: *kind, tag: *tag, seq: *next, leaf_index });
                *next += 1;
                batch.views.push(ViewUpdate {
                    view: kind.to_byte(),
                    tag: *tag,
                    bytes: [act.statement.clone(), vec![b'x'; act.padding]].concat(),
                });
            }
            for (tag, upload, _) in &act.documents {
                batch.documents.push(ClaimedDocument { tag: *tag, upload: upload.clone() });
                let bytes = [b"slip of ".as_slice(), tag.as_bytes()].concat();
                batch.slips.push(SlipChange::Put(NewSlip { document: *tag, authority: "tr.moj".parse().unwrap(), bytes }));
            }
        }
        for (log, leaves) in new {
            match log {
                Log::Events => batch.events = self.append(log, leaves),
                Log::Directory => batch.directory = self.append(log, leaves),
            }
        }
        batch
    }

    pub(crate) fn with(&self, acts: &[Act]) -> Model {
        let (mut next, batch) = (self.clone(), self.batch(acts));
        for log in Log::ALL {
            next.leaves.entry(log).or_default().extend(batch.of(log).leaves.clone());
        }
        for entry in &batch.chain {
            next.chains.entry((entry.kind, entry.tag)).or_default().push(entry.leaf_index);
        }
        next.statements.extend(batch.statements);
        for change in batch.slips {
            match change {
                SlipChange::Put(NewSlip { document, authority, bytes }) => {
                    next.slips.insert(SlipName { document, authority, sha256: hash(&bytes) }, bytes);
                }
                SlipChange::Drop(name) => _ = next.slips.remove(&name),
            }
        }
        next.views.extend(batch.views.into_iter().map(|update| ((update.view, update.tag), update.bytes)));
        for act in acts {
            next.documents.extend(act.documents.iter().map(|(tag, _, content)| (*tag, content.clone())));
        }
        next
    }

    pub(crate) fn commit(&mut self, store: &Store, acts: &[Act]) {
        store.commit(&self.batch(acts)).unwrap();
        *self = self.with(acts);
    }

    /// Everything is as the model says, and the store itself finds nothing wrong.
    pub(crate) fn check(&self, store: &Store) {
        self.compare(store).unwrap();
        assert_eq!(store.verify_storage(&mut |_| {}).unwrap(), []);
    }

    /// Reads everything; storage's faults come back, a silent difference panics.
    pub(crate) fn compare(&self, store: &Store) -> Result<(), StoreFault> {
        assert_eq!(store.load_heads()?, self.heads());
        for log in Log::ALL {
            let size = self.of(log).len() as u64;
            assert_eq!(store.load_leaves(log, 0..size + 5)?, self.of(log)[..self.of(log).len().min(256)]);
            for (index, leaf) in (0..).zip(self.of(log)) {
                assert_eq!(store.load_leaf(log, index)?.as_ref(), Some(leaf));
            }
            for level in 0..10u8 {
                for index in 0..size >> level {
                    let range = (index << level) as usize..((index + 1) << level) as usize;
                    assert_eq!(store.load_node(log, level, index)?, Some(tree_hash(&self.of(log)[range])));
                }
                assert_eq!(store.load_node(log, level, size >> level)?, None);
            }
            assert_eq!(store.load_leaf(log, size)?, None);
        }
        for accepted in &self.statements {
            let sha256 = hash(&accepted.statement);
            let stored = store.load_statement(&sha256)?.expect("the statement is there");
            assert_eq!((stored.statement, stored.signature), (accepted.statement.clone(), accepted.signature.clone()));
            assert_eq!(store.load_acceptance(accepted.log, &sha256)?, Some(accepted.leaves));
        }
        for ((kind, tag), leaves) in &self.chains {
            let last = (0..).zip(leaves).map(|(seq, leaf_index)| ChainLink { seq, leaf_index: *leaf_index }).last();
            assert_eq!(store.load_chain_head(*kind, tag)?, last);
        }
        for (name, slip) in &self.slips {
            assert_eq!(store.load_slip(name)?.as_ref(), Some(slip));
        }
        for ((view, tag), bytes) in &self.views {
            assert_eq!(store.load_view(*view, tag)?.as_ref(), Some(bytes));
        }
        for (document, content) in &self.documents {
            assert!(read_blob(store, document)? == *content, "document {document} reads otherwise");
        }
        Ok(())
    }
}

pub(crate) fn read_blob(store: &Store, document: &Tag) -> Result<Vec<u8>, StoreFault> {
    let reader = store.open_blob(document)?.expect("the document is there");
    let mut bytes = Vec::new();
    loop {
        let chunk = reader.read_at(bytes.len() as u64)?;
        if chunk.is_empty() {
            break;
        }
        assert!(chunk.len() <= MIB);
        bytes.extend(chunk);
    }
    assert_eq!(bytes.len() as u64, reader.bytes());
    assert_eq!(hash(&bytes), store.load_document(document)?.unwrap().sha256);
    Ok(bytes)
}

/// Uploads in pieces and claims.
pub(crate) fn upload(store: &Store, name: &str, content: &[u8]) -> ClaimedUpload {
    let id = upload_id(name);
    store.create_upload(&id, &owner(), content.len() as u64, NOW).unwrap();
    let mut writer = store.open_upload(&id, &owner()).unwrap();
    for piece in content.chunks(700_001) {
        writer.write(piece, NOW).unwrap();
    }
    assert_eq!(writer.finish(NOW).unwrap(), hash(content));
    store.claim_upload(&id, &owner(), &hash(content), content.len() as u64).unwrap()
}

pub(crate) fn act_with_document(store: &Store, name: &str, bytes: usize) -> Act {
    let content = content(name, bytes);
    let claimed = upload(store, name, &content);
    Act::new(name).with(name, claimed, content)
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_under(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

pub(crate) fn bytes_under(folder: &Path) -> u64 {
    files_under(folder).iter().map(|path| path.metadata().unwrap().len()).sum()
}

#[test]
fn a_new_store_is_empty_and_opens_again() {
    let home = Home::new();
    for _ in 0..2 {
        Model::default().check(&home.open());
    }
}

#[test]
fn what_was_committed_is_there_now_and_after_a_restart() {
    let home = Home::new();
    let mut model = Model::default();
    for round in 0..4 {
        let store = home.open();
        model.check(&store);
        model.commit(&store, &[Act::in_directory(&format!("entry {round}"))]);
        let small = act_with_document(&store, &format!("small {round}"), 5000);
        let bulk = act_with_document(&store, &format!("bulk {round}"), 2 * MIB + round);
        model.commit(&store, &[small, bulk, Act::in_directory(&format!("second entry {round}")), Act::new(&format!("plain {round}"))]);
        model.check(&store);
    }
    model.check(&home.open());
}

#[test]
fn what_is_not_there_is_none() {
    let home = Home::new();
    let store = home.open();
    assert_eq!(store.load_leaf(Log::Events, 0).unwrap(), None);
    assert_eq!(store.load_leaves(Log::Events, 3..9).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(store.load_statement(&Hash::ZERO).unwrap(), None);
    assert_eq!(store.load_acceptance(Log::Events, &Hash::ZERO).unwrap(), None);
    assert_eq!(store.load_chain_head(ChainKind::Case, &Tag::ZERO).unwrap(), None);
    assert_eq!(store.load_view(1, &Tag::ZERO).unwrap(), None);
    assert_eq!(store.load_document(&Tag::ZERO).unwrap(), None);
    assert!(store.open_blob(&Tag::ZERO).unwrap().is_none());
}

#[test]
fn chains_do_not_run_into_each_other() {
    let home = Home::new();
    let store = home.open();
    let mut model = Model::default();
    for number in 0..300 {
        model.commit(&store, &[Act::new(&format!("act {}", number))]);
    }
    let last = |kind| store.load_chain_head(kind, &tag("register")).unwrap().map(|link| link.seq);
    assert_eq!((last(ChainKind::Register), last(ChainKind::Document)), (Some(299), None));
    assert_eq!(store.load_leaves(Log::Events, 0..600).unwrap().len(), 256);
    assert_eq!(store.load_leaves(Log::Events, 590..600).unwrap().len(), 10);
    model.check(&store);
}

fn refused(store: &Store, model: &Model, batch: &CommitBatch) -> CommitFault {
    let fault = store.commit(batch).unwrap_err();
    model.check(store);
    fault
}

#[test]
fn a_batch_that_does_not_fit_is_refused_whole() {
    let home = Home::new();
    let store = home.open();
    let mut model = Model::default();
    let stale = model.batch(&[Act::new("stale")]);
    model.commit(&store, &[act_with_document(&store, "first", 100)]);
    assert_eq!(refused(&store, &model, &stale), CommitFault::HeadsMoved);

    let again = model.batch(&[Act { tags: Act::new("other").tags, ..Act::new("first") }]);
    assert_eq!(refused(&store, &model, &again), CommitFault::AlreadyAccepted(hash(b"statement first\n")));
    let in_directory = model.batch(&[Act { statement: b"statement first\n".to_vec(), ..Act::in_directory("x") }]);
    assert_eq!(refused(&store, &model, &in_directory), CommitFault::AlreadyAccepted(hash(b"statement first\n")));
    let twice = model.batch(&[Act::new("twice"), Act::new("twice")]);
    assert_eq!(refused(&store, &model, &twice), CommitFault::AlreadyAccepted(hash(b"statement twice\n")));

    let content = content("second", 100);
    let claimed = upload(&store, "second", &content);
    let taken = model.batch(&[Act::new("second").with("first", claimed.clone(), content.clone())]);
    assert_eq!(refused(&store, &model, &taken), CommitFault::DocumentTaken(tag("first")));
    let both = Act::new("second").with("a", claimed.clone(), content.clone()).with("b", claimed.clone(), content.clone());
    assert_eq!(refused(&store, &model, &model.batch(&[both])), CommitFault::UploadGone(upload_id("second")));

    for seq in [0, 2, 5] {
        let mut batch = model.batch(&[Act::new("third")]);
        batch.chain.last_mut().unwrap().seq = seq;
        assert_eq!(refused(&store, &model, &batch), CommitFault::ChainMoved);
    }
    model.commit(&store, &[Act::new("second").with("second", claimed.clone(), content.clone())]);
    let reused = model.batch(&[Act::new("fourth").with("fourth", claimed, content)]);
    assert_eq!(refused(&store, &model, &reused), CommitFault::UploadGone(upload_id("second")));
}

#[test]
fn a_batch_that_contradicts_itself_is_refused_whole() {
    let home = Home::new();
    let store = home.open();
    let mut model = Model::default();
    model.commit(&store, &[Act::new("first"), Act::in_directory("first")]);
    let good = model.batch(&[Act::new("second"), Act::new("third")]);
    type Spoiler = fn(&mut CommitBatch);
    let spoilers: [(&str, Spoiler); 14] = [
        ("a leaf too few", |batch| batch.events.leaves.truncate(1)),
        ("a leaf too many", |batch| batch.events.leaves.push(b"x".to_vec())),
        ("an empty leaf", |batch| batch.events.leaves[0].clear()),
        ("a long leaf", |batch| batch.events.leaves[0] = vec![0; 65_536]),
        ("a node too few", |batch| batch.events.nodes.truncate(1)),
        ("a node twice", |batch| batch.events.nodes.push(batch.events.nodes[0])),
        ("a node elsewhere", |batch| batch.events.nodes[0].index += 64),
        ("a moved head", |batch| batch.directory.head.root = Hash::ZERO),
        ("a statement too few", |batch| batch.statements.truncate(1)),
        ("a gap", |batch| batch.statements[1].leaves.first_leaf += 1),
        ("no leaves", |batch| batch.statements[1].leaves.leaf_count = 0),
        ("an old leaf", |batch| batch.chain[0].leaf_index = 0),
        ("a leaf to come", |batch| batch.chain[0].leaf_index = 99),
        ("a long slip", |batch| {
            batch.slips.push(SlipChange::Put(NewSlip { document: Tag::ZERO, authority: "tr.moj".parse().unwrap(), bytes: vec![0; 4097] }))
        }),
    ];
    for (what, spoil) in spoilers {
        let mut batch = good.clone();
        spoil(&mut batch);
        let fault = refused(&store, &model, &batch);
        assert!(matches!(fault, CommitFault::Inconsistent(_)), "{what}: {fault}");
    }
    let mut large = good.clone();
    large.views.push(ViewUpdate { view: 9, tag: Tag::ZERO, bytes: vec![0; elchi::store::COMMIT_BYTES_MAX] });
    assert_eq!(refused(&store, &model, &large), CommitFault::Inconsistent("it is too large"));
    store.commit(&good).unwrap();
}

#[test]
fn a_rolled_back_database_does_not_start() {
    let home = Home::new();
    let (settings, backup) = (home.settings(), home.path().join("backup"));
    let mut model = Model::default();
    model.commit(&home.open(), &[Act::new("first")]);
    copy_folder(&settings.folder, &backup);
    let old_guard = fs::read(&settings.guard_file).unwrap();
    for name in ["second", "third"] {
        model.commit(&home.open(), &[Act::new(name)]);
    }
    // The newest database with the guard of long ago.
    let guard = fs::read(&settings.guard_file).unwrap();
    fs::write(&settings.guard_file, &old_guard).unwrap();
    assert!(matches!(Store::open(&settings), Err(OpenFault::Disagrees)));
    fs::write(&settings.guard_file, &guard).unwrap();
    // The old database with the newest guard: refused, told how far, and left as it was.
    fs::rename(&settings.folder, home.path().join("newest")).unwrap();
    copy_folder(&backup, &settings.folder);
    let before: Vec<_> = files_under(&settings.folder.join("db")).iter().map(|path| path.metadata().unwrap().len()).collect();
    for _ in 0..2 {
        let fault = Store::open(&settings).err().unwrap();
        assert!(matches!(fault, OpenFault::Behind { database_events: 2, guard_events: 6, .. }), "{fault}");
        assert!(fault.to_string().contains("hint: "));
    }
    let data_files = |folder: &Path| files_under(folder).iter().filter(|path| !path.to_str().unwrap().contains("LOG")).count();
    assert_eq!(data_files(&settings.folder.join("db")), data_files(&backup.join("db")), "of {} files", before.len());
    fs::remove_dir_all(&settings.folder).unwrap();
    fs::rename(home.path().join("newest"), &settings.folder).unwrap();
    model.check(&home.open());
}

#[test]
fn a_lost_part_is_noticed_and_never_made_anew() {
    let home = Home::new();
    let settings = home.settings();
    Model::default().commit(&home.open(), &[Act::new("first")]);
    let guard = fs::read(&settings.guard_file).unwrap();
    fs::remove_file(&settings.guard_file).unwrap();
    assert!(matches!(Store::open(&settings), Err(OpenFault::GuardMissing(_))));
    fs::write(&settings.guard_file, vec![0; guard.len()]).unwrap();
    assert!(matches!(Store::open(&settings), Err(OpenFault::GuardDamaged(_))));
    fs::write(&settings.guard_file, &guard).unwrap();
    for lost in ["db/CURRENT", "db"] {
        let (path, aside) = (settings.folder.join(lost), home.path().join("aside"));
        fs::rename(&path, &aside).unwrap();
        assert!(matches!(Store::open(&settings), Err(OpenFault::Fault(_))), "without {lost}");
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::rename(&aside, &path).unwrap();
        home.open();
    }
}

#[test]
fn a_guard_inside_the_folder_guards_nothing() {
    let home = Home::new();
    let settings = StoreSettings { guard_file: home.settings().folder.join("guard"), ..home.settings() };
    assert!(matches!(Store::open(&settings), Err(OpenFault::GuardInside(_))));
}

#[test]
fn a_store_is_open_once() {
    let home = Home::new();
    let store = home.open();
    assert!(matches!(Store::open(&home.settings()), Err(OpenFault::Locked(_))));
    let other_guard = StoreSettings { guard_file: home.path().join("other"), ..home.settings() };
    fs::copy(home.settings().guard_file, &other_guard.guard_file).unwrap();
    assert!(matches!(Store::open(&other_guard), Err(OpenFault::Locked(_))));
    drop(store);
    home.open();
}

#[test]
fn blobs_of_every_size_come_back() {
    let home = Home::new();
    let store = home.open();
    let mut model = Model::default();
    let small_max = SMALL_BLOB_BYTES_MAX as usize;
    let acts: Vec<Act> = [1, 4096, small_max - 1, small_max, small_max + 1, 2 * MIB, 2 * MIB + 1, SEGMENT_BYTES as usize + MIB + 7]
        .iter()
        .map(|bytes| act_with_document(&store, &format!("blob of {bytes}"), *bytes))
        .collect();
    model.commit(&store, &acts);
    model.check(&store);
    drop(store);
    let store = home.open();
    model.check(&store);

    let expected = content(&format!("blob of {}", 2 * MIB + 1), 2 * MIB + 1);
    let reader = store.open_blob(&tag(&format!("blob of {}", 2 * MIB + 1))).unwrap().unwrap();
    for offset in [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB - 1, 2 * MIB] {
        let end = ((offset / MIB + 1) * MIB).min(expected.len());
        assert!(reader.read_at(offset as u64).unwrap() == expected[offset..end], "from {offset}");
    }
    for offset in [2 * MIB as u64 + 1, 1 << 50, u64::MAX] {
        assert_eq!(reader.read_at(offset).unwrap(), Vec::<u8>::new());
    }
}

#[test]
fn bulk_bytes_are_written_once() {
    let home = Home::new();
    let store = home.open();
    let mut model = Model::default();
    let act = act_with_document(&store, "bulk", 3 * MIB);
    let folder = home.settings().folder;
    let segments = files_under(&folder.join("uploads"));
    let inode = segments[0].metadata().unwrap().ino();
    assert_eq!(segments.len(), 1);
    model.commit(&store, &[act]);
    assert_eq!(files_under(&folder.join("uploads")).len(), 0);
    assert!(files_under(&folder.join("db")).iter().any(|path| path.metadata().unwrap().ino() == inode));
    model.check(&store);
}

#[test]
fn an_upload_resumes_at_a_segment_and_after_a_pause_at_a_chunk() {
    let home = Home::new();
    let bytes = SEGMENT_BYTES as usize + 5 * MIB + 3;
    let (id, content) = (upload_id("long"), content("long", SEGMENT_BYTES as usize + 5 * MIB + 3));
    let store = home.open();
    store.create_upload(&id, &owner(), bytes as u64, NOW).unwrap();
    let mut writer = store.open_upload(&id, &owner()).unwrap();
    writer.write(&content[..SEGMENT_BYTES as usize + 2 * MIB + 1], NOW).unwrap();
    // Dropped without a word, and the process with it: the segment stays.
    drop((writer, store));
    let store = home.open();
    let progress = UploadProgress { bytes: bytes as u64, offset: SEGMENT_BYTES, is_complete: false };
    assert_eq!(store.load_progress(&id, &owner()).unwrap(), progress);
    let mut writer = store.open_upload(&id, &owner()).unwrap();
    writer.write(&content[writer.offset() as usize..][..2 * MIB + 1], NOW).unwrap();
    writer.pause(NOW).unwrap();
    drop(store);
    let store = home.open();
    let mut writer = store.open_upload(&id, &owner()).unwrap();
    assert_eq!(writer.offset(), SEGMENT_BYTES + 2 * MIB as u64);
    writer.write(&content[writer.offset() as usize..], NOW).unwrap();
    assert_eq!(writer.finish(NOW).unwrap(), hash(&content));
    // Complete, and said again to who asks again.
    assert_eq!(store.load_progress(&id, &owner()).unwrap(), UploadProgress { offset: bytes as u64, is_complete: true, ..progress });
    let again = store.open_upload(&id, &owner()).unwrap();
    assert_eq!(again.offset(), bytes as u64);
    assert_eq!(again.finish(NOW).unwrap(), hash(&content));
    assert_eq!(store.read_upload_prefix(&id, &owner()).unwrap(), &content[..UPLOAD_PREFIX_BYTES]);
    let claimed = store.claim_upload(&id, &owner(), &hash(&content), bytes as u64).unwrap();
    let mut model = Model::default();
    model.commit(&store, &[Act::new("long").with("long", claimed, content)]);
    model.check(&store);
}

#[test]
fn pauses_do_not_make_files_without_end() {
    let home = Home::new();
    let store = home.open();
    let content = content("choppy", 80 * MIB);
    store.create_upload(&upload_id("choppy"), &owner(), content.len() as u64, NOW).unwrap();
    let mut offsets = Vec::new();
    for _ in 0..70 {
        let mut writer = store.open_upload(&upload_id("choppy"), &owner()).unwrap();
        offsets.push(writer.offset() / MIB as u64);
        let offset = writer.offset() as usize;
        writer.write(&content[offset..offset + MIB], NOW).unwrap();
        writer.pause(NOW).unwrap();
    }
    // 64 short segments make the first 64 MiB; one full one is then due, so one more short one is allowed.
    assert_eq!(offsets[..66], (0..66).collect::<Vec<u64>>());
    assert_eq!(offsets[66..], [65; 4]);
    let mut writer = store.open_upload(&upload_id("choppy"), &owner()).unwrap();
    let offset = writer.offset() as usize;
    writer.write(&content[offset..], NOW).unwrap();
    assert_eq!(writer.finish(NOW).unwrap(), hash(&content));
}

#[test]
fn an_upload_is_its_owners_alone() {
    let home = Home::new();
    let store = home.open();
    let (id, stranger) = (upload_id("mine"), member("kg.gpo/08"));
    let content = content("mine", 100);
    let claimed = upload(&store, "mine", &content);
    for (id, who) in [(id, stranger.clone()), (id, member("kg.gpo/070")), (upload_id("nobody's"), owner())] {
        assert_eq!(store.open_upload(&id, &who).err(), Some(UploadFault::Unknown));
        assert_eq!(store.load_progress(&id, &who), Err(UploadFault::Unknown));
        assert_eq!(store.delete_upload(&id, &who), Err(UploadFault::Unknown));
        assert_eq!(store.read_upload_prefix(&id, &who), Err(UploadFault::Unknown));
        assert_eq!(store.claim_upload(&id, &who, &hash(&content), 100), Err(UploadFault::Unknown));
    }
    assert_eq!(store.claim_upload(&id, &owner(), &hash(&content), 100), Ok(claimed));
    assert_eq!(store.claim_upload(&id, &owner(), &hash(&content), 101), Err(UploadFault::Mismatch));
    assert_eq!(store.claim_upload(&id, &owner(), &Hash::ZERO, 100), Err(UploadFault::Mismatch));
    assert_eq!(store.read_upload_prefix(&id, &owner()).unwrap(), content);
}

#[test]
fn an_upload_has_one_writer() {
    let home = Home::new();
    let store = home.open();
    let id = upload_id("one");
    store.create_upload(&id, &owner(), 10, NOW).unwrap();
    let writer = store.open_upload(&id, &owner()).unwrap();
    assert_eq!(store.open_upload(&id, &owner()).err(), Some(UploadFault::Busy));
    assert_eq!(store.delete_upload(&id, &owner()), Err(UploadFault::Busy));
    assert_eq!(store.sweep_uploads(UnixMillis(u64::MAX)).unwrap(), 0);
    drop(writer);
    assert!(store.open_upload(&id, &owner()).is_ok());
    store.delete_upload(&id, &owner()).unwrap();
    assert_eq!(store.open_upload(&id, &owner()).err(), Some(UploadFault::Unknown));
}

#[test]
fn an_upload_is_as_long_as_announced() {
    let home = Home::new();
    let store = home.open();
    for bytes in [0, (1 << 40) + 1] {
        assert_eq!(store.create_upload(&upload_id("size"), &owner(), bytes, NOW), Err(UploadFault::Size));
    }
    for bytes in [10usize, 2 * MIB + 10] {
        let (id, content) = (upload_id(&format!("exact {bytes}")), content("exact", bytes));
        store.create_upload(&id, &owner(), bytes as u64, NOW).unwrap();
        let mut writer = store.open_upload(&id, &owner()).unwrap();
        writer.write(&content[..bytes - 1], NOW).unwrap();
        assert_eq!(writer.write(&content[..2], NOW), Err(UploadFault::Overrun));
        assert_eq!(writer.finish(NOW), Err(UploadFault::Incomplete));
        assert_eq!(store.claim_upload(&id, &owner(), &hash(&content), bytes as u64), Err(UploadFault::Incomplete));
        assert_eq!(store.read_upload_prefix(&id, &owner()), Err(UploadFault::Incomplete));
        let mut writer = store.open_upload(&id, &owner()).unwrap();
        assert_eq!(writer.offset() as usize, bytes / MIB * MIB);
        writer.write(&content[writer.offset() as usize..], NOW).unwrap();
        assert_eq!(writer.write(b"x", NOW), Err(UploadFault::Overrun));
        assert_eq!(writer.finish(NOW).unwrap(), hash(&content));
    }
}

#[test]
fn a_member_begins_only_so_many() {
    let home = Home::new();
    let store = home.open();
    for number in 0..UPLOADS_PER_MEMBER_MAX {
        store.create_upload(&upload_id(&number.to_string()), &owner(), 10, NOW).unwrap();
    }
    assert_eq!(store.create_upload(&upload_id("more"), &owner(), 10, NOW), Err(UploadFault::TooMany));
    store.create_upload(&upload_id("more"), &member("kg.gpo/070"), 10, NOW).unwrap();
    store.delete_upload(&upload_id("3"), &owner()).unwrap();
    store.create_upload(&upload_id("more"), &owner(), 10, NOW).unwrap();
}

#[test]
fn only_idle_and_stray_uploads_are_swept() {
    let home = Home::new();
    let store = home.open();
    let mut model = Model::default();
    let claimed = act_with_document(&store, "claimed", 2 * MIB);
    model.commit(&store, &[claimed, act_with_document(&store, "claimed small", 20)]);
    upload(&store, "idle", &content("idle", 3 * MIB));
    upload(&store, "idle small", &content("idle small", 30));
    let idle_until = UnixMillis(NOW.0 + UPLOAD_IDLE_SECONDS_MAX * 1000);
    store.create_upload(&upload_id("young"), &owner(), 2 * MIB as u64, UnixMillis(NOW.0 + 1)).unwrap();
    store.create_upload(&upload_id("touched"), &owner(), 3 * MIB as u64, NOW).unwrap();
    let mut writer = store.open_upload(&upload_id("touched"), &owner()).unwrap();
    writer.write(&content("touched", MIB), NOW).unwrap();
    writer.pause(UnixMillis(NOW.0 + 1)).unwrap();
    let stray = home.settings().folder.join("uploads").join(upload_id("stray").to_string());
    fs::create_dir(&stray).unwrap();
    fs::write(stray.join("000000.sst"), b"left over").unwrap();

    assert_eq!(store.sweep_uploads(idle_until).unwrap(), 1);
    assert!(!stray.exists());
    assert_eq!(store.sweep_uploads(UnixMillis(idle_until.0 + 1)).unwrap(), 2);
    assert_eq!(store.sweep_uploads(UnixMillis(idle_until.0 + 1)).unwrap(), 0);
    for (name, is_there) in [("idle", false), ("idle small", false), ("young", true), ("touched", true)] {
        assert_eq!(store.load_progress(&upload_id(name), &owner()).is_ok(), is_there, "{name}");
    }
    assert_eq!(store.sweep_uploads(UnixMillis(u64::MAX)).unwrap(), 2);
    assert_eq!(bytes_under(&home.settings().folder.join("uploads")), 0);
    model.check(&store);
}

#[test]
fn when_the_disk_is_full_reads_go_on() {
    let home = Home::new();
    let mut model = Model::default();
    let store = home.open();
    model.commit(&store, &[act_with_document(&store, "first", 100)]);
    let claimed = upload(&store, "second", &content("second", 100));
    let act = Act::new("second").with("second", claimed, content("second", 100));
    drop(store);
    // The limit instead of the disk; the disk itself is filled in the fault tests.
    let full = StoreSettings { free_bytes_min: 1 << 60, ..home.settings() };
    let store = Store::open(&full).unwrap();
    let created = store.create_upload(&upload_id("third"), &owner(), 10, NOW);
    assert!(matches!(created, Err(UploadFault::Fault(StoreFault::Full { .. }))));
    let committed = store.commit(&model.batch(std::slice::from_ref(&act)));
    assert!(matches!(committed, Err(CommitFault::Fault(StoreFault::Full { .. }))));
    model.check(&store);
    drop(store);
    let store = home.open();
    model.commit(&store, &[act]);
    model.check(&store);
}
