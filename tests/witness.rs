//! The witness, by C2SP tlog-witness: what it cosigns, what it answers otherwise, and what it remembers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use elchi::crypto::{Ed25519SigningKey, hash};
use elchi::domain::{Hash, TreeHead, UtcSecond};
use elchi::net::{ClientDeadlines, Connector, OutgoingBody, TlsIdentity};
use elchi::registrar::make_pinned_tls;
use elchi::tlog::{
    Frontier, LogSigningKey, NodeSource, WitnessSigningKey, WitnessVerifierKey, leaf_hash, prove_consistency, sign_checkpoint,
};
use elchi::wire::{AddCheckpoint, KeyId, SignatureType, VerifierKey, WitnessSheet, encode_add_checkpoint, parse_cosignatures, parse_note};
use elchi::witness::{Ledger, NewWitness, Refused, WitnessFault, add_log, init_witness, run_witness};
use http::{Method, Request, StatusCode};

const NOW: u64 = 1_795_510_800;

fn now() -> UtcSecond {
    UtcSecond::from_unix(NOW).unwrap()
}

/// A log that can be two: up to `fork` leaves both are the same.
struct Log {
    key: LogSigningKey,
    frontiers: Vec<Frontier>,
    nodes: BTreeMap<(u8, u64), Hash>,
}

impl NodeSource for Log {
    type Fault = ();
    fn load_node(&self, level: u8, index: u64) -> Result<Hash, ()> {
        self.nodes.get(&(level, index)).copied().ok_or(())
    }
}

impl Log {
    fn new(key: &LogSigningKey, size: u64, fork: u64) -> Self {
        let key = LogSigningKey::parse(&key.expose_secret()).unwrap();
        let mut log = Self { key, frontiers: vec![Frontier::new()], nodes: BTreeMap::new() };
        for index in 0..size {
            let mut frontier = log.frontiers.last().unwrap().clone();
            let leaf = if index < fork { format!("leaf {index}") } else { format!("another {index}") };
            log.nodes.extend(frontier.append(leaf_hash(leaf.as_bytes())).into_iter().map(|node| ((node.level, node.index), node.hash)));
            log.frontiers.push(frontier);
        }
        log
    }

    fn head(&self, size: u64) -> TreeHead {
        self.frontiers[usize::try_from(size).unwrap()].head()
    }

    fn request(&self, old_size: u64, size: u64) -> AddCheckpoint {
        let proof = if old_size <= size { prove_consistency(self, old_size, size).unwrap() } else { Vec::new() };
        AddCheckpoint { old_size, proof, checkpoint: sign_checkpoint(&self.key, self.head(size)).unwrap().note().clone() }
    }
}

struct World {
    folder: tempfile::TempDir,
    key: LogSigningKey,
    verifier_key: WitnessVerifierKey,
}

fn init(folder: &Path) -> Result<WitnessSheet, WitnessFault> {
    let tls = make_pinned_tls("localhost:1").unwrap();
    let new = NewWitness {
        name: "witness.kg.example".parse().unwrap(),
        listen: "127.0.0.1:0".parse().unwrap(),
        address: "localhost:1".into(),
        tls_key: &tls.key,
        tls_certificate: &tls.certificate,
        tls_spki: tls.spki,
    };
    init_witness(folder, &new)
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = LogSigningKey::generate("mla.example/events".parse().unwrap()).unwrap();
        let sheet = init(&folder.path().join("witness")).unwrap();
        add_log(&folder.path().join("witness"), &key.verifier_key().to_wire()).unwrap();
        let verifier_key = WitnessVerifierKey::from_wire(&sheet.key.parse().unwrap()).unwrap();
        Self { folder, key, verifier_key }
    }

    fn logs(&self) -> std::path::PathBuf {
        self.folder.path().join("witness/logs")
    }

    /// The witness as it starts, with what it remembers.
    fn start(&self) -> Ledger {
        let key = fs::read_to_string(self.folder.path().join("witness/witness.key")).unwrap();
        Ledger::open(&self.logs(), WitnessSigningKey::parse(key.trim_end()).unwrap()).unwrap()
    }

    fn log(&self, size: u64) -> Log {
        Log::new(&self.key, size, u64::MAX)
    }

    /// Asks, and verifies the cosignature.
    fn add(&self, ledger: &Ledger, request: AddCheckpoint) -> Result<(), Refused> {
        let note = request.checkpoint.clone();
        let line = ledger.add_checkpoint(request, now())?;
        let checkpoint = elchi::tlog::verify_checkpoint(note, self.key.verifier_key()).unwrap();
        let cosigned = checkpoint.with_cosignatures(std::slice::from_ref(&self.verifier_key), &[line]).unwrap();
        assert_eq!(cosigned.cosignatures()[0].time(), now());
        Ok(())
    }
}

