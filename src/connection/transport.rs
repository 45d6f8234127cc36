//! What carries the bytes of a connection.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::rt::net::{TcpStream, UnixStream};
use bytes::{Buf as _, Bytes};
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::lifeline::discard_on_close;

/// What a client begins with that speaks HTTP/2 without TLS (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// See the module.
#[derive(Debug)]
pub struct Transport {
    socket: Socket,
    /// What was read to see what the client speaks.
    early: Bytes,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    /// From a process of this machine.
    Unix(UnixStream),
    /// Boxed: it has a KiB, and most streams have none.
    Tls(Box<TlsStream<TcpStream>>),
}

impl From<TcpStream> for Transport {
    fn from(socket: TcpStream) -> Self {
        Self::over(Socket::Tcp(socket))
    }
}

impl From<UnixStream> for Transport {
    fn from(socket: UnixStream) -> Self {
        Self::over(Socket::Unix(socket))
    }
}

impl Transport {
    fn over(socket: Socket) -> Self {
        Self { socket, early: Bytes::new() }
    }

    /// Shakes hands.
    pub async fn secure(self, config: Arc<ServerConfig>) -> io::Result<Self> {
        match self.socket {
            Socket::Tcp(socket) => {
                let socket = TlsAcceptor::from(config).accept(socket).await?;
                Ok(Self::over(Socket::Tls(Box::new(socket))))
            }
            socket => Ok(Self::over(socket)),
        }
    }

    /// The protocol that was agreed upon (ALPN).
    pub fn protocol(&self) -> Option<&[u8]> {
        match &self.socket {
            Socket::Tls(socket) => socket.get_ref().1.alpn_protocol(),
            _ => None,
        }
    }

    /// Waits until it is known whether the client begins as those of HTTP/2 do.
    pub async fn begins_as_h2(&mut self) -> io::Result<bool> {
        let mut early = Vec::with_capacity(PREFACE.len());
        while early.len() < PREFACE.len() && PREFACE.starts_with(&early) {
            let left = (PREFACE.len() - early.len()) as u64;
            if (&mut *self).take(left).read_buf(&mut early).await? == 0 {
                break;
            }
        }
        self.early = early.into();
        Ok(self.early == PREFACE)
    }

    /// The socket, where what is written to it needs no more.
    pub fn into_tcp(self) -> Option<TcpStream> {
        match self.socket {
            Socket::Tcp(socket) => Some(socket),
            _ => None,
        }
    }

    /// Whether it is one.
    pub fn is_tcp(&self) -> bool {
        matches!(self.socket, Socket::Tcp(_))
    }

    /// Who is at the other end. A Unix socket doesn't tell.
    pub fn peer(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(socket) => socket.peer_addr().ok(),
            Socket::Tls(socket) => socket.get_ref().0.peer_addr().ok(),
            Socket::Unix(_) => None,
        }
    }

    /// Bounds what the kernel holds, where the listener's options are not those of its sockets.
    pub fn bound(&self, send_buffer: usize) -> io::Result<()> {
        match &self.socket {
            Socket::Unix(socket) => SockRef::from(socket).set_send_buffer_size(send_buffer),
            Socket::Tcp(_) | Socket::Tls(_) => Ok(()),
        }
    }

    /// Lets the kernel throw away what it holds when this is closed. It does so by itself where
    /// both ends are on one machine, once the other end is closed too.
    pub fn discard_on_close(&self) {
        match &self.socket {
            Socket::Tcp(socket) => discard_on_close(socket),
            Socket::Tls(socket) => discard_on_close(socket.get_ref().0),
            Socket::Unix(_) => {}
        }
    }
}

macro_rules! on_socket {
    ($transport:expr, $socket:ident => $call:expr) => {
        match &mut $transport.socket {
            Socket::Tcp(socket) => {
                let $socket = Pin::new(socket);
                $call
            }
            Socket::Unix(socket) => {
                let $socket = Pin::new(socket);
                $call
            }
            Socket::Tls(socket) => {
                let $socket = Pin::new(&mut **socket);
                $call
            }
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let length = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early[..length]);
            self.early.advance(length);
            return Poll::Ready(Ok(()));
        }
        on_socket!(self, socket => socket.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_socket!(self, socket => socket.poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, socket => socket.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, socket => socket.poll_shutdown(cx))
    }
}
