//! Ctrl-C, and waiting until then.
//!
//! Promises: the first Ctrl-C ends the run, which reports what it has; the second ends the
//! process.

use std::{io, process, sync::Arc, thread, time::Duration};

use parking_lot::{Condvar, Mutex};
use tokio::{runtime, signal::ctrl_c};

/// Whether the user has had enough. All clones are one.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<(Mutex<bool>, Condvar)>);

impl Interrupt {
    pub fn listen() -> io::Result<Self> {
        let this = Self::default();
        let told = this.clone();
        let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
        thread::Builder::new().name("ctrl-c".to_owned()).spawn(move || {
            runtime.block_on(async {
                while ctrl_c().await.is_ok() {
                    let (is_set, changed) = &*told.0;
                    if std::mem::replace(&mut *is_set.lock(), true) {
                        process::exit(130);
                    }
                    changed.notify_all();
                }
            });
        })?;
        Ok(this)
    }

    pub fn is_set(&self) -> bool {
        *self.0.0.lock()
    }

    /// Waits so long, or until it is set. Tells whether it is.
    pub fn wait(&self, time: Duration) -> bool {
        let (is_set, changed) = &*self.0;
        let mut is_set = is_set.lock();
        changed.wait_while_for(&mut is_set, |is_set| !*is_set, time);
        *is_set
    }
}
