//! Processor time and memory, as `/proc` tells them. Elsewhere nothing is known, and nothing is guessed.

use std::collections::BTreeMap;
use std::time::Duration;

/// What the processes of a group have used so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of all threads, those that have ended included; in steps of 10 ms on most systems.
    coarse: Duration,
    /// Of the threads that live, exact.
    threads: BTreeMap<u32, Duration>,
    /// Memory that the processes hold, in bytes.
    pub resident: u64,
}

impl Usage {
    /// Of all processes in a process group; `None` where there is none, or the system does not tell.
    pub fn of_group(group: u32) -> Option<Self> {
        let mut usage = Self::default();
        let mut found = false;
        for entry in std::fs::read_dir("/proc").ok()?.flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let read = |name: &str| std::fs::read_to_string(entry.path().join(name)).ok();
            let Some(stat) = read("stat").and_then(|text| Stat::parse(&text)) else {
                continue;
            };
            if stat.group != group {
                continue;
            }
            found = true;
            usage.coarse += ticks(stat.ticks);
            usage.resident += read("statm").and_then(|text| pages(&text)).unwrap_or(0) * page();
            usage.threads.extend(threads(pid));
        }
        found.then_some(usage)
    }

    /// Processor time between an earlier look and this one.
    pub fn since(&self, before: &Self) -> Duration {
        let coarse = self.coarse.saturating_sub(before.coarse);
        let same = self.threads.keys().eq(before.threads.keys());
        let exact: Duration = self
            .threads
            .iter()
            .map(|(thread, time)| {
                time.saturating_sub(before.threads.get(thread).copied().unwrap_or_default())
            })
            .sum();
        // Threads that came and went in between are in the coarse figure only.
        let close = exact + coarse / 50 + ticks(3) >= coarse;
        if same && close && !exact.is_zero() {
            exact
        } else {
            coarse
        }
    }
}

/// `/proc/PID/stat`, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    group: u32,
    ticks: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name in brackets may hold anything, brackets and blanks included.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        Some(Self {
            group: fields.get(2)?.parse().ok()?,
            ticks: number(11)? + number(12)?,
        })
    }
}

fn threads(pid: u32) -> Vec<(u32, Duration)> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let read = |entry: std::fs::DirEntry| {
        let thread = entry.file_name().to_str()?.parse().ok()?;
        let text = std::fs::read_to_string(entry.path().join("schedstat")).ok()?;
        Some((thread, first(&text)?))
    };
    entries.flatten().filter_map(read).collect()
}

/// The first number of `schedstat`: nanoseconds on a processor.
fn first(schedstat: &str) -> Option<Duration> {
    let nanos = schedstat.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// The second number of `statm`: resident pages.
fn pages(statm: &str) -> Option<u64> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(target_os = "linux")]
fn page() -> u64 {
    rustix::param::page_size() as u64
}

#[cfg(not(target_os = "linux"))]
fn page() -> u64 {
    4096
}

#[cfg(target_os = "linux")]
fn ticks(ticks: u64) -> Duration {
    let second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / second))
}

#[cfg(not(target_os = "linux"))]
fn ticks(_: u64) -> Duration {
    Duration::ZERO
}

/// What the calling thread has used so far, and how long it has waited for a processor that others had.
#[derive(Debug, Clone, Copy, Default)]
pub struct Own {
    /// On a processor.
    pub used: Duration,
    /// Ready, and not on one; where the system tells.
    pub waited: Option<Duration>,
}

impl Own {
    /// Of this thread, now.
    pub fn now() -> Self {
        Self {
            used: thread_time(),
            waited: std::fs::read_to_string("/proc/thread-self/schedstat")
                .ok()
                .and_then(|text| text.split_whitespace().nth(1)?.parse().ok())
                .map(Duration::from_nanos),
        }
    }

    /// Between an earlier look and this one.
    pub fn since(self, before: Self) -> Self {
        Self {
            used: self.used.saturating_sub(before.used),
            waited: Option::zip(self.waited, before.waited)
                .map(|(now, before)| now.saturating_sub(before)),
        }
    }
}

#[cfg(unix)]
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

#[cfg(not(unix))]
fn thread_time() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_is_only_a_name() {
        let text = "42 (a) b (c)) S 1 77 77 0 -1 4194304 100 0 0 0 12 30 0 0 20 0 1 0 100";
        assert_eq!(
            Stat::parse(text),
            Some(Stat {
                group: 77,
                ticks: 42
            })
        );
        assert_eq!(Stat::parse("42 (a"), None);
    }

    fn usage(coarse: u64, threads: &[(u32, u64)]) -> Usage {
        Usage {
            coarse: Duration::from_millis(coarse),
            threads: threads
                .iter()
                .map(|(id, ms)| (*id, Duration::from_millis(*ms)))
                .collect(),
            resident: 0,
        }
    }

    #[test]
    fn the_exact_time_counts_unless_threads_came_or_went() {
        let before = usage(100, &[(1, 50), (2, 50)]);
        let ms = Duration::from_millis;
        assert_eq!(usage(110, &[(1, 53), (2, 54)]).since(&before), ms(7));
        assert_eq!(usage(160, &[(1, 53), (3, 54)]).since(&before), ms(60));
        assert_eq!(usage(300, &[(1, 53), (2, 54)]).since(&before), ms(200));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn work_is_seen() {
        let (before, start) = (Own::now(), std::time::Instant::now());
        while Own::now().since(before).used < Duration::from_millis(5) {
            assert!(start.elapsed() < Duration::from_secs(60), "no time goes by");
        }
        let group = u32::try_from(rustix::process::getpgrp().as_raw_nonzero().get()).unwrap();
        assert!(Usage::of_group(group).unwrap().resident > 0);
        assert_eq!(Usage::of_group(u32::MAX), None);
    }
}
