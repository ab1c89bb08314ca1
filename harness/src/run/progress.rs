//! How far a run is, for those who wait for it: a line every few seconds that nothing else waits for.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The trials that are being played.
#[derive(Debug, Default)]
pub(super) struct Playing(Mutex<BTreeMap<usize, (String, Instant)>>);

impl Playing {
    pub(super) fn begin(&self, index: usize, trial: &str) {
        self.with(|playing| drop(playing.insert(index, (trial.to_owned(), Instant::now()))));
    }

    pub(super) fn end(&self, index: usize) {
        self.with(|playing| drop(playing.remove(&index)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.with(|playing| playing.is_empty())
    }

    /// The one that is at it for the longest time.
    fn longest(&self) -> Option<(String, Duration)> {
        self.with(|playing| {
            let longest = playing.values().min_by_key(|(_, since)| *since);
            longest.map(|(trial, since)| (trial.clone(), since.elapsed()))
        })
    }

    fn with<T>(&self, of: impl FnOnce(&mut BTreeMap<usize, (String, Instant)>) -> T) -> T {
        of(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The line.
pub(super) fn line(
    judged: usize,
    red: usize,
    all: usize,
    took: Duration,
    playing: &Playing,
) -> String {
    let longest = playing.longest().map_or(String::new(), |(trial, since)| {
        format!("; longest at it: {trial}, {:.0} s", since.as_secs_f64())
    });
    format!(
        "siospec: {judged} of {all} played, {red} red, {:.0} s{longest}",
        took.as_secs_f64()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_counts_and_names_what_takes_longest() {
        let playing = Playing::default();
        let took = Duration::from_secs(41);
        assert_eq!(
            line(3, 1, 9, took, &playing),
            "siospec: 3 of 9 played, 1 red, 41 s"
        );
        playing.begin(0, "a/first");
        playing.begin(1, "a/second");
        assert!(line(3, 1, 9, took, &playing).contains("; longest at it: a/first, 0 s"));
        playing.end(0);
        assert!(line(4, 1, 9, took, &playing).contains("a/second"));
    }
}
