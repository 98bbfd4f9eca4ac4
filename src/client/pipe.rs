//! A pipe from a task to a blocking thread, bounded: the network on one side, age on the other.
//!
//! ```text
//! body ── send().await ──▶ [16 blocks] ──▶ Read ── open_document ──▶ staged file
//! ```
//!
//! A side that goes away is an error on the other: the end of the stream is said, never guessed.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Blocks under way. One is a read of the connection, at most 128 KiB; so 2 MiB.
const BLOCKS_WAITING: usize = 16;

/// The side that gives, for tasks.
pub(super) struct PipeWriter {
    blocks: Sender<Bytes>,
    finished: Arc<AtomicBool>,
}

/// The side that takes, for blocking threads; inside a task it panics.
pub(super) struct PipeReader {
    blocks: Receiver<Bytes>,
    finished: Arc<AtomicBool>,
    unread: Bytes,
}

/// A pipe.
pub(super) fn pipe() -> (PipeWriter, PipeReader) {
    let (sender, receiver) = channel(BLOCKS_WAITING);
    let finished = Arc::new(AtomicBool::new(false));
    let reader = PipeReader { blocks: receiver, finished: Arc::clone(&finished), unread: Bytes::new() };
    (PipeWriter { blocks: sender, finished }, reader)
}

fn reader_gone<T>(_: T) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the reading side stopped")
}

impl PipeWriter {
    /// Sends a block, waiting for room.
    ///
    /// # Errors
    /// When the reading side is gone.
    pub(super) async fn send(&mut self, block: Bytes) -> io::Result<()> {
        self.blocks.send(block).await.map_err(reader_gone)
    }

    /// Says that this was all. Without it the reading side ends in an error.
    pub(super) fn finish(self) {
        self.finished.store(true, Ordering::Release);
    }
}

impl PipeReader {
    /// The channel is closed; was that the end?
    fn end(&self) -> io::Result<()> {
        if self.finished.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the writing side stopped before the end"))
        }
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.unread.is_empty() {
            match self.blocks.blocking_recv() {
                Some(block) => self.unread = block,
                None => return self.end().map(|()| 0),
            }
        }
        let count = buffer.len().min(self.unread.len());
        self.unread.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{DocumentIdentity, open_document, seal_document};
    use std::thread;

    fn block_on<T>(task: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(task)
    }

    #[test]
    fn a_task_feeds_a_thread() {
        let (mut writer, mut reader) = pipe();
        let reading = thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all)
        });
        block_on(async {
            for block in [&b"one "[..], b"", b"two"] {
                writer.send(Bytes::from_static(block)).await.unwrap();
            }
        });
        writer.finish();
        assert_eq!(reading.join().unwrap().unwrap(), b"one two");
    }

    #[test]
    fn a_document_is_opened_as_it_comes() {
        let identity = DocumentIdentity::generate();
        let plaintext = vec![9; 40 * 64 * 1024];
        let mut blob = Vec::new();
        let digests = seal_document(&identity, plaintext.as_slice(), &mut blob).unwrap();
        let (mut writer, reader) = pipe();
        let fetching = thread::spawn(move || {
            block_on(async {
                for block in blob.chunks(10_000) {
                    writer.send(Bytes::copy_from_slice(block)).await.unwrap();
                }
            });
            writer.finish();
        });
        let opened = open_document(&identity, reader, Vec::new(), &digests).unwrap();
        fetching.join().unwrap();
        assert!(opened.into_output() == plaintext);
    }

    #[test]
    fn a_side_that_goes_away_is_an_error_not_an_end() {
        let (mut writer, mut reader) = pipe();
        block_on(writer.send(Bytes::from_static(b"half"))).unwrap();
        drop(writer);
        let mut all = Vec::new();
        assert_eq!(reader.read_to_end(&mut all).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(all, b"half");

        let (mut writer, reader) = pipe();
        drop(reader);
        assert_eq!(block_on(writer.send(Bytes::from_static(b"x"))).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
