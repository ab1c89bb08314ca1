//! When a reconnecting client opens a connection, and when it gives up.
//!
//! Pure, as the official client's `Manager` decides: attempts are counted from the first loss, and a
//! loss after a success begins anew.

use std::time::{Duration, Instant};

use super::backoff::Backoff;

/// How a client reconnects.
#[derive(Debug, Clone)]
pub struct AttemptsOptions {
    /// Whether it does at all.
    pub reconnection: bool,
    /// After how many attempts in a row it gives up; none for never.
    pub attempts: Option<u32>,
    /// The first wait.
    pub delay: Duration,
    /// The longest wait.
    pub delay_max: Duration,
    /// The random share of each wait, 0 to 1.
    pub randomization: f64,
    /// Makes the random shares repeatable.
    pub seed: u64,
    /// How long opening may take.
    pub timeout: Duration,
}

impl Default for AttemptsOptions {
    /// The official client's defaults.
    fn default() -> Self {
        Self {
            reconnection: true,
            attempts: None,
            delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(5),
            randomization: 0.5,
            seed: 0,
            timeout: Duration::from_secs(20),
        }
    }
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Open a connection; `attempt` counts from 1 for reconnections and is 0 for the first one.
    Open {
        /// Which reconnection attempt it is.
        attempt: u32,
    },
    /// Wait so long, then ask `timeout`.
    Wait(Duration),
    /// No attempt is left.
    GiveUp,
    /// Nothing.
    Rest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Opening { until: Instant },
    Open,
    Waiting { until: Instant },
}

/// The policy of one client's connection.
#[derive(Debug)]
pub struct Attempts {
    options: AttemptsOptions,
    backoff: Backoff,
    state: State,
    /// Set by the script's own close: nothing is tried again until it opens.
    skip: bool,
}

impl Attempts {
    /// A client that has not opened yet.
    #[must_use]
    pub fn new(options: AttemptsOptions) -> Self {
        let backoff = Backoff::new(
            options.delay,
            options.delay_max,
            options.randomization,
            options.seed,
        );
        Self {
            options,
            backoff,
            state: State::Closed,
            skip: false,
        }
    }

    /// The script wants a connection.
    pub fn open(&mut self, now: Instant) -> Order {
        if self.state != State::Closed {
            return Order::Rest;
        }
        self.skip = false;
        self.opening(now)
    }

    /// The transport is open: the attempts are forgotten.
    pub fn opened(&mut self) {
        self.state = State::Open;
        self.backoff.reset();
    }

    /// Opening failed, or took too long.
    pub fn failed(&mut self, now: Instant) -> Order {
        self.state = State::Closed;
        self.again(now)
    }

    /// An open connection was lost.
    pub fn lost(&mut self, now: Instant) -> Order {
        self.state = State::Closed;
        self.backoff.reset();
        self.again(now)
    }

    /// The script, or the server's DISCONNECT of the last namespace, closed it: no reconnection.
    pub fn close(&mut self) {
        self.skip = true;
        self.state = State::Closed;
        self.backoff.reset();
    }

    /// When `timeout` wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Opening { until } | State::Waiting { until } => Some(until),
            State::Open | State::Closed => None,
        }
    }

    /// Time has passed: the wait is over, or opening took too long.
    pub fn timeout(&mut self, now: Instant) -> Order {
        match self.state {
            State::Waiting { until } if until <= now => self.opening(now),
            State::Opening { until } if until <= now => self.failed(now),
            _ => Order::Rest,
        }
    }

    fn opening(&mut self, now: Instant) -> Order {
        self.state = State::Opening {
            until: now + self.options.timeout,
        };
        Order::Open {
            attempt: self.backoff.attempts(),
        }
    }

    fn again(&mut self, now: Instant) -> Order {
        if !self.options.reconnection || self.skip {
            return Order::Rest;
        }
        if self
            .options
            .attempts
            .is_some_and(|most| self.backoff.attempts() >= most)
        {
            self.backoff.reset();
            return Order::GiveUp;
        }
        let wait = self.backoff.next_wait();
        self.state = State::Waiting { until: now + wait };
        Order::Wait(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn trying(attempts: Option<u32>) -> Attempts {
        Attempts::new(AttemptsOptions {
            attempts,
            delay: MS(100),
            delay_max: MS(300),
            randomization: 0.0,
            timeout: MS(50),
            ..AttemptsOptions::default()
        })
    }

    #[test]
    fn a_lost_connection_is_tried_again_after_growing_waits() {
        let mut now = Instant::now();
        let mut attempts = trying(None);
        assert_eq!(attempts.open(now), Order::Open { attempt: 0 });
        attempts.opened();
        assert_eq!(attempts.lost(now), Order::Wait(MS(100)));
        for (attempt, wait) in [(1, 200), (2, 300), (3, 300)] {
            assert_eq!(attempts.timeout(now), Order::Rest, "not before its time");
            now = attempts.deadline().unwrap();
            assert_eq!(attempts.timeout(now), Order::Open { attempt });
            assert_eq!(attempts.failed(now), Order::Wait(MS(wait)));
        }
    }

    #[test]
    fn it_gives_up_after_its_attempts_and_a_success_forgets_them() {
        let mut now = Instant::now();
        let mut attempts = trying(Some(2));
        attempts.open(now);
        for _ in 0..2 {
            assert!(matches!(attempts.failed(now), Order::Wait(_)));
            now = attempts.deadline().unwrap();
            attempts.timeout(now);
        }
        assert_eq!(attempts.failed(now), Order::GiveUp);
        assert_eq!(attempts.deadline(), None);
        attempts.open(now);
        attempts.opened();
        assert_eq!(
            attempts.lost(now),
            Order::Wait(MS(100)),
            "the waits begin anew"
        );
    }

    #[test]
    fn opening_that_takes_too_long_counts_as_failed() {
        let now = Instant::now();
        let mut attempts = trying(None);
        attempts.open(now);
        assert_eq!(attempts.timeout(now + MS(49)), Order::Rest);
        assert_eq!(attempts.timeout(now + MS(50)), Order::Wait(MS(100)));
    }

    #[test]
    fn a_close_by_the_script_is_not_followed_by_an_attempt() {
        let now = Instant::now();
        let mut attempts = trying(None);
        attempts.open(now);
        attempts.opened();
        attempts.close();
        assert_eq!(attempts.lost(now), Order::Rest);
        assert_eq!(attempts.open(now), Order::Open { attempt: 0 });
    }
}
