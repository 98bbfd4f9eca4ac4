//! Long ways: a sealed file into an upload, a blob into a pipe; each over as many connections as that takes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use http::header::{CONTENT_TYPE, RANGE};
use http::{Method, Request, Response};

use super::ClientError;
use super::pipe::PipeWriter;
use super::session::{ATTEMPTS_MAX, Session, cut_short, network, protocol};
use crate::domain::limits::BLOB_BYTES_MAX;
use crate::domain::{Tag, UploadId};
use crate::net::{IncomingBody, OutgoingBody};
use crate::wire::{BLOBS_PATH, PARTIAL_UPLOAD_TYPE, RefusalCode, UPLOAD_COMPLETE, UPLOAD_OFFSET, UPLOADS_PATH};

/// What is read from disk and sent at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// Told how many bytes of how many have passed.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// How long to wait for the server to give up a connection that was cut on the way; it does so after 30 seconds.
const HELD_WAIT: Duration = Duration::from_secs(12);

/// Whether an earlier connection still has the upload, or has just put it further on.
const fn is_held(code: RefusalCode) -> bool {
    matches!(code, RefusalCode::UploadBusy | RefusalCode::OffsetMismatch)
}

impl Session {
    /// Sends a file of `bytes` bytes into an upload, from where it stands to its end, over as many
    /// connections as that takes.
    ///
    /// # Errors
    /// When the server refuses, or no progress is made any more.
    pub fn put_upload(&mut self, id: &UploadId, file: &File, bytes: u64, progress: Progress<'_>) -> Result<(), ClientError> {
        let mut attempts = 0;
        let mut offset = self.fetch_offset(id)?;
        while offset < bytes {
            let sent = self.put_rest(id, file, offset, bytes, progress);
            let reached = match sent {
                Ok(()) => bytes,
                Err(ClientError::Network { .. }) if attempts < ATTEMPTS_MAX => self.fetch_offset(id)?,
                Err(ClientError::Refused(problem)) if attempts < ATTEMPTS_MAX && is_held(problem.code) => {
                    thread::sleep(HELD_WAIT);
                    self.fetch_offset(id)?
                }
                Err(other) => return Err(other),
            };
            attempts = if reached > offset { 0 } else { attempts + 1 };
            offset = reached;
        }
        progress(bytes, bytes);
        Ok(())
    }

    fn put_rest(&mut self, id: &UploadId, file: &File, offset: u64, bytes: u64, progress: Progress<'_>) -> Result<(), ClientError> {
        let cannot_read =
            |fault: std::io::Error| ClientError::not_possible(format!("cannot read the sealed file: {fault}"), "check the disk");
        let mut file = file.try_clone().map_err(cannot_read)?;
        file.seek(SeekFrom::Start(offset)).map_err(cannot_read)?;
        let (sender, body) = OutgoingBody::channel(bytes - offset);
        let request = Request::builder()
            .method(Method::PATCH)
            .uri(format!("{UPLOADS_PATH}/{id}"))
            .header(CONTENT_TYPE, PARTIAL_UPLOAD_TYPE)
            .header(UPLOAD_OFFSET, offset)
            .header(UPLOAD_COMPLETE, "?1")
            .body(body)
            .map_err(|fault| protocol(&fault.to_string()))?;
        let (count, mut counted) = tokio::sync::watch::channel(offset);
        let feed = self.runtime.spawn_blocking(move || {
            let mut at = offset;
            while at < bytes {
                let mut chunk = BytesMut::zeroed(CHUNK_BYTES.min(usize::try_from(bytes - at).unwrap_or(CHUNK_BYTES)));
                file.read_exact(&mut chunk)?;
                at += chunk.len() as u64;
                if sender.send_blocking(chunk.freeze()).is_err() {
                    // The server has answered early; its answer says why.
                    return Ok(());
                }
                // Nobody listens any more once the answer is there.
                let _ = count.send(at);
            }
            Ok::<_, std::io::Error>(())
        });
        let answer = self.send_watched(request, &mut counted, bytes, progress)?;
        let fed = self.runtime.block_on(feed);
        self.require_success(answer)?;
        fed.map_err(|_| protocol("the file reader stopped"))?.map_err(cannot_read)
    }

    fn send_watched(
        &mut self,
        request: Request<OutgoingBody>,
        counted: &mut tokio::sync::watch::Receiver<u64>,
        bytes: u64,
        progress: Progress<'_>,
    ) -> Result<Response<IncomingBody>, ClientError> {
        let mut connection = self.take_connection()?;
        let answer = self.runtime.block_on(async {
            let mut answer = std::pin::pin!(connection.send(request));
            loop {
                tokio::select! {
                    answer = &mut answer => return answer,
                    changed = counted.changed() => match changed {
                        Ok(()) => progress(*counted.borrow_and_update(), bytes),
                        Err(_) => return answer.await,
                    },
                }
            }
        });
        self.connection = Some(connection);
        answer.map_err(|fault| network(&fault))
    }

    /// Streams a released blob of `bytes` bytes into `pipe`, over as many connections as that takes.
    ///
    /// # Errors
    /// When the server refuses, no progress is made any more, or the reader of the pipe has gone.
    pub(super) fn fetch_blob(
        &mut self,
        document: &Tag,
        bytes: u64,
        mut pipe: PipeWriter,
        progress: Progress<'_>,
    ) -> Result<(), ClientError> {
        let mut attempts = 0;
        let mut offset = 0;
        while offset < bytes {
            let before = offset;
            match self.fetch_rest(document, &mut offset, bytes, &mut pipe, progress) {
                Ok(()) => {}
                Err(ClientError::Network { .. }) if attempts < ATTEMPTS_MAX => attempts = if offset > before { 0 } else { attempts + 1 },
                Err(other) => return Err(other),
            }
        }
        pipe.finish();
        Ok(())
    }

    fn fetch_rest(
        &mut self,
        document: &Tag,
        offset: &mut u64,
        bytes: u64,
        pipe: &mut PipeWriter,
        progress: Progress<'_>,
    ) -> Result<(), ClientError> {
        let from = *offset;
        let path = format!("{BLOBS_PATH}/{document}");
        let answer = self.ask(|| Request::builder().uri(&path).header(RANGE, format!("bytes={from}-")).body(OutgoingBody::empty()))?;
        let body = answer.into_body();
        if body.bytes() != bytes - from {
            return Err(ClientError::unproven("the server's blob has another length than the signed statement says"));
        }
        self.runtime.block_on(async {
            let mut stream = body.stream(BLOB_BYTES_MAX).map_err(|cut| cut_short(&cut))?;
            while let Some(chunk) = stream.next_chunk().await.map_err(|cut| cut_short(&cut))? {
                *offset += chunk.len() as u64;
                pipe.send(chunk).await.map_err(|_| ClientError::unproven("the blob could not be opened"))?;
                progress(*offset, bytes);
            }
            Ok(())
        })
    }
}
