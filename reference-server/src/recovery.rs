//! Connection state recovery of one namespace: what a lost client missed, and what it was.

use crate::adapter::Selection;
use crate::config;
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// What is known of a socket that was lost and may come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Its public id, which it gets back (SIO-CSR-04).
    pub id: String,
    /// The rooms it was in, its own among them (SIO-CSR-07).
    pub rooms: Vec<String>,
}

/// A socket that came back, and the packets it missed, oldest first (SIO-CSR-05).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored<P> {
    /// Who it was.
    pub lost: Lost,
    /// What it missed.
    pub missed: Vec<P>,
}

/// The packets and the lost sockets of one namespace; `P` is a packet as it was sent.
#[derive(Debug)]
pub struct Recovery<P> {
    limits: config::Recovery,
    next: u64,
    log: VecDeque<Logged<P>>,
    lost: HashMap<String, (Instant, Lost)>,
}

#[derive(Debug)]
struct Logged<P> {
    offset: String,
    at: Instant,
    selection: Selection,
    packet: P,
}

impl<P: Clone> Recovery<P> {
    /// Nothing kept yet.
    pub fn new(limits: config::Recovery) -> Self {
        Self {
            limits,
            next: 0,
            log: VecDeque::new(),
            lost: HashMap::new(),
        }
    }

    /// A new offset; no two packets of the namespace have the same (SIO-CSR-03).
    pub fn offset(&mut self) -> String {
        self.next += 1;
        format!("{:x}", self.next)
    }

    /// Keeps a packet that was sent under this offset.
    pub fn keep(&mut self, offset: String, selection: Selection, packet: P, now: Instant) {
        self.forget(now);
        if self.log.len() >= self.limits.packets {
            self.log.pop_front();
        }
        self.log.push_back(Logged {
            offset,
            at: now,
            selection,
            packet,
        });
    }

    /// Keeps a socket that was lost, under its private id.
    pub fn lose(&mut self, pid: String, lost: Lost, now: Instant) {
        self.forget(now);
        self.lost.insert(pid, (now, lost));
    }

    /// Gives a socket back what it was and what it missed since `offset`.
    ///
    /// There is nothing for an unknown pid, an unknown offset, or one too old (SIO-CSR-09).
    pub fn restore(&mut self, pid: &str, offset: &str, now: Instant) -> Option<Restored<P>> {
        self.forget(now);
        let seen = self.log.iter().position(|logged| logged.offset == offset)?;
        let (_, lost) = self.lost.remove(pid)?;
        // SIO-CSR-08
        let missed = self
            .log
            .iter()
            .skip(seen + 1)
            .filter(|logged| logged.selection.covers(lost.rooms.iter()));
        let missed = missed.map(|logged| logged.packet.clone()).collect();
        Some(Restored { lost, missed })
    }

    fn forget(&mut self, now: Instant) {
        let window = self.limits.window;
        let old = |at: Instant| now.saturating_duration_since(at) > window;
        while self.log.front().is_some_and(|logged| old(logged.at)) {
            self.log.pop_front();
        }
        if self.lost.values().any(|(at, _)| old(*at)) {
            self.lost.retain(|_, (at, _)| !old(*at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const WINDOW: Duration = Duration::from_secs(60);

    fn recovery() -> Recovery<&'static str> {
        Recovery::new(config::Recovery {
            window: WINDOW,
            packets: 4,
        })
    }

    fn to(rooms: &[&str], except: &[&str]) -> Selection {
        let names = |list: &[&str]| list.iter().map(|room| (*room).to_owned()).collect();
        Selection {
            rooms: names(rooms),
            except: names(except),
        }
    }

    fn lost() -> Lost {
        Lost {
            id: "a".into(),
            rooms: vec!["a".into(), "r".into()],
        }
    }

    #[test]
    fn a_lost_socket_gets_what_it_missed_after_its_offset_in_order_and_once() {
        let now = Instant::now();
        let mut recovery = recovery();
        let offsets: Vec<String> = (0..3).map(|_| recovery.offset()).collect();
        for (offset, packet) in offsets.iter().zip(["one", "two", "three"]) {
            recovery.keep(offset.clone(), to(&["r"], &[]), packet, now);
        }
        recovery.lose("pid".into(), lost(), now);
        let restored = recovery.restore("pid", &offsets[0], now).unwrap();
        assert_eq!(
            restored,
            Restored {
                lost: lost(),
                missed: vec!["two", "three"]
            }
        );
        assert_eq!(recovery.restore("pid", &offsets[0], now), None);
    }

    #[test]
    fn packets_for_others_are_not_replayed() {
        let now = Instant::now();
        let mut recovery = recovery();
        let seen = recovery.offset();
        recovery.keep(seen.clone(), to(&[], &[]), "seen", now);
        for (selection, packet) in [
            (to(&["other"], &[]), "foreign"),
            (to(&[], &["a"]), "but not a"),
            (to(&["a"], &[]), "private"),
        ] {
            let offset = recovery.offset();
            recovery.keep(offset, selection, packet, now);
        }
        recovery.lose("pid".into(), lost(), now);
        assert_eq!(
            recovery.restore("pid", &seen, now).unwrap().missed,
            ["private"]
        );
    }

    #[test]
    fn an_unknown_pid_or_offset_restores_nothing() {
        let now = Instant::now();
        let mut recovery = recovery();
        let seen = recovery.offset();
        recovery.keep(seen.clone(), to(&[], &[]), "seen", now);
        recovery.lose("pid".into(), lost(), now);
        assert_eq!(recovery.restore("foo", &seen, now), None);
        assert_eq!(recovery.restore("pid", "bar", now), None);
    }

    #[test]
    fn nothing_is_kept_beyond_the_window() {
        let now = Instant::now();
        let mut recovery = recovery();
        let seen = recovery.offset();
        recovery.lose("pid".into(), lost(), now);
        let late = now + WINDOW + Duration::from_secs(1);
        recovery.keep(seen.clone(), to(&[], &[]), "seen", late);
        assert_eq!(recovery.restore("pid", &seen, late), None);
    }

    #[test]
    fn an_offset_pushed_out_by_newer_packets_restores_nothing() {
        let now = Instant::now();
        let mut recovery = recovery();
        let offsets: Vec<String> = (0..5).map(|_| recovery.offset()).collect();
        for offset in &offsets {
            recovery.keep(offset.clone(), to(&[], &[]), "packet", now);
        }
        recovery.lose("pid".into(), lost(), now);
        assert_eq!(recovery.restore("pid", &offsets[0], now), None);
    }
}
