//! A subscriber's socket, once the Broadcaster has taken it over from actix.
//!
//! Owns: the socket, and what the kernel has not taken yet. Promises: it never waits; frames go
//! out in order and whole; the client's leaving is seen without a write. Does not: know who
//! matches, or when a heartbeat is due.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use socket2::SockRef;
use tokio::net::TcpStream;

use super::{
    account::{Account, End},
    pass::{Part, Size},
    queue::{Limits, Queued, Refused},
    subscription::Subscription,
};
use crate::{connection::MAX_DISCARDED, history::Position};

/// See the module.
pub struct SocketSink {
    socket: TcpStream,
    /// The last event that it has, or has in its backlog.
    place: Position,
    backlog: Option<Box<Backlog>>,
    sent: Sent,
    discarded: usize,
    /// Wakes the Broadcaster when something can be read or written.
    waker: Waker,
    /// Held for its end: its place, its account; and to catch up with, should it fall behind.
    /// Apart, since a delivery does not need it: what it does need are two lines of cache.
    subscription: Box<Subscription>,
}

/// What has been sent, not yet entered in the account: a delivery touches no memory that it
/// need not touch.
struct Sent {
    account: Arc<Account>,
    events: u64,
    bytes: usize,
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.account.sent(self.events, self.bytes);
    }
}

/// What the kernel has not taken. The first may be a part of a frame.
#[derive(Debug, Default)]
pub struct Backlog {
    chunks: VecDeque<Bytes>,
    bytes: usize,
}

impl SocketSink {
    pub fn new(
        socket: TcpStream,
        subscription: Subscription,
        place: Position,
        waker: Waker,
    ) -> Self {
        let account = Arc::clone(subscription.account());
        Self {
            socket,
            place,
            backlog: None,
            sent: Sent { account, events: 0, bytes: 0 },
            discarded: 0,
            waker,
            subscription: Box::new(subscription),
        }
    }

    /// Sends what is new to this subscriber. What the kernel does not take waits, up to the
    /// limits. Returns how much was new.
    pub fn send(&mut self, part: Part<'_>, limits: Limits) -> Result<Size, Refused> {
        let part = part.after(self.place);
        let Some(last) = part.last() else { return Ok(Size::default()) };
        let size = part.size();
        if self.backlog.is_some() {
            self.keep(part.chunks(), limits)?;
        } else {
            // Past tokio, which would look up first what it knows of the socket. Should the socket
            // take less than all, tokio finds that out when the rest is flushed.
            let socket = SockRef::from(&self.socket);
            let mut pieces = part.pieces();
            let written = match (pieces.next(), pieces.next()) {
                (Some(only), None) => socket.send(only),
                (first, second) => {
                    let pieces = first.into_iter().chain(second).chain(pieces);
                    socket.send_vectored(&pieces.map(IoSlice::new).collect::<Vec<_>>())
                }
            };
            let written = taken(written)?;
            if written < size.chunks {
                self.keep_unwritten(part.chunks(), written);
            }
        }
        self.place = last;
        // What it knew already was counted when it was replayed.
        self.sent.events += size.events as u64;
        self.sent.bytes += size.frames;
        Ok(size)
    }

    /// The last event that it has, or has in its backlog.
    pub fn place(&self) -> Position {
        self.place
    }

    /// What it was sent and is not entered in its account: events, and their bytes.
    pub fn sent(&self) -> (u64, u64) {
        (self.sent.events, self.sent.bytes as u64)
    }

    /// How many frames the kernel has not taken, and their bytes with the chunks around them.
    pub fn waiting(&self) -> (usize, usize) {
        self.backlog.as_ref().map_or((0, 0), |backlog| (backlog.chunks.len(), backlog.bytes))
    }

    /// Sends what waited in the queue of its body stream.
    pub fn send_queued(&mut self, queued: &Queued, limits: Limits) -> Result<(), Refused> {
        match queued.position {
            Some(position) if position <= self.place => return Ok(()),
            Some(position) => {
                self.place = position;
                self.sent.events += 1;
                self.sent.bytes += queued.frame.len();
            }
            None => {}
        }
        self.send_control(queued.frame.chunk(), limits)
    }

