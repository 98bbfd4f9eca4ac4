//! Released blobs, whole or from an offset (RFC 9110, section 14: one open range, nothing else).

use std::sync::Arc;

use http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use http::{Response, StatusCode};
use tokio::task::spawn_blocking;

use super::answers::{Answer, RequestError};
use super::blocking;
use crate::clock;
use crate::domain::Tag;
use crate::exchange::{ActError, Exchange, ReleasedBlob};
use crate::net::{BodySender, OutgoingBody};
use crate::trust::VerifiedPeer;
use crate::wire::{Refusal, RefusalCode};

pub(super) async fn stream(
    exchange: Arc<Exchange>,
    peer: VerifiedPeer,
    document: Tag,
    headers: &HeaderMap,
) -> Result<Answer, RequestError> {
    let from = headers.get(RANGE).map(parse_range).transpose()?;
    let blob = blocking(move || exchange.open_released_blob(&peer, &document)).await?;
    let (bytes, offset) = (blob.bytes(), from.unwrap_or(0));
    if offset >= bytes {
        return Err(Refusal::new(RefusalCode::OffsetMismatch, format!("the blob has {bytes} bytes")).into());
    }
    let (sender, body) = OutgoingBody::channel(bytes - offset);
    // Runs until the body is sent or the peer has gone.
    spawn_blocking(move || send_blob(&blob, offset, &sender));
    let mut answer = Response::new(body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if from.is_some() {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = HeaderValue::try_from(format!("bytes {offset}-{}/{bytes}", bytes - 1));
        answer.headers_mut().insert(CONTENT_RANGE, range.map_err(RequestError::unencodable)?);
    }
    Ok(answer)
}

/// A read that fails, or a release that ends, ends the body before its announced length, which the peer sees as a cut.
fn send_blob(blob: &ReleasedBlob, mut offset: u64, sender: &BodySender) {
    while offset < blob.bytes() {
        match blob.read_at(offset, clock::now()) {
            Ok(chunk) => {
                offset += chunk.len() as u64;
                if sender.send_blocking(chunk.into()).is_err() {
                    return;
                }
            }
            Err(ActError::Refused(refusal)) => {
                tracing::info!(detail = %refusal.detail, "a download is cut");
                return;
            }
            Err(ActError::Fault(fault)) => {
                tracing::error!(%fault, "a blob cannot be read");
                return;
            }
        }
    }
}

fn parse_range(value: &HeaderValue) -> Result<u64, Refusal> {
    let from = value.to_str().ok().and_then(|text| text.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    from.ok_or_else(|| Refusal::new(RefusalCode::BadRequest, "the range must be open at its end, as in bytes=1048576-"))
}
