//! What stands between TLS and hyper on the server: it lets whole, strict heads through, and minds the time.
//!
//! ```text
//!            ┌── no byte for idle_deadline: end of stream
//!    Idle ───┤
//!     ▲      └── first byte ──▶ Head ── whole and strict ──▶ Passing(head + body bytes) ──┐
//!     │                          └── too slow, too large, not strict: Refused             │
//!     └───────────────────────────────── all handed on ────────────────────────────────────┘
//! ```
//!
//! Why here and in this way: a body's length is known from the one strict Content-Length of its head (there are
//! no transfer codings), so this wrapper always knows, without parsing anything else, which bytes are a head and which
//! are a body, and hyper is given exactly the bytes that were judged. hyper is set to `half_close`, so that
//! it reads nothing between a request and the end of its answer: a refusal written here never falls into an answer.
//!
//! Only time spent waiting for the peer counts against the peer: the wrapper is the one place that knows
//! it, since it is polled while hyper wants bytes and at no other time.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::cut::{Cut, CutNote};
use super::head::{HeadRefused, find_head_end, parse_head};
use super::limits::EdgeLimits;
use super::pace::{Alarm, Pace};
use super::problem::head_refusal;

/// Bytes that are read at once while looking for the end of a head.
const HEAD_READ_BYTES: usize = 2 * 1024;

/// Bytes that are read at once while draining.
const DRAIN_READ_BYTES: usize = 16 * 1024;

pub(super) struct EdgeIo<S> {
    tls: S,
    limits: Arc<EdgeLimits>,
    cut: CutNote,
    phase: Phase,
    /// Bytes that were read and not yet handed on: a head, and whatever came with it.
    buffer: BytesMut,
    scanned: usize,
    alarm: Alarm,
    incoming: Pace,
    outgoing: Pace,
    refusal: Bytes,
    /// Set when closing begins.
    drain_bytes_left: Option<u64>,
    tls_closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Passing(u64),
    Refused,
}

impl<S: AsyncRead + AsyncWrite + Unpin> EdgeIo<S> {
    pub(super) fn new(tls: S, limits: Arc<EdgeLimits>, cut: CutNote) -> Self {
        let (incoming, outgoing) = (Pace::new(limits.request_rate), Pace::new(limits.response_rate));
        Self {
            tls,
            limits,
            cut,
            phase: Phase::Idle,
            buffer: BytesMut::new(),
            scanned: 0,
            alarm: Alarm::new(),
            incoming,
            outgoing,
            refusal: Bytes::new(),
            drain_bytes_left: None,
            tls_closed: false,
        }
    }

    /// Whether a refusal waits to be written by shutting down.
    pub(super) fn is_refused(&self) -> bool {
        self.phase == Phase::Refused
    }

    fn refuse(&mut self, refused: HeadRefused) -> io::Error {
        self.phase = Phase::Refused;
        self.refusal = head_refusal(refused);
        self.cut.write(Cut::Closed)
    }

    fn refuse_with(&mut self, status: StatusCode, detail: &'static str) -> io::Error {
        self.refuse(HeadRefused { status, detail })
    }