    /// Sends a frame of the hub's own.
    pub fn send_control(&mut self, chunk: &Bytes, limits: Limits) -> Result<(), Refused> {
        if self.backlog.is_some() {
            return self.keep(std::iter::once(chunk.clone()), limits);
        }
        let written = taken(self.socket.try_write(chunk))?;
        self.keep_unwritten(std::iter::once(chunk.clone()), written);
        Ok(())
    }

    /// Something has happened to the socket: it can be read, or written, or has broken.
    pub fn on_ready(&mut self) -> Result<(), End> {
        self.discard()?;
        self.flush()
    }

    /// Takes it apart, to write the rest elsewhere.
    pub fn into_parts(self) -> (TcpStream, Subscription, Position, Backlog) {
        let backlog = self.backlog.map(|backlog| *backlog).unwrap_or_default();
        (self.socket, *self.subscription, self.place, backlog)
    }

    fn keep_unwritten(&mut self, chunks: impl Iterator<Item = Bytes>, written: usize) {
        let mut skip = written;
        let mut backlog = Backlog::default();
        for mut chunk in chunks {
            let gone = skip.min(chunk.len());
            skip -= gone;
            if gone < chunk.len() {
                backlog.push(chunk.split_off(gone));
            }
        }
        if !backlog.chunks.is_empty() {
            self.backlog = Some(Box::new(backlog));
            // An error shows again at the next turn.
            let _ = self.flush();
        }
    }

    /// Keeps all of them, or none: its place says what is in the backlog.
    fn keep(&mut self, chunks: impl Iterator<Item = Bytes>, limits: Limits) -> Result<(), Refused> {
        let backlog = self.backlog.get_or_insert_default();
        let (count, bytes) = (backlog.chunks.len(), backlog.bytes);
        for chunk in chunks {
            if backlog.chunks.len() >= limits.events || backlog.bytes + chunk.len() > limits.bytes {
                backlog.chunks.truncate(count);
                backlog.bytes = bytes;
                return Err(Refused::Full);
            }
            backlog.push(chunk);
        }
        Ok(())
    }

    /// Writes what it can of the backlog, and asks to be woken for the rest.
    fn flush(&mut self) -> Result<(), End> {
        while let Some(backlog) = &mut self.backlog {
            let slices: Vec<_> =
                backlog.chunks.iter().take(MAX_SLICES).map(|chunk| IoSlice::new(chunk)).collect();
            match self.socket.try_write_vectored(&slices) {
                Ok(written) => {
                    backlog.advance(written);
                    if backlog.chunks.is_empty() {
                        self.backlog = None;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut cx = Context::from_waker(&self.waker);
                    match self.socket.poll_write_ready(&mut cx) {
                        Poll::Pending => return Ok(()),
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Err(End::of(&error)),
                    }
                }
                Err(error) => return Err(End::of(&error)),
            }
        }
        Ok(())
    }

    /// Reads what nobody wants, to see the end when it comes, and asks to be woken for more.
    fn discard(&mut self) -> Result<(), End> {
        let mut scratch = [0; 1024];
        loop {
            match self.socket.try_read(&mut scratch) {
                Ok(0) => return Err(End::Left),
                Ok(length) => {
                    self.discarded += length;
                    if self.discarded > MAX_DISCARDED {
                        return Err(End::Left);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut cx = Context::from_waker(&self.waker);
                    match self.socket.poll_read_ready(&mut cx) {
                        Poll::Pending => return Ok(()),
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Err(End::of(&error)),
                    }
                }
                Err(error) => return Err(End::of(&error)),
            }
        }
    }
}

/// What the kernel looks at in one call, and more than it takes (`IOV_MAX` is 1024).
const MAX_SLICES: usize = 64;

fn taken(written: io::Result<usize>) -> Result<usize, Refused> {
    match written {
        Ok(written) => Ok(written),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(Refused::Closed(End::of(&error))),
    }
}

impl Backlog {
    /// All that is left, in order.
    pub fn into_chunks(self) -> VecDeque<Bytes> {
        self.chunks
    }

    fn push(&mut self, chunk: Bytes) {
        self.bytes += chunk.len();
        self.chunks.push_back(chunk);
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        while let Some(first) = self.chunks.front_mut() {
            if first.len() > written {
                bytes::Buf::advance(first, written);
                return;
            }
            written -= first.len();
            self.chunks.pop_front();
        }
    }
}
