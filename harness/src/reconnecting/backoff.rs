//! How long a reconnecting client waits before its next attempt.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng, rngs::SmallRng};

/// Exponential backoff with a maximum and randomization, as the official client computes it: the
/// base doubles with each attempt, a random share of up to `randomization` is taken off or put on,
/// and only then the maximum applies.
#[derive(Debug, Clone)]
pub struct Backoff {
    delay: Duration,
    maximum: Duration,
    randomization: f64,
    attempts: u32,
    rng: SmallRng,
}

impl Backoff {
    /// A backoff before its first attempt. `randomization` outside 0 to 1 counts as 0, as in the
    /// official client; `seed` makes the random shares repeatable.
    #[must_use]
    pub fn new(delay: Duration, maximum: Duration, randomization: f64, seed: u64) -> Self {
        Self {
            delay,
            maximum,
            randomization: if (0.0..=1.0).contains(&randomization) {
                randomization
            } else {
                0.0
            },
            attempts: 0,
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    /// Attempts since the last reset.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The wait before the next attempt, which counts from now on. Whole milliseconds.
    pub fn next_wait(&mut self) -> Duration {
        let doubled = self.delay.as_millis() as f64 * 2f64.powi(self.attempts.min(1000) as i32);
        self.attempts = self.attempts.saturating_add(1);
        let share = self.rng.random::<f64>();
        let deviation = (share * self.randomization * doubled).floor();
        let shorter = (share * 10.0) as u32 & 1 == 0;
        let wait = if shorter {
            doubled - deviation
        } else {
            doubled + deviation
        };
        Duration::from_millis(wait.min(self.maximum.as_millis() as f64) as u64)
    }

    /// Forgets the attempts: a connection was made, or one was lost for the first time.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(randomization: f64, seed: u64) -> Vec<u64> {
        let mut backoff = Backoff::new(
            Duration::from_millis(100),
            Duration::from_millis(1000),
            randomization,
            seed,
        );
        (0..6)
            .map(|_| backoff.next_wait().as_millis() as u64)
            .collect()
    }

    #[test]
    fn the_wait_doubles_up_to_the_maximum() {
        assert_eq!(waits(0.0, 1), [100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn randomization_stays_within_its_share_and_repeats_with_its_seed() {
        for seed in 0..200 {
            let waits = waits(0.5, seed);
            for (wait, base) in waits.iter().zip([100u64, 200, 400, 800, 1600, 3200]) {
                assert!(
                    (base / 2..=base * 3 / 2).contains(wait) || *wait == 1000,
                    "{waits:?}"
                );
            }
            assert_eq!(waits, self::waits(0.5, seed));
        }
        assert_ne!(waits(0.5, 1), waits(0.5, 2));
    }

    #[test]
    fn after_a_reset_it_begins_anew_and_many_attempts_do_not_overflow() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 0.0, 1);
        for _ in 0..5000 {
            assert!(backoff.next_wait() <= Duration::from_secs(5));
        }
        backoff.reset();
        assert_eq!(
            (backoff.next_wait(), backoff.attempts()),
            (Duration::from_millis(100), 1)
        );
    }
}
