//! A request's body on its way out, which the client can stop when the answer comes first.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

use super::body::OutgoingBody;

/// The body as hyper has it.
pub(super) struct Upload {
    watch: Arc<UploadWatch>,
}

/// The body as the sender of the request has it. `None` once it was stopped.
pub(super) struct UploadWatch {
    body: Mutex<Option<OutgoingBody>>,
    is_over: AtomicBool,
    over: Notify,
}

impl Upload {
    pub(super) fn new(body: OutgoingBody) -> (Self, Arc<UploadWatch>) {
        let watch = Arc::new(UploadWatch { body: Mutex::new(Some(body)), is_over: AtomicBool::new(false), over: Notify::new() });
        (Self { watch: watch.clone() }, watch)
    }
}

impl UploadWatch {
    /// Sends no more of the body, and lets its producer know. True if there was more to send: the
    /// connection cannot be used again then.
    pub(super) fn stop(&self) -> bool {
        drop(self.lock().take());
        !self.is_over.load(Ordering::Acquire)
    }

    /// Returns once the whole body was handed over and `deadline` has passed since.
    pub(super) async fn overdue(&self, deadline: Duration) {
        self.over.notified().await;
        tokio::time::sleep(deadline).await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<OutgoingBody>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.watch.lock().as_mut() {
            Some(body) => Pin::new(body).poll_frame(cx),
            // Neither an end nor an error: hyper goes on reading the answer, and the connection is dropped after it.
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.watch.lock().as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.watch.lock().as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

/// hyper drops a body as soon as it has taken the last of it.
impl Drop for Upload {
    fn drop(&mut self) {
        self.watch.is_over.store(true, Ordering::Release);
        self.watch.over.notify_one();
    }
}
