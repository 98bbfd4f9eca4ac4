//! The real gate of a real server: who has no place in the directory gets no HTTP at all.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use elchi::domain::{Hash, UtcSecond};
use elchi::net::{ClientDeadlines, Connector, LinkFault, OutgoingBody, TlsIdentity};
use elchi::registrar::{StateCa, Validity, generate_key};
use elchi::trust::CertificateProfile;
use elchi::wire::{ACT_REQUEST_BYTES_MAX, ACTS_PATH, Problem, RefusalCode};
use http::{Request, StatusCode};
use zeroize::Zeroizing;

use crate::story_world::World;

/// Long enough for a loaded machine; what hangs longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A chain (DER, leaf first) and its key (PKCS#8 DER).
struct Papers {
    chain: Vec<Vec<u8>>,
    key: Vec<u8>,
}

fn load_ca(world: &World, folder: &str) -> StateCa {
    let path = |name: String| world.path(folder).join("ca").join(name);
    let der = |pem: Vec<u8>| der::pem::decode_vec(&pem).unwrap().1;
    let certificate = |name: &str| der(fs::read(path(format!("{name}.pem"))).unwrap());
    let key = |name: &str| Zeroizing::new(der(world.read_secret(&path(format!("{name}.key.age")))));
    let stored = |name: &str| (certificate(name), key(name));
    StateCa::from_stored(stored("root"), stored("issuing"))
}

fn validity(from: i64, until: i64) -> Validity {
    let now = i64::try_from(elchi::clock::now_second().unix()).unwrap();
    let second = |offset: i64| UtcSecond::from_unix(u64::try_from(now + offset).unwrap()).unwrap();
    Validity { from: second(from), until: second(until) }
}

fn issue(ca: &StateCa, profile: CertificateProfile, member: &str, valid: Validity) -> Papers {
    let (key, spki) = generate_key().unwrap();
    let leaf = ca.issue(profile, &member.parse().unwrap(), &spki, valid).unwrap();
    let chain = if profile == CertificateProfile::RegistrarTls { vec![leaf] } else { vec![leaf, ca.issuer_der(profile).to_vec()] };
    Papers { chain, key: key.to_vec() }
}

/// The status of one request, or why there was none.
fn ask(world: &World, papers: &Papers) -> Result<StatusCode, LinkFault> {
    let identity = TlsIdentity::load(papers.chain.clone(), &papers.key).unwrap();
    let pin = world.client("kg.gpo/01").policy().policy().server_spki;
    let connector = Connector::new(&identity, vec![pin], ClientDeadlines::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = connector.connect(&world.address).await?;
        let request = Request::builder().uri("/v1/logs/events/checkpoint").body(OutgoingBody::empty()).unwrap();
        Ok(connection.send(request).await?.status())
    })
}

fn member_papers(world: &World, member: &str) -> Papers {
    let key = world.open_profile(member).load_tls_key().unwrap();
    Papers { chain: key.chain_der, key: key.key_pkcs8.to_vec() }
}

#[test]
fn only_members_in_force_and_registrars_reach_http() {
    let world = World::play();
    let ca = load_ca(&world, "kg");
    let good = validity(-60, 3600);
    assert_eq!(ask(&world, &member_papers(&world, "kg.gpo/01")).unwrap(), StatusCode::OK);
    assert_eq!(ask(&world, &issue(&ca, CertificateProfile::RegistrarTls, "kg.registrar/01", good)).unwrap(), StatusCode::OK);

    let other_ca = StateCa::create("KG".parse().unwrap(), good).unwrap();
    let refused = [
        ("another CA's", issue(&other_ca, CertificateProfile::Tls, "kg.gpo/01", good)),
        ("another CA's registrar", issue(&other_ca, CertificateProfile::RegistrarTls, "kg.registrar/01", good)),
        ("certified, but not in the directory", issue(&ca, CertificateProfile::Tls, "kg.gpo/77", good)),
        ("a second certificate of a member, which the directory does not list", issue(&ca, CertificateProfile::Tls, "kg.gpo/01", good)),
        ("expired", issue(&ca, CertificateProfile::RegistrarTls, "kg.registrar/01", validity(-3600, -60))),
        ("not yet valid", issue(&ca, CertificateProfile::RegistrarTls, "kg.registrar/01", validity(3600, 7200))),
        ("for statements, not for TLS", issue(&ca, CertificateProfile::Statement, "kg.gpo/01", good)),
        ("for a registrar's statements, not for TLS", issue(&ca, CertificateProfile::Registrar, "kg.registrar/01", good)),
        ("a registrar of another state than the root's", issue(&ca, CertificateProfile::RegistrarTls, "tr.registrar/01", good)),
    ];
    for (what, papers) in refused {
        let fault = ask(&world, &papers).expect_err(what);
        assert!(matches!(fault, LinkFault::RefusedByServer(_)), "{what}: {fault:?}");
    }
}

