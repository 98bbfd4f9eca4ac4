//! Bodies, in both directions and on both sides: exact lengths, bounded memory, never a clean end before the end.
//!
//! ```text
//! reader of 1 MiB chunks ── send_blocking ──▶ [one waits, one is written] ── OutgoingBody ──▶ TLS
//! TLS ──▶ IncomingBody ── collect(bytes_max) or stream(bytes_max) ──▶ next_chunk, next_chunk, …
//! ```
//!
//! Whoever is slower holds the other back. A producer that stops short cuts the connection: the receiver
//! sees a broken body, never a short one that looks whole.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;

use super::cut::{Cut, CutNote};

/// Chunks that wait between producer and socket: one, so that reading the next overlaps with writing this.
const CHUNKS_WAITING_MAX: usize = 1;

/// A body to be sent, of known length.
pub struct OutgoingBody {
    bytes_left: u64,
    source: Source,
}

enum Source {
    Whole(Bytes),
    Channel(mpsc::Receiver<Bytes>),
}

/// The producing end of [`OutgoingBody::channel`]. Dropping it before the whole length was sent breaks the connection.
pub struct BodySender {
    chunks: mpsc::Sender<Bytes>,
}

/// Nobody takes the body any more: the connection ended, or was answered early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other side takes no more of this body")]
pub struct BodyNotTaken;

impl OutgoingBody {
    /// No bytes.
    pub fn empty() -> Self {
        Self::from_bytes(Bytes::new())
    }

    /// These bytes.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { bytes_left: bytes.len() as u64, source: Source::Whole(bytes) }
    }

    /// Exactly `length` bytes that will be sent in chunks, from a blocking thread.
    pub fn channel(length: u64) -> (BodySender, Self) {
        let (chunks, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
        (BodySender { chunks }, Self { bytes_left: length, source: Source::Channel(receiver) })
    }

    fn take_chunk(&mut self, chunk: Option<Bytes>) -> Option<io::Result<Frame<Bytes>>> {
        let left = chunk.as_ref().and_then(|chunk| self.bytes_left.checked_sub(chunk.len() as u64));
        let (Some(chunk), Some(left)) = (chunk, left) else {
            return Some(Err(io::Error::other("the body's producer did not keep to the announced length")));
        };
        self.bytes_left = left;
        Some(Ok(Frame::data(chunk)))
    }
}

impl BodySender {
    /// Hands over the next chunk, from a blocking thread; waits while the other side is slower.
    ///
    /// # Errors
    /// When nobody takes it.
    ///
    /// # Panics
    /// When called on a thread that runs tasks.
    pub fn send_blocking(&self, chunk: Bytes) -> Result<(), BodyNotTaken> {
        self.chunks.blocking_send(chunk).map_err(|_| BodyNotTaken)
    }
}

impl Body for OutgoingBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.bytes_left == 0 {
            return Poll::Ready(None);
        }
        let chunk = match &mut self.source {
            Source::Whole(bytes) => Some(std::mem::take(bytes)),
            Source::Channel(chunks) => std::task::ready!(chunks.poll_recv(cx)),
        };
        Poll::Ready(self.take_chunk(chunk))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes_left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes_left)
    }
}

/// Why a body could not be received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyCut {
    /// Its announced length is above what is taken here; nothing of it was read.
    #[error("the body has {bytes} bytes, {bytes_max} are allowed")]
    TooLarge {
        /// The announced length.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The connection ended before the body did.
    #[error("the body was cut short: {0}")]
    Cut(#[from] Cut),
}

/// A body being received, of known length. It is read only as fast as it is asked for.
pub struct IncomingBody {
    frames: Incoming,
    bytes: u64,
    link: IncomingLink,
}

/// What a body needs of the connection that it comes from.
pub(super) struct IncomingLink {
    /// Where the connection notes why it ended.
    pub(super) cut: CutNote,
    /// How long to wait for each chunk; the server's side keeps a rate of its own.
    pub(super) chunk_deadline: Option<Duration>,
    /// Set once the last byte was received.
    pub(super) received: Arc<AtomicBool>,
    /// Keeps a client's connection running while its body is read.
    pub(super) _keep: Option<Arc<dyn std::any::Any + Send + Sync>>,
}

impl IncomingBody {
    /// `None` if the message does not say how long its body is.
    pub(super) fn new(frames: Incoming, link: IncomingLink) -> Option<Self> {
        let bytes = frames.size_hint().exact()?;
        link.received.store(bytes == 0, Ordering::Release);
        Some(Self { frames, bytes, link })
    }

    /// The announced length in bytes; what is received in the end has exactly this length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Starts to receive a body of at most `bytes_max`, chunk by chunk.
    ///
    /// # Errors
    /// When it is announced as larger; nothing is read then.
    pub fn stream(self, bytes_max: u64) -> Result<BodyStream, BodyCut> {
        if self.bytes > bytes_max {
            return Err(BodyCut::TooLarge { bytes: self.bytes, bytes_max });
        }
        Ok(BodyStream { frames: self.frames, bytes_left: self.bytes, link: self.link })
    }

    /// Receives a whole body of at most `bytes_max` into memory.
    ///
    /// # Errors
    /// When it is larger, or cut short.
    pub async fn collect(self, bytes_max: usize) -> Result<Bytes, BodyCut> {
        let mut stream = self.stream(bytes_max as u64)?;
        let first = stream.next_chunk().await?.unwrap_or_default();
        if stream.bytes_left == 0 {
            return Ok(first);
        }
        let mut whole = BytesMut::with_capacity(first.len() + usize::try_from(stream.bytes_left).unwrap_or(0));
        whole.extend_from_slice(&first);
        while let Some(chunk) = stream.next_chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

/// An [`IncomingBody`] whose size was accepted.
pub struct BodyStream {
    frames: Incoming,
    bytes_left: u64,
    link: IncomingLink,
}

impl BodyStream {
    /// The next bytes as they came, some 10 to 256 KiB; `None` once the whole announced length was received.
    ///
    /// # Errors
    /// When the connection ends first, or the sender is too slow.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, BodyCut> {
        while self.bytes_left > 0 {
            let chunk = self.next_frame().await?.into_data().unwrap_or_default();
            self.bytes_left = self.bytes_left.saturating_sub(chunk.len() as u64);
            if self.bytes_left == 0 {
                self.link.received.store(true, Ordering::Release);
            }
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }

    async fn next_frame(&mut self) -> Result<Frame<Bytes>, Cut> {
        let next = self.frames.frame();
        let frame = match self.link.chunk_deadline {
            Some(deadline) => tokio::time::timeout(deadline, next).await.map_err(|_| Cut::TooSlow)?,
            None => next.await,
        };
        frame.and_then(Result::ok).ok_or_else(|| self.link.cut.read())
    }
}
