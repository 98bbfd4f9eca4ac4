//! Who gets in, and by which cryptography.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use elchi::net::{ClientDeadlines, Connector, LinkFault, TlsFault, TlsIdentity};
use elchi::trust::CertificateProfile;
use rustls::{HandshakeKind, NamedGroup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::raw::{CLASSIC, HYBRID, alert_in, alert_of, client_config, connect_raw_as, serve_once, server_config, shake_hands};
use super::world::{NOW, Papers, World, get, new_state, text_of, validity, within};

#[tokio::test]
async fn a_member_gets_in_and_is_answered() {
    let world = World::start().await;
    let mut connection = world.connect().await;
    for _ in 0..3 {
        let response = connection.send(get("/hello")).await.unwrap();
        assert_eq!(response.headers()["request-id"].len(), 32);
        assert_eq!(text_of(response).await, "hello");
        assert!(connection.is_open());
    }
}

/// The client's handshake "succeeds"; the alert comes with the first answer, as a clear error with a hint.
async fn assert_refused(world: &World, papers: &Papers, alert: &str) {
    let mut connection = world.connect_as(papers).await;
    let fault = within(connection.send(get("/hello"))).await.err().expect("HTTP was answered");
    assert!(matches!(&fault, LinkFault::RefusedByServer(found) if found == alert), "{alert} expected: {fault:?}");
    assert!(fault.hint().contains("registrar"));
    assert!(!connection.is_open());
    assert_eq!(world.seen.requests.load(Ordering::SeqCst), 0, "there was HTTP");
}

#[tokio::test]
async fn strangers_meet_nothing_but_tls() {
    let world = World::start().await;
    let (fresh, own) = (validity(NOW - 10, NOW + 10), CertificateProfile::Tls);
    assert_refused(&world, &Papers::member(&new_state("KG")), "UnknownCA").await;
    assert_refused(&world, &Papers::member(&new_state("TR")), "UnknownCA").await;
    assert_refused(&world, &Papers::issue(&world.ca, own, validity(NOW - 10, NOW - 1)), "CertificateExpired").await;
    assert_refused(&world, &Papers::issue(&world.ca, CertificateProfile::Statement, fresh), "BadCertificate").await;
    assert_refused(&world, &Papers::issue(&world.ca, CertificateProfile::Registrar, fresh), "BadCertificate").await;
    let revoked = Papers::member(&world.ca);
    world.gate.revoke(&revoked);
    assert_refused(&world, &revoked, "CertificateRevoked").await;
    let mut crowd = Papers::member(&world.ca);
    crowd.chain = [crowd.chain.clone(), crowd.chain.clone()].concat();
    assert_refused(&world, &crowd, "UnknownCA").await;
}

#[tokio::test]
async fn no_certificate_or_another_ones_certificate_is_no_way_in() {
    let world = World::start().await;
    let mut nobody = shake_hands(&world.address, Arc::new(client_config(None, &[CLASSIC]))).await.unwrap();
    assert_eq!(alert_of(&mut nobody).await, "CertificateRequired");

    let (victim, thief) = (Papers::member(&world.ca), Papers::member(&world.ca));
    let stolen = Papers { chain: victim.chain, key: thief.key };
    let mut tls = connect_raw_as(&world, &stolen).await.unwrap();
    assert_eq!(alert_of(&mut tls).await, "DecryptError");

    // A key of another kind, even one that the state certified.
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let (spki, valid) = (rcgen::PublicKeyData::subject_public_key_info(&pair), validity(NOW - 10, NOW + 10));
    let leaf = world.ca.issue(CertificateProfile::Tls, &"kg.gpo/08".parse().unwrap(), &spki, valid).unwrap();
    let other_kind = Papers { chain: vec![leaf, world.ca.issuing_der().to_vec()], key: pair.serialize_der() };
    let mut tls = connect_raw_as(&world, &other_kind).await.unwrap();
    assert_eq!(alert_of(&mut tls).await, "CertificateRequired");
    assert!(matches!(TlsIdentity::load(other_kind.chain, &other_kind.key).err(), Some(TlsFault::Key)));
    assert_eq!(world.seen.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn http_1_1_must_be_agreed_on() {
    let world = World::start().await;
    let member = Papers::member(&world.ca);
    let with_alpn = |protocols: Vec<Vec<u8>>| {
        let mut config = client_config(Some((&member.chain, &member.key)), &[CLASSIC]);
        config.alpn_protocols = protocols;
        Arc::new(config)
    };
    let h2 = shake_hands(&world.address, with_alpn(vec![b"h2".to_vec()])).await;
    assert_eq!(alert_in(&h2.unwrap_err()), "NoApplicationProtocol");

    let mut silent = shake_hands(&world.address, with_alpn(vec![])).await.unwrap();
    let _ = silent.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = within(silent.read_to_end(&mut answer)).await;
    assert!(answer.is_empty(), "HTTP was answered");
    assert_eq!(world.seen.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_hybrid_group_comes_first_and_x25519_alone_works() {
    let world = World::start().await;
    let member = Papers::member(&world.ca);
    let cases = [
        (vec![HYBRID, CLASSIC], NamedGroup::X25519MLKEM768),
        (vec![CLASSIC, HYBRID], NamedGroup::X25519MLKEM768),
        (vec![CLASSIC], NamedGroup::X25519),
    ];
    for (offered, expected) in cases {
        let config = client_config(Some((&member.chain, &member.key)), &offered);
        let tls = shake_hands(&world.address, Arc::new(config)).await.unwrap();
        let connection = tls.get_ref().1;
        let suite = format!("{:?}", connection.negotiated_cipher_suite().unwrap().suite());
        assert_eq!(suite, "TLS13_AES_256_GCM_SHA384");
        let group = connection.negotiated_key_exchange_group().unwrap().name();
        // A client that did not send the hybrid share is not made to start over for it.
        let is_expected = group == expected || offered[0].name() == NamedGroup::X25519;
        assert!(is_expected, "{offered:?} led to {group:?}");
    }
    let other = client_config(Some((&member.chain, &member.key)), &[rustls::crypto::ring::kx_group::SECP256R1]);
    assert_eq!(alert_in(&shake_hands(&world.address, Arc::new(other)).await.unwrap_err()), "HandshakeFailure");
}

#[tokio::test]
async fn our_client_prefers_the_hybrid_group_too() {
    let (ca, server) = (new_state("KG"), Papers::server());
    let connector = Connector::new(&Papers::member(&ca).identity(), vec![server.pin()], ClientDeadlines::default()).unwrap();
    for (groups, expected) in [(vec![HYBRID, CLASSIC], "X25519MLKEM768"), (vec![CLASSIC], "X25519")] {
        let config = server_config(&server.chain, &server.key, &groups);
        let (address, serving) = serve_once(config, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let mut connection = connector.connect(&address).await.unwrap();
        assert_eq!(text_of(connection.send(get("/")).await.unwrap()).await, "ok");
        drop(connection);
        assert_eq!(within(serving).await.unwrap().unwrap(), expected);
    }
}

#[tokio::test]
async fn no_session_is_ever_resumed() {
    let world = World::start().await;
    let member = Papers::member(&world.ca);
    let config = Arc::new(client_config(Some((&member.chain, &member.key)), &[CLASSIC]));
    let ask = async |tls: &mut tokio_rustls::client::TlsStream<tokio::net::TcpStream>| {
        tls.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let _ = tls.read_to_end(&mut Vec::new()).await;
        (tls.get_ref().1.tls13_tickets_received(), tls.get_ref().1.handshake_kind().unwrap())
    };
    // The server sends no ticket, so the same client's second handshake is whole again.
    for _ in 0..2 {
        let mut tls = shake_hands(&world.address, config.clone()).await.unwrap();
        assert_eq!(ask(&mut tls).await, (0, HandshakeKind::Full));
    }
    // The control: from a server that gives tickets, this client takes them and comes back with them …
    let generous = Papers::server();
    let generous = server_config(&generous.chain, &generous.key, &[CLASSIC]);
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let (address, _serving) = serve_once(generous.clone(), b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let mut tls = shake_hands(&address, config.clone()).await.unwrap();
        let (tickets, kind) = ask(&mut tls).await;
        assert!(tickets > 0);
        kinds.push(kind);
    }
    assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
    // … and ours, offered such a ticket, starts from the beginning, certificate and all.
    let mut tls = shake_hands(&world.address, config).await.unwrap();
    assert_eq!(ask(&mut tls).await, (0, HandshakeKind::Full));
}

#[tokio::test]
async fn a_server_with_another_key_is_not_talked_to() {
    let world = World::start().await;
    let member = Papers::member(&world.ca);
    let other = Papers::server().pin();
    let connector = |pins| Connector::new(&member.identity(), pins, ClientDeadlines::default()).unwrap();
    let fault = connector(vec![other]).connect(&world.address).await.err().unwrap();
    assert!(matches!(fault, LinkFault::WrongServerKey { found } if found == world.pin()), "{fault:?}");
    assert!(connector(vec![]).connect(&world.address).await.is_err());
    // One of several pins is enough: a key can be changed without a day on which nobody gets through.
    connector(vec![other, world.pin()]).connect(&world.address).await.unwrap();

    // Whoever shows the right certificate without having its key.
    let config = server_config(&world.server.chain, &Papers::server().key, &[CLASSIC]);
    let (address, _serving) = serve_once(config, b"").await;
    let fault = connector(vec![world.pin()]).connect(&address).await.err().unwrap();
    assert!(matches!(fault, LinkFault::Handshake(_)), "{fault:?}");
}

#[tokio::test]
async fn who_is_revoked_or_expires_loses_an_open_connection() {
    let world = World::start().await;
    let (revoked, expiring) = (Papers::member(&world.ca), Papers::member(&world.ca));
    let mut connections = [world.connect_as(&revoked).await, world.connect_as(&expiring).await];
    for connection in &mut connections {
        assert_eq!(text_of(connection.send(get("/hello")).await.unwrap()).await, "hello");
    }
    let [first, second] = &mut connections;
    world.gate.revoke(&revoked);
    assert!(within(first.send(get("/hello"))).await.is_err());
    assert_eq!(text_of(second.send(get("/hello")).await.unwrap()).await, "hello");
    world.clock.fetch_add(2_000_000, Ordering::SeqCst);
    assert!(within(second.send(get("/hello"))).await.is_err());
    assert_eq!(world.seen.requests.load(Ordering::SeqCst), 3);
    assert_refused_again(&world, &revoked).await;
}

async fn assert_refused_again(world: &World, papers: &Papers) {
    let fault = world.connect_as(papers).await.send(get("/hello")).await.err().unwrap();
    assert!(matches!(fault, LinkFault::RefusedByServer(_)), "{fault:?}");
}

#[test]
fn keys_and_certificates_must_belong_together() {
    let (one, two) = (Papers::server(), Papers::server());
    let load = |chain: &[Vec<u8>], key: &[u8]| TlsIdentity::load(chain.to_vec(), key).err();
    assert!(load(&one.chain, &one.key).is_none());
    assert!(matches!(load(&one.chain, &two.key), Some(TlsFault::Mismatch)));
    assert!(matches!(load(&[], &one.key), Some(TlsFault::Certificate)));
    assert!(matches!(load(&[vec![0x30]], &one.key), Some(TlsFault::Certificate)));
    assert!(matches!(load(&one.chain, b"nonsense"), Some(TlsFault::Key)));
}

/// An independent client, OpenSSL: in by TLS 1.3, not by 1.2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_gets_in_by_tls_1_3_only() {
    let world = World::start().await;
    let member = Papers::member(&world.ca);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let pem = |label: &str, der: &[u8]| pem_of(label, der);
    let leaf = path("leaf.pem", pem("CERTIFICATE", &member.chain[0]).as_bytes());
    let issuing = path("issuing.pem", pem("CERTIFICATE", &member.chain[1]).as_bytes());
    let key = path("key.pem", pem("PRIVATE KEY", &member.key).as_bytes());
    let request = path("request", b"GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let run = |version: &str| {
        Command::new("openssl")
            .args(["s_client", "-connect", &world.address, version, "-alpn", "http/1.1", "-ign_eof"])
            .args(["-cert", &leaf, "-cert_chain", &issuing, "-key", &key])
            .stdin(Stdio::from(std::fs::File::open(&request).unwrap()))
            .output()
            .expect("openssl must be installed")
    };
    let output = |version: &str| {
        let found = run(version);
        String::from_utf8_lossy(&found.stdout).into_owned() + &String::from_utf8_lossy(&found.stderr)
    };
    let good = output("-tls1_3");
    assert!(good.contains("HTTP/1.1 200 OK") && good.contains("hello"), "{good}");
    assert!(!good.contains("Post-Handshake New Session Ticket arrived"), "{good}");
    let old = output("-tls1_2");
    assert!(old.contains("alert protocol version") && !old.contains("HTTP/1.1"), "{old}");
}

fn pem_of(label: &str, der: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    let text = Base64::encode_string(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
