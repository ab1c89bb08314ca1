//! The one tolerance of every judgement about time.

use std::time::Duration;

/// How far a measured time may lie beyond its bound before it counts as wrong.
///
/// A server's timer and the client that observes it run on one machine that does other things as
/// well. The timers of the runtimes under test are exact to a few milliseconds (Node, Python and
/// tokio round to one; eventlet and gevent check theirs once in each turn of their loop), and a
/// thread that is ready to run waits for a core for up to some tens of milliseconds when all
/// cores are busy. 50 ms covers both, and is well below every difference that a scenario asks about
/// (intervals are 250 ms and more). What the harness's own scheduler was late by is no verdict at
/// all: such a trial is played again.
pub const TOLERANCE: Duration = Duration::from_millis(50);

/// How much is missing to at least `bound`, beyond what is forgiven; nothing if it took that long.
#[must_use]
pub fn short_of(measured: Duration, bound: Duration, scale: f64) -> Duration {
    bound.saturating_sub(measured + tolerance(scale))
}

/// Whether something took at most `bound`.
#[must_use]
pub fn at_most(measured: Duration, bound: Duration, scale: f64) -> bool {
    measured <= bound + tolerance(scale)
}

/// The tolerance under `--time-scale`; it never becomes smaller than it is.
#[must_use]
pub fn tolerance(scale: f64) -> Duration {
    TOLERANCE.mul_f64(scale.max(1.0))
}
