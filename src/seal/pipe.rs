//! A pipe between a task and a blocking thread, bounded: the network on one side, age on the other.
//!
//! ```text
//! fetch:  body ── send().await ──▶ [16 blocks] ──▶ Read ── open_document ──▶ staged file
//! send:   file ── seal_document ──▶ Write ──▶ [16 blocks] ──▶ receive().await ── body
//! ```
//!
//! A side that goes away is an error on the other: the end of the stream is said, never guessed. (A
//! document that is cut short and then sealed would be a whole blob of half a document.)

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Blocks under way. With blocks of [`BLOCK_BYTES_MAX`], 1 MiB.
const BLOCKS_WAITING: usize = 16;

/// What one `write` takes at most.
const BLOCK_BYTES_MAX: usize = 64 * 1024;

/// The side that gives. `send` is for tasks; `Write` is for blocking threads, and panics inside a task.
pub struct PipeWriter {
    blocks: Sender<Bytes>,
    finished: Arc<AtomicBool>,
}

/// The side that takes. `receive` is for tasks; `Read` is for blocking threads, and panics inside a task.
pub struct PipeReader {
    blocks: Receiver<Bytes>,
    finished: Arc<AtomicBool>,
    unread: Bytes,
}

/// A pipe.
pub fn pipe() -> (PipeWriter, PipeReader) {
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
    pub async fn send(&mut self, block: Bytes) -> io::Result<()> {
        self.blocks.send(block).await.map_err(reader_gone)
    }

    /// Says that this was all. Without it the reading side ends in an error.
    pub fn finish(self) {
        self.finished.store(true, Ordering::Release);
    }
}

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let block = &bytes[..bytes.len().min(BLOCK_BYTES_MAX)];
        self.blocks.blocking_send(Bytes::copy_from_slice(block)).map_err(reader_gone)?;
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PipeReader {
    /// The next block, or nothing when that was all.
    ///
    /// # Errors
    /// When the writing side went away without saying that it was done.
    pub async fn receive(&mut self) -> io::Result<Option<Bytes>> {
        if !self.unread.is_empty() {
            return Ok(Some(std::mem::take(&mut self.unread)));
        }
        match self.blocks.recv().await {
            Some(block) => Ok(Some(block)),
            None => self.end().map(|()| None),
        }
    }

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
    fn a_thread_feeds_a_task_however_much_it_is() {
        let (mut writer, mut reader) = pipe();
        let writing = thread::spawn(move || {
            writer.write_all(&vec![7; 5_000_000]).unwrap();
            writer.finish();
        });
        let bytes = block_on(async {
            let mut bytes = 0;
            while let Some(block) = reader.receive().await.unwrap() {
                bytes += block.len();
            }
            bytes
        });
        writing.join().unwrap();
        assert_eq!(bytes, 5_000_000);
    }

    #[test]
    fn what_a_thread_left_unread_a_task_receives() {
        let (mut writer, mut reader) = pipe();
        writer.write_all(b"one two").unwrap();
        writer.finish();
        reader.read_exact(&mut [0; 4]).unwrap();
        assert_eq!(block_on(reader.receive()).unwrap().unwrap(), "two");
        assert_eq!(block_on(reader.receive()).unwrap(), None);
    }

    #[test]
    fn a_side_that_goes_away_is_an_error_not_an_end() {
        let (mut writer, mut reader) = pipe();
        writer.write_all(b"half").unwrap();
        drop(writer);
        let mut all = Vec::new();
        assert_eq!(reader.read_to_end(&mut all).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(all, b"half");

        let (writer, mut reader) = pipe();
        drop(writer);
        assert_eq!(block_on(reader.receive()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);

        let (mut writer, reader) = pipe();
        drop(reader);
        assert_eq!(writer.write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
