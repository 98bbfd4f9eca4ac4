//! What stands between hyper and TLS on the client: an answer outlives a broken upload.
//!
//! A server that refuses early answers while the client is still writing. If writing then fails, hyper would give
//! up and lose the answer that lies in the receive buffer: so here a failed write only falls silent, and reading
//! goes on to the answer, or to the alert that says why there is none.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::cut::{Cut, CutNote};
use super::limits::Rate;
use super::pace::Pace;

pub(super) struct LinkIo<S> {
    tls: S,
    cut: CutNote,
    outgoing: Pace,
    is_write_broken: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> LinkIo<S> {
    pub(super) fn new(tls: S, upload_rate: Rate, cut: CutNote) -> Self {
        Self { tls, cut, outgoing: Pace::new(upload_rate), is_write_broken: false }
    }

    /// Minds the rate at which the server takes what is written, and keeps quiet about a write that fails.
    fn poll_paced(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let polled = if self.is_write_broken { Poll::Pending } else { write(Pin::new(&mut self.tls), cx) };
        match polled {
            Poll::Ready(Ok(bytes)) => {
                self.outgoing.moved(bytes);
                return Poll::Ready(Ok(bytes));
            }
            Poll::Ready(Err(_)) => self.is_write_broken = true,
            Poll::Pending => {}
        }
        ready!(self.outgoing.poll_overdue(cx));
        Poll::Ready(Err(self.cut.write(if self.is_write_broken { Cut::Closed } else { Cut::TooSlow })))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for LinkIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.tls).poll_read(cx, out));
        Poll::Ready(read.map_err(|error| self.cut.write_io(&error)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LinkIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_paced(cx, |tls, cx| tls.poll_write(cx, bytes))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll_paced(cx, |tls, cx| tls.poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_paced(cx, |tls, cx| tls.poll_flush(cx).map_ok(|()| 0)).map_ok(|_| ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}
