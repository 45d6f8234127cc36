//! What the hub listens on: an address, a Unix socket, or sockets that it has inherited.
//!
//! Owns: the listening sockets, and the file of a Unix socket that it has made. Promises: an
//! inherited socket is only ever closed, never shut down, since another process may have it too;
//! a file that another process listens on is left alone, and at the end none is left behind. Does
//! not: accept.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::PathBuf,
};

use listenfd::ListenFd;
use socket2::{Domain, Socket, Type};

mod socket_file;

pub use socket_file::SocketFile;

/// How many connections may wait to be accepted; the kernel caps it at `somaxconn`.
const BACKLOG: i32 = 4096;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At this address.
    Tcp(SocketAddr),
    /// At this path, with this mode.
    Unix(PathBuf, u32),
}

/// Why nothing can be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address can't be had.
    #[error("can't listen on {0} (FANFARE_HOST, PORT): {1}")]
    Tcp(SocketAddr, io::Error),
    /// The file can't be had.
    #[error("can't listen on {path} (FANFARE_SOCKET): {1}", path = .0.display())]
    Unix(PathBuf, io::Error),
    /// What was inherited can't be listened on.
    #[error("can't listen on the inherited socket {0} (LISTEN_FDS): {1}")]
    Inherited(usize, io::Error),
}

/// One listening socket.
#[derive(Debug)]
pub enum Listener {
    /// Of TCP.
    Tcp(TcpListener),
    /// Of a file.
    Unix(UnixListener),
}

/// See the module. The file goes when this is dropped.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<Listener>,
    file: Option<SocketFile>,
}

impl Listeners {
    /// Takes the sockets that the process was started with (`sd_listen_fds(3)`); where there are
    /// none, listens at this place.
    pub fn open(place: &Place) -> Result<Self, ListenError> {
        let mut inherited = ListenFd::from_env();
        if inherited.len() > 0 {
            let all = 0..inherited.len();
            let sockets = all.map(|index| inherit(&mut inherited, index));
            let sockets = sockets.collect::<Result<_, _>>()?;
            return Ok(Self { sockets, file: None });
        }
        match place {
            Place::Tcp(address) => {
                let socket = bind(*address).map_err(|error| ListenError::Tcp(*address, error))?;
                Ok(Self { sockets: vec![Listener::Tcp(socket)], file: None })
            }
            Place::Unix(path, mode) => {
                let opened = socket_file::listen(path, *mode);
                let (socket, file) =
                    opened.map_err(|error| ListenError::Unix(path.clone(), error))?;
                Ok(Self { sockets: vec![Listener::Unix(socket)], file: Some(file) })
            }
        }
    }

    /// The sockets, and what removes the file when it is dropped.
    pub fn into_parts(self) -> (Vec<Listener>, Option<SocketFile>) {
        (self.sockets, self.file)
    }
}

fn inherit(all: &mut ListenFd, index: usize) -> Result<Listener, ListenError> {
    // One that is no socket of TCP stays where it is, for the second try.
    if let Ok(Some(socket)) = all.take_tcp_listener(index) {
        return Ok(Listener::Tcp(socket));
    }
    let taken = all.take_unix_listener(index);
    let found = taken.and_then(|socket| socket.ok_or_else(|| io::ErrorKind::NotFound.into()));
    found.map(Listener::Unix).map_err(|error| ListenError::Inherited(index, error))
}

/// Listens at an address of TCP.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// As a client on this machine can use it.
impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(socket) => match socket.local_addr() {
                Ok(address) if address.ip().is_unspecified() => {
                    write!(f, "http://localhost:{}", address.port())
                }
                Ok(address) => write!(f, "http://{address}"),
                Err(error) => write!(f, "an address that can't be told: {error}"),
            },
            Self::Unix(socket) => {
                let address = socket.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                match path {
                    Some(path) => write!(f, "unix:{}", path.display()),
                    None => f.write_str("a Unix socket without a path"),
                }
            }
        }
    }
}
