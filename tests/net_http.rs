//! What is understood as HTTP, byte by byte.

use elchi::crypto::hash;
use elchi::wire::Problem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::raw::{connect_raw, exchange_raw, read_to_close};
use super::world::{World, get, within};

/// A refusal says so in words, and the connection is closed.
fn assert_refusal(answer: &str, status: &str, request: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{request:?} got {answer:?}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?} got {head:?}");
    assert!(head.contains("connection: close") && head.contains("request-id: "), "{head}");
    let problem: Problem = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {body:?}"));
    assert_eq!(problem.status.to_string(), status);
}

#[tokio::test]
async fn what_two_programs_could_read_differently_is_refused() {
    let world = World::start().await;
    let cases = [
        ("400", "GET /hello HTTP/1.1\r\n\r\n"),
        ("400", "GET /hello HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n"),
        ("400", "GET http://a/hello HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("400", "GET /hello HTTP/1.1\nhost: a\n\n"),
        ("400", "GET /hello HTTP/1.1\r\nhost: a\n\r\n"),
        ("400", "GET /hello HTTP/1.1\r\nhost: a\r\n b: c\r\n\r\n"),
        ("400", "GET /hello HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"),
        ("400", "HEAD /hello HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"),
        ("400", "POST /digest HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello"),
        ("400", "POST /digest HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
        ("400", "POST /digest HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("400", "POST /digest HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("400", "GET /hello HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"),
        ("413", "POST /digest HTTP/1.1\r\nhost: a\r\ncontent-length: 9007199254740993\r\n\r\n"),
        ("417", "POST /digest HTTP/1.1\r\nhost: a\r\nexpect: 200-ok\r\ncontent-length: 5\r\n\r\nhello"),
        ("501", "CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("501", "TRACE /hello HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("505", "GET /hello HTTP/1.0\r\nhost: a\r\n\r\n"),
        ("505", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ];
    for (status, request) in cases {
        assert_refusal(&exchange_raw(&world, request.as_bytes()).await, status, request);
    }
    let long = format!("GET /hello HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(20_000));
    assert_refusal(&exchange_raw(&world, long.as_bytes()).await, "431", "a long head");
    let many = format!("GET /hello HTTP/1.1\r\nhost: a\r\n{}\r\n", (0..40).map(|n| format!("x{n}: y\r\n")).collect::<String>());
    assert_refusal(&exchange_raw(&world, many.as_bytes()).await, "431", "many fields");
    assert_eq!(world.seen.requests.load(std::sync::atomic::Ordering::SeqCst), 0, "a handler was asked");
}

#[tokio::test]
async fn a_refusal_waits_for_the_answer_before_it() {
    let world = World::start().await;
    let good = "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = exchange_raw(&world, format!("{good}{good}GET /hello HTTP/1.1\nhost: a\n\n{good}").as_bytes()).await;
    let parts: Vec<&str> = answer.split("HTTP/1.1 ").collect();
    assert_eq!(parts.len(), 4, "{answer}");
    assert!(parts[1].starts_with("200") && parts[1].ends_with("hello"), "{answer}");
    assert!(parts[2].starts_with("200") && parts[2].ends_with("hello"), "{answer}");
    assert!(parts[3].starts_with("400"), "{answer}");
}

#[tokio::test]
async fn a_body_is_never_taken_for_a_head() {
    let world = World::start().await;
    let body = "GET /panic HTTP/1.1\r\nhost: a\r\n\r\n\n\n";
    let posts = format!("POST /digest HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let last = "GET /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = exchange_raw(&world, format!("{posts}{posts}{last}").as_bytes()).await;
    assert_eq!(answer.matches(&hash(body.as_bytes()).to_string()).count(), 2, "{answer}");
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn heads_and_bodies_may_come_in_any_pieces() {
    let world = World::start().await;
    let request = b"POST /digest HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
    let mut tls = connect_raw(&world).await;
    for byte in request {
        tls.write_all(&[*byte]).await.unwrap();
        tls.flush().await.unwrap();
    }
    let (answer, ended) = read_to_close(&mut tls).await;
    ended.unwrap();
    assert!(answer.ends_with(&hash(b"hello").to_string()), "{answer}");
}

#[tokio::test]
async fn expecting_100_continue_is_answered_when_the_body_is_wanted() {
    let world = World::start().await;
    let mut tls = connect_raw(&world).await;
    tls.write_all(b"POST /digest HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 5\r\n\r\n")
        .await
        .unwrap();
    let mut interim = [0; 25];
    within(tls.read_exact(&mut interim)).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    tls.write_all(b"hello").await.unwrap();
    let (answer, _) = read_to_close(&mut tls).await;
    assert!(answer.ends_with(&hash(b"hello").to_string()), "{answer}");

    // Not wanted, not asked for: the answer comes at once.
    let answer = exchange_raw(&world, b"POST /small HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5000\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn head_requests_get_no_body_and_unknown_paths_a_problem() {
    let world = World::start().await;
    let head = exchange_raw(&world, b"HEAD /hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(head.contains("content-length: 5\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let response = world.connect().await.send(get("/nowhere")).await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn each_request_has_an_id_of_its_own() {
    let world = World::start().await;
    let mut connection = world.connect().await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..5 {
        let response = connection.send(get("/hello")).await.unwrap();
        ids.insert(response.headers()["request-id"].clone());
        response.into_body().collect(100).await.unwrap();
    }
    assert_eq!(ids.len(), 5);
}