    /// Reads until a whole head is in the buffer and judged. `false`: the stream ends here, in good order.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            match find_head_end(&self.buffer, self.scanned) {
                Ok(Some(end)) => return Poll::Ready(self.judge_head(end).map(|()| true)),
                Ok(None) => self.scanned = self.buffer.len(),
                Err(refused) => return Poll::Ready(Err(self.refuse(refused))),
            }
            if self.buffer.len() >= self.limits.head_bytes_max {
                return Poll::Ready(Err(self.refuse_with(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large")));
            }
            match self.poll_fill(cx) {
                Poll::Ready(Ok(0)) if self.buffer.is_empty() => return Poll::Ready(Ok(false)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.cut.write(Cut::Closed))),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.cut.write_io(&error))),
                Poll::Pending => return self.poll_head_deadline(cx),
            }
        }
    }

    fn judge_head(&mut self, end: usize) -> io::Result<()> {
        let body_bytes = parse_head(&self.buffer[..end], self.limits.head_fields_max).map_err(|refused| self.refuse(refused))?;
        if body_bytes > self.limits.body_bytes_max {
            return Err(self.refuse_with(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than anything taken here"));
        }
        // From here on the next `end + body_bytes` bytes are this request's, whatever they are.
        self.phase = Phase::Passing(end as u64 + body_bytes);
        self.scanned = 0;
        self.alarm.clear();
        self.incoming.restart();
        self.outgoing.restart();
        Ok(())
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [0u8; HEAD_READ_BYTES];
        let room = HEAD_READ_BYTES.min(self.limits.head_bytes_max - self.buffer.len());
        let mut into = ReadBuf::new(&mut space[..room]);
        ready!(Pin::new(&mut self.tls).poll_read(cx, &mut into))?;
        self.buffer.extend_from_slice(into.filled());
        Poll::Ready(Ok(into.filled().len()))
    }

    fn poll_head_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.phase == Phase::Idle && !self.buffer.is_empty() {
            self.phase = Phase::Head;
            self.alarm.set(self.limits.head_deadline);
        } else if !self.alarm.is_set() {
            self.alarm.set(self.limits.idle_deadline);
        }
        ready!(self.alarm.poll_rung(cx));
        if self.phase == Phase::Idle {
            return Poll::Ready(Ok(false));
        }
        Poll::Ready(Err(self.refuse_with(StatusCode::REQUEST_TIMEOUT, "the head took too long")))
    }

    fn poll_pass(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>, left: u64) -> Poll<io::Result<()>> {
        let passed = if self.buffer.is_empty() {
            match poll_read_at_most(&mut self.tls, cx, out, left) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(self.cut.write(Cut::Closed))),
                Poll::Ready(Ok(bytes)) => bytes,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.cut.write_io(&error))),
                Poll::Pending => {
                    ready!(self.incoming.poll_overdue(cx));
                    return Poll::Ready(Err(self.cut.write(Cut::TooSlow)));
                }
            }
        } else {
            let bytes = at_most(self.buffer.len().min(out.remaining()), left);
            out.put_slice(&self.buffer[..bytes]);
            self.buffer.advance(bytes);
            bytes
        };
        self.incoming.moved(passed);
        self.phase = if passed as u64 == left { Phase::Idle } else { Phase::Passing(left - passed as u64) };
        Poll::Ready(Ok(()))
    }

    /// Minds the rate at which the peer takes what is written. A flush counts as zero bytes.
    fn poll_paced(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Ready(Ok(bytes)) => {
                self.outgoing.moved(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.cut.write_io(&error))),
            Poll::Pending => {
                ready!(self.outgoing.poll_overdue(cx));
                Poll::Ready(Err(self.cut.write(Cut::TooSlow)))
            }
        }
    }

    fn begin_closing(&mut self) -> u64 {
        self.alarm.set(self.limits.linger_deadline);
        let lingers = matches!(self.phase, Phase::Refused | Phase::Passing(_));
        if lingers { self.limits.linger_bytes_max } else { 0 }
    }

    /// Writes what is left to say, closes this direction, then reads until the peer has closed too: were the
    /// socket closed over unread bytes, the kernel would send a reset, and the peer might lose the answer.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut left = match self.drain_bytes_left {
            Some(left) => left,
            None => self.begin_closing(),
        };
        self.drain_bytes_left = Some(left);
        while !self.refusal.is_empty() {
            let written = ready!(Pin::new(&mut self.tls).poll_write(cx, &self.refusal))?;
            self.refusal.advance(written);
        }
        if !self.tls_closed {
            ready!(Pin::new(&mut self.tls).poll_shutdown(cx))?;
            self.tls_closed = true;
        }
        let mut space = [0u8; DRAIN_READ_BYTES];
        while left > 0 {
            let bytes = ready!(poll_read_at_most(&mut self.tls, cx, &mut ReadBuf::new(&mut space), left))?;
            left = if bytes == 0 { 0 } else { left - bytes as u64 };
            self.drain_bytes_left = Some(left);
        }
        Poll::Ready(Ok(()))
    }
}

fn at_most(bytes: usize, left: u64) -> usize {
    usize::try_from(left).map_or(bytes, |left| bytes.min(left))
}

/// Reads straight into `out`, but never past `left` bytes. 0: end of stream.
fn poll_read_at_most<S: AsyncRead + Unpin>(
    source: &mut S,
    cx: &mut Context<'_>,
    out: &mut ReadBuf<'_>,
    left: u64,
) -> Poll<io::Result<usize>> {
    let room = at_most(out.remaining(), left);
    if room == out.remaining() {
        let before = out.filled().len();
        ready!(Pin::new(source).poll_read(cx, out))?;
        return Poll::Ready(Ok(out.filled().len() - before));
    }
    let mut tail = ReadBuf::new(out.initialize_unfilled_to(room));
    ready!(Pin::new(source).poll_read(cx, &mut tail))?;
    let bytes = tail.filled().len();
    out.advance(bytes);
    Poll::Ready(Ok(bytes))
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for EdgeIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.phase {
                Phase::Passing(left) => return self.poll_pass(cx, out, left),
                Phase::Refused => return Poll::Ready(Err(self.cut.write(Cut::Closed))),
                Phase::Idle | Phase::Head => {}
            }
            if !ready!(self.poll_head(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for EdgeIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tls).poll_write(cx, bytes);
        self.poll_paced(cx, polled)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.tls).poll_write_vectored(cx, parts);
        self.poll_paced(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.tls).poll_flush(cx);
        self.poll_paced(cx, polled.map_ok(|()| 0)).map_ok(|_| ())
    }

    /// Closes in good order, or gives up after the linger deadline.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = self.poll_close(cx);
        if closed.is_pending() && self.alarm.poll_rung(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        closed
    }
}
