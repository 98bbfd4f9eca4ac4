//! A request's body on its way out, which the client can stop when the answer comes first.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

use super::body::OutgoingBody;

/// The body as hyper has it.
pub(super) struct Upload {
    body: OutgoingBody,
    watch: Arc<UploadWatch>,
}

/// What the sender of the request sees of it.
#[derive(Default)]
pub(super) struct UploadWatch {
    is_stopped: AtomicBool,
    is_over: AtomicBool,
    over: Notify,
}

impl Upload {
    pub(super) fn new(body: OutgoingBody) -> (Self, Arc<UploadWatch>) {
        let watch = Arc::new(UploadWatch::default());
        (Self { body, watch: watch.clone() }, watch)
    }
}

impl UploadWatch {
    /// Sends no more of the body. True if there was more to send: the connection cannot be used again then.
    pub(super) fn stop(&self) -> bool {
        self.is_stopped.store(true, Ordering::Release);
        !self.is_over.load(Ordering::Acquire)
    }

    /// Returns once the whole body was handed over and `deadline` has passed since.
    pub(super) async fn overdue(&self, deadline: Duration) {
        self.over.notified().await;
        tokio::time::sleep(deadline).await;
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.watch.is_stopped.load(Ordering::Acquire) {
            // Neither an end nor an error: hyper goes on reading the answer, and the connection is dropped after it.
            return Poll::Pending;
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// hyper drops a body as soon as it has taken the last of it.
impl Drop for Upload {
    fn drop(&mut self) {
        self.watch.is_over.store(true, Ordering::Release);
        self.watch.over.notify_one();
    }
}
