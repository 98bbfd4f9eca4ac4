//! Acts per second through the whole exchange, without the network: verified, sequenced, committed with a sync,
//! checkpoints signed, receipt proven.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use elchi::admin::load_server;
use elchi::client::{Profile, Unlock};
use elchi::clock;
use elchi::crypto::{hash, random_nonce};
use elchi::domain::{Log, Tag};
use elchi::exchange::Exchange;
use elchi::sign::{Signer, sign_detached};
use elchi::store::Store;
use elchi::trust::{VerifiedPeer, verify_peer};
use elchi::wire::{Act, ActRequest, Base64Bytes, OnDocuments, Statement, encode_statement};

/// How many act at once, and who: a member may add only so much to the log in a day.
const WRITERS: [(u64, &str); 3] = [(1, "tr.moj-01"), (8, "kg.gpo-01"), (64, "tr.ist-cpp-01")];

pub(crate) fn act_benches(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let document = play_demo(folder.path());
    let server = load_server(&folder.path().join("server/elchi.toml")).expect("a server");
    let store = Store::open(&server.config.store).expect("a store");
    let exchange = Exchange::open(store, server.keys, server.anchors).expect("an exchange");
    let unlock = Unlock::File(folder.path().join("unlock.key"));
    let mut group = c.benchmark_group("acts");
    group.sample_size(10);
    for (writers, member) in WRITERS {
        let profile = Profile::open(&folder.path().join("people").join(member), &unlock).expect("a profile");
        group.throughput(Throughput::Elements(writers));
        let mut waits = Vec::new();
        group.bench_function(format!("{writers} writers"), |bencher| {
            bencher.iter_custom(|rounds| put_all(&exchange, &profile, &document, writers, rounds, &mut waits));
        });
        waits.sort();
        let at = |percent: usize| waits.get(waits.len() * percent / 100).copied().unwrap_or_default();
        println!("acts/{writers} writers: half of {} acts answered in {:?}, 99 of 100 in {:?}", waits.len(), at(50), at(99));
    }
    group.finish();
}

/// Each of so many writers puts so many acts, one after the other. The time from the first to the last answer; and how
/// long each act waited for its own.
fn put_all(
    exchange: &Exchange,
    profile: &Profile,
    document: &(Tag, Tag),
    writers: u64,
    rounds: u64,
    waits: &mut Vec<Duration>,
) -> Duration {
    let peer = connect(exchange, profile);
    let signed: Vec<Vec<ActRequest>> = (0..writers).map(|_| sign_releases(exchange, profile, document, rounds)).collect();
    let begun = Instant::now();
    thread::scope(|scope| {
        let put = |act| {
            let put = Instant::now();
            drop(exchange.accept_act(&peer, act).expect("accepted"));
            put.elapsed()
        };
        let writers: Vec<_> = signed.into_iter().map(|acts| scope.spawn(move || acts.into_iter().map(put).collect::<Vec<_>>())).collect();
        writers.into_iter().for_each(|writer| waits.extend(writer.join().expect("written")));
    });
    begun.elapsed()
}

/// Statements that ask for one document, each another by its nonce.
fn sign_releases(exchange: &Exchange, profile: &Profile, (case, document): &(Tag, Tag), count: u64) -> Vec<ActRequest> {
    let signer = profile.load_statement_signer().expect("a signer");
    let published = exchange.published();
    let sign = |_| {
        let statement = Statement {
            log: published.head(Log::Events).origin().as_str().parse().unwrap(),
            act: Act::Release(OnDocuments { case: *case, documents: vec![*document] }),
            actor: profile.member().clone(),
            certificate: signer.certificate().certificate_sha256(),
            directory: published.directory_head.head(),
            seen: published.events.head(),
            time: clock::now_second(),
            nonce: random_nonce(),
        };
        let text = encode_statement(&statement).into_bytes();
        let signature = sign_detached(&signer, &hash(&text), statement.time).expect("signed");
        ActRequest { statement: Base64Bytes(text), signature: Base64Bytes(signature), slips: Vec::new() }
    };
    (0..count).map(sign).collect()
}

fn connect(exchange: &Exchange, profile: &Profile) -> VerifiedPeer {
    let key = profile.load_tls_key().expect("a key");
    let chain: Vec<&[u8]> = key.chain_der.iter().map(Vec::as_slice).collect();
    verify_peer(&chain, &exchange.published().directory, clock::now()).expect("a peer")
}

/// Plays the demo; gives its case and the cover of the request, which all three readers hold.
pub(crate) fn play_demo(folder: &Path) -> (Tag, Tag) {
    let played = Command::new(env!("CARGO_BIN_EXE_elchi")).args(["demo", "--dir"]).arg(folder).stdout(Stdio::null()).status();
    assert!(played.expect("started").success());
    let json: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("demo.json")).expect("demo.json")).expect("JSON");
    let tag = |value: &serde_json::Value| value.as_str().expect("a text").parse().expect("a tag");
    let case = &json["cases"][0];
    (tag(&case["case"]), tag(&case["documents"][0]))
}