fn remembered(ledger: &Ledger) -> u64 {
    ledger.sizes().next().unwrap().1
}

#[test]
fn a_log_that_only_grows_is_cosigned_also_after_a_restart() {
    let world = World::new();
    let log = world.log(300);
    let mut old_size = 0;
    for size in [0, 0, 1, 2, 7, 7, 256, 300] {
        let ledger = world.start();
        assert_eq!(remembered(&ledger), old_size);
        world.add(&ledger, log.request(old_size, size)).unwrap();
        old_size = size;
    }
    assert_eq!(remembered(&world.start()), 300);
}

#[test]
fn a_fork_is_cosigned_by_no_way_of_asking() {
    let world = World::new();
    let (log, fork) = (world.log(40), Log::new(&world.key, 40, 10));
    let ledger = world.start();
    world.add(&ledger, log.request(0, 20)).unwrap();
    let before = fs::read(fs::read_dir(world.logs()).unwrap().next().unwrap().unwrap().path()).unwrap();
    // From its own past, with its own proof: another root at the size that was cosigned.
    assert!(matches!(world.add(&ledger, fork.request(20, 40)), Err(Refused::Inconsistent)));
    assert!(matches!(world.add(&ledger, fork.request(20, 20)), Err(Refused::Conflict(20))));
    // From where both were one, or from nothing, or backwards.
    for (old_size, size) in [(10, 40), (0, 40), (0, 20), (19, 40), (21, 40), (10, 10)] {
        assert!(matches!(world.add(&ledger, fork.request(old_size, size)), Err(Refused::Conflict(20))), "{old_size} {size}");
    }
    assert!(matches!(world.add(&ledger, log.request(10, 10)), Err(Refused::Conflict(20))), "an earlier head of the true log");
    assert_eq!(fs::read(fs::read_dir(world.logs()).unwrap().next().unwrap().unwrap().path()).unwrap(), before);
    world.add(&ledger, log.request(20, 40)).unwrap();
}

#[test]
fn what_is_wrong_is_answered_as_the_specification_says() {
    let world = World::new();
    let (log, ledger) = (world.log(40), world.start());
    world.add(&ledger, log.request(0, 20)).unwrap();
    let good = log.request(20, 40);
    // 400: the old size is larger than the checkpoint's.
    assert!(matches!(world.add(&ledger, log.request(21, 20)), Err(Refused::BadRequest(_))));
    // 422: a proof too long, too short, of another size, or altered; and one where there must be none.
    for proof in [[good.proof.clone(), vec![Hash::ZERO]].concat(), good.proof[1..].to_vec(), Vec::new(), log.request(19, 40).proof] {
        assert!(matches!(world.add(&ledger, AddCheckpoint { proof, ..good.clone() }), Err(Refused::Inconsistent)));
    }
    let with_proof = AddCheckpoint { proof: vec![Hash::ZERO], ..log.request(20, 20) };
    assert!(matches!(world.add(&ledger, with_proof), Err(Refused::Inconsistent)));
    // 403: signed by another key, by none, or wrongly.
    let other = LogSigningKey::generate("mla.example/events".parse().unwrap()).unwrap();
    let forged = AddCheckpoint { checkpoint: sign_checkpoint(&other, log.head(40)).unwrap().note().clone(), ..good.clone() };
    assert!(matches!(ledger.add_checkpoint(forged, now()), Err(Refused::NotSigned(_))));
    let altered = good.checkpoint.as_str().replace("\n40\n", "\n39\n");
    let altered = AddCheckpoint { checkpoint: parse_note(altered.as_bytes()).unwrap(), ..good.clone() };
    assert!(matches!(ledger.add_checkpoint(altered, now()), Err(Refused::NotSigned(_))));
    // 404: a log that nobody added.
    let unknown = LogSigningKey::generate("mla.example/other".parse().unwrap()).unwrap();
    let unknown = AddCheckpoint { checkpoint: sign_checkpoint(&unknown, log.head(40)).unwrap().note().clone(), ..good.clone() };
    assert!(matches!(ledger.add_checkpoint(unknown, now()), Err(Refused::UnknownLog)));
    world.add(&ledger, good).unwrap();
}

