//! Deadlines, rates, counts, and the end: each limit of the edge cuts what is beyond it and lets the rest be.

use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use elchi::net::{BodyCut, ClientDeadlines, Connection, Connector, Cut, EdgeLimits, LinkFault, OutgoingBody};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::raw::{CLASSIC, client_config, connect_raw, connect_raw_as, exchange_raw, read_to_close, shake_hands_over};
use super::world::{MIB, Papers, World, get, text_of, within};

const SHORT: Duration = Duration::from_millis(200);

/// It reads, at most, an end or an error.
async fn assert_closed(mut tcp: TcpStream) {
    let read = within(tcp.read(&mut [0; 100])).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

/// Tries until the server has noticed that a place became free.
async fn connect_when_free(world: &World, papers: &Papers) -> Connection {
    within(async {
        loop {
            if let Ok(mut connection) = world.connector(papers).connect(&world.address).await
                && let Ok(response) = connection.send(get("/hello")).await
            {
                assert_eq!(text_of(response).await, "hello");
                return connection;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_handshake_has_a_deadline() {
    let world = World::start_with(|limits| limits.handshake_deadline = SHORT).await;
    let mut tcp = TcpStream::connect(&world.address).await.unwrap();
    tcp.write_all(&[22, 3, 1]).await.unwrap();
    assert_closed(tcp).await;
    world.connect().await;
}

#[tokio::test]
async fn a_head_has_a_deadline() {
    let world = World::start_with(|limits| limits.head_deadline = SHORT).await;
    let answer = exchange_raw(&world, b"GET /hello HTT").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    // The same when it follows a whole request.
    let answer = exchange_raw(&world, b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\nGET").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_good_order() {
    let world = World::start_with(|limits| limits.idle_deadline = SHORT).await;
    let (answer, ended) = read_to_close(&mut connect_raw(&world).await).await;
    ended.unwrap();
    assert_eq!(answer, "");
    let mut connection = world.connect().await;
    text_of(connection.send(get("/hello")).await.unwrap()).await;
    within(async {
        while connection.is_open() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(matches!(connection.send(get("/hello")).await, Err(LinkFault::Closed)));
}

fn slow_requests(limits: &mut EdgeLimits) {
    limits.request_rate.grace = Duration::from_millis(400);
    limits.request_rate.bytes_per_second_min = 1000;
}

#[tokio::test]
async fn a_body_that_stops_coming_is_cut() {
    let world = World::start_with(slow_requests).await;
    let began = Instant::now();
    let answer = exchange_raw(&world, b"POST /digest HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhello").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(began.elapsed() > Duration::from_millis(350), "it was cut before its time");
    assert_eq!(*world.seen.cut.lock().unwrap(), Some(BodyCut::Cut(Cut::TooSlow)));
}

/// A byte now and then does not help; the average does.
#[tokio::test]
async fn a_body_must_keep_to_the_rate() {
    let world = World::start_with(slow_requests).await;
    for (bytes_each, expected) in [(1, "HTTP/1.1 408 "), (150, "HTTP/1.1 200 ")] {
        let tls = connect_raw(&world).await;
        let (mut reader, mut writer) = tokio::io::split(tls);
        let drip = async {
            let head = format!("POST /digest HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", bytes_each * 20);
            writer.write_all(head.as_bytes()).await.unwrap();
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(60)).await;
                if writer.write_all(&vec![1; bytes_each]).await.is_err() || writer.flush().await.is_err() {
                    break;
                }
            }
        };
        let mut answer = Vec::new();
        let (_, read) = tokio::join!(drip, within(reader.read_to_end(&mut answer)));
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(expected), "{bytes_each} bytes each: {read:?} {answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_taking_is_cut() {
    let world = World::start_with(|limits| {
        limits.response_rate.grace = Duration::from_millis(400);
        limits.response_rate.bytes_per_second_min = 100 << 20;
    })
    .await;
    let mut connection = world.connect().await;
    let response = connection.send(get(&format!("/blob?{}", 64 * MIB))).await.unwrap();
    world.reached().await;
    assert!(within(super::world::digest_of(response.into_body())).await.is_err());
}

#[tokio::test]
async fn the_connection_above_the_maximum_is_closed_at_once() {
    let world = World::start_with(|limits| limits.connections_max = 1).await;
    let mut first = world.connect().await;
    text_of(first.send(get("/hello")).await.unwrap()).await;
    assert_closed(TcpStream::connect(&world.address).await.unwrap()).await;
    text_of(first.send(get("/hello")).await.unwrap()).await;
    drop(first);
    connect_when_free(&world, &Papers::member(&world.ca)).await;
}

#[tokio::test]
async fn handshakes_are_few_at_a_time() {
    let set: [fn(&mut EdgeLimits); 2] = [|limits| limits.handshakes_max = 1, |limits| limits.handshakes_per_address_max = 1];
    for set in set {
        let world = World::start_with(set).await;
        let member = Papers::member(&world.ca);
        let mut open = connect_when_free(&world, &member).await;
        let silent = TcpStream::connect(&world.address).await.unwrap();
        assert_closed(TcpStream::connect(&world.address).await.unwrap()).await;
        // Who is in already is not disturbed by those who are not.
        text_of(open.send(get("/hello")).await.unwrap()).await;
        drop(silent);
        connect_when_free(&world, &member).await;
    }
}

#[tokio::test]
async fn one_peer_has_few_connections_and_another_is_not_hindered() {
    let world = World::start_with(|limits| limits.connections_per_peer_max = 1).await;
    let (greedy, other) = (Papers::member(&world.ca), Papers::member(&world.ca));
    let first = connect_when_free(&world, &greedy).await;
    let mut second = world.connect_as(&greedy).await;
    assert!(matches!(within(second.send(get("/hello"))).await, Err(LinkFault::Closed)));
    connect_when_free(&world, &other).await;
    drop(first);
    connect_when_free(&world, &greedy).await;
}

/// However many peers a group has, the places above its part are for others.
#[tokio::test]
async fn one_group_has_a_part_of_the_connections_and_another_is_not_hindered() {
    let world = World::start_with(|limits| limits.connections_per_group_max = 2).await;
    let [first, second, third, other] = std::array::from_fn(|_| Papers::member(&world.ca));
    world.gate.put_in_group(&other, 1);
    let held = [connect_when_free(&world, &first).await, connect_when_free(&world, &second).await];
    let mut above = world.connect_as(&third).await;
    assert!(matches!(within(above.send(get("/hello"))).await, Err(LinkFault::Closed)));
    connect_when_free(&world, &other).await;
    drop(held);
    connect_when_free(&world, &third).await;
}

#[tokio::test]
async fn a_connection_ends_after_its_last_request() {
    let world = World::start_with(|limits| limits.requests_per_connection_max = 2).await;
    let request = "GET /hello HTTP/1.1\r\nhost: a\r\n\r\n";
    let answer = exchange_raw(&world, request.repeat(3).as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 2, "{answer}");
    assert_eq!(answer.matches("connection: close").count(), 1, "{answer}");
    assert_eq!(world.seen.requests.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocation_ends_what_is_under_way() {
    let world = World::start_with(|limits| limits.peer_recheck = Duration::from_millis(50)).await;
    // A download, an upload and an idle connection.
    let papers = Papers::member(&world.ca);
    let mut connection = world.connect_as(&papers).await;
    let download = connection.send(get(&format!("/blob?{}", 512 * MIB))).await.unwrap();
    let mut uploading = world.connect_as(&papers).await;
    let (_sender, body) = OutgoingBody::channel(MIB as u64);
    let upload = tokio::spawn(async move { uploading.send(Request::post("/digest").body(body).unwrap()).await.err() });
    let mut idle = connect_raw_as(&world, &papers).await.unwrap();
    let mut bystander = world.connect().await;
    text_of(bystander.send(get("/hello")).await.unwrap()).await;

    world.gate.revoke(&papers);
    assert!(read_to_close(&mut idle).await.1.is_err());
    assert!(within(upload).await.unwrap().is_some());
    assert!(within(super::world::digest_of(download.into_body())).await.is_err());
    text_of(bystander.send(get("/hello")).await.unwrap()).await;
}

#[tokio::test]
async fn stopping_lets_running_requests_finish_and_no_other_in() {
    let mut world = World::start().await;
    let mut idle = connect_raw(&world).await;
    let mut busy = world.connect().await;
    let waiting = tokio::spawn(async move { text_of(busy.send(get("/wait")).await.unwrap()).await });
    world.reached().await;
    world.stop();
    read_to_close(&mut idle).await.1.unwrap();
    assert!(TcpStream::connect(&world.address).await.is_err(), "it still listens");
    world.seen.let_go.notify_one();
    assert_eq!(within(waiting).await.unwrap(), "waited");
    within(&mut world.running).await.unwrap();
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let mut world = World::start_with(|limits| limits.shutdown_deadline = SHORT).await;
    let silent = TcpStream::connect(&world.address).await.unwrap();
    let mut busy = world.connect().await;
    let waiting = tokio::spawn(async move { busy.send(get("/wait")).await.err() });
    world.reached().await;
    world.stop();
    within(&mut world.running).await.unwrap();
    assert!(matches!(within(waiting).await.unwrap(), Some(LinkFault::Closed)));
    assert_closed(silent).await;
}

#[tokio::test]
async fn the_client_has_deadlines_too() {
    let world = World::start().await;
    let impatient = ClientDeadlines { first_byte: SHORT, handshake: SHORT, ..ClientDeadlines::default() };
    let connector = Connector::new(&Papers::member(&world.ca).identity(), vec![world.pin()], impatient).unwrap();
    let mut connection = connector.connect(&world.address).await.unwrap();
    assert!(matches!(within(connection.send(get("/wait"))).await, Err(LinkFault::TooSlow(_))));
    assert!(!connection.is_open());

    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = mute.local_addr().unwrap().to_string();
    assert!(matches!(within(connector.connect(&address)).await, Err(LinkFault::TooSlow(_))));
    drop(mute);
    assert!(matches!(connector.connect(&address).await, Err(LinkFault::Unreachable { .. })));
}

/// Runs the next test alone in a process of its own, since it takes away all file descriptors.
#[test]
fn want_of_descriptors_passes() {
    let test = std::env::current_exe().unwrap();
    let child = Command::new(test).args(["--ignored", "--exact", "net::limits::without_descriptors", "--nocapture"]).output().unwrap();
    let words = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && words.contains("1 passed"), "{words}");
}

#[tokio::test]
#[ignore = "takes away all file descriptors of its process: run by want_of_descriptors_passes"]
async fn without_descriptors() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let world = World::start().await;
    let member = Papers::member(&world.ca);
    let mut open = connect_when_free(&world, &member).await;
    setrlimit(Resource::Nofile, Rlimit { current: Some(40), maximum: Some(40) }).unwrap();
    let mut hoard: Vec<std::fs::File> = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    // One is given back for this end of the connection; the server has none for the other end.
    hoard.pop();
    let waiting = TcpStream::connect(&world.address).await.unwrap();
    text_of(open.send(get("/hello")).await.unwrap()).await;
    hoard.clear();
    // The one that waited meanwhile is served, and so is the next.
    let config = client_config(Some((&member.chain, &member.key)), &[CLASSIC]);
    shake_hands_over(waiting, config.into()).await.unwrap();
    connect_when_free(&world, &member).await;
}
