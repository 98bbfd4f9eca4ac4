//! What a stream was: its SHA-256 and its length, taken while it passes.
//!
//! Hashing is half of the work of sealing, so each digest is taken on a thread of its own. The thread that
//! seals copies a block and goes on; blocks come back to be filled again, so that none is allocated twice.
//!
//! ```text
//! update ── blocks (at most 16 waiting) ──▶ hashing thread
//!        ◀───────── spare ────────────────
//! ```

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use crate::crypto::Hasher;
use crate::domain::Hash;

/// Blocks that wait to be hashed. age reads and writes 64 KiB at a time: 1 MiB at most.
const BLOCKS_WAITING: usize = 16;

/// What a file is: its SHA-256 and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 of all bytes.
    pub sha256: Hash,
    /// How many they are.
    pub bytes: u64,
}

/// A digest in progress.
pub(super) struct Tally {
    blocks: SyncSender<Vec<u8>>,
    /// Blocks that were hashed; there are never more than were waiting.
    spare: Receiver<Vec<u8>>,
    hashing: JoinHandle<Hash>,
    bytes: u64,
}

impl Tally {
    /// # Errors
    /// When the operating system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        let (blocks, waiting) = sync_channel::<Vec<u8>>(BLOCKS_WAITING);
        let (used, spare) = channel();
        let hash_all = move || {
            let mut hasher = Hasher::new();
            for block in waiting {
                hasher.update(&block);
                let _ = used.send(block); // nobody may want it any more
            }
            hasher.finish()
        };
        let hashing = thread::Builder::new().name("elchi-hash".to_owned()).spawn(hash_all)?;
        Ok(Self { blocks, spare, hashing, bytes: 0 })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let mut block = self.spare.try_recv().unwrap_or_default();
        block.clear();
        block.extend_from_slice(bytes);
        // Fails only if the hashing thread is gone; `finish` then says so.
        let _ = self.blocks.send(block);
    }

    /// # Errors
    /// When the hashing thread failed.
    pub(super) fn finish(self) -> io::Result<Digest> {
        drop(self.blocks);
        let sha256 = self.hashing.join().map_err(|_| io::Error::other("the hashing thread failed"))?;
        Ok(Digest { sha256, bytes: self.bytes })
    }
}

/// A reader that takes the digest of what it gives, and remembers its own failure: age wraps both bad
/// ciphertext and a bad disk into the same error type.
pub(super) struct TallyReader<R> {
    inner: R,
    tally: Tally,
    failure: Option<io::Error>,
}

impl<R: Read> TallyReader<R> {
    pub(super) fn start(inner: R) -> io::Result<Self> {
        Ok(Self { inner, tally: Tally::start()?, failure: None })
    }

    /// Reads what was left unread, too, and gives the digest of all.
    ///
    /// # Errors
    /// When reading failed now or before.
    pub(super) fn finish(mut self) -> io::Result<Digest> {
        if self.failure.is_none() {
            // A failure here is remembered as any other.
            let _ = io::copy(&mut self, &mut io::sink());
        }
        match self.failure {
            Some(error) => Err(error),
            None => self.tally.finish(),
        }
    }
}

impl<R: Read> Read for TallyReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(count) => {
                self.tally.update(&buffer[..count]);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.failure = Some(error);
                Err(kind.into())
            }
        }
    }
}

/// A writer that takes the digest of what it is given, and takes no more than a limit.
pub(super) struct TallyWriter<W> {
    inner: W,
    tally: Tally,
    bytes_max: u64,
}

impl<W: Write> TallyWriter<W> {
    pub(super) fn start(inner: W, bytes_max: u64) -> io::Result<Self> {
        Ok(Self { inner, tally: Tally::start()?, bytes_max })
    }

    pub(super) fn finish(mut self) -> io::Result<Digest> {
        self.inner.flush()?;
        self.tally.finish()
    }
}

impl<W: Write> Write for TallyWriter<W> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        if self.tally.bytes + block.len() as u64 > self.bytes_max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it would have more than {} bytes", self.bytes_max)));
        }
        let count = self.inner.write(block)?;
        self.tally.update(&block[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hash;

    #[test]
    fn what_passes_is_what_is_counted() {
        let bytes = vec![7u8; 300_000];
        let expected = Digest { sha256: hash(&bytes), bytes: 300_000 };
        let mut reader = TallyReader::start(&bytes[..]).unwrap();
        reader.read_exact(&mut [0; 1000]).unwrap();
        assert_eq!(reader.finish().unwrap(), expected, "the unread rest is counted too");

        let mut written = Vec::new();
        let mut writer = TallyWriter::start(&mut written, 300_000).unwrap();
        writer.write_all(&bytes).unwrap();
        assert_eq!(writer.write(b"x").unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(writer.finish().unwrap(), expected);
        assert_eq!(written, bytes);
    }

    #[test]
    fn a_bad_disk_is_remembered() {
        struct BadDisk;
        impl Read for BadDisk {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("sector 7"))
            }
        }
        let mut reader = TallyReader::start(b"abc".chain(BadDisk)).unwrap();
        assert!(reader.read_to_end(&mut Vec::new()).is_err());
        assert_eq!(reader.finish().unwrap_err().to_string(), "sector 7");
        assert_eq!(TallyReader::start(BadDisk).unwrap().finish().unwrap_err().to_string(), "sector 7");
    }
}
