//! The file of a Unix socket.
//!
//! Promises: it appears at its path at once, with its mode, and in the place of one that nobody
//! listens on any more; it goes when this is dropped, unless another process has put its own there.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process,
};

use socket2::SockRef;

use super::BACKLOG;

/// See the module.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

/// Listens at this path.
pub fn listen(path: &Path, mode: u32) -> io::Result<(UnixListener, SocketFile)> {
    refuse_what_is_used(path)?;
    // Under another name until it has its mode: nobody whom that keeps out can connect before.
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", process::id()));
    let draft = PathBuf::from(draft);
    let socket = UnixListener::bind(&draft)?;
    let place = || {
        // Shorter than ours (128) as the standard library has it.
        SockRef::from(&socket).listen(BACKLOG)?;
        fs::set_permissions(&draft, Permissions::from_mode(mode))?;
        fs::rename(&draft, path)?;
        identity(path)
    };
    match place() {
        Ok(identity) => Ok((socket, SocketFile { path: path.to_owned(), identity })),
        Err(error) => {
            // What is wrong is told; a file that stays behind is in nobody's way.
            let _ = fs::remove_file(&draft);
            Err(error)
        }
    }
}

fn refuse_what_is_used(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(io::Error::other("there is a file that is no socket"));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        // Its process has died.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Ok(_) => Err(io::Error::other("another process listens on it")),
        Err(error) => Err(error),
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("{} can't be removed: {error}", self.path.display());
        }
    }
}
