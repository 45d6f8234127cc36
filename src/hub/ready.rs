//! Which sockets of one Broadcaster something has happened to.
//!
//! Owns: the wakers that the sockets are given, and the list that they fill. Promises: one task
//! watches all sockets of a Broadcaster; a task each would take four times the memory.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{Stream, task::AtomicWaker};
use parking_lot::Mutex;

use super::registry::Key;

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

impl Stream for Ready {
    type Item = Vec<Key>;

    /// All that are on the list. One may be on it twice, and may have gone meanwhile.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<Key>>> {
        self.0.watcher.register(cx.waker());
        let keys = std::mem::take(&mut *self.0.keys.lock());
        if keys.is_empty() { Poll::Pending } else { Poll::Ready(Some(keys)) }
    }
}
