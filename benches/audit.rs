//! What an audit costs: a log of a million leaves, its tree, every `seq` and `prev`; and the statements behind leaves.

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::Path;

use criterion::{Criterion, Throughput};
use elchi::client::{Client, Mirror, Profile, Unlock};
use elchi::crypto::hash;
use elchi::domain::{ChainKind, Hash, Log, StateCode, Tag, UnixMillis, UtcSecond};
use elchi::registrar::{StateCa, Validity, generate_key};
use elchi::sign::{Certificate, SoftwareSigner, sign_detached};
use elchi::tlog::{Frontier, LogSigningKey, leaf_hash, sign_checkpoint};
use elchi::trust::{CertificateProfile, JudgedAt, Policy, VerifiedPolicy, encode_policy, verify_policy, verify_statement};
use elchi::wire::{EventLeaf, decode_event_leaf, encode_event_leaf, parse_tlog_policy};

use crate::acts::play_demo;

const LEAVES: u64 = 1_000_000;

/// Ten leaves each: about as many as a case or a document has.
const CHAINS: u64 = 100_000;

pub(crate) fn audit_benches(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let log = LogSigningKey::generate("mla.example/events".parse().unwrap()).unwrap();
    let policy = policy(&log);
    grow(folder.path(), &log);
    let mut group = c.benchmark_group("audit");
    group.sample_size(10);
    group.bench_function("tree of 1M leaves", |b| b.iter(|| Mirror::open(folder.path(), Log::Events, &policy).unwrap()));
    let mirror = Mirror::open(folder.path(), Log::Events, &policy).unwrap();
    group.bench_function("seq and prev of 1M leaves", |b| b.iter(|| assert_eq!(mirror.verify_chains().unwrap(), CHAINS)));
    group.finish();
    statement_bench(c);
}

/// A client's copy of a log of a million leaves.
fn grow(folder: &Path, log: &LogSigningKey) {
    let mut file = BufWriter::new(fs::File::create(folder.join("events.leaves")).unwrap());
    let (mut frontier, mut last) = (Frontier::new(), BTreeMap::new());
    for index in 0..LEAVES {
        let (chain, seq) = (index % CHAINS, index / CHAINS);
        let leaf = encode_event_leaf(&EventLeaf {
            time: UnixMillis(1_790_000_000_000 + index),
            directory_size: 20,
            kind: ChainKind::Document,
            tag: Tag::from_bytes(*hash(&chain.to_be_bytes()).as_bytes()),
            seq,
            prev: last.get(&chain).copied().unwrap_or(Hash::ZERO),
            commit: hash(&index.to_be_bytes()),
        });
        last.insert(chain, leaf_hash(&leaf));
        frontier.append(leaf_hash(&leaf));
        file.write_all(&u16::try_from(leaf.len()).unwrap().to_be_bytes()).unwrap();
        file.write_all(&leaf).unwrap();
    }
    file.flush().unwrap();
    let checkpoint = sign_checkpoint(log, frontier.head()).unwrap();
    fs::write(folder.join("events.checkpoint"), checkpoint.note().as_str()).unwrap();
}

fn policy(events: &LogSigningKey) -> VerifiedPolicy {
    let second = |text: &str| text.parse::<UtcSecond>().unwrap();
    let validity = Validity { from: second("2026-01-01T00:00:00Z"), until: second("2030-12-31T23:59:59Z") };
    let (state, time): (StateCode, _) = ("KG".parse().unwrap(), second("2026-11-24T12:00:00Z"));
    let ca = StateCa::create(state, validity).unwrap();
    let directory = LogSigningKey::generate("mla.example/directory".parse().unwrap()).unwrap();
    let keys: String = [events, &directory].map(|key| format!("log {}\n", key.verifier_key().to_wire())).concat();
    let text = encode_policy(&Policy {
        state,
        version: 1,
        time,
        server: "mla.example:8443".into(),
        server_spki: hash(b"the server's key"),
        roots: vec![(state, hash(ca.root_der()))],
        votes: Vec::new(),
        provisional: None,
        tlog: parse_tlog_policy(format!("{keys}quorum none\n").as_bytes()).unwrap(),
    });
    let (key, spki) = generate_key().unwrap();
    let certificate = ca.issue(CertificateProfile::Registrar, &"kg.registrar/01".parse().unwrap(), &spki, validity).unwrap();
    let parse = |der: &[u8]| Certificate::parse_der(der).unwrap();
    let signer = SoftwareSigner::from_pkcs8_der(&key, parse(&certificate), parse(ca.root_der())).unwrap();
    let signature = sign_detached(&signer, &hash(text.as_bytes()), time).unwrap();
    verify_policy(text.as_bytes(), &signature, state, &[(state, ca.root_der().to_vec())], 1).unwrap()
}

/// A statement from its bytes: signature, path, entry in the directory as of its leaf.
fn statement_bench(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let (case, _) = play_demo(folder.path());
    let unlock = Unlock::File(folder.path().join("unlock.key"));
    let mut client = Client::open(Profile::open(&folder.path().join("people/kg.audit-01"), &unlock).unwrap()).unwrap();
    let event = client.load_case(&case).unwrap().events.swap_remove(0);
    let leaf = decode_event_leaf(&event.leaves[0]).unwrap();
    let at = JudgedAt { directory_size: leaf.directory_size, time: leaf.time };
    let origin = client.policy().origin(Log::Events);
    let verify = || {
        let (bytes, signature) = (event.statement.bytes(), event.statement.signature());
        verify_statement(black_box(bytes), black_box(signature), origin, client.directory(), at).unwrap()
    };
    let mut group = c.benchmark_group("audit");
    group.throughput(Throughput::Elements(1));
    group.bench_function("verify a logged statement", |b| b.iter(verify));
    group.finish();
}
