//! Which sockets of one Broadcaster something has happened to.
//!
//! Owns: the wakers that the sockets are given, and the list that they fill. Promises: one task
//! watches all sockets of a Broadcaster; a task each would take four times the memory.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll, Wake, Waker},
};

use actix::{ActorFuture, Context};
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use super::{
    broadcaster::{Broadcaster, FINISH},
    registry::Key,
};
use crate::slice::rest;

/// The list. Cheap to clone; all clones are one list.
#[derive(Debug, Clone, Default)]
pub struct Ready(Arc<List>);

#[derive(Debug, Default)]
struct List {
    keys: Mutex<Vec<Key>>,
    watcher: AtomicWaker,
}

struct Mark {
    list: Arc<List>,
    key: Key,
}

impl Ready {
    /// A waker that puts this subscriber on the list.
    pub fn waker(&self, key: Key) -> Waker {
        Arc::new(Mark { list: Arc::clone(&self.0), key }).into()
    }
}

impl Wake for Mark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.list.keys.lock().push(self.key);
        self.list.watcher.wake();
    }
}

impl Ready {
    /// All that are on the list. One may be on it twice, and may have gone meanwhile. Wakes the
    /// task when there is one more.
    fn take(&self, task: &Task<'_>) -> Vec<Key> {
        self.0.watcher.register(task.waker());
        std::mem::take(&mut *self.0.keys.lock())
    }
}

/// Attends to the sockets on the list, in slices: a thousand clients that leave together hold up
/// nobody. Never ends.
pub struct Attendant {
    ready: Ready,
    keys: Vec<Key>,
}

impl Attendant {
    pub fn new(ready: Ready) -> Self {
        Self { ready, keys: Vec::new() }
    }
}

impl ActorFuture<Broadcaster> for Attendant {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        broadcaster: &mut Broadcaster,
        _: &mut Context<Broadcaster>,
        task: &mut Task<'_>,
    ) -> Poll<()> {
        let mut slice = broadcaster.begin_slice();
        loop {
            let Some(key) = self.keys.pop() else {
                self.keys = self.ready.take(task);
                if self.keys.is_empty() {
                    return Poll::Pending;
                }
                continue;
            };
            broadcaster.attend(key);
            if slice.spend(FINISH) {
                return rest(task);
            }
        }
    }
}
