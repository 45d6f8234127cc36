//! Why a history can't be had, or can't be written.

use std::path::PathBuf;

/// Why an event is not kept, or a kept one can't be read now. The history goes on trying by
/// itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// No room.
    #[error("the history has no room, its disk is full")]
    Full,
    /// Anything else.
    #[error("the history can't be read or written")]
    Failed,
    /// The server that has the history does not answer.
    #[error("the history is away, its server does not answer")]
    Away,
    /// More events wait for their time than may.
    #[error("too many events wait for their time")]
    Crowded,
    /// More events wait to be kept than may.
    #[error("the history can't keep up")]
    Busy,
}

/// Why there is no history at a place. Whatever is there stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no folder for it.
    #[error("the folder {} does not exist: create it for the user that runs fanfare", .0.display())]
    NoFolder(PathBuf),
    /// It is no file.
    #[error("{} is not a file: name a file", .0.display())]
    NoFile(PathBuf),
    /// This user may not.
    #[error(
        "this user may not read and write {} and its folder: give them to the user that runs \
         fanfare",
        .0.display()
    )]
    Forbidden(PathBuf),
    /// Another process has it.
    #[error("{} is in use by another process: stop that, or name another file", .0.display())]
    InUse(PathBuf),
    /// Something else is in it.
    #[error("{} is not a history of Fanfare: name another file", .0.display())]
    Foreign(PathBuf),
    /// A later version has written it.
    #[error(
        "{} has format {format}, which this version does not know: run the version that wrote it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u64,
    },
    /// It is not as it was written.
    #[error(
        "{} is damaged ({what}): bring it back from a copy, or move it away and begin anew",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It is on a server, which does not have it.
    #[error("{0}")]
    Server(String),
    /// Anything else that the system says.
    #[error("{} can't be opened: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
}

/// Why what is in a file can't be handed over.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It can't be read.
    #[error(transparent)]
    File(#[from] OpenError),
    /// The one who takes it can't.
    #[error(transparent)]
    Taker(std::io::Error),
}
