//! The way of the log to stderr.
//!
//! Owns: a bounded queue of bytes, and the thread that writes them. Promises: whoever logs never
//! waits, also where nobody reads the other end of a pipe; a line is there whole, or is counted
//! among those that a later line says are missing. Does not: format; `env_logger` does.

use std::{
    io::{self, Write},
    mem,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use parking_lot::{Condvar, Mutex};

/// What may wait, in bytes: the ends of some 25,000 streams.
const LIMIT: usize = 4 << 20;

/// See the module. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Journal(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    grown: Condvar,
    emptied: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: Vec<u8>,
    dropped: u64,
    /// What was taken out is not written yet.
    writing: bool,
}

impl Journal {
    /// Starts the thread.
    pub fn start() -> io::Result<Self> {
        let journal = Self::default();
        let of_thread = journal.clone();
        thread::Builder::new().name("log".to_owned()).spawn(move || of_thread.write_for_ever())?;
        Ok(journal)
    }

    fn write_for_ever(&self) {
        let mut lines = Vec::new();
        loop {
            let mut queue = self.0.queue.lock();
            queue.writing = false;
            while queue.lines.is_empty() {
                self.0.emptied.notify_all();
                self.0.grown.wait(&mut queue);
            }
            queue.writing = true;
            lines.clear();
            mem::swap(&mut lines, &mut queue.lines);
            let dropped = mem::take(&mut queue.dropped);
            drop(queue);

            if dropped > 0 {
                // Not by way of the log: no filter may hide it.
                let now = humantime::format_rfc3339_seconds(SystemTime::now());
                let line = format!("[{now} WARN  fanfare] {dropped} lines of the log were dropped");
                lines.extend_from_slice(line.as_bytes());
                lines.extend_from_slice(b": nobody read it in time\n");
            }
            // Where even this can't be written, nobody is left to be told.
            let _ = io::stderr().lock().write_all(&lines);
        }
    }

    /// Waits until everything is written, or until the patience is over.
    pub fn flush(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut queue = self.0.queue.lock();
        while queue.writing || !queue.lines.is_empty() {
            if self.0.emptied.wait_until(&mut queue, until).timed_out() {
                return;
            }
        }
    }
}

impl Write for Journal {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.queue.lock();
        if queue.lines.len() + line.len() > LIMIT {
            queue.dropped += 1;
        } else {
            queue.lines.extend_from_slice(line);
            self.0.grown.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
