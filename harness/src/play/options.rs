//! What a run may decide about the play of its trials.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::pulse::Pulse;

/// Settings of a play.
#[derive(Clone)]
pub struct PlayOptions {
    /// `--time-scale`: multiplies deadlines and the tolerance, nothing else.
    pub time_scale: f64,
    /// Default deadline of a wait, before scaling.
    pub wait: Duration,
    /// Default deadline of `dead`, before scaling.
    pub dead: Duration,
    /// Deadline of the whole trial, before scaling.
    pub whole: Duration,
    /// What can be done to the server process; `None` where it is somebody else's.
    pub target: Option<Arc<dyn TargetControl>>,
    /// The measure of how late the harness's own scheduler is. Trials that share a runtime should
    /// share one; without one each play starts its own.
    pub pulse: Option<Pulse>,
    /// A cut that is armed before a client opens, beside what the scenario says.
    pub cut: Option<Cut>,
}

/// A command for the proxy of one client.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// Whose.
    pub client: String,
    /// What.
    pub command: crate::network::Command,
}

impl Default for PlayOptions {
    fn default() -> Self {
        Self {
            time_scale: 1.0,
            wait: Duration::from_secs(2),
            dead: Duration::from_secs(1),
            whole: Duration::from_secs(30),
            target: None,
            pulse: None,
            cut: None,
        }
    }
}

impl PlayOptions {
    /// A deadline as scaled.
    pub fn scaled(&self, duration: Duration) -> Duration {
        duration.mul_f64(self.time_scale.max(0.0))
    }
}

/// A future that may be sent to another thread.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What `target:` steps do to the server process. Each returns when it is done (`restart` and
/// `start`: when the server listens again on the same port), or says in words why it cannot.
pub trait TargetControl: Send + Sync {
    /// Stop, then start on the same port.
    fn restart(&self) -> Pending<'_, Result<(), String>>;
    /// Kill it.
    fn stop(&self) -> Pending<'_, Result<(), String>>;
    /// Start it again on the same port.
    fn start(&self) -> Pending<'_, Result<(), String>>;
    /// SIGSTOP.
    fn pause(&self) -> Pending<'_, Result<(), String>>;
    /// SIGCONT.
    fn resume(&self) -> Pending<'_, Result<(), String>>;
    /// SIGTERM, without waiting for the end.
    fn terminate(&self) -> Pending<'_, Result<(), String>>;
    /// Waits until the process has ended by itself; its exit status in words.
    fn exited(&self) -> Pending<'_, Result<String, String>>;
}
