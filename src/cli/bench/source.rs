//! The addresses that connections come from.
//!
//! Promises: on loopback, they don't run out of ports, nor wait for the kernel to find one:
//! 127.0.0.0/8 has an address for each 50,000. Does not: bind anywhere else; there the kernel
//! chooses.

use std::{
    io::{self, ErrorKind},
    net::{self, IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use mio::net::TcpStream;
use socket2::{Domain, Socket, Type};

/// The ports of an address, and the first.
const PORTS: u32 = 50_000;
const FIRST_PORT: u32 = 10_000;
/// The first address, after the one that all others use.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Addresses up to 127.255.
const ADDRESSES: u32 = 1 << 16;
/// How many ports in a row may be taken, by an earlier run for one.
const PATIENCE: u32 = 2 * PORTS;

/// Makes sockets that connect.
#[derive(Debug)]
pub struct Source {
    target: SocketAddr,
    /// Counts the ports that were tried.
    next: u32,
    step: u32,
    /// Whether ports are chosen here.
    chooses: bool,
}

impl Source {
    /// For the thread with number `thread` of `threads`. Spreads over addresses if it is asked to
    /// and can; and once the kernel has no port left.
    pub fn new(target: SocketAddr, spread: bool, thread: u32, threads: u32) -> Self {
        // Not those of the last run, which the kernel may keep for a minute.
        let next = fastrand::u32(..PORTS) * threads + thread;
        Self { target, next, step: threads, chooses: spread && is_spacious(target) }
    }

    /// A socket that connects.
    pub fn connect(&mut self) -> io::Result<TcpStream> {
        let mut left = PATIENCE;
        loop {
            match self.try_connect() {
                Err(error) if self.chooses && left > 0 && is_taken(&error) => left -= 1,
                Err(error) if !self.chooses && has_no_port(&error, self.target) => {
                    self.chooses = true;
                }
                result => return result,
            }
        }
    }

    fn try_connect(&mut self) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.target), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        if self.chooses {
            let (address, port) = (self.next / PORTS % ADDRESSES, self.next % PORTS);
            self.next = self.next.wrapping_add(self.step);
            let ip = Ipv4Addr::from_bits(FIRST.to_bits() + address);
            let port = u16::try_from(FIRST_PORT + port).unwrap_or(u16::MAX);
            // Ports of connections that were closed a minute ago are as good as others.
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from((ip, port)).into())?;
        }
        match socket.connect(&self.target.into()) {
            Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => Err(error),
            _ => Ok(TcpStream::from_std(socket.into())),
        }
    }
}

/// A connection that waits until it is accepted: for a few of them.
pub fn connect(target: SocketAddr, patience: Duration) -> io::Result<net::TcpStream> {
    match net::TcpStream::connect_timeout(&target, patience) {
        Err(error) if has_no_port(&error, target) => {}
        result => return result,
    }
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
    let ip = Ipv4Addr::from_bits(FIRST.to_bits() + fastrand::u32(..ADDRESSES));
    socket.bind(&SocketAddr::from((ip, 0)).into())?;
    socket.connect_timeout(&target.into(), patience)?;
    Ok(socket.into())
}

/// Whether its host has other addresses to come from.
fn is_spacious(target: SocketAddr) -> bool {
    matches!(target.ip(), IpAddr::V4(ip) if ip.is_loopback())
}

/// The kernel keeps the port of a connection for a minute after its end.
fn has_no_port(error: &io::Error, target: SocketAddr) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable && is_spacious(target)
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable)
}

/// What `connect` says of a socket that does not block (`EINPROGRESS`).
const IN_PROGRESS: i32 = 115;
