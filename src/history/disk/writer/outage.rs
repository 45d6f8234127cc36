//! A disk that has failed: what publishers are told, and when it is tried again.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use super::{AGAIN, Outage, Writer};
use crate::history::StorageError;

impl Writer {
    /// While nobody publishes, nobody would find out that the disk can be written again. Tries it
    /// with as much as could not be: what little an empty commit writes says nothing about room.
    pub(super) fn probe(&mut self) {
        let begun = Instant::now();
        let Some(outage) = self.outage.filter(|outage| begun >= outage.until) else { return };
        let tried = match &*self.shared.file.read() {
            Some(file) => file.probe(outage.bytes),
            None => Err(redb::Error::DatabaseClosed),
        };
        let Err(error) = tried else { return self.recover() };
        // After an error the file takes nothing more; where it can't be opened, that comes next.
        let _ = self.reopen(None);
        self.fail(&error, outage.bytes, begun.elapsed());
    }

    pub(super) fn recover(&mut self) {
        if self.outage.take().is_some() {
            self.shared.shown.lock().outage = None;
            log::warn!("{} can be written again", self.path.display());
        }
    }

    pub(super) fn fail(
        &mut self,
        error: &redb::Error,
        bytes: usize,
        took: Duration,
    ) -> StorageError {
        let meaning = match error {
            redb::Error::Io(error) => match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    StorageError::Full
                }
                _ => StorageError::Failed,
            },
            // What follows a first error says nothing.
            _ => self.outage.map_or(StorageError::Failed, |outage| outage.error),
        };
        if self.outage.is_none() {
            let path = self.path.display();
            log::error!("{path} can't be written, and publishing is refused until it can: {error}");
        }
        let until = Instant::now() + AGAIN.max(10 * took);
        self.outage = Some(Outage { error: meaning, until, bytes });
        self.shared.shown.lock().outage = Some(meaning);
        meaning
    }
}
