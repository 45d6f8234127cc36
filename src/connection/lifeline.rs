//! What a stream and whoever writes it to the kernel share.
//!
//! Owns: how much the kernel has taken, and whether the stream has been cut. Promises: a cut
//! reaches the writer at once, also one whose socket takes nothing.

use std::{
    future::poll_fn,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use socket2::SockRef;
use tokio::net::TcpStream;

/// See the module. There is one writer at a time.
#[derive(Debug, Default)]
pub struct Lifeline {
    progress: AtomicU64,
    cut: AtomicBool,
    writer: AtomicWaker,
}

impl Lifeline {
    /// Enters that the kernel has taken something, or that nothing had to be written yet.
    pub fn progress(&self) {
        self.progress.fetch_add(1, Relaxed);
    }

    /// Grows with each [`Lifeline::progress`].
    pub fn progress_made(&self) -> u64 {
        self.progress.load(Relaxed)
    }

    /// Tells the writer to throw away what waits, and the socket with it.
    pub fn cut(&self) {
        self.cut.store(true, Relaxed);
        self.writer.wake();
    }

    /// For the writer: whether it is cut. Wakes it when it will be.
    pub fn poll_cut(&self, cx: &Context<'_>) -> bool {
        self.writer.register(cx.waker());
        self.cut.load(Relaxed)
    }

    /// Whether it has been cut.
    pub fn was_cut(&self) -> bool {
        self.cut.load(Relaxed)
    }

    /// For the writer: lets go. What would wake it keeps its task's memory, 3 KiB.
    pub fn let_go(&self) {
        self.writer.take();
    }

    /// For the writer: waits until it is cut.
    pub async fn is_cut(&self) {
        poll_fn(|cx| if self.poll_cut(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// Lets the kernel throw away what it holds for this socket when it is closed. Otherwise it would
/// go on offering that to a peer that takes nothing.
pub fn discard_on_close(socket: &TcpStream) {
    // It may be broken already; then there is nothing to throw away.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}
