//! Bodies of any size both ways, answers that come early, producers and handlers that fail.

use std::sync::atomic::Ordering;

use elchi::net::{BodyCut, BodyNotTaken, ClientDeadlines, Connector, LinkFault, OutgoingBody};
use elchi::wire::{Problem, RefusalCode};
use http::Request;
use tokio::io::AsyncWriteExt;

use super::raw::{CLASSIC, connect_raw, read_to_close, serve_and_reset, serve_once, server_config};
use super::world::{MIB, Papers, World, chunks, digest_of, digest_of_chunks, get, new_state, post, text_of, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_mebibytes_go_up_and_come_down_whole() {
    let world = World::start().await;
    let bytes = 64 * MIB as u64 + 12_345;
    let mut connection = world.connect().await;
    let (sender, body) = OutgoingBody::channel(bytes);
    let producer = tokio::task::spawn_blocking(move || chunks(bytes).try_for_each(|chunk| sender.send_blocking(chunk)));
    let response = connection.send(Request::post("/digest").body(body).unwrap()).await.unwrap();
    assert_eq!(text_of(response).await, digest_of_chunks(bytes).to_string());
    producer.await.unwrap().unwrap();

    let response = connection.send(get(&format!("/blob?{bytes}"))).await.unwrap();
    assert_eq!(response.body().bytes(), bytes);
    assert_eq!(digest_of(response.into_body()).await.unwrap(), digest_of_chunks(bytes));
    assert!(connection.is_open());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_in_words_in_the_middle_of_an_upload() {
    let world = World::start().await;
    let bytes = 256 * MIB as u64;
    let mut connection = world.connect().await;
    let (sender, body) = OutgoingBody::channel(bytes);
    let producer = tokio::task::spawn_blocking(move || chunks(bytes).try_for_each(|chunk| sender.send_blocking(chunk)));
    let response = within(connection.send(Request::post("/full").body(body).unwrap())).await.unwrap();
    assert_eq!(response.status(), 507);
    assert_eq!(within(producer).await.unwrap(), Err(BodyNotTaken));
    assert!(!connection.is_open(), "a connection with half an upload on it must not be used again");
    let problem: Problem = serde_json::from_str(&text_of(response).await).unwrap();
    assert_eq!((problem.code, problem.detail.as_str()), (RefusalCode::StorageFull, "the disk is full"));
    assert!(matches!(connection.send(get("/hello")).await, Err(LinkFault::Closed)));
}

/// A client that looks at the answer only after it has written everything.
#[tokio::test]
async fn a_client_that_does_not_listen_still_finds_the_early_answer() {
    let world = World::start().await;
    let mut tls = connect_raw(&world).await;
    let bytes = 8 * MIB;
    tls.write_all(format!("POST /full HTTP/1.1\r\nhost: a\r\ncontent-length: {bytes}\r\n\r\n").as_bytes()).await.unwrap();
    within(tls.write_all(&vec![7; bytes])).await.unwrap();
    let (answer, ended) = read_to_close(&mut tls).await;
    ended.unwrap();
    assert!(answer.starts_with("HTTP/1.1 507 ") && answer.contains("the disk is full"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

/// A server that answers early and closes at once: its kernel resets the connection under the client's upload.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_outlives_the_upload_that_it_breaks() {
    let (ca, server) = (new_state("KG"), Papers::server());
    let connector = Connector::new(&Papers::member(&ca).identity(), vec![server.pin()], ClientDeadlines::default()).unwrap();
    for _ in 0..10 {
        let answer = b"HTTP/1.1 507 Insufficient Storage\r\ncontent-length: 4\r\n\r\nfull";
        let address = serve_and_reset(server_config(&server.chain, &server.key, &[CLASSIC]), answer).await;
        let mut connection = connector.connect(&address).await.unwrap();
        let (sender, body) = OutgoingBody::channel(64 * MIB as u64);
        let producer = tokio::task::spawn_blocking(move || while sender.send_blocking(vec![0; MIB].into()).is_ok() {});
        let response = within(connection.send(Request::post("/").body(body).unwrap())).await.unwrap();
        assert_eq!((response.status().as_u16(), text_of(response).await.as_str()), (507, "full"));
        within(producer).await.unwrap();
    }
}

#[tokio::test]
async fn an_alert_outlives_the_upload_that_it_breaks() {
    let world = World::start().await;
    let member = Papers::member(&world.ca);
    world.gate.revoke(&member);
    for _ in 0..10 {
        let fault = within(world.connect_as(&member).await.send(post("/digest", vec![0; 16 * MIB]))).await.err().unwrap();
        assert!(matches!(&fault, LinkFault::RefusedByServer(alert) if alert == "CertificateRevoked"), "{fault:?}");
    }
}

#[tokio::test]
async fn the_answer_to_head_has_no_body_to_wait_for() {
    let world = World::start().await;
    let mut connection = world.connect().await;
    let response = connection.send(Request::head("/hello").body(OutgoingBody::empty()).unwrap()).await.unwrap();
    assert_eq!((response.headers()["content-length"].as_bytes(), response.body().bytes()), (&b"5"[..], 0));
    assert_eq!(text_of(connection.send(get("/hello")).await.unwrap()).await, "hello");
}

#[tokio::test]
async fn a_route_refuses_more_than_it_takes_before_reading_it() {
    let world = World::start().await;
    let mut connection = world.connect().await;
    assert_eq!(text_of(connection.send(post("/small", vec![1; 1000])).await.unwrap()).await, "1000");
    assert_eq!(text_of(connection.send(post("/small", vec![])).await.unwrap()).await, "0");
    let response = connection.send(post("/small", vec![1; 1001])).await.unwrap();
    assert_eq!(response.status(), 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_stops_short_never_looks_whole() {
    let world = World::start().await;
    for path in ["/short", "/long"] {
        let response = world.connect().await.send(get(&format!("{path}?{}", 4 * MIB + 1))).await.unwrap();
        let received = within(digest_of(response.into_body())).await;
        assert!(matches!(received, Err(BodyCut::Cut(_))), "{path}: {received:?}");
    }
    let mut tls = connect_raw(&world).await;
    tls.write_all(b"GET /short?4000 HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let (_, ended) = read_to_close(&mut tls).await;
    assert!(ended.is_err(), "TLS was closed as if all had been said");
}

#[tokio::test]
async fn an_upload_that_stops_short_never_looks_whole() {
    let world = World::start().await;
    let mut connection = world.connect().await;
    let (sender, body) = OutgoingBody::channel(2 * MIB as u64);
    let producer = tokio::task::spawn_blocking(move || sender.send_blocking(vec![0; MIB].into()));
    let sent = within(connection.send(Request::post("/digest").body(body).unwrap())).await;
    within(producer).await.unwrap().unwrap();
    assert!(matches!(&sent, Err(LinkFault::UploadBroken)), "{:?}", sent.err());
    world.reached().await;
    assert!(matches!(*world.seen.cut.lock().unwrap(), Some(BodyCut::Cut(_))));
}

#[tokio::test]
async fn a_panic_is_one_answer_not_the_end_of_the_server() {
    let world = World::start().await;
    let mut connection = world.connect().await;
    let response = connection.send(get("/panic")).await.unwrap();
    assert_eq!(response.status(), 500);
    let id = response.headers()["request-id"].clone();
    assert_eq!(id.len(), 32);
    let problem: Problem = serde_json::from_str(&text_of(response).await).unwrap();
    assert_eq!(problem.code, RefusalCode::Internal);
    assert_eq!(text_of(connection.send(get("/hello")).await.unwrap()).await, "hello");
}

#[tokio::test]
async fn answers_above_what_the_client_takes_are_refused_by_it() {
    let world = World::start().await;
    let response = world.connect().await.send(get("/hello")).await.unwrap();
    assert_eq!(response.into_body().collect(4).await, Err(BodyCut::TooLarge { bytes: 5, bytes_max: 4 }));
}

#[tokio::test]
async fn answers_that_do_not_say_how_long_they_are_are_not_believed() {
    let (ca, server) = (new_state("KG"), Papers::server());
    let connector = Connector::new(&Papers::member(&ca).identity(), vec![server.pin()], ClientDeadlines::default()).unwrap();
    let answers: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"nonsense\r\n\r\n",
    ];
    for answer in answers {
        let (address, _serving) = serve_once(server_config(&server.chain, &server.key, &[CLASSIC]), answer).await;
        let fault = within(connector.connect(&address).await.unwrap().send(get("/"))).await.err().unwrap();
        assert!(matches!(fault, LinkFault::Protocol(_)), "{fault:?}");
    }
    let (address, _serving) =
        serve_once(server_config(&server.chain, &server.key, &[CLASSIC]), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort").await;
    let response = connector.connect(&address).await.unwrap().send(get("/")).await.unwrap();
    assert!(matches!(within(response.into_body().collect(100)).await, Err(BodyCut::Cut(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_never_runs_ahead_of_a_slow_reader() {
    let world = World::start_with(|limits| {
        limits.response_rate.grace = std::time::Duration::from_millis(400);
        limits.response_rate.bytes_per_second_min = 1 << 30;
    })
    .await;
    let _unread = world.connect().await.send(get(&format!("/blob?{}", 512 * MIB))).await.unwrap();
    world.reached().await;
    let taken = world.seen.chunks_taken.load(Ordering::SeqCst);
    assert!(taken < 64, "{taken} MiB were taken in for a client that reads nothing");
}