#[test]
fn two_requests_at_once_never_continue_the_same_checkpoint() {
    let world = World::new();
    let (log, fork) = (world.log(40), Log::new(&world.key, 40, 20));
    let page = fs::read(fs::read_dir(world.logs()).unwrap().next().unwrap().unwrap().path()).unwrap();
    for _ in 0..20 {
        // A new witness each time.
        fs::write(fs::read_dir(world.logs()).unwrap().next().unwrap().unwrap().path(), &page).unwrap();
        let ledger = world.start();
        world.add(&ledger, log.request(0, 20)).unwrap();
        let cosigned: usize = std::thread::scope(|scope| {
            let ask = |log| {
                let (world, ledger) = (&world, &ledger);
                scope.spawn(move || world.add(ledger, Log::request(log, 20, 40)).is_ok())
            };
            let asked = [ask(&log), ask(&fork)];
            asked.into_iter().map(|asked| usize::from(asked.join().unwrap())).sum()
        });
        assert_eq!(cosigned, 1, "one history, and only one");
    }
}

#[test]
fn a_witness_that_cannot_remember_does_not_cosign() {
    let world = World::new();
    let (log, ledger) = (world.log(9), world.start());
    fs::rename(world.logs(), world.folder.path().join("gone")).unwrap();
    assert!(matches!(ledger.add_checkpoint(log.request(0, 9), now()), Err(Refused::Fault(_))));
    fs::rename(world.folder.path().join("gone"), world.logs()).unwrap();
    // What is on disk after a failed write is not known: it starts again, and reads it.
    assert!(matches!(ledger.add_checkpoint(log.request(0, 9), now()), Err(Refused::Fault(_))));
    drop(ledger);
    let ledger = world.start();
    assert_eq!(remembered(&ledger), 0);
    world.add(&ledger, log.request(0, 9)).unwrap();
}

#[test]
fn a_damaged_memory_is_not_gone_on_with() {
    let world = World::new();
    world.add(&world.start(), world.log(9).request(0, 9)).unwrap();
    let path = fs::read_dir(world.logs()).unwrap().next().unwrap().unwrap().path();
    let intact = fs::read(&path).unwrap();
    let open = || {
        let key = WitnessSigningKey::generate("w.example".parse().unwrap()).unwrap();
        Ledger::open(&world.logs(), key).map(drop)
    };
    for at in (0..intact.len()).step_by(7) {
        let mut bytes = intact.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(open().is_err(), "byte {at}");
    }
    fs::write(&path, &intact[..intact.len() / 2]).unwrap();
    assert!(open().is_err());
    fs::write(&path, &intact).unwrap();
    // What a crash left of a file that was never published is passed over.
    fs::write(world.logs().join(".elchi-x1"), b"half").unwrap();
    open().unwrap();
    // A copy beside it is no second memory, whichever is read first.
    let copy = world.logs().join("copy");
    fs::copy(&path, &copy).unwrap();
    assert!(open().is_err());
    fs::remove_file(copy).unwrap();
    // One process works with a memory.
    let held = world.start();
    assert!(open().is_err());
    drop(held);
    // A log's page is begun once: who adds the log again does not make the witness forget.
    assert!(add_log(&world.folder.path().join("witness"), &world.key.verifier_key().to_wire()).is_err());
}

