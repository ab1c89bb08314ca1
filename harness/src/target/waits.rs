//! How long the threads of a target have waited for a processor, as `/proc` tells it. Elsewhere nothing is known, and
//! nothing is guessed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What each thread of a process has waited so far.
#[derive(Debug, Default)]
pub struct Waits(HashMap<u32, Duration>);

impl Waits {
    /// Of the process as it is now; nothing where there is none.
    pub fn of(process: u32) -> Self {
        let threads = std::fs::read_dir(format!("/proc/{process}/task"));
        let wait = |entry: std::fs::DirEntry| {
            let thread = entry.file_name().to_str()?.parse().ok()?;
            let text = std::fs::read_to_string(entry.path().join("schedstat")).ok()?;
            Some((thread, second(&text)?))
        };
        Self(
            threads
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(wait)
                .collect(),
        )
    }

    /// Of these threads of this process.
    pub fn of_threads(threads: &Threads) -> Self {
        let threads = threads.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = |thread: &u32| {
            let path = format!("/proc/self/task/{thread}/schedstat");
            Some((*thread, second(&std::fs::read_to_string(path).ok()?)?))
        };
        Self(threads.iter().filter_map(wait).collect())
    }

    /// The longest that one thread has waited since `earlier`.
    pub fn longest_since(&self, earlier: &Self) -> Duration {
        let since = |(thread, wait): (&u32, &Duration)| {
            wait.saturating_sub(earlier.0.get(thread).copied().unwrap_or_default())
        };
        self.0.iter().map(since).max().unwrap_or_default()
    }
}

/// Threads of this process, such as those of a runtime that servers run in.
#[derive(Debug, Default)]
pub struct Threads(Mutex<Vec<u32>>);

impl Threads {
    /// The thread that this is called on is one of them.
    pub fn join(&self) {
        #[cfg(target_os = "linux")]
        if let Ok(thread) = rustix::thread::gettid().as_raw_nonzero().get().try_into() {
            let mut threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            threads.push(thread);
        }
    }
}

/// The second number of `schedstat`: nanoseconds in which a thread could have run and had no processor.
fn second(schedstat: &str) -> Option<Duration> {
    let nanos = schedstat.split_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(threads: &[(u32, u64)]) -> Waits {
        let wait = |(thread, ms): &(u32, u64)| (*thread, Duration::from_millis(*ms));
        Waits(threads.iter().map(wait).collect())
    }

    #[test]
    fn the_thread_that_waited_longest_counts_and_a_new_one_from_its_beginning() {
        let earlier = waits(&[(1, 500), (2, 0), (3, 9000)]);
        let later = waits(&[(1, 510), (2, 300), (4, 100)]);
        assert_eq!(later.longest_since(&earlier), Duration::from_millis(300));
        assert_eq!(earlier.longest_since(&earlier), Duration::ZERO);
    }

    #[test]
    fn the_wait_stands_second_in_schedstat() {
        assert_eq!(second("1200 34 5\n"), Some(Duration::from_nanos(34)));
        assert_eq!(second(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_joined_is_known_and_no_other() {
        let threads = Threads::default();
        assert!(Waits::of_threads(&threads).0.is_empty());
        threads.join();
        assert_eq!(Waits::of_threads(&threads).0.len(), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_runs_has_threads_and_one_that_does_not_has_none() {
        assert!(!Waits::of(std::process::id()).0.is_empty());
        assert!(Waits::of(u32::MAX).0.is_empty());
    }
}
