//! What the network's tests stand on: a state's PKI, an honest gate, a handler with a few routes, raw TLS clients.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use elchi::crypto::{Hasher, hash};
use elchi::domain::{Hash, UnixMillis, UtcSecond};
use elchi::net::{
    BodyCut, ClientDeadlines, Connection, Connector, EdgeClock, EdgeLimits, Handler, IncomingBody, OutgoingBody, PeerAlert, PeerGate,
    PeerRefused, RequestId, ServerEdge, TlsIdentity, problem_response, run_listener,
};
use elchi::registrar::{StateCa, Validity, generate_key, issue_server_certificate};
use elchi::trust::CertificateProfile;
use elchi::wire::{Refusal, RefusalCode};
use http::{Request, Response, StatusCode};
use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use webpki::{EndEntityCert, KeyUsage};

/// The world's time at its beginning.
pub(super) const NOW: u64 = 1_795_465_140;
pub(super) const MIB: usize = 1024 * 1024;

/// Long enough for a loaded machine; what hangs longer has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn validity(from: u64, until: u64) -> Validity {
    Validity { from: UtcSecond::from_unix(from).unwrap(), until: UtcSecond::from_unix(until).unwrap() }
}

pub(super) fn new_state(code: &str) -> StateCa {
    StateCa::create(code.parse().unwrap(), validity(NOW - 1000, NOW + 100_000)).unwrap()
}

/// Someone's certificate chain and key.
pub(super) struct Papers {
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) key: Vec<u8>,
}

impl Papers {
    pub(super) fn issue(ca: &StateCa, profile: CertificateProfile, valid: Validity) -> Self {
        let (key, spki) = generate_key().unwrap();
        let leaf = ca.issue(profile, &"kg.gpo/07".parse().unwrap(), &spki, valid).unwrap();
        Self { chain: vec![leaf, ca.issuer_der(profile).to_vec()], key: key.to_vec() }
    }

    pub(super) fn member(ca: &StateCa) -> Self {
        Self::issue(ca, CertificateProfile::Tls, validity(NOW - 10, NOW + 1000))
    }

    pub(super) fn server() -> Self {
        let (key, _) = generate_key().unwrap();
        Self { chain: vec![issue_server_certificate("localhost", &key, validity(NOW - 10, NOW + 1000)).unwrap()], key: key.to_vec() }
    }

    /// SHA-256 of the public key (SubjectPublicKeyInfo): what the other side pins.
    pub(super) fn pin(&self) -> Hash {
        let leaf = CertificateDer::from(self.chain[0].as_slice());
        hash(&EndEntityCert::try_from(&leaf).unwrap().subject_public_key_info())
    }

    pub(super) fn identity(&self) -> TlsIdentity {
        TlsIdentity::load(self.chain.clone(), &self.key).unwrap()
    }
}

/// Admits who has a path for client authentication to the one root, and is not revoked.
pub(super) struct Gate {
    root: Vec<u8>,
    revoked: Mutex<HashSet<Vec<u8>>>,
    groups: Mutex<HashMap<Vec<u8>, u32>>,
}

impl Gate {
    pub(super) fn revoke(&self, papers: &Papers) {
        self.revoked.lock().unwrap().insert(papers.chain[0].clone());
    }

    /// Everyone is of group 0 until it is said otherwise.
    pub(super) fn put_in_group(&self, papers: &Papers, group: u32) {
        self.groups.lock().unwrap().insert(papers.chain[0].clone(), group);
    }
}

impl PeerGate for Gate {
    type Peer = Arc<Vec<Vec<u8>>>;
    type Group = u32;

