//! How late the harness's own scheduler is.
//!
//! A task sleeps for a short while, again and again, and notes by how much it overslept. Where the
//! machine is so busy that timers fire late, times that the harness measured say nothing about the
//! server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the pulse beats.
const BEAT: Duration = Duration::from_millis(20);
/// Lateness below this is not worth remembering.
const NOTEWORTHY: Duration = Duration::from_millis(5);
/// How many late beats are remembered.
const MEMORY: usize = 4096;

/// A running measure. Clones share it; it stops when the last one is dropped.
#[derive(Clone)]
pub struct Pulse {
    inner: Arc<Inner>,
}

struct Inner {
    beats: Arc<Mutex<Beats>>,
    task: tokio::task::AbortHandle,
}

struct Beats {
    /// When the next beat is due; long past where nothing has run since.
    due: Instant,
    late: VecDeque<Late>,
}

#[derive(Clone, Copy)]
struct Late {
    due: Instant,
    by: Duration,
}

impl Pulse {
    /// Starts to measure the tokio runtime that it is called in.
    pub fn start() -> Self {
        let beats = Arc::new(Mutex::new(Beats {
            due: Instant::now() + BEAT,
            late: VecDeque::new(),
        }));
        let task = tokio::spawn(beat(beats.clone())).abort_handle();
        Self {
            inner: Arc::new(Inner { beats, task }),
        }
    }

    /// The worst lateness of any beat that was due or came after `start`, one that is overdue at
    /// this moment included: whoever asks may have been woken before it.
    pub fn worst_since(&self, start: Instant) -> Duration {
        let beats = self
            .inner
            .beats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let recorded = beats
            .late
            .iter()
            .filter(|beat| beat.due + beat.by >= start)
            .map(|beat| beat.by)
            .max()
            .unwrap_or_default();
        let now = Instant::now();
        let overdue = match now >= start {
            true => now.saturating_duration_since(beats.due),
            false => Duration::ZERO,
        };
        recorded.max(overdue)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn beat(beats: Arc<Mutex<Beats>>) {
    loop {
        let due = Instant::now() + BEAT;
        beats.lock().unwrap_or_else(PoisonError::into_inner).due = due;
        tokio::time::sleep_until(due.into()).await;
        let by = due.elapsed();
        if by < NOTEWORTHY {
            continue;
        }
        let mut beats = beats.lock().unwrap_or_else(PoisonError::into_inner);
        if beats.late.len() == MEMORY {
            beats.late.pop_front();
        }
        beats.late.push_back(Late { due, by });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_beat_that_is_still_overdue_counts() {
        let pulse = Pulse::start();
        tokio::time::sleep(Duration::from_millis(30)).await;
        let start = Instant::now();
        std::thread::sleep(Duration::from_millis(120));
        assert!(pulse.worst_since(start) >= Duration::from_millis(60));
    }

    #[tokio::test]
    async fn a_blocked_scheduler_is_seen() {
        let pulse = Pulse::start();
        tokio::time::sleep(Duration::from_millis(30)).await;
        let start = Instant::now();
        // What a starved machine does to the runtime.
        std::thread::sleep(Duration::from_millis(120));
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(pulse.worst_since(start) >= Duration::from_millis(60));
        assert_eq!(
            pulse.worst_since(Instant::now() + Duration::from_secs(1)),
            Duration::ZERO
        );
    }
}