#[test]
fn without_a_client_certificate_there_is_no_http() {
    let world = World::play();
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &world.address])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The server may close before this is read.
    let _ = client.stdin.take().unwrap().write_all(b"GET /v1/logs/events/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n");
    let output = client.wait_with_output().unwrap();
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stderr).contains("certificate required"), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A client that is sent to a server with another key says nothing to it.
#[test]
fn a_server_with_another_key_than_the_policy_names_is_not_talked_to() {
    let world = World::play();
    let papers = member_papers(&world, "kg.gpo/01");
    let identity = TlsIdentity::load(papers.chain, &papers.key).unwrap();
    let connector = Connector::new(&identity, vec![Hash::ZERO], ClientDeadlines::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fault = runtime.block_on(connector.connect(&world.address)).map(drop).expect_err("another key");
    assert!(matches!(fault, LinkFault::WrongServerKey { .. }), "{fault:?}");
}

/// A member whose acts never arrive whole holds a part of the memory for acts; what is above it is refused before it
/// comes, and everyone else's acts go on.
#[test]
fn one_member_cannot_hold_all_the_memory_for_acts() {
    let world = World::play();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (greedy, other) = (connector(&world, "kg.gpo/01"), connector(&world, "tr.moj/01"));
    runtime.block_on(async {
        let mut producers = Vec::new();
        let mut acts = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let (producer, body) = OutgoingBody::channel(ACT_REQUEST_BYTES_MAX as u64);
            producers.push(producer);
            let mut connection = greedy.connect(&world.address).await.unwrap();
            acts.spawn(async move { connection.send(Request::post(ACTS_PATH).body(body).unwrap()).await });
        }
        for _ in 0..2 {
            let answer = tokio::time::timeout(PATIENCE, acts.join_next()).await.expect("it waits for the body").unwrap();
            let body = answer.unwrap().unwrap().into_body().collect(64 * 1024).await.unwrap();
            assert_eq!(serde_json::from_slice::<Problem>(&body).unwrap().code, RefusalCode::Busy);
        }
        assert_eq!(act_code(&world, &other).await, RefusalCode::Malformed, "another member is hindered");
        // The one that was let in ends, and its memory is free again.
        drop(producers);
        tokio::time::timeout(PATIENCE, async { while act_code(&world, &greedy).await != RefusalCode::Malformed {} }).await.unwrap();
    });
}

/// The code that 4 MiB which are no act are refused with.
async fn act_code(world: &World, connector: &Connector) -> RefusalCode {
    let mut connection = connector.connect(&world.address).await.unwrap();
    let request = Request::post(ACTS_PATH).body(OutgoingBody::from_bytes(vec![b'0'; 4 << 20])).unwrap();
    let body = connection.send(request).await.unwrap().into_body().collect(64 * 1024).await.unwrap();
    serde_json::from_slice::<Problem>(&body).unwrap().code
}

fn connector(world: &World, member: &str) -> Connector {
    let papers = member_papers(world, member);
    let identity = TlsIdentity::load(papers.chain, &papers.key).unwrap();
    Connector::new(&identity, vec![world.client("kg.gpo/01").policy().policy().server_spki], ClientDeadlines::default()).unwrap()
}

/// What is another's and what is not there get the same answer: status, headers but for the request's id, and
/// every byte of the body.
#[test]
fn not_yours_and_not_there_are_the_same() {
    let world = World::play();
    let connector = connector(&world, "kg.mvd/01");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ask = |path: String| {
        runtime.block_on(async {
            let mut connection = connector.connect(&world.address).await.unwrap();
            let answer = connection.send(Request::builder().uri(path).body(OutgoingBody::empty()).unwrap()).await.unwrap();
            let status = answer.status();
            let mut headers: Vec<String> = answer.headers().iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
            headers.retain(|line| !line.starts_with("date: ") && !line.starts_with("request-id: "));
            let body = answer.into_body().collect(64 * 1024).await.unwrap();
            (status, headers, body)
        })
    };
    let mut history = world.client("kg.gpo/01");
    history.follow().unwrap();
    let document = *history.load_case(&world.case).unwrap().case.documents().keys().next().unwrap();
    for (theirs, nowhere) in [
        (format!("/v1/blobs/{document}"), format!("/v1/blobs/{}", "ab".repeat(32))),
        ("/v1/statements/0".to_owned(), "/v1/statements/999999".to_owned()),
    ] {
        let (theirs, nowhere) = (ask(theirs), ask(nowhere));
        assert!(theirs.0.is_client_error());
        assert_eq!(theirs, nowhere);
    }
    // A path that is no route looks the same as another's statement.
    assert_eq!(ask("/v1/nothing".to_owned()), ask("/v1/statements/0".to_owned()));
}