/// A log that is not Elchi's: any name, and extension lines.
#[test]
fn logs_of_others_are_cosigned_too() {
    use signed_note::{Note, StandardSigner};
    let world = World::new();
    let name = "Sum.example-DB";
    let public_key = *Ed25519SigningKey::from_seed([7; 32]).unwrap().public_key().as_bytes();
    let id = hash(&[name.as_bytes(), b"\n\x01", &public_key].concat());
    let key_id = KeyId(*id.as_bytes().first_chunk().unwrap());
    let key = VerifierKey { name: name.parse().unwrap(), key_id, signature_type: SignatureType::Note, public_key };
    let skey = format!("PRIVATE+KEY+{name}+{key_id}+{}", Base64::encode_string(&[[1].as_slice(), &[7; 32]].concat()));
    add_log(&world.folder.path().join("witness"), &key).unwrap();
    let ledger = world.start();
    let root = Base64::encode_string(hash(b"a leaf").as_bytes());
    let text = format!("Sum.example-DB\n5\n{root}\nextension of theirs\n");
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(&skey).unwrap()]).unwrap();
    let checkpoint = parse_note(&note.to_bytes()).unwrap();
    let line = ledger.add_checkpoint(AddCheckpoint { old_size: 0, proof: Vec::new(), checkpoint: checkpoint.clone() }, now()).unwrap();
    assert_eq!(line.name.as_str(), "witness.kg.example");
    let again = ledger.add_checkpoint(AddCheckpoint { old_size: 0, proof: Vec::new(), checkpoint }, now());
    assert!(matches!(again, Err(Refused::Conflict(5))));
}

/// Over TLS, without a certificate, as any log asks.
#[tokio::test]
async fn the_protocol_over_the_wire() {
    let world = World::new();
    let log = world.log(40);
    let tls = make_pinned_tls("localhost:1").unwrap();
    let identity = TlsIdentity::load(vec![tls.certificate.clone()], &tls.key).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(run_witness(listener, identity, Arc::new(world.start()), async { drop(stopped.await) }));
    let connector = Connector::for_stranger(vec![tls.spki], ClientDeadlines::default()).unwrap();
    let ask = async |method: Method, path: &'static str, body: Vec<u8>| {
        let mut connection = connector.connect(&address).await.unwrap();
        let request = Request::builder().method(method).uri(path).body(OutgoingBody::from_bytes(body)).unwrap();
        let answer = connection.send(request).await.unwrap();
        let (status, kind) = (answer.status(), answer.headers().get("content-type").unwrap().to_str().unwrap().to_owned());
        (status, kind, answer.into_body().collect(1 << 20).await.unwrap().to_vec())
    };
    let post = async |body: Vec<u8>| ask(Method::POST, "/add-checkpoint", body).await;
    let encode = |request: AddCheckpoint| encode_add_checkpoint(&request).into_bytes();

    let (status, _, body) = post(encode(log.request(0, 20))).await;
    assert_eq!((status, parse_cosignatures(&body).unwrap().len()), (StatusCode::OK, 1));
    let (status, kind, body) = post(encode(log.request(0, 40))).await;
    assert_eq!((status, kind.as_str(), body.as_slice()), (StatusCode::CONFLICT, "text/x.tlog.size", b"20\n".as_slice()));
    let fork = Log::new(&world.key, 40, 10);
    assert_eq!(post(encode(fork.request(20, 40))).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(post(encode(log.request(30, 20))).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(b"old 20\n\nno note\n".to_vec()).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(vec![b'x'; 200_000]).await.0, StatusCode::BAD_REQUEST);
    let other = World::new();
    assert_eq!(post(encode(other.log(20).request(0, 20))).await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(Method::POST, "/add-checkpoints", Vec::new()).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(Method::GET, "/add-checkpoint", Vec::new()).await.0, StatusCode::NOT_FOUND);
    let (status, _, body) = post(encode(log.request(20, 40))).await;
    assert_eq!((status, parse_cosignatures(&body).unwrap().len()), (StatusCode::OK, 1));
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    assert_eq!(remembered(&world.start()), 40);
}

#[test]
fn a_witness_is_made_once() {
    let world = World::new();
    let folder: &Path = &world.folder.path().join("witness");
    let before = fs::read(folder.join("witness.key")).unwrap();
    assert!(init(folder).is_err());
    assert_eq!(fs::read(folder.join("witness.key")).unwrap(), before);
}