    fn verify_peer(&self, chain_der: &[&[u8]], now: UnixMillis) -> Result<Self::Peer, PeerRefused> {
        let refused = |alert, reason: &dyn std::fmt::Debug| PeerRefused { alert, reason: format!("{reason:?}") };
        let chain: Vec<_> = chain_der.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
        let root = CertificateDer::from(self.root.clone());
        let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
        let leaf = EndEntityCert::try_from(&chain[0]).map_err(|error| refused(PeerAlert::BadCertificate, &error))?;
        let time = UnixTime::since_unix_epoch(Duration::from_millis(now.0));
        let algorithms = [webpki::ring::ECDSA_P256_SHA256];
        let path = leaf.verify_for_usage(&algorithms, &anchors, &chain[1..], time, KeyUsage::client_auth(), None, None);
        path.map_err(|error| match &error {
            webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => refused(PeerAlert::UnknownIssuer, &error),
            webpki::Error::CertExpired { .. } => refused(PeerAlert::Expired, &error),
            _ => refused(PeerAlert::BadCertificate, &error),
        })?;
        if self.revoked.lock().unwrap().contains(chain_der[0]) {
            return Err(refused(PeerAlert::Revoked, &"in the list"));
        }
        Ok(Arc::new(chain_der.iter().map(|der| der.to_vec()).collect()))
    }

    fn verify_still(&self, peer: &Self::Peer, now: UnixMillis) -> Result<(), PeerRefused> {
        let chain: Vec<&[u8]> = peer.iter().map(Vec::as_slice).collect();
        self.verify_peer(&chain, now).map(|_| ())
    }

    fn group_of(&self, peer: &Self::Peer) -> u32 {
        self.groups.lock().unwrap().get(&peer[0]).copied().unwrap_or(0)
    }
}

/// What the handler saw, for tests to look at.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) requests: AtomicUsize,
    pub(super) chunks_taken: AtomicUsize,
    /// Rings when `/wait` was reached, when a body was cut, when a download was not taken.
    pub(super) reached: Notify,
    pub(super) let_go: Notify,
    pub(super) cut: Mutex<Option<BodyCut>>,
}

pub(super) struct Routes {
    pub(super) seen: Arc<Seen>,
}

impl Handler for Routes {
    type Peer = <Gate as PeerGate>::Peer;

    async fn answer(&self, _peer: Self::Peer, request: Request<IncomingBody>) -> Response<OutgoingBody> {
        assert!(request.extensions().get::<RequestId>().is_some());
        self.seen.requests.fetch_add(1, Ordering::SeqCst);
        let (parts, body) = request.into_parts();
        let bytes: u64 = parts.uri.query().map_or(0, |query| query.parse().unwrap());
        match parts.uri.path() {
            "/hello" => text("hello"),
            "/digest" => self.digest(body).await,
            "/small" => match body.collect(1000).await {
                Ok(whole) => text(&whole.len().to_string()),
                Err(_) => problem_response(StatusCode::PAYLOAD_TOO_LARGE, &Refusal::new(RefusalCode::TooLarge, "too large for this route")),
            },
            "/full" => {
                body.stream(u64::MAX).unwrap().next_chunk().await.unwrap();
                problem_response(StatusCode::INSUFFICIENT_STORAGE, &Refusal::new(RefusalCode::StorageFull, "the disk is full"))
            }
            "/blob" => self.blob(bytes, bytes),
            "/short" => self.blob(bytes, bytes / 2),
            "/long" => self.blob(bytes, bytes + MIB as u64),
            "/wait" => {
                self.seen.reached.notify_one();
                self.seen.let_go.notified().await;
                text("waited")
            }
            "/panic" => panic!("this handler panics, as the test asks"),
            _ => problem_response(StatusCode::NOT_FOUND, &Refusal::not_found()),
        }
    }
}

impl Routes {
    async fn digest(&self, body: IncomingBody) -> Response<OutgoingBody> {
        match digest_of(body).await {
            Ok(digest) => text(&digest.to_string()),
            Err(cut) => {
                *self.seen.cut.lock().unwrap() = Some(cut);
                self.seen.reached.notify_one();
                problem_response(StatusCode::REQUEST_TIMEOUT, &Refusal::new(RefusalCode::BadRequest, "the body was cut short"))
            }
        }
    }

