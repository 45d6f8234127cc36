//! Open files: each connection is one, and the system has a limit.
//!
//! Owns: who may have how many. Promises: streams take no more than leaves some for everyone else;
//! everyone else takes what streams leave, and gives it back when a stream comes. Does not: count
//! them.

use std::io;

/// Files that are not for streams: publishers, health checks, the process itself.
const RESERVED: usize = 512;
/// Of these, those of the process, and of connections that have come in one rush and that no
/// worker has looked at yet.
const OWN: usize = 128;
/// What a worker's runtime opens: two epoll instances, an eventfd, a socket for signals.
const OF_A_WORKER: usize = 4;

/// Why there is no number of streams that would do.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The limit can't be read.
    #[error("can't read the limit of open files: {0}")]
    Unknown(#[from] io::Error),
    /// The limit leaves nothing for streams.
    #[error(
        "the limit of open files is {limit}: with {workers} workers (FANFARE_WORKERS) it has to \
         be above {taken} (ulimit -n)"
    )]
    TooFew {
        /// What the system gives.
        limit: usize,
        /// Who needs some.
        workers: usize,
        /// How many are not for streams.
        taken: usize,
    },
}

/// How many files there are.
#[derive(Debug, Clone, Copy)]
pub struct Files {
    limit: usize,
    workers: usize,
}

impl Files {
    /// Raises the limit as far as the system lets it.
    pub fn open(workers: usize) -> Result<Self, FilesError> {
        let limit = rlimit::increase_nofile_limit(u64::MAX)?;
        let files = Self { limit: usize::try_from(limit).unwrap_or(usize::MAX), workers };
        match files.for_streams() {
            0 => {
                Err(FilesError::TooFew { limit: files.limit, workers, taken: files.not_streams() })
            }
            _ => Ok(files),
        }
    }

    fn not_streams(self) -> usize {
        RESERVED + OF_A_WORKER * self.workers
    }

    /// The most streams at a time.
    pub fn for_streams(self) -> usize {
        self.limit.saturating_sub(self.not_streams())
    }

    /// The most connections of one worker that carry no stream, while so many streams are open.
    pub fn for_others(self, streams: usize) -> usize {
        let taken = OWN + OF_A_WORKER * self.workers;
        self.limit.saturating_sub(taken).saturating_sub(streams) / self.workers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_together_never_has_more_than_there_are() {
        for limit in [530, 600, 1024, 1_000_000] {
            for workers in [1, 2, 3] {
                let files = Files { limit, workers };
                for streams in [0, files.for_streams() / 2, files.for_streams()] {
                    let others = files.for_others(streams) * workers;
                    assert!(streams + others + OWN <= limit, "{files:?} {streams} {others}");
                    assert!(others > 300, "{files:?} {streams} {others}");
                }
            }
        }
    }
}
