//! Time and tasks for a server.

use crate::handler::Work;
use crate::shared::Surroundings;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Tasks that end with the server.
pub(crate) struct Tasks {
    runtime: Handle,
    set: Mutex<Option<JoinSet<()>>>,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            set: Mutex::new(Some(JoinSet::new())),
        }
    }

    fn set(&self) -> MutexGuard<'_, Option<JoinSet<()>>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a task, unless the server has stopped.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.set();
        let Some(set) = &mut *set else { return };
        while set.try_join_next().is_some() {}
        set.spawn_on(task, &self.runtime);
    }

    /// Takes the tasks out; no others are run from now on.
    pub(crate) fn take(&self) -> Option<JoinSet<()>> {
        self.set().take()
    }
}

/// What tokio gives to the server.
pub(crate) struct Tokio {
    /// One task for each TCP connection or WebSocket.
    pub(crate) connections: Tasks,
    /// Timers of polling sessions, handlers that wait, and what applications started.
    pub(crate) background: Tasks,
}

impl Surroundings for Tokio {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn spawn(&self, work: Work) {
        self.background.spawn(work);
    }

    fn sleep(&self, duration: Duration) -> Work {
        Box::pin(tokio::time::sleep(duration))
    }
}
