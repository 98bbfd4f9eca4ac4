//! The store: bulk bytes in and out, and commits.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use elchi::crypto::{hash, hash_parts, random_array, random_tag, random_upload_id};
use elchi::domain::{ChainKind, Hash, Log, MemberCode, Tag, TreeHead, UnixMillis};
use elchi::store::{
    Acceptance, AcceptedStatement, ChainEntry, ClaimedDocument, ClaimedUpload, CommitBatch, LogAppend, NewNode, Store, StoreSettings,
};

const NOW: UnixMillis = UnixMillis(1_795_465_140_000);
const MIB: usize = 1024 * 1024;
const BLOB_BYTES: usize = 256 * MIB;

/// Blob write and read, and commits of 1 and of 64 leaves.
pub(crate) fn store_benches(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let places = format!("folder = {:?}\nguard_file = {:?}", folder.path().join("store"), folder.path().join("guard"));
    let settings: StoreSettings = toml::from_str(&places).expect("settings");
    let store = Store::open(&settings).expect("a store");
    let owner: MemberCode = "kg.gpo/07".parse().expect("a member");
    bench_blobs(c, &store, &owner);
    bench_commits(c, &store);
}

fn bench_blobs(c: &mut Criterion, store: &Store, owner: &MemberCode) {
    let chunk = random_chunk();
    let mut group = c.benchmark_group("store/blob 256 MiB");
    group.throughput(Throughput::Bytes(BLOB_BYTES as u64)).sample_size(10);
    group.bench_function("write", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut elapsed = Duration::ZERO;
            for _ in 0..rounds {
                let start = Instant::now();
                let claimed = write_blob(store, owner, &chunk);
                elapsed += start.elapsed();
                discard(store, owner, &claimed);
            }
            elapsed
        });
    });
    let document = random_tag();
    let upload = write_blob(store, owner, &chunk).1;
    let mut log = BenchLog::new(store);
    let batch = log.batch(1, vec![ClaimedDocument { tag: document, upload }]);
    store.commit(&batch).expect("committed");
    group.bench_function("read", |bencher| bencher.iter(|| read_blob(store, &document)));
    group.finish();
}

fn bench_commits(c: &mut Criterion, store: &Store) {
    let mut log = BenchLog::new(store);
    let mut group = c.benchmark_group("store/commit");
    for leaves in [1, 64] {
        group.throughput(Throughput::Elements(leaves));
        group.bench_function(format!("{leaves} leaves"), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..rounds {
                    let batch = log.batch(leaves, Vec::new());
                    let start = Instant::now();
                    store.commit(&batch).expect("committed");
                    elapsed += start.elapsed();
                }
                elapsed
            });
        });
    }
    group.finish();
}

fn random_chunk() -> Vec<u8> {
    (0..MIB / 64).flat_map(|_| random_array::<64>()).collect()
}

fn write_blob(store: &Store, owner: &MemberCode, chunk: &[u8]) -> (elchi::domain::UploadId, ClaimedUpload) {
    let id = random_upload_id();
    store.create_upload(&id, owner, BLOB_BYTES as u64, NOW).expect("created");
    let mut writer = store.open_upload(&id, owner).expect("opened");
    for _ in 0..BLOB_BYTES / MIB {
        writer.write(chunk, NOW).expect("written");
    }
    let sha256 = writer.finish(NOW).expect("finished");
    (id, store.claim_upload(&id, owner, &sha256, BLOB_BYTES as u64).expect("claimed"))
}

fn discard(store: &Store, owner: &MemberCode, written: &(elchi::domain::UploadId, ClaimedUpload)) {
    store.delete_upload(&written.0, owner).expect("deleted");
}

fn read_blob(store: &Store, document: &Tag) {
    let reader = store.open_blob(document).expect("opened").expect("there");
    let mut offset = 0;
    while offset < reader.bytes() {
        offset += black_box(reader.read_at(offset).expect("read")).len() as u64;
    }
}

/// Keeps the subtrees of the events log, as the log's own code would.
pub(crate) struct BenchLog {
    batch: CommitBatch,
    /// The hashes of the complete subtrees that make up the tree, from the left, with their levels.
    peaks: Vec<(u8, Hash)>,
    serial: u64,
}

impl BenchLog {
    pub(crate) fn new(store: &Store) -> Self {
        let heads = store.load_heads().expect("heads");
        let size = heads.events.size;
        let peaks = (0..64u8).rev().filter(|level| size >> level & 1 == 1);
        let load = |level: u8| store.load_node(Log::Events, level, (size >> level) - 1).expect("read").expect("a node");
        Self { batch: CommitBatch::on(heads), peaks: peaks.map(|level| (level, load(level))).collect(), serial: size }
    }

    pub(crate) fn batch(&mut self, leaves: u64, documents: Vec<ClaimedDocument>) -> CommitBatch {
        let expected = elchi::store::Heads { events: self.batch.events.head, directory: self.batch.directory.head };
        let mut batch = CommitBatch { documents, ..CommitBatch::on(expected) };
        let mut append = LogAppend::nothing(expected.events);
        for index in expected.events.size..expected.events.size + leaves {
            let leaf: Vec<u8> = [0u8; 140].iter().copied().chain(index.to_be_bytes()).collect();
            self.push(&mut append, index, &leaf);
            append.leaves.push(leaf);
            self.serial += 1;
            let statement = [self.serial.to_be_bytes().as_slice(), &[b's'; 1000]].concat();
            let accepted = Acceptance { first_leaf: index, leaf_count: 1 };
            batch.statements.push(AcceptedStatement { log: Log::Events, statement, signature: vec![1; 2000], leaves: accepted });
            batch.chain.push(ChainEntry { kind: ChainKind::Case, tag: random_tag(), seq: 0, leaf_index: index });
        }
        append.head = TreeHead { size: expected.events.size + leaves, root: self.root() };
        batch.events = append;
        self.batch = batch.clone();
        batch
    }

    fn push(&mut self, append: &mut LogAppend, index: u64, leaf: &[u8]) {
        let (mut level, mut node) = (0, hash_parts(&[&[0], leaf]));
        append.nodes.push(NewNode { level, index, hash: node });
        while let Some((_, left)) = self.peaks.pop_if(|(peak, _)| *peak == level) {
            node = hash_parts(&[&[1], left.as_bytes(), node.as_bytes()]);
            level += 1;
            append.nodes.push(NewNode { level, index: index >> level, hash: node });
        }
        self.peaks.push((level, node));
    }

    fn root(&self) -> Hash {
        let join = |right: Hash, (_, left): &(u8, Hash)| hash_parts(&[&[1], left.as_bytes(), right.as_bytes()]);
        match self.peaks.split_last() {
            Some(((_, last), rest)) => rest.iter().rev().fold(*last, join),
            None => hash(b""),
        }
    }
}
