//! From a path to an open file, or to the reason why there is none.
//!
//! Promises: a file that is refused stays as it was; a new one appears whole or not at all; what
//! is opened at the start has been checked, page by page (0.8 s for 1 GiB on the machine of
//! `docs/history.md`, which a repair after a crash takes, too).

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Instant,
};

use redb::{Builder, Error, ReadableDatabase as _, TableError, backends::FileBackend};

use super::{
    backend::Backend,
    file::{Extent, File, META},
};
use crate::history::{OpenError, limits::now};

/// The format that a new file has, and the last that this version reads (see `record.rs`).
const FORMAT: u64 = 1;
const LAST_FORMAT: u64 = 2;
/// Pages that `redb` keeps in memory, in bytes. What is read often is in the ring.
const PAGES: usize = 8 << 20;
/// A smaller file is left as large as it is.
const SMALL: u64 = 64 << 20;

/// Opens the file, or begins a new one.
pub fn open(path: &Path) -> Result<(File, Extent), OpenError> {
    let begun = Instant::now();
    let mut file = match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(OpenError::NoFile(path.to_owned())),
        Ok(found) if found.len() > 0 => admit(path)?,
        Ok(_) => create(path)?,
        Err(error) if error.kind() == ErrorKind::NotFound => create(path)?,
        Err(error) => return Err(refusal(path, error.into())),
    };
    shrink(&mut file, path);
    let extent = file.extent().map_err(|error| refusal(path, error))?;
    log::debug!("{} opened in {:.1?}", path.display(), begun.elapsed());
    Ok((file, extent))
}

/// Opens the file again that failed, without checking it.
pub fn reopen(path: &Path, epoch: u64) -> Result<(File, Extent), Error> {
    let backend = Backend::open(FileBackend::new(open_options().open(path)?)?);
    let database = Builder::new().set_cache_size(PAGES).create_with_backend(backend)?;
    let file = File { database, epoch };
    let extent = file.extent()?;
    if read_meta(&file.database, "epoch").ok() != Some(epoch) {
        return Err(io::Error::other("it is not the file that it was").into());
    }
    Ok((file, extent))
}

/// Opens a file that stays exactly as it is.
pub fn look_at(path: &Path) -> Result<File, OpenError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(OpenError::NoFile(path.to_owned())),
        Ok(_) => hold(path).map(|(file, _)| file),
        Err(error) => Err(refusal(path, error.into())),
    }
}

fn admit(path: &Path) -> Result<File, OpenError> {
    let (file, backend) = hold(path)?;
    backend.admit().map_err(|error| refusal(path, error.into()))?;
    Ok(file)
}

/// Opens a file and checks it. Nothing is written to it before it is admitted.
fn hold(path: &Path) -> Result<(File, Backend), OpenError> {
    let refuse = |error| refusal(path, error);
    let open = open_options().open(path);
    let file = FileBackend::new(open.map_err(|error| refuse(error.into()))?);
    let backend = file.map_err(|error| refuse(error.into()))?;
    let backend = Backend::hold(backend).map_err(|error| refuse(error.into()))?;
    let database = Builder::new()
        .set_cache_size(PAGES)
        .set_check_integrity_on_open(true)
        .set_repair_callback({
            let path = path.to_owned();
            move |repair| {
                if repair.progress() == 0.0 {
                    log::debug!("{} is checked", path.display());
                }
            }
        })
        .create_with_backend(backend.clone())
        .map_err(|error| refuse(error.into()))?;
    let number = |name| read_meta(&database, name).map_err(refuse);
    let format = number("format")?;
    if !(FORMAT..=LAST_FORMAT).contains(&format) {
        return Err(OpenError::Newer { path: path.to_owned(), format });
    }
    let epoch = number("epoch")?;
    Ok((File { database, epoch }, backend))
}

/// Makes a new file beside the place where it will be, and moves it there: whoever is stopped in
/// between leaves nothing that looks like a damaged file.
fn create(path: &Path) -> Result<File, OpenError> {
    let refuse = |error| refusal(path, error);
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        return Err(OpenError::NoFolder(folder.to_owned()));
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let begin = || {
        let file = open_options().create(true).truncate(false).open(&draft)?;
        let backend = Backend::open(FileBackend::new(file)?);
        let database = Builder::new().set_cache_size(PAGES).create_with_backend(backend)?;
        File::create(database, now(), FORMAT)
    };
    let file = begin().or_else(|error| match error {
        // The rest of an earlier attempt that was stopped.
        Error::Corrupted(_) => fs::remove_file(&draft).map_err(Error::Io).and_then(|()| begin()),
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            fs::remove_file(&draft).map_err(Error::Io).and_then(|()| begin())
        }
        error => Err(error),
    });
    let file = file.map_err(refuse)?;
    // The new name has to survive a power cut, too.
    let moved = fs::rename(&draft, path)
        .and_then(|()| fs::File::open(folder))
        .and_then(|folder| folder.sync_all());
    moved.map_err(|error| refuse(error.into()))?;
    log::info!("a new history begins in {}", path.display());
    Ok(file)
}

fn open_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options
}

fn read_meta(database: &redb::Database, name: &str) -> Result<u64, Error> {
    let meta = match database.begin_read()?.open_table(META) {
        Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => {
            return Err(Error::UpgradeRequired(0));
        }
        meta => meta?,
    };
    let number = meta.get(name)?.map(|value| value.value());
    number.ok_or(Error::UpgradeRequired(0))
}

/// Gives back what a file has kept for entries that are gone, where that is most of it.
fn shrink(file: &mut File, path: &Path) {
    let size = fs::metadata(path).map_or(0, |found| found.len());
    let used = file.used().unwrap_or(u64::MAX);
    if size <= SMALL || used > size / 3 {
        return;
    }
    let begun = Instant::now();
    match file.database.compact() {
        Ok(_) => {
            let now = fs::metadata(path).map_or(0, |found| found.len());
            let took = begun.elapsed();
            log::info!("{} made smaller: {size} to {now} bytes in {took:.1?}", path.display());
        }
        // It is as good as before.
        Err(error) => log::warn!("{} can't be made smaller: {error}", path.display()),
    }
}

fn refusal(path: &Path, error: Error) -> OpenError {
    let path = path.to_owned();
    match error {
        Error::DatabaseAlreadyOpen | Error::LockProtocolMismatch => OpenError::InUse(path),
        // It has no table of ours; or not even one of a database.
        Error::UpgradeRequired(_) => OpenError::Foreign(path),
        Error::Io(why) => match why.kind() {
            ErrorKind::InvalidData => OpenError::Foreign(path),
            ErrorKind::UnexpectedEof => OpenError::Damaged { path, what: "it is cut off".into() },
            ErrorKind::PermissionDenied => OpenError::Forbidden(path),
            _ => OpenError::Io { path, why },
        },
        Error::Corrupted(what) => OpenError::Damaged { path, what },
        other => OpenError::Io { path, why: io::Error::other(other) },
    }
}
