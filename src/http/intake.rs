//! How much of bodies is in memory while they arrive.
//!
//! Promises: all workers together hold no more than the limit, whatever is announced. Does not:
//! count what has been published; the history has its own limit.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// What may arrive at a time, in bytes; more where the largest body is more than a quarter of it.
const LIMIT: usize = 64 << 20;

/// See the module. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Intake(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    taken: AtomicUsize,
}

/// What one body takes. Dropping it gives that back.
#[derive(Debug)]
pub struct Portion {
    intake: Intake,
    bytes: usize,
}

impl Intake {
    /// For bodies of at most so many bytes.
    pub fn new(max_body: usize) -> Self {
        let limit = LIMIT.max(max_body.saturating_mul(4));
        Self(Arc::new(Shared { limit, taken: AtomicUsize::new(0) }))
    }

    /// For one body, of which nothing has arrived.
    pub fn portion(&self) -> Portion {
        Portion { intake: self.clone(), bytes: 0 }
    }
}

impl Portion {
    /// Takes so many bytes more; false where they are not there.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let Shared { limit, taken } = &*self.intake.0;
        let fits = taken.fetch_add(bytes, Relaxed) + bytes <= *limit;
        if fits {
            self.bytes += bytes;
        } else {
            taken.fetch_sub(bytes, Relaxed);
        }
        fits
    }
}

impl Drop for Portion {
    fn drop(&mut self) {
        self.intake.0.taken.fetch_sub(self.bytes, Relaxed);
    }
}
