//! A log of a million leaves in memory: what appending, proving and verifying cost without a disk.

use std::convert::Infallible;
use std::hint::black_box;

use criterion::{BatchSize, Criterion};
use elchi::domain::Hash;
use elchi::tlog::{
    Frontier, LogSigningKey, NodeSource, leaf_hash, prove_consistency, prove_inclusion, sign_checkpoint, verify_checkpoint,
    verify_consistency, verify_inclusion,
};

const SIZE: u64 = 1_000_000;

/// An event leaf's length.
const LEAF_BYTES: usize = 136;

/// The nodes of each level, from the left.
struct MemoryNodes(Vec<Vec<Hash>>);

impl NodeSource for MemoryNodes {
    type Fault = Infallible;
    fn load_node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        Ok(self.0[usize::from(level)][index as usize])
    }
}

fn leaf(index: u64) -> Hash {
    let mut leaf = [0u8; LEAF_BYTES];
    leaf[..8].copy_from_slice(&index.to_be_bytes());
    leaf_hash(&leaf)
}

fn grow() -> (Frontier, MemoryNodes) {
    let mut frontier = Frontier::new();
    let mut levels = vec![Vec::new(); 64];
    for index in 0..SIZE {
        frontier.append(leaf(index)).into_iter().for_each(|node| levels[usize::from(node.level)].push(node.hash));
    }
    (frontier, MemoryNodes(levels))
}

/// Benches of the log.
pub(crate) fn tlog_benches(c: &mut Criterion) {
    let (frontier, nodes) = grow();
    let head = frontier.head();
    let earlier = Frontier::from_source(&nodes, SIZE / 3).unwrap().head();
    let key = LogSigningKey::generate("mla.example/events".parse().unwrap()).unwrap();
    let checkpoint = sign_checkpoint(&key, head).unwrap();
    let inclusion = prove_inclusion(&nodes, SIZE / 3, SIZE).unwrap();
    let consistency = prove_consistency(&nodes, SIZE / 3, SIZE).unwrap();
    let mut group = c.benchmark_group("tlog at 1M leaves");
    group.bench_function("append 1,000 leaves and take the root", |b| {
        let append = |mut frontier: Frontier| {
            (SIZE..SIZE + 1000).for_each(|index| drop(black_box(frontier.append(leaf(index)))));
            frontier.root()
        };
        b.iter_batched(|| frontier.clone(), append, BatchSize::SmallInput);
    });
    group.bench_function("prove inclusion", |b| b.iter(|| prove_inclusion(&nodes, black_box(SIZE / 3), SIZE)));
    group.bench_function("verify inclusion", |b| b.iter(|| verify_inclusion(leaf(SIZE / 3), SIZE / 3, black_box(&inclusion), &checkpoint)));
    group.bench_function("prove consistency", |b| b.iter(|| prove_consistency(&nodes, black_box(SIZE / 3), SIZE)));
    group.bench_function("verify consistency", |b| b.iter(|| verify_consistency(earlier, head, black_box(&consistency))));
    group.bench_function("sign checkpoint", |b| b.iter(|| sign_checkpoint(&key, black_box(head))));
    group.bench_function("verify checkpoint", |b| {
        b.iter(|| verify_checkpoint(black_box(checkpoint.note().clone()), key.verifier_key()));
    });
    group.finish();
}
