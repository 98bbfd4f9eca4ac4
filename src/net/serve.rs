//! One peer's connection: requests in, answers out, until one side has had enough.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at};
use tokio_rustls::server::TlsStream;

use super::accept::Edge;
use super::body::{IncomingBody, IncomingLink, OutgoingBody};
use super::cut::CutNote;
use super::edge_io::EdgeIo;
use super::peers::PeerGate;
use super::problem::{REQUEST_ID, RequestId, problem_response};
use crate::wire::{Refusal, RefusalCode};

/// Bytes that hyper buffers each way, at most: enough to fill TLS records, small enough for many connections.
pub(super) const BUFFER_BYTES_MAX: usize = 128 * 1024;

/// Answers the requests of verified peers.
pub trait Handler: Send + Sync + 'static {
    /// Who asks; the gate's peer type.
    type Peer;

    /// Answers one request; the [`RequestId`] is among its extensions. The length of the response is its body's;
    /// length and connection headers that the answer may carry are the edge's business and are replaced.
    ///
    /// The future is dropped at an `await` when the peer's connection ends or the peer is revoked: what must not
    /// stop half-way runs in a task of its own. A panic becomes the answer 500.
    fn answer(&self, peer: Self::Peer, request: Request<IncomingBody>) -> impl Future<Output = Response<OutgoingBody>> + Send;
}

/// The peer is no longer admitted; its connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the peer is no longer admitted")]
struct PeerGone;

struct PeerConnection<'a, G: PeerGate, H> {
    edge: &'a Edge<G, H>,
    peer: G::Peer,
    cut: CutNote,
    requests: AtomicU32,
}

/// Serves one connection to its end.
pub(super) async fn serve_peer<G, H>(edge: &Edge<G, H>, tls: TlsStream<TcpStream>, peer: G::Peer, mut stopping: watch::Receiver<bool>)
where
    G: PeerGate,
    H: Handler<Peer = G::Peer>,
{
    let cut = CutNote::default();
    let io = EdgeIo::new(tls, edge.limits.clone(), cut.clone());
    let this = PeerConnection { edge, peer, cut, requests: AtomicU32::new(0) };
    let service = service_fn(|request| this.answer(request));
    // The wrapper keeps the deadlines of heads, and reads nothing while an answer is on its way (half_close).
    let mut connection = http1::Builder::new()
        .half_close(true)
        .header_read_timeout(None)
        .max_headers(edge.limits.head_fields_max)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(io), service);
    let mut recheck = interval_at(Instant::now() + edge.limits.peer_recheck, edge.limits.peer_recheck);
    let mut told_to_stop = false;
    let ended = loop {
        tokio::select! {
            biased;
            _ = recheck.tick() => if this.verify_still().is_err() { return },
            _ = stopping.wait_for(|stop| *stop), if !told_to_stop => {
                told_to_stop = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            ended = &mut connection => break ended,
        }
    };
    let mut io = connection.into_parts().io.into_inner();
    if ended.is_err() && io.is_refused() {
        let _ = io.shutdown().await;
    }
    // Whatever else went wrong ends without a TLS closure, so that no cut body looks like a whole one.
}

impl<G, H> PeerConnection<'_, G, H>
where
    G: PeerGate,
    H: Handler<Peer = G::Peer>,
{
    fn verify_still(&self) -> Result<(), PeerGone> {
        self.edge.gate.verify_still(&self.peer, self.edge.clock.now()).map_err(|refused| {
            tracing::info!(alert = ?refused.alert, reason = refused.reason, "an open connection ends: its peer is no longer admitted");
            PeerGone
        })
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<OutgoingBody>, PeerGone> {
        self.verify_still()?;
        let id = RequestId::draw();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let received = Arc::new(AtomicBool::new(false));
        let mut response = self.ask_handler(request, &id, received.clone()).await;
        tracing::debug!(%id, %method, path, status = response.status().as_u16(), "answered");
        // A body that was not read to its end would be taken for the next request: such a connection is not used again.
        let is_last = self.requests.fetch_add(1, Ordering::Relaxed) + 1 >= self.edge.limits.requests_per_connection_max;
        let closes = is_last || !received.load(Ordering::Acquire);
        set_edge_headers(response.headers_mut(), &id, closes);
        Ok(response)
    }

    async fn ask_handler(&self, request: Request<Incoming>, id: &RequestId, received: Arc<AtomicBool>) -> Response<OutgoingBody> {
        let (parts, frames) = request.into_parts();
        let link = IncomingLink { cut: self.cut.clone(), chunk_deadline: None, received, _keep: None };
        let Some(body) = IncomingBody::new(frames, link) else {
            return problem_response(StatusCode::BAD_REQUEST, &Refusal::new(RefusalCode::BadRequest, "the body's length is not known"));
        };
        let mut request = Request::from_parts(parts, body);
        request.extensions_mut().insert(id.clone());
        let peer = self.peer.clone();
        let answering = async move { self.edge.handler.answer(peer, request).await };
        Caught(Box::pin(answering)).await.unwrap_or_else(|| {
            tracing::error!(%id, "a handler panicked");
            problem_response(StatusCode::INTERNAL_SERVER_ERROR, &Refusal::new(RefusalCode::Internal, "the server failed at this request"))
        })
    }
}

fn set_edge_headers(headers: &mut HeaderMap, id: &RequestId, closes: bool) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    headers.remove(CONNECTION);
    if closes {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
}

/// A future whose panic is `None`. What it shared may be left half changed, as with any dropped future.
struct Caught<F>(Pin<Box<F>>);

impl<F: Future> Future for Caught<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    }
}
