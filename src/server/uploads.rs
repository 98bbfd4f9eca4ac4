//! Uploads after draft-ietf-httpbis-resumable-upload: create, then `PATCH` at an offset.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use http::{Request, Response, StatusCode};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::spawn_blocking;

use super::answers::{Answer, RequestError};
use super::blocking;
use crate::clock;
use crate::domain::UploadId;
use crate::domain::limits::BLOB_BYTES_MAX;
use crate::exchange::{ActError, Exchange, UploadFault, UploadWriter};
use crate::net::{IncomingBody, OutgoingBody};
use crate::trust::VerifiedPeer;
use crate::wire::{PARTIAL_UPLOAD_TYPE, Refusal, RefusalCode, UPLOAD_COMPLETE, UPLOAD_LENGTH, UPLOAD_OFFSET, UPLOADS_PATH};

/// Chunks between the socket and the disk: a quarter of a megabyte at the usual size.
const CHUNKS_WAITING: usize = 16;

pub(super) async fn create(exchange: Arc<Exchange>, peer: VerifiedPeer, headers: &HeaderMap) -> Result<Answer, RequestError> {
    let bytes = number_in(headers, UPLOAD_LENGTH)?;
    let id = blocking(move || exchange.create_upload(&peer, bytes)).await?;
    let mut answer = empty(StatusCode::CREATED);
    let location = HeaderValue::try_from(format!("{UPLOADS_PATH}/{id}")).map_err(RequestError::unencodable)?;
    answer.headers_mut().insert(LOCATION, location);
    set_progress(&mut answer, 0, false);
    Ok(answer)
}

pub(super) async fn progress(exchange: Arc<Exchange>, peer: VerifiedPeer, id: UploadId) -> Result<Answer, RequestError> {
    let progress = blocking(move || exchange.load_progress(&peer, &id)).await?;
    let mut answer = empty(StatusCode::NO_CONTENT);
    set_progress(&mut answer, progress.offset, progress.is_complete);
    answer.headers_mut().insert(UPLOAD_LENGTH, progress.bytes.into());
    Ok(answer)
}

pub(super) async fn delete(exchange: Arc<Exchange>, peer: VerifiedPeer, id: UploadId) -> Result<Answer, RequestError> {
    blocking(move || exchange.delete_upload(&peer, &id)).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Takes bytes at the offset the upload stands at. Cut short, it keeps what came and waits for the rest.
pub(super) async fn append(
    exchange: Arc<Exchange>,
    peer: VerifiedPeer,
    id: UploadId,
    request: Request<IncomingBody>,
) -> Result<Answer, RequestError> {
    let offset = number_in(request.headers(), UPLOAD_OFFSET)?;
    require_partial_upload(request.headers())?;
    let (reader, owner) = (exchange.clone(), peer.clone());
    let writer = blocking(move || exchange.open_upload(&peer, &id)).await?;
    if writer.offset() != offset {
        let at = writer.offset();
        return Err(Refusal::new(RefusalCode::OffsetMismatch, format!("the upload stands at {at}, not at {offset}")).into());
    }
    let too_large = |_| Refusal::new(RefusalCode::TooLarge, "a body cannot be larger than 1 TiB");
    let mut body = request.into_body().stream(BLOB_BYTES_MAX).map_err(too_large)?;
    let (sender, receiver) = channel(CHUNKS_WAITING);
    let writing = spawn_blocking(move || write_chunks(writer, receiver));
    let mut cut = None;
    loop {
        match body.next_chunk().await {
            Ok(Some(chunk)) => {
                if sender.send(Chunk::Bytes(chunk)).await.is_err() {
                    // The writer has stopped, and says why below.
                    break;
                }
            }
            Ok(None) => {
                let _ = sender.send(Chunk::End).await;
                break;
            }
            Err(fault) => {
                cut = Some(fault);
                break;
            }
        }
    }
    drop(sender);
    writing.await.map_err(|_| RequestError::Panicked)??;
    // What is kept, which after a cut is less than what came.
    let kept = blocking(move || reader.load_progress(&owner, &id)).await?;
    if let Some(fault) = cut {
        return Err(Refusal::new(RefusalCode::BadRequest, format!("the upload was cut: {fault}; it stands at {}", kept.offset)).into());
    }
    let mut answer = empty(StatusCode::NO_CONTENT);
    set_progress(&mut answer, kept.offset, kept.is_complete);
    Ok(answer)
}

enum Chunk {
    Bytes(Bytes),
    End,
}

/// Writes until the sender stops. Without the word that this was the end, it pauses the upload.
fn write_chunks(mut writer: UploadWriter, mut chunks: Receiver<Chunk>) -> Result<(), ActError> {
    while let Some(chunk) = chunks.blocking_recv() {
        match chunk {
            Chunk::Bytes(bytes) => writer.write(&bytes, clock::now())?,
            Chunk::End => {
                return match writer.finish(clock::now()) {
                    // Too few bytes came: the rest may come later.
                    Ok(_) | Err(UploadFault::Incomplete) => Ok(()),
                    Err(fault) => Err(fault.into()),
                };
            }
        }
    }
    Ok(writer.pause(clock::now())?)
}

fn require_partial_upload(headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get(CONTENT_TYPE).is_some_and(|value| value == PARTIAL_UPLOAD_TYPE) {
        return Ok(());
    }
    Err(Refusal::new(RefusalCode::BadRequest, format!("the content type must be {PARTIAL_UPLOAD_TYPE}")))
}

fn number_in(headers: &HeaderMap, name: &str) -> Result<u64, Refusal> {
    let text = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    number.ok_or_else(|| Refusal::new(RefusalCode::BadRequest, format!("the header {name} must be a decimal number")))
}

fn set_progress(answer: &mut Answer, offset: u64, is_complete: bool) {
    let complete = if is_complete { "?1" } else { "?0" };
    answer.headers_mut().insert(UPLOAD_OFFSET, offset.into());
    answer.headers_mut().insert(UPLOAD_COMPLETE, HeaderValue::from_static(complete));
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(OutgoingBody::empty());
    *answer.status_mut() = status;
    answer
}
