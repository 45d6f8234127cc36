//! How the process learns that a part of it has died.
//!
//! An actor that panics is gone without a word: its address goes on taking messages, and its
//! subscribers hear nothing more. A worker's thread that ends takes its actor along.

use tokio::sync::mpsc;

/// Held by what must not die. Dropping it, which a panic does too, rings the [`Bell`].
#[derive(Debug)]
pub struct Alarm(mpsc::UnboundedSender<()>);

impl Drop for Alarm {
    fn drop(&mut self) {
        // Nobody listens any more once the process is ending as planned.
        let _ = self.0.send(());
    }
}

/// Hears all its alarms.
#[derive(Debug)]
pub struct Bell {
    sender: mpsc::UnboundedSender<()>,
    receiver: mpsc::UnboundedReceiver<()>,
}

/// Makes alarms for one [`Bell`].
#[derive(Debug, Clone)]
pub struct AlarmMaker(mpsc::UnboundedSender<()>);

impl AlarmMaker {
    /// A new alarm.
    pub fn alarm(&self) -> Alarm {
        Alarm(self.0.clone())
    }
}

impl Default for Bell {
    fn default() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver }
    }
}

impl Bell {
    /// For those who start what must not die.
    pub fn maker(&self) -> AlarmMaker {
        AlarmMaker(self.sender.clone())
    }

    /// Waits until something has died.
    pub async fn rings(&mut self) {
        // The bell's own sender keeps the channel open.
        self.receiver.recv().await;
    }
}
