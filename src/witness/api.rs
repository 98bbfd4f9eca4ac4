//! The witness over HTTP: one route, `POST /add-checkpoint`.

use std::panic::resume_unwind;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use tokio::task::spawn_blocking;

use super::ledger::{Ledger, Refused};
use crate::clock;
use crate::domain::UnixMillis;
use crate::net::{Handler, IncomingBody, OutgoingBody, PeerGate, PeerRefused};
use crate::wire::{ADD_CHECKPOINT, ADD_CHECKPOINT_BYTES_MAX, TLOG_SIZE_TYPE, parse_add_checkpoint};

/// Lets everybody in: what they bring is signed, or it is nothing.
pub(super) struct OpenDoor;

impl PeerGate for OpenDoor {
    type Peer = ();
    type Group = ();
    const ADMITS_STRANGERS: bool = true;

    fn verify_peer(&self, _chain_der: &[&[u8]], _now: UnixMillis) -> Result<(), PeerRefused> {
        Ok(())
    }

    fn verify_still(&self, (): &(), _now: UnixMillis) -> Result<(), PeerRefused> {
        Ok(())
    }

    fn group_of(&self, (): &()) {}
}

/// The HTTP face of a [`Ledger`].
pub(super) struct WitnessApi {
    ledger: Arc<Ledger>,
}

impl WitnessApi {
    pub(super) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger }
    }

    async fn add_checkpoint(&self, request: Request<IncomingBody>) -> Result<String, Refused> {
        if request.method() != Method::POST || request.uri().path().strip_prefix('/') != Some(ADD_CHECKPOINT) {
            return Err(Refused::UnknownLog);
        }
        let bytes = request.into_body().collect(ADD_CHECKPOINT_BYTES_MAX).await;
        let bytes = bytes.map_err(|cut| Refused::BadRequest(format!("it did not arrive whole: {cut:?}")))?;
        let request = parse_add_checkpoint(&bytes).map_err(|malformed| Refused::BadRequest(malformed.to_string()))?;
        let ledger = self.ledger.clone();
        // It syncs a file, and goes on to its end when the caller has gone.
        let judged = spawn_blocking(move || ledger.add_checkpoint(request, clock::now_second())).await;
        // A failure of ours is no answer to them: the connection ends without one.
        let line = judged.unwrap_or_else(|failed| resume_unwind(failed.into_panic()))?;
        Ok(format!("{line}\n"))
    }
}

impl Handler for WitnessApi {
    type Peer = ();

    async fn answer(&self, (): (), request: Request<IncomingBody>) -> Response<OutgoingBody> {
        match self.add_checkpoint(request).await {
            Ok(lines) => answer(StatusCode::OK, "text/plain; charset=utf-8", lines),
            Err(Refused::Conflict(size)) => answer(StatusCode::CONFLICT, TLOG_SIZE_TYPE, format!("{size}\n")),
            Err(refused) => {
                trace(&refused);
                answer(status_of(&refused), "text/plain; charset=utf-8", format!("{refused}\n"))
            }
        }
    }
}

fn status_of(refused: &Refused) -> StatusCode {
    match refused {
        Refused::UnknownLog => StatusCode::NOT_FOUND,
        Refused::NotSigned(_) => StatusCode::FORBIDDEN,
        Refused::BadRequest(_) => StatusCode::BAD_REQUEST,
        Refused::Conflict(_) => StatusCode::CONFLICT,
        Refused::Inconsistent => StatusCode::UNPROCESSABLE_ENTITY,
        Refused::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A log that does not continue itself is news; what strangers send is not.
fn trace(refused: &Refused) {
    match refused {
        Refused::Inconsistent => tracing::error!("a log brought a signed checkpoint that does not continue its last one"),
        Refused::Fault(fault) => tracing::error!(%fault, "the witness cannot remember, so it does not cosign"),
        other => tracing::debug!(refused = %other, "not cosigned"),
    }
}

fn answer(status: StatusCode, content_type: &'static str, text: String) -> Response<OutgoingBody> {
    let mut answer = Response::new(OutgoingBody::from_bytes(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
