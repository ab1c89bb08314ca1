//! The wish to stop: Ctrl-C, SIGTERM, or a caller's.

use std::sync::Arc;

use tokio::sync::watch;

/// A switch that can be turned once and waited for. Clones share it.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Turns it.
    pub fn turn(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was turned.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is turned.
    pub async fn set(&self) {
        // The sender lives as long as `self`, so this ends only when the switch is turned.
        let _ = self.0.subscribe().wait_for(|set| *set).await;
    }
}
