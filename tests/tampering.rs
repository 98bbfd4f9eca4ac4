//! A server that lies: whatever it alters, the client notices, names it, and shows nothing of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use base64ct::{Base64, Encoding};
use elchi::admin::load_server;
use elchi::audit::{run_audit, write_evidence};
use elchi::client::ClientError;
use elchi::clock;
use elchi::domain::Log;
use elchi::exchange::Exchange;
use elchi::net::{EdgeClock, EdgeLimits, Handler, IncomingBody, OutgoingBody, ServerEdge, TlsIdentity, run_listener};
use elchi::server::{Api, Cosigning, ServerGate};
use elchi::store::Store;
use elchi::tlog::{Frontier, VerifiedCheckpoint, WitnessSigningKey, cosign_checkpoint, leaf_hash, sign_checkpoint, verify_consistency};
use elchi::trust::VerifiedPeer;
use elchi::wire::{Problem, Refusal, RefusalCode, decode_event_leaf, encode_event_leaf};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::story_world::{World, send_all_waiting};

/// What the server does to answers whose path begins like this.
struct Lie {
    path: &'static str,
    /// In place of success.
    status: Option<StatusCode>,
    alter: Box<dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync>,
}

/// What a server that makes everything up answers to a path, if it does.
type Forgery = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

struct LyingApi {
    api: Api,
    lie: Arc<Mutex<Option<Arc<Lie>>>>,
    forgery: Arc<Mutex<Option<Arc<Forgery>>>>,
}

impl Handler for LyingApi {
    type Peer = VerifiedPeer;

    async fn answer(&self, peer: VerifiedPeer, request: Request<IncomingBody>) -> Response<OutgoingBody> {
        let path = request.uri().path().to_owned();
        let forgery = self.forgery.lock().unwrap().clone();
        if let Some(forged) = forgery.and_then(|forgery| forgery(&path)) {
            return Response::new(OutgoingBody::from_bytes(forged));
        }
        let answer = self.api.answer(peer, request).await;
        let lie = self.lie.lock().unwrap().clone().filter(|lie| path.starts_with(lie.path) && answer.status().is_success());
        let Some(lie) = lie else { return answer };
        let (mut parts, body) = answer.into_parts();
        parts.status = lie.status.unwrap_or(parts.status);
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Response::from_parts(parts, OutgoingBody::from_bytes((lie.alter)(bytes)))
    }
}

/// The demo's world, served by a liar.
pub(super) struct LyingWorld {
    pub(super) world: World,
    lie: Arc<Mutex<Option<Arc<Lie>>>>,
    forgery: Arc<Mutex<Option<Arc<Forgery>>>>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl LyingWorld {
    pub(super) fn play() -> Self {
        let mut world = World::play();
        world.stop_server();
        let server = load_server(&world.config()).unwrap();
        let lie: Arc<Mutex<Option<Arc<Lie>>>> = Arc::default();
        let forgery: Arc<Mutex<Option<Arc<Forgery>>>> = Arc::default();
        let (told, forged) = (lie.clone(), forgery.clone());
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let store = Store::open(&server.config.store).unwrap();
            let exchange = Arc::new(Exchange::open(store, server.keys, server.anchors).unwrap());
            let edge = ServerEdge {
                identity: TlsIdentity::load(vec![server.tls_certificate], &server.tls_key).unwrap(),
                limits: EdgeLimits::default(),
                clock: EdgeClock::system(),
            };
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind(server.config.listen).await.unwrap();
                tokio::spawn(Cosigning::begin(exchange.clone(), &server.witnesses).await.unwrap().run());
                ready.send(()).unwrap();
                let api = Arc::new(LyingApi { api: Api::new(exchange.clone()), lie: told, forgery: forged });
                let shutdown = async { drop(stopped.await) };
                run_listener(listener, edge, Arc::new(ServerGate::new(exchange.clone())), api, shutdown).await.unwrap();
            });
        });
        is_ready.recv().unwrap();
        Self { world, lie, forgery, stop: Some(stop), server: Some(thread) }
    }

    fn lie(&self, path: &'static str, alter: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) {
        *self.lie.lock().unwrap() = Some(Arc::new(Lie { path, status: None, alter: Box::new(alter) }));
    }

    /// Does what it is asked, and says that it did not.
    pub(super) fn deny(&self, path: &'static str, status: StatusCode, body: Vec<u8>) {
        *self.lie.lock().unwrap() = Some(Arc::new(Lie { path, status: Some(status), alter: Box::new(move |_| body.clone()) }));
    }

    /// Answers what is made up, where there is something.
    pub(super) fn forge(&self, forgery: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) {
        *self.forgery.lock().unwrap() = Some(Arc::new(forgery));
    }

    pub(super) fn be_honest(&self) {
        *self.lie.lock().unwrap() = None;
        *self.forgery.lock().unwrap() = None;
    }

    fn open(&self, into: &str) -> (Result<(), ClientError>, PathBuf) {
        let folder = self.world.path(into);
        let opened = self.world.client("tr.moj/01").open_submission(&self.world.case, Some(0), &folder, &mut |_, _| {});
        (opened.map(drop), folder)
    }
}

