//! The listener: who may take a place, the handshake, and the end of it all.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::EdgeClock;
use super::limits::EdgeLimits;
use super::peers::{PeerGate, public_key_hash};
use super::places::{Place, Tally, address_key};
use super::serve::{Handler, serve_peer};
use super::tls::{TlsFault, TlsIdentity, server_config, speaks_http_1_1};
use crate::crypto::hash;
use crate::domain::Hash;

/// How long accepting pauses when the machine has no descriptor or memory for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a server's edge is made of, besides its gate and its handler.
pub struct ServerEdge {
    /// The server's certificate and key.
    pub identity: TlsIdentity,
    /// What it allows.
    pub limits: EdgeLimits,
    /// The time that peers are judged by.
    pub clock: EdgeClock,
}

/// All that the connections of one listener share.
pub(super) struct Edge<G: PeerGate, H> {
    pub(super) gate: Arc<G>,
    pub(super) handler: Arc<H>,
    pub(super) limits: Arc<EdgeLimits>,
    pub(super) clock: EdgeClock,
    acceptor: TlsAcceptor,
    handshakes: Arc<Semaphore>,
    addresses: Arc<Tally<IpAddr>>,
    peers: Arc<Tally<Hash>>,
    groups: Arc<Tally<G::Group>>,
}

/// Serves `listener` until `shutdown`: then accepts no more, lets running requests finish until the shutdown
/// deadline, and closes what is left. It never ends otherwise.
///
/// # Errors
/// When TLS cannot be set up from `edge`; before anything is accepted.
pub async fn run_listener<G, H>(
    listener: TcpListener,
    edge: ServerEdge,
    gate: Arc<G>,
    handler: Arc<H>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), TlsFault>
where
    G: PeerGate,
    H: Handler<Peer = G::Peer>,
{
    let edge = Arc::new(Edge::new(edge, gate, handler)?);
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => trace_end(&ended),
            accepted = listener.accept() => match accepted {
                Ok((tcp, from)) => edge.clone().take_in(tcp, from, &stopping, &mut connections),
                Err(error) => pause_after(&error).await,
            },
        }
    }
    drop(listener);
    stop.send_replace(true);
    finish(connections, edge.limits.shutdown_deadline).await;
    Ok(())
}

