//! Sealing and opening 64 MiB in memory, and one slip.

#![allow(clippy::unwrap_used, reason = "a bench that fails stops")]

use std::hint::black_box;
use std::io;

use criterion::{Criterion, Throughput};
use elchi::crypto::{hash, random_tag};
use elchi::domain::Origin;
use elchi::seal::{DocumentIdentity, ExpectedSlip, SealingIdentity, open_document, open_slip, seal_document, seal_slip};

const DOCUMENT_BYTES: usize = 64 * 1024 * 1024;

/// The benches of `seal`.
pub(crate) fn seal_benches(c: &mut Criterion) {
    documents(c);
    slips(c);
}

fn documents(c: &mut Criterion) {
    let identity = DocumentIdentity::generate();
    let plaintext = vec![0x5a; DOCUMENT_BYTES];
    let mut blob = Vec::new();
    let digests = seal_document(&identity, &plaintext[..], &mut blob).unwrap();

    let mut group = c.benchmark_group("seal");
    group.throughput(Throughput::Bytes(DOCUMENT_BYTES as u64)).sample_size(10);
    group.bench_function("seal 64 MiB", |b| b.iter(|| seal_document(&identity, black_box(&plaintext[..]), io::sink()).unwrap()));
    group.bench_function("open 64 MiB", |b| {
        b.iter(|| open_document(&identity, black_box(&blob[..]), io::sink(), &digests).map(drop).unwrap());
    });
    group.finish();
}

fn slips(c: &mut Criterion) {
    let (identity, authority, tag) = (DocumentIdentity::generate(), SealingIdentity::generate(), random_tag());
    let log: Origin = "mla.example/events".parse().unwrap();
    let recipient = authority.recipient();
    let slip = seal_slip(&identity, &log, &tag, &recipient).unwrap();
    let expected = ExpectedSlip { log: &log, document: &tag, sha256: &hash(&slip) };

    let mut group = c.benchmark_group("seal");
    group.bench_function("seal a slip", |b| b.iter(|| seal_slip(&identity, &log, &tag, black_box(&recipient)).unwrap()));
    group.bench_function("open a slip", |b| b.iter(|| open_slip(black_box(&slip), &authority, &expected).map(drop).unwrap()));
    group.finish();
}
