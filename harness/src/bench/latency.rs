//! Times from wanting to send to being answered, and their percentiles.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longer times are counted as this long.
const LONGEST: Duration = Duration::from_secs(600);

/// Times as they are measured, with three significant digits.
///
/// What was never answered belongs in here, too, with the time for which it was waited: a server that stalls
/// otherwise looks fast, because only its quick answers are counted.
#[derive(Debug, Clone)]
pub struct Times(Histogram<u64>);

/// Percentiles in microseconds. One that too few times stand behind is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half are at most this.
    pub p50: Option<f64>,
    /// 99 of 100.
    pub p99: Option<f64>,
    /// 999 of 1000.
    pub p999: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
}

impl Default for Times {
    fn default() -> Self {
        // 32 ns is below what a clock and a system call can tell apart; the bounds and digits are within what the
        // library takes, and with them this cannot fail.
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        let made = Histogram::new_with_bounds(32, longest, 3);
        Self(made.unwrap_or_else(|_| Histogram::new_from(&smallest())))
    }
}

fn smallest() -> Histogram<u64> {
    Histogram::<u64>::new(3).unwrap_or_else(|_| unreachable!("three digits are allowed"))
}

impl Times {
    /// Takes one time.
    pub fn record(&mut self, time: Duration) {
        self.0
            .saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many were taken.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The percentiles.
    pub fn latency(&self) -> Latency {
        let at = |quantile: f64| {
            // At least one time must lie above the percentile, or it is only another word for the longest.
            let above = self.len() as f64 * (1.0 - quantile);
            (above >= 1.0).then(|| self.0.value_at_quantile(quantile) as f64 / 1000.0)
        };
        Latency {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: (!self.is_empty()).then(|| self.0.max() as f64 / 1000.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_their_digits() {
        let mut times = Times::default();
        for microseconds in 1..=10_000 {
            times.record(Duration::from_micros(microseconds));
        }
        let latency = times.latency();
        for (got, want) in [
            (latency.p50, 5000.0),
            (latency.p99, 9900.0),
            (latency.p999, 9990.0),
            (latency.max, 10_000.0),
        ] {
            let got = got.unwrap();
            assert!((got - want).abs() / want < 0.002, "{got} for {want}");
        }
    }

    #[test]
    fn a_percentile_without_times_above_it_is_left_out() {
        let mut times = Times::default();
        assert_eq!(times.latency(), Latency::default());
        for _ in 0..500 {
            times.record(Duration::from_micros(7));
        }
        let latency = times.latency();
        assert!(latency.p50.is_some() && latency.p99.is_some());
        assert_eq!(latency.p999, None);
    }

    #[test]
    fn an_endless_time_is_counted_as_the_longest() {
        let mut times = Times::default();
        times.record(Duration::MAX);
        assert!(times.latency().max.unwrap() >= 6e8);
    }
}
