//! Thin handlers: decode, permit, call, encode. Never touches the store or a key.
//!
//! ```text
//! GET    /v1/logs/{events,directory}/checkpoint            any member
//! GET    /v1/logs/{events,directory}/tile/{entries,0…7}/…  any member
//! GET    /v1/statements/{leaf index}                       who may see the case
//! POST   /v1/acts                                          the actor
//! POST   /v1/uploads      HEAD PATCH DELETE /v1/uploads/{id}   who began it
//! GET    /v1/blobs/{tag}  (Range)                          whose release is in force
//! ```
//!
//! Paths hold ids only, never text of a user. What blocks runs on threads that may, and goes on to its
//! end when the peer has gone.

mod act_memory;
mod answers;
mod blobs;
mod cosigning;
mod gate;
mod routes;
mod uploads;
mod witness_link;

use std::sync::Arc;

use http::Request;
use tokio::task::spawn_blocking;

use crate::exchange::{ActError, Exchange};
use crate::net::{BodyCut, Handler, IncomingBody, OutgoingBody};
use crate::trust::VerifiedPeer;
use crate::wire::{ACT_REQUEST_BYTES_MAX, ActRequest, Refusal, RefusalCode};

pub use cosigning::{Cosigning, CosigningRefused};
pub use gate::ServerGate;

use act_memory::ActMemory;
use answers::{Answer, RequestError, answer_error, bytes_answer, cached, json_answer};
use routes::{Route, parse_route};

/// How long what never changes may be kept (C2SP tlog-tiles): by whoever asked, for it is for members only.
const IMMUTABLE: &str = "private, max-age=31536000, immutable";

/// The HTTP face of an [`Exchange`].
pub struct Api {
    exchange: Arc<Exchange>,
    act_memory: Arc<ActMemory>,
}

impl Api {
    /// A face for `exchange`.
    pub fn new(exchange: Arc<Exchange>) -> Self {
        Self { exchange, act_memory: Arc::default() }
    }

    async fn dispatch(&self, peer: VerifiedPeer, request: Request<IncomingBody>) -> Result<Answer, RequestError> {
        let exchange = self.exchange.clone();
        match parse_route(request.method(), request.uri().path())? {
            Route::Checkpoint(log) => {
                let note = exchange.shown(log).note().as_str().to_owned();
                Ok(cached(bytes_answer("text/plain; charset=utf-8", note), "no-store"))
            }
            Route::Entries(log, name) => {
                let bundle = blocking(move || exchange.load_entry_bundle(log, name)).await?;
                Ok(cached(bytes_answer("application/octet-stream", bundle), IMMUTABLE))
            }
            Route::HashTile(log, name) => {
                let tile = blocking(move || exchange.load_hash_tile(log, name)).await?;
                Ok(cached(bytes_answer("application/octet-stream", tile), IMMUTABLE))
            }
            Route::Statement(index) => json_answer(&blocking(move || exchange.load_statement(&peer, index)).await?),
            Route::Act => self.accept_act(peer, request.into_body()).await,
            Route::CreateUpload => uploads::create(exchange, peer, request.headers()).await,
            Route::UploadProgress(id) => uploads::progress(exchange, peer, id).await,
            Route::AppendUpload(id) => uploads::append(exchange, peer, id, request).await,
            Route::DeleteUpload(id) => uploads::delete(exchange, peer, id).await,
            Route::Blob(document) => blobs::stream(exchange, peer, document, request.headers()).await,
        }
    }

    async fn accept_act(&self, peer: VerifiedPeer, body: IncomingBody) -> Result<Answer, RequestError> {
        let bytes = usize::try_from(body.bytes()).ok().filter(|bytes| *bytes <= ACT_REQUEST_BYTES_MAX).ok_or_else(act_too_large)?;
        let busy = || Refusal::new(RefusalCode::Busy, "too many acts are on their way to the server");
        let memory = self.act_memory.take(peer.member(), bytes).ok_or_else(busy)?;
        let act = receive_act(body).await?;
        let exchange = self.exchange.clone();
        let accept = move || {
            // Held until the act is answered, even when the peer has gone.
            let _memory = memory;
            exchange.accept_act(&peer, act)
        };
        json_answer(&blocking(accept).await?)
    }
}

/// Collects and decodes an act; the body's own bytes are gone when it returns.
async fn receive_act(body: IncomingBody) -> Result<ActRequest, Refusal> {
    let cut = |cut| match cut {
        BodyCut::TooLarge { .. } => act_too_large(),
        BodyCut::Cut(_) => Refusal::new(RefusalCode::BadRequest, "the act did not arrive whole"),
    };
    let bytes = body.collect(ACT_REQUEST_BYTES_MAX).await.map_err(cut)?;
    serde_json::from_slice(&bytes).map_err(|fault| Refusal::new(RefusalCode::Malformed, format!("the body is no act: {fault}")))
}

fn act_too_large() -> Refusal {
    Refusal::new(RefusalCode::TooLarge, "the body is larger than an act can be")
}

impl Handler for Api {
    type Peer = VerifiedPeer;

    async fn answer(&self, peer: VerifiedPeer, request: Request<IncomingBody>) -> http::Response<OutgoingBody> {
        let id = request.extensions().get().cloned();
        let member = peer.member().clone();
        match self.dispatch(peer, request).await {
            Ok(answer) => answer,
            Err(error) => answer_error(&error, &member, id.as_ref()),
        }
    }
}

/// Runs what may block on a thread of its own; it goes on to its end even if the peer leaves.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, ActError> + Send + 'static) -> Result<T, RequestError> {
    match spawn_blocking(work).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(RequestError::Panicked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_at_work_does_not_blame_the_sequencer() {
        let error = blocking(|| -> Result<(), ActError> { panic!("as the test asks") }).await.expect_err("it panicked");
        assert_eq!(error.to_string(), "the work for the request panicked");
        assert_eq!(blocking(|| Ok(7)).await.expect("it did not"), 7);
    }
}
