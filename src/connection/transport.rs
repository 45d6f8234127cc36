//! What carries the bytes of a connection.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::rt::net::{TcpStream, UnixStream};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::lifeline::discard_on_close;

/// See the module.
#[derive(Debug)]
pub enum Transport {
    /// What a Broadcaster can write to itself.
    Tcp(TcpStream),
    /// From a process of this machine.
    Unix(UnixStream),
}

impl From<TcpStream> for Transport {
    fn from(socket: TcpStream) -> Self {
        Self::Tcp(socket)
    }
}

impl From<UnixStream> for Transport {
    fn from(socket: UnixStream) -> Self {
        Self::Unix(socket)
    }
}

impl Transport {
    /// Who is at the other end. A Unix socket doesn't tell.
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.peer_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// Bounds what the kernel holds, where the listener's options are not those of its sockets.
    pub fn bound(&self, send_buffer: usize) -> io::Result<()> {
        match self {
            Self::Tcp(_) => Ok(()),
            Self::Unix(socket) => SockRef::from(socket).set_send_buffer_size(send_buffer),
        }
    }

    /// Lets the kernel throw away what it holds when this is closed. It does so by itself where
    /// both ends are on one machine, once the other end is closed too.
    pub fn discard_on_close(&self) {
        match self {
            Self::Tcp(socket) => discard_on_close(socket),
            Self::Unix(_) => {}
        }
    }
}

macro_rules! on_socket {
    ($transport:expr, $socket:ident => $call:expr) => {
        match $transport.get_mut() {
            Self::Tcp($socket) => {
                let $socket = Pin::new($socket);
                $call
            }
            Self::Unix($socket) => {
                let $socket = Pin::new($socket);
                $call
            }
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_socket!(self, socket => socket.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_socket!(self, socket => socket.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, socket => socket.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, socket => socket.poll_shutdown(cx))
    }
}
