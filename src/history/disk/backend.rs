//! A file that nothing is written to before it is known to be ours.
//!
//! Opening a database writes: a flag that it is open, and what a repair after a crash changes. A
//! file that turns out to be damaged, or another program's, has to stay as it was. So what is
//! written is held back, in memory (some pages, however large the file), until it is admitted.

use std::{io, ops::Bound, sync::Arc};

use parking_lot::RwLock;
use redb::{BackendError, StorageBackend, backends::FileBackend};

/// Cheap to clone; all clones are one file.
#[derive(Debug, Clone)]
pub struct Backend(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    file: FileBackend,
    held: RwLock<Option<Held>>,
}

/// What the file will be like.
#[derive(Debug)]
struct Held {
    length: u64,
    /// What is written where, in the order of writing: a few pieces.
    written: Vec<(u64, Vec<u8>)>,
}

impl Backend {
    /// A file that is written to at once.
    pub fn open(file: FileBackend) -> Self {
        Self(Arc::new(Shared { file, held: RwLock::new(None) }))
    }

    /// A file that stays as it is until it is admitted.
    pub fn hold(file: FileBackend) -> io::Result<Self> {
        let held = Held { length: file.len()?, written: Vec::new() };
        Ok(Self(Arc::new(Shared { file, held: RwLock::new(Some(held)) })))
    }

    /// Writes what has been held back, and holds back nothing more.
    pub fn admit(&self) -> io::Result<()> {
        let mut slot = self.0.held.write();
        let Some(held) = &*slot else { return Ok(()) };
        let file = &self.0.file;
        if held.length != file.len()? {
            file.set_len(held.length)?;
        }
        for (offset, piece) in &held.written {
            file.write(*offset, piece)?;
        }
        file.sync_data()?;
        *slot = None;
        Ok(())
    }
}

impl Held {
    fn read(&self, file: &FileBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset + out.len() as u64;
        if end > self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Behind the end of the file itself there is nothing yet.
        let there = file.len()?.clamp(offset, end) - offset;
        let (from_file, nothing) = out.split_at_mut(usize::try_from(there).unwrap_or(0));
        file.read(offset, from_file)?;
        nothing.fill(0);
        for (from, piece) in &self.written {
            let to = from + piece.len() as u64;
            let (first, last) = ((*from).max(offset), to.min(end));
            if first < last {
                let at = |place: u64, base: u64| usize::try_from(place - base).unwrap_or(0);
                out[at(first, offset)..at(last, offset)]
                    .copy_from_slice(&piece[at(first, *from)..at(last, *from)]);
            }
        }
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        match &*self.0.held.read() {
            Some(held) => Ok(held.length),
            None => self.0.file.len(),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match &*self.0.held.read() {
            Some(held) => held.read(&self.0.file, offset, out),
            None => self.0.file.read(offset, out),
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        match &mut *self.0.held.write() {
            Some(held) => held.length = length,
            None => self.0.file.set_len(length)?,
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        match &*self.0.held.read() {
            Some(_) => Ok(()),
            None => self.0.file.sync_data(),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if let Some(held) = &mut *self.0.held.write() {
            held.written.push((offset, data.to_vec()));
            return Ok(());
        }
        self.0.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.file.query_lock_range(start, end)
    }
}