impl Drop for LyingWorld {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.server.take().unwrap().join().unwrap();
    }
}

/// What is altered, and how.
type Alteration = (&'static str, fn(&mut Value));

fn flip_middle(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}

/// Alters the root hash of a checkpoint, its third line.
fn flip_root(note: Vec<u8>) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = note.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines[2][0] = if lines[2][0] == b'A' { b'B' } else { b'A' };
    lines.join(&b'\n')
}

/// Alters one field of a JSON answer.
fn in_json(alter: impl Fn(&mut Value) + Send + Sync + 'static) -> impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static {
    move |bytes| {
        let mut value: Value = serde_json::from_slice(&bytes).unwrap();
        alter(&mut value);
        serde_json::to_vec(&value).unwrap()
    }
}

fn flip_base64(field: &mut Value) {
    let bytes = Base64::decode_vec(field.as_str().unwrap()).unwrap();
    *field = Value::String(Base64::encode_string(&flip_middle(bytes)));
}

fn require_unproven(outcome: Result<(), ClientError>, what: &str) {
    match outcome {
        Err(fault) if fault.is_unproven() => {}
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn an_altered_blob_is_not_shown() {
    let lying = LyingWorld::play();
    lying.lie("/v1/blobs/", flip_middle);
    let (opened, folder) = lying.open("altered");
    require_unproven(opened, "a flipped blob");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "something of it was shown");
    lying.be_honest();
    lying.open("honest").0.unwrap();
}

/// The cover is right and a document is not: the cover may be seen, the document never.
#[test]
fn an_altered_document_behind_a_right_cover_is_not_shown() {
    let lying = LyingWorld::play();
    lying.lie("/v1/blobs/", |bytes| if bytes.len() > 1024 * 1024 { flip_middle(bytes) } else { bytes });
    let (opened, folder) = lying.open("altered");
    require_unproven(opened, "a flipped document");
    assert!(folder.join("request.txt").exists() && !folder.join("recording.bin").exists());
}

#[test]
fn an_altered_slip_does_not_open() {
    let lying = LyingWorld::play();
    let has_slips = |value: &mut Value| {
        if let Some(slip) = value["slips"].as_array_mut().and_then(|slips| slips.first_mut()) {
            flip_base64(&mut slip["slip"]);
        }
    };
    lying.lie("/v1/acts", in_json(has_slips));
    let (opened, folder) = lying.open("altered");
    require_unproven(opened, "a flipped slip");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn a_document_that_was_released_and_did_not_open_is_told() {
    let lying = LyingWorld::play();
    lying.lie("/v1/blobs/", flip_middle);
    require_unproven(lying.open("altered").0, "a flipped blob");
    lying.be_honest();
    let case = lying.world.case.to_string();
    let log = lying.world.run_json("kg.audit/01", &["audit", "case", &case]);
    let unopened: Vec<&Value> = log["releases"].as_array().unwrap().iter().filter(|release| release["opened"].is_null()).collect();
    assert!(!unopened.is_empty() && unopened.iter().all(|release| release["member"] == "tr.moj/01"), "{log}");
    let text = lying.world.run("kg.audit/01", &["audit", "case", &case]).stdout;
    assert_eq!(String::from_utf8(text).unwrap().matches("NOT OPENED").count(), unopened.len());
    let report = lying.world.run_json("kg.audit/01", &["audit", "follow"]);
    assert_eq!(report["unopened_releases"].as_array().unwrap().len(), unopened.len());
}

#[test]
fn slips_of_other_documents_are_not_taken() {
    let lying = LyingWorld::play();
    let swap = |value: &mut Value| {
        if let Some(slips) = value["slips"].as_array_mut().filter(|slips| slips.len() > 1) {
            let (first, second) = (slips[0]["slip"].clone(), slips[1]["slip"].clone());
            slips[0]["slip"] = second;
            slips[1]["slip"] = first;
        }
    };
    lying.lie("/v1/acts", in_json(swap));
    require_unproven(lying.open("swapped").0, "swapped slips");
}

#[test]
fn an_altered_receipt_proves_nothing_and_the_act_stays_in_the_outbox() {
    let lying = LyingWorld::play();
    let sample = lying.world.sample("small.bin", 3000);
    let alterations: [Alteration; 5] = [
        ("leaf", |value| flip_base64(&mut value["receipt"]["leaves"][0]["leaf"])),
        ("index", |value| value["receipt"]["leaves"][0]["index"] = Value::from(3)),
        ("signature", |value| flip_base64(&mut value["receipt"]["signature"])),
        ("statement", |value| value["receipt"]["statement_sha256"] = Value::from("ab".repeat(32))),
        ("checkpoint", |value| {
            let mut lines: Vec<String> = value["receipt"]["checkpoint"].as_str().unwrap().lines().map(str::to_owned).collect();
            lines[1] = (lines[1].parse::<u64>().unwrap() + 1).to_string();
            value["receipt"]["checkpoint"] = Value::String(lines.join("\n") + "\n");
        }),
    ];
    for (what, alter) in alterations {
        lying.lie("/v1/acts", in_json(alter));
        require_unproven(lying.world.send(std::slice::from_ref(&sample)).map(drop), what);
        let mut client = lying.world.client("kg.gpo/01");
        assert_eq!(client.load_waiting().unwrap().len(), 1, "{what}: it was called sent");
        lying.be_honest();
        assert_eq!(send_all_waiting(&mut client).unwrap().len(), 1, "{what}");
    }
}

#[test]
fn the_receipt_of_another_act_proves_nothing() {
    let lying = LyingWorld::play();
    let receipts = lying.world.profile("kg.gpo/01").join("receipts");
    for file in fs::read_dir(receipts).unwrap().map(|file| file.unwrap().path()) {
        let kept: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let replayed = kept["receipt"].clone();
        lying.lie("/v1/acts", in_json(move |value| value["receipt"] = replayed.clone()));
        require_unproven(lying.world.send(&[]).map(drop), "a replayed receipt");
        let mut client = lying.world.client("kg.gpo/01");
        let waiting = client.load_waiting().unwrap();
        assert_eq!(waiting.len(), 1, "it was called sent");
        client.discard_waiting(&waiting[0].name).unwrap();
    }
}

#[test]
fn what_was_logged_though_the_answer_was_a_fault_is_not_said_twice() {
    let lying = LyingWorld::play();
    let sample = lying.world.sample("small.bin", 3000);
    let problem = |code, status: StatusCode| {
        let refusal = Refusal::new(code, "said in the test");
        (status, serde_json::to_vec(&Problem::of(&refusal, status.as_u16())).unwrap())
    };
    let answers = [
        problem(RefusalCode::Internal, StatusCode::INTERNAL_SERVER_ERROR),
        problem(RefusalCode::Busy, StatusCode::SERVICE_UNAVAILABLE),
        problem(RefusalCode::StorageFull, StatusCode::INSUFFICIENT_STORAGE),
        (StatusCode::BAD_GATEWAY, b"<html>no problem document</html>".to_vec()),
    ];
    for (status, body) in answers {
        lying.deny("/v1/acts", status, body);
        assert!(lying.world.send(std::slice::from_ref(&sample)).is_err(), "{status}");
        lying.be_honest();
        let mut client = lying.world.client("kg.gpo/01");
        client.follow().unwrap();
        let before = client.mirror(Log::Events).head();
        let sent = send_all_waiting(&mut client).unwrap();
        assert_eq!((sent.len(), client.mirror(Log::Events).head()), (1, before), "{status}: it stood in the log already");
    }
}

#[test]
fn an_altered_statement_does_not_open_its_leaf() {
    let lying = LyingWorld::play();
    fs::remove_dir_all(lying.world.profile("tr.moj/01").join("memory/statements")).unwrap();
    lying.lie("/v1/statements/", in_json(|value| flip_base64(&mut value["statement"])));
    require_unproven(lying.world.client("tr.moj/01").load_inbox().map(drop), "a flipped statement");
}

#[test]
fn an_altered_log_is_not_followed() {
    let lying = LyingWorld::play();
    let profile = lying.world.profile("tr.moj/01");
    fs::remove_dir_all(profile.join("memory")).unwrap();
    for path in ["/v1/logs/events/tile", "/v1/logs/directory/tile"] {
        lying.lie(path, flip_middle);
        require_unproven(lying.world.client("tr.moj/01").follow(), path);
    }
    for path in ["/v1/logs/events/checkpoint", "/v1/logs/directory/checkpoint"] {
        lying.lie(path, flip_root);
        require_unproven(lying.world.client("tr.moj/01").follow(), path);
    }
    lying.be_honest();
    lying.world.client("tr.moj/01").follow().unwrap();
}

/// A log that forgot what this machine has seen: the remembered and the offered checkpoint are kept.
#[test]
fn a_shortened_log_is_refused_and_both_checkpoints_are_kept() {
    let lying = LyingWorld::play();
    let profile = lying.world.profile("kg.gpo/01");
    let old = fs::read(lying.world.profile("kg.mvd/01").join("memory/events.checkpoint")).unwrap_or_default();
    assert!(!old.is_empty(), "kg.mvd/01 followed the log when it enrolled");
    // An honest checkpoint of yesterday as today's newest hides what came since.
    lying.lie("/v1/logs/events/checkpoint", move |_| old.clone());
    require_unproven(lying.world.client("kg.gpo/01").follow(), "a log gone back");
    assert_eq!(fs::read_dir(profile.join("evidence")).unwrap().count(), 2);
    // Another history of the same length, signed by the log's own key, is proof against it.
    let server = load_server(&lying.world.config()).unwrap();
    let mut head = lying.world.client("kg.gpo/01").mirror(Log::Events).head();
    head.root = elchi::crypto::hash(b"another history");
    let forked = sign_checkpoint(&server.keys.events, head).unwrap().note().as_str().as_bytes().to_vec();
    lying.lie("/v1/logs/events/checkpoint", move |_| forked.clone());
    require_unproven(lying.world.client("kg.gpo/01").follow(), "a fork");
    assert_eq!(fs::read_dir(profile.join("evidence")).unwrap().count(), 4);
}

/// C2SP checkpoints may carry lines by keys that nobody knows; they prove nothing and spoil nothing.
#[test]
fn a_signature_line_by_an_unknown_key_does_not_spoil_the_evidence() {
    let lying = LyingWorld::play();
    lying.lie("/v1/logs/events/checkpoint", |note| [note.as_slice(), "— else.example/key AAAAAAAAAAAAAAAAAAAAAA==\n".as_bytes()].concat());
    let mut client = lying.world.client("kg.audit/01");
    client.follow().unwrap();
    let folder = lying.world.path("evidence-2");
    write_evidence(&mut client, &folder).unwrap();
    let verified = std::process::Command::new(folder.join("verify.sh")).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// What both witnesses would say if they looked at nothing.
pub(super) fn cosign_by_all(world: &World, checkpoint: &VerifiedCheckpoint) -> Vec<u8> {
    let continues = verify_consistency(Frontier::new().head(), checkpoint.head(), &[]).unwrap();
    let cosign = |state: &str| {
        let key = fs::read_to_string(world.path(&format!("witness-{state}/witness.key"))).unwrap();
        let key = WitnessSigningKey::parse(key.trim_end()).unwrap();
        (key.verifier_key(), cosign_checkpoint(&key, checkpoint, continues, clock::now_second()).unwrap())
    };
    let (keys, lines): (Vec<_>, Vec<_>) = ["kg", "tr"].map(cosign).into_iter().unzip();
    checkpoint.with_cosignatures(&keys, &lines).unwrap().note().as_str().as_bytes().to_vec()
}

/// An operator who has the log's key rewrites a leaf's time, computes the tree anew and signs it. Every chain is
/// in order; but a member has signed that they saw the log as it was before.
#[test]
fn a_rewritten_history_is_proven_by_what_members_signed_to_have_seen() {
    let lying = LyingWorld::play();
    let profile = lying.world.profile("kg.audit/01");
    let leaves = leaves_of(&lying.world.profile("kg.gpo/01").join("memory/events.leaves"));
    let (mut frontier, mut rewritten) = (Frontier::new(), Vec::new());
    // The last leaf is `close`, the two before it are `opened`: the last of their documents' chains.
    for (index, bytes) in leaves.iter().enumerate() {
        let mut leaf = decode_event_leaf(bytes).unwrap();
        if index + 3 == leaves.len() || index + 2 == leaves.len() {
            leaf.time.0 += 1;
        }
        rewritten.push(encode_event_leaf(&leaf));
        frontier.append(leaf_hash(rewritten.last().unwrap()));
    }
    assert_ne!(rewritten, leaves);
    let server = load_server(&lying.world.config()).unwrap();
    let forged = sign_checkpoint(&server.keys.events, frontier.head()).unwrap();
    let (unwitnessed, collusion) = (forged.note().as_str().as_bytes().to_vec(), cosign_by_all(&lying.world, &forged));
    fs::remove_dir_all(profile.join("memory")).unwrap();
    let lie = |checkpoint: Vec<u8>| {
        let rewritten = rewritten.clone();
        lying.lie("/v1/logs/events/", move |bytes| {
            if bytes.starts_with(b"demo.elchi.example/events") {
                return checkpoint.clone();
            }
            rewritten.iter().flat_map(|leaf| [&u16::try_from(leaf.len()).unwrap().to_be_bytes()[..], leaf].concat()).collect()
        });
    };
    // Alone the operator gets nowhere: no witness stands behind it, and whoever has the true log keeps both heads.
    lie(unwitnessed);
    let fault = run_audit(&mut lying.world.client("kg.audit/01")).unwrap_err();
    assert!(matches!(fault, ClientError::NotWitnessed(_)), "{fault}");
    let mut bishkek = lying.world.client("kg.gpo/01");
    require_unproven(bishkek.follow(), "a forged head where the true one is known");
    assert_eq!(fs::read_dir(bishkek.profile().path("evidence")).unwrap().count(), 2);
    drop(bishkek);
    // Together with the witnesses of both states, an auditor with no memory is shown it; and what members signed proves it.
    lie(collusion);
    let fault = run_audit(&mut lying.world.client("kg.audit/01")).unwrap_err();
    assert!(fault.is_unproven() && fault.to_string().contains("another history"), "{fault}");
    // As a command it exits with 1, and keeps what the finding rests on.
    let found = lying.world.run("kg.audit/01", &["audit", "follow"]);
    assert_eq!(found.status.code(), Some(1));
    let kept = fs::read_dir(profile.join("evidence")).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
    assert!(fs::read_to_string(kept.join("finding.txt")).unwrap().contains("another history"));
    assert_eq!(fs::read(kept.join("memory/events.leaves")).unwrap(), fs::read(profile.join("memory/events.leaves")).unwrap());
    assert!(kept.join("roots/KG.pem").exists() && !kept.join("tls.key.age").exists());
    // Again, as a timer would: the same finding, kept once.
    assert_eq!(lying.world.run("kg.audit/01", &["audit", "follow"]).status.code(), Some(1));
    assert_eq!(fs::read_dir(profile.join("evidence")).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count(), 1);
    assert_eq!(fs::read_to_string(kept.join("finding.txt")).unwrap().matches("another history").count(), 1);
    // The honest log, told from the beginning, is consistent.
    lying.be_honest();
    fs::remove_dir_all(profile.join("memory")).unwrap();
    run_audit(&mut lying.world.client("kg.audit/01")).unwrap();
}

/// The operator puts a sealing key of their own into an authority's entry, computes the tree anew and signs it.
#[test]
fn a_directory_with_a_swapped_sealing_key_is_not_followed() {
    let lying = LyingWorld::play();
    let profile = lying.world.profile("kg.gpo/01");
    let leaves = leaves_of(&profile.join("memory/directory.leaves"));
    let own_key = elchi::seal::SealingIdentity::generate().recipient().to_string();
    let find = |leaf: &[u8], words: &[u8]| leaf.windows(words.len()).position(|window| window == words);
    let swap = |leaf: &Vec<u8>| match find(leaf, b"\nauthority tr.moj\n").and(find(leaf, b"age1pq1")) {
        Some(at) => [&leaf[..at], own_key.as_bytes(), &leaf[at + own_key.len()..]].concat(),
        None => leaf.clone(),
    };
    let swapped: Vec<Vec<u8>> = leaves.iter().map(swap).collect();
    assert_eq!(swapped.iter().zip(&leaves).filter(|(now, before)| now != before).count(), 1);
    let checkpoint = sign_directory(&lying, &swapped);
    lying.lie("/v1/logs/directory/", move |bytes| {
        if bytes.starts_with(b"demo.elchi.example/directory") {
            return checkpoint.clone();
        }
        swapped.iter().flat_map(|leaf| [&u16::try_from(leaf.len()).unwrap().to_be_bytes()[..], leaf].concat()).collect()
    });
    require_unproven(lying.world.client("kg.gpo/01").follow(), "to one who knows the true one");
    fs::remove_dir_all(profile.join("memory")).unwrap();
    let fault = lying.world.client("kg.gpo/01").follow().unwrap_err();
    assert!(fault.is_unproven() && fault.to_string().contains("of the directory log is not allowed"), "to one who knows nothing: {fault}");
}

/// A member is revoked, somebody acts in view of that, and the server shows a directory that ends before it.
#[test]
fn a_directory_without_the_latest_revocation_is_noticed() {
    let lying = LyingWorld::play();
    lying.world.run_registrar("kg", &["revoke", "kg.mvd/01", "--reason", "left"]);
    lying.world.send(&[lying.world.sample("small.bin", 3000)]).unwrap();
    let mut leaves = leaves_of(&lying.world.profile("kg.gpo/01").join("memory/directory.leaves"));
    leaves.pop();
    let checkpoint = sign_directory(&lying, &leaves);
    lying.lie("/v1/logs/directory/checkpoint", move |_| checkpoint.clone());
    require_unproven(lying.world.client("kg.gpo/01").follow(), "to one who has seen it");
    let profile = lying.world.profile("tr.moj/01");
    fs::remove_dir_all(profile.join("memory")).unwrap();
    let fault = lying.world.client("tr.moj/01").load_inbox().unwrap_err();
    assert!(fault.is_unproven() && fault.to_string().contains("entries that do not exist"), "to one who knows nothing: {fault}");
    lying.be_honest();
    assert_eq!(lying.world.client("tr.moj/01").load_inbox().unwrap().len(), 2);
}

/// A checkpoint of a directory log with these leaves, signed with the log's own key.
fn sign_directory(lying: &LyingWorld, leaves: &[Vec<u8>]) -> Vec<u8> {
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| drop(frontier.append(leaf_hash(leaf))));
    let server = load_server(&lying.world.config()).unwrap();
    cosign_by_all(&lying.world, &sign_checkpoint(&server.keys.directory, frontier.head()).unwrap())
}

/// The leaves of a member's copy of a log: a length of two bytes before each.
pub(super) fn leaves_of(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let (mut rest, mut leaves) = (bytes.as_slice(), Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (leaf, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
        leaves.push(leaf.to_vec());
        rest = after;
    }
    leaves
}