async fn finish(mut connections: JoinSet<()>, deadline: Duration) {
    let finished = timeout(deadline, async { while connections.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        tracing::warn!(connections = connections.len(), "closing what did not finish before the shutdown deadline");
        connections.shutdown().await;
    }
}

fn trace_end(ended: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

/// A peer that is gone already is no reason to wait; want of descriptors or memory is, and it passes.
async fn pause_after(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted) {
        tracing::warn!(%error, "cannot accept connections for a moment");
        sleep(ACCEPT_PAUSE).await;
    }
}

/// The right to be in a handshake.
struct HandshakePlace {
    _overall: OwnedSemaphorePermit,
    _address: Place<IpAddr>,
}

/// The right to be connected.
struct PeerPlace<K: Eq + std::hash::Hash> {
    _peer: Place<Hash>,
    _group: Place<K>,
}

impl<G, H> Edge<G, H>
where
    G: PeerGate,
    H: Handler<Peer = G::Peer>,
{
    fn new(edge: ServerEdge, gate: Arc<G>, handler: Arc<H>) -> Result<Self, TlsFault> {
        let ServerEdge { identity, limits, clock } = edge;
        let config = server_config(&identity, gate.clone(), clock.clone())?;
        Ok(Self {
            gate,
            handler,
            clock,
            acceptor: TlsAcceptor::from(config),
            handshakes: Arc::new(Semaphore::new(limits.handshakes_max)),
            addresses: Tally::new(),
            peers: Tally::new(),
            groups: Tally::new(),
            limits: Arc::new(limits),
        })
    }

    /// Gives a new connection its task, or closes it at once: nobody queues.
    fn take_in(self: Arc<Self>, tcp: TcpStream, from: SocketAddr, stopping: &watch::Receiver<bool>, connections: &mut JoinSet<()>) {
        let place = self.take_handshake_place(from.ip()).filter(|_| connections.len() < self.limits.connections_max);
        match place {
            Some(place) => _ = connections.spawn(run_connection(self, tcp, from.ip(), place, stopping.clone())),
            None => tracing::debug!(%from, "closed at once: there is no place for another connection"),
        }
    }

    fn take_handshake_place(&self, from: IpAddr) -> Option<HandshakePlace> {
        let overall = self.handshakes.clone().try_acquire_owned().ok()?;
        let address = self.addresses.take(address_key(from), self.limits.handshakes_per_address_max)?;
        Some(HandshakePlace { _overall: overall, _address: address })
    }

    async fn shake_hands(&self, tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
        tcp.set_nodelay(true).ok()?;
        match timeout(self.limits.handshake_deadline, self.acceptor.accept(tcp).into_fallible()).await {
            Ok(Ok(tls)) => speaks_http_1_1(tls.get_ref().1).then_some(tls),
            Ok(Err((error, tcp))) => {
                tracing::debug!(%error, "a handshake failed");
                self.let_alert_arrive(tcp).await;
                None
            }
            Err(_) => None,
        }
    }

    /// A client without a good certificate is already sending its request: its bytes are read and thrown away until
    /// it has seen the alert, which a reset might overtake.
    async fn let_alert_arrive(&self, mut tcp: TcpStream) {
        let _ = timeout(self.limits.linger_deadline, async {
            tcp.shutdown().await?;
            tokio::io::copy(&mut tcp.take(self.limits.linger_bytes_max), &mut tokio::io::sink()).await
        })
        .await;
    }

    /// Takes the peer from the certificate of this very handshake; nothing is remembered from another one.
    fn verify_peer(&self, tls: &TlsStream<TcpStream>, from: IpAddr) -> Option<(G::Peer, PeerPlace<G::Group>)> {
        let chain = tls.get_ref().1.peer_certificates().unwrap_or_default();
        let chain_der: Vec<&[u8]> = chain.iter().map(AsRef::as_ref).collect();
        let peer = self.gate.verify_peer(&chain_der, self.clock.now()).ok()?;
        let key = match chain.first() {
            Some(certificate) => public_key_hash(certificate).ok()?,
            // Strangers are told apart by where they are.
            None if G::ADMITS_STRANGERS => hash(address_key(from).to_string().as_bytes()),
            None => return None,
        };
        let place = self.take_peer_place(key, self.gate.group_of(&peer))?;
        Some((peer, place))
    }

    fn take_peer_place(&self, key: Hash, group: G::Group) -> Option<PeerPlace<G::Group>> {
        let Some(peer) = self.peers.take(key, self.limits.connections_per_peer_max) else {
            tracing::info!(%key, "closed: this peer has too many connections");
            return None;
        };
        let Some(of_group) = self.groups.take(group, self.limits.connections_per_group_max) else {
            tracing::warn!(?group, "closed: this group has too many connections");
            return None;
        };
        Some(PeerPlace { _peer: peer, _group: of_group })
    }
}

async fn run_connection<G, H>(
    edge: Arc<Edge<G, H>>,
    tcp: TcpStream,
    from: IpAddr,
    place: HandshakePlace,
    mut stopping: watch::Receiver<bool>,
) where
    G: PeerGate,
    H: Handler<Peer = G::Peer>,
{
    let shaken = tokio::select! {
        biased;
        _ = stopping.wait_for(|stop| *stop) => None,
        tls = edge.shake_hands(tcp) => tls,
    };
    drop(place);
    // Before this line there is nothing but TLS; behind it every byte is a peer's whom the gate admitted.
    if let Some(tls) = shaken
        && let Some((peer, _place)) = edge.verify_peer(&tls, from)
    {
        serve_peer(&edge, tls, peer, stopping).await;
    }
}
