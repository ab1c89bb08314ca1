//! What several rounds say together.

use serde::{Deserialize, Serialize};

/// The middle of several rounds, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

impl Spread {
    /// Of these; `None` of nothing.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => return None,
            odd if odd % 2 == 1 => values[middle],
            _ => f64::midpoint(values[middle - 1], values[middle]),
        };
        Some(Self {
            median,
            low: values[0],
            high: values[values.len() - 1],
        })
    }

    /// Half of the way from least to greatest, in parts of the median: `0.05` is ± 5 %.
    pub fn relative(&self) -> f64 {
        match self.median {
            0.0 => 0.0,
            median => (self.high - self.low) / 2.0 / median,
        }
    }
}

/// How many times the first one this is: the median of the ratios of those rounds that both have. A round's ratio is
/// taken within the round, so that what slowed the machine down then falls out of it.
pub fn ratio(of: &[Option<f64>], first: &[Option<f64>]) -> Option<f64> {
    let pairs = of.iter().zip(first).filter_map(|pair| match pair {
        (Some(this), Some(first)) if *first != 0.0 => Some(this / first),
        _ => None,
    });
    Spread::of(pairs).map(|spread| spread.median)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_middle_two() {
        let odd = Spread::of([5.0, 1.0, 3.0]).unwrap();
        assert_eq!((odd.median, odd.low, odd.high), (3.0, 1.0, 5.0));
        assert_eq!(Spread::of([4.0, 1.0, 3.0, 2.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([f64::NAN]), None);
        assert_eq!(odd.relative(), 4.0 / 2.0 / 3.0);
    }

    #[test]
    fn a_slow_round_slows_both_and_leaves_the_ratio_alone() {
        let first = [Some(100.0), Some(10.0), Some(100.0)];
        let this = [Some(200.0), Some(20.0), Some(200.0)];
        assert_eq!(ratio(&this, &first), Some(2.0));
    }

    #[test]
    fn rounds_that_only_one_has_do_not_count() {
        assert_eq!(
            ratio(
                &[None, Some(6.0), Some(1.0)],
                &[Some(1.0), Some(2.0), Some(0.0)]
            ),
            Some(3.0)
        );
        assert_eq!(ratio(&[None], &[Some(1.0)]), None);
    }
}
