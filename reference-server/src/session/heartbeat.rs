//! The server's pings and the pongs it waits for.

use std::time::{Duration, Instant};

/// What is due when a heartbeat timer has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Send a ping (EIO-HB-01).
    Ping,
    /// The pong did not come in time: the session is over (EIO-HB-04).
    Dead,
}

/// The heartbeat of one session; it goes on over an upgrade (EIO-HB-14).
#[derive(Debug, Clone)]
pub struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    next_ping: Instant,
    pong_due: Option<Instant>,
}

impl Heartbeat {
    /// Starts a heartbeat whose first ping is due one interval after `now` (EIO-HS-13).
    pub fn new(interval: Duration, timeout: Duration, now: Instant) -> Self {
        Self {
            interval,
            timeout,
            next_ping: now + interval,
            pong_due: None,
        }
    }

    /// When [`Heartbeat::beat`] has something to say next.
    ///
    /// While a ping is unanswered that is the end of its time, never another ping (EIO-HB-15).
    pub fn poll_timeout(&self) -> Instant {
        self.pong_due.unwrap_or(self.next_ping)
    }

    /// What is due at `now`, if anything.
    pub fn beat(&mut self, now: Instant) -> Option<Beat> {
        if now < self.poll_timeout() {
            return None;
        }
        if self.pong_due.is_some() {
            return Some(Beat::Dead);
        }
        self.next_ping = now + self.interval;
        self.pong_due = Some(now + self.timeout);
        Some(Beat::Ping)
    }

    /// A pong came.
    ///
    /// Only a pong ends the wait for one (EIO-HB-09). One that nobody asked for changes nothing (EIO-HB-10), and does
    /// not put off the next ping (EIO-HB-11).
    pub fn pong(&mut self) {
        self.pong_due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn heartbeat(now: Instant) -> Heartbeat {
        Heartbeat::new(10 * SECOND, 4 * SECOND, now)
    }

    #[test]
    fn the_first_ping_is_due_after_one_interval_and_not_before() {
        let start = Instant::now();
        let mut heartbeat = heartbeat(start);
        assert_eq!(heartbeat.beat(start + 9 * SECOND), None);
        assert_eq!(heartbeat.beat(start + 10 * SECOND), Some(Beat::Ping));
    }

    #[test]
    fn an_answered_ping_is_followed_by_the_next_one_interval_later() {
        let start = Instant::now();
        let mut heartbeat = heartbeat(start);
        heartbeat.beat(start + 10 * SECOND);
        heartbeat.pong();
        assert_eq!(heartbeat.poll_timeout(), start + 20 * SECOND);
        assert_eq!(heartbeat.beat(start + 20 * SECOND), Some(Beat::Ping));
    }

    #[test]
    fn an_unanswered_ping_ends_the_session_at_the_timeout_and_not_before() {
        let start = Instant::now();
        let mut heartbeat = heartbeat(start);
        heartbeat.beat(start + 10 * SECOND);
        assert_eq!(heartbeat.beat(start + 13 * SECOND), None);
        assert_eq!(heartbeat.beat(start + 14 * SECOND), Some(Beat::Dead));
    }

    #[test]
    fn a_pong_nobody_asked_for_neither_brings_nor_puts_off_a_ping() {
        let start = Instant::now();
        let mut heartbeat = heartbeat(start);
        heartbeat.pong();
        assert_eq!(heartbeat.poll_timeout(), start + 10 * SECOND);
    }

    #[test]
    fn a_pong_later_than_the_interval_is_followed_by_a_ping_at_once() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(4 * SECOND, 10 * SECOND, start);
        heartbeat.beat(start + 4 * SECOND);
        heartbeat.pong();
        assert_eq!(heartbeat.beat(start + 9 * SECOND), Some(Beat::Ping));
    }
}