    /// Announces `announced` bytes and produces `produced`, chunk by chunk, on a blocking thread.
    fn blob(&self, announced: u64, produced: u64) -> Response<OutgoingBody> {
        let (sender, body) = OutgoingBody::channel(announced);
        let seen = self.seen.clone();
        tokio::task::spawn_blocking(move || {
            for chunk in chunks(produced) {
                if sender.send_blocking(chunk).is_err() {
                    seen.reached.notify_one();
                    return;
                }
                seen.chunks_taken.fetch_add(1, Ordering::SeqCst);
            }
        });
        Response::new(body)
    }
}

fn text(words: &str) -> Response<OutgoingBody> {
    Response::new(OutgoingBody::from_bytes(words.to_owned()))
}

pub(super) async fn digest_of(body: IncomingBody) -> Result<Hash, BodyCut> {
    let mut stream = body.stream(1 << 30)?;
    let mut hasher = Hasher::new();
    while let Some(chunk) = stream.next_chunk().await? {
        hasher.update(&chunk);
    }
    Ok(hasher.finish())
}

/// `bytes` bytes in chunks of 1 MiB, each chunk different.
pub(super) fn chunks(bytes: u64) -> impl Iterator<Item = Bytes> {
    let full = (0..bytes / MIB as u64).map(|number| Bytes::from(vec![number as u8; MIB]));
    let rest = (bytes % MIB as u64) as usize;
    full.chain((rest > 0).then(|| Bytes::from(vec![0xee; rest])))
}

pub(super) fn digest_of_chunks(bytes: u64) -> Hash {
    hash(&chunks(bytes).flatten().collect::<Vec<u8>>())
}

/// A server on a free port, with one state's members.
pub(super) struct World {
    pub(super) address: String,
    pub(super) ca: StateCa,
    pub(super) server: Papers,
    pub(super) gate: Arc<Gate>,
    pub(super) seen: Arc<Seen>,
    pub(super) clock: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    pub(super) running: JoinHandle<()>,
}

impl World {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(super) async fn start_with(set: impl FnOnce(&mut EdgeLimits)) -> Self {
        let (ca, server) = (new_state("KG"), Papers::server());
        let gate = Arc::new(Gate { root: ca.root_der().to_vec(), revoked: Mutex::default(), groups: Mutex::default() });
        let seen = Arc::new(Seen::default());
        let clock = Arc::new(AtomicU64::new(NOW * 1000));
        let mut limits = EdgeLimits::default();
        set(&mut limits);
        let told = clock.clone();
        let edge =
            ServerEdge { identity: server.identity(), limits, clock: EdgeClock::from_fn(move || UnixMillis(told.load(Ordering::SeqCst))) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let handler = Arc::new(Routes { seen: seen.clone() });
        let listening = run_listener(listener, edge, gate.clone(), handler, async { _ = stopped.await });
        let running = tokio::spawn(async { listening.await.unwrap() });
        Self { address, ca, server, gate, seen, clock, stop: Some(stop), running }
    }

    pub(super) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(super) fn pin(&self) -> Hash {
        self.server.pin()
    }

    pub(super) fn connector(&self, papers: &Papers) -> Connector {
        Connector::new(&papers.identity(), vec![self.pin()], ClientDeadlines::default()).unwrap()
    }

    pub(super) async fn connect(&self) -> Connection {
        self.connect_as(&Papers::member(&self.ca)).await
    }

    pub(super) async fn connect_as(&self, papers: &Papers) -> Connection {
        self.connector(papers).connect(&self.address).await.unwrap()
    }

    pub(super) async fn reached(&self) {
        within(self.seen.reached.notified()).await;
    }
}

/// Fails the test instead of hanging it.
pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this takes too long")
}

pub(super) fn get(path: &str) -> Request<OutgoingBody> {
    Request::get(path).body(OutgoingBody::empty()).unwrap()
}

pub(super) fn post(path: &str, body: impl Into<Bytes>) -> Request<OutgoingBody> {
    Request::post(path).body(OutgoingBody::from_bytes(body)).unwrap()
}

pub(super) async fn text_of(response: Response<IncomingBody>) -> String {
    String::from_utf8(response.into_body().collect(MIB).await.unwrap().to_vec()).unwrap()
}
