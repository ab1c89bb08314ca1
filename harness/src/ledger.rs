//! What was delivered of what was sent: counted, and each exception named.
//!
//! Pure: entries in, an account out. An entry is whatever tells one event from another; equal entries
//! are told apart by how often they were sent.

use std::collections::BTreeMap;
use std::fmt;

/// What a side promises about the events of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// In order, and no event twice; some may be lost. What Socket.IO gives without recovery.
    AtMostOnce,
    /// In order, each once. Recovery, within its window.
    ExactlyOnce,
    /// Each once or more often. Retries.
    AtLeastOnce,
}

/// The balance of one direction of one client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// How many events were sent.
    pub sent: u64,
    /// How many arrived, repetitions included.
    pub received: u64,
    /// Events that did not arrive.
    pub lost: Vec<String>,
    /// Events that arrived more often than they were sent, once for each surplus arrival.
    pub duplicated: Vec<String>,
    /// Events that arrived behind one that was sent after them.
    pub reordered: Vec<String>,
}

impl Account {
    /// Compares what was sent with what arrived, both in order.
    #[must_use]
    pub fn of(sent: &[String], received: &[String]) -> Self {
        let mut places: BTreeMap<&str, std::collections::VecDeque<usize>> = BTreeMap::new();
        for (place, entry) in sent.iter().enumerate() {
            places.entry(entry).or_default().push_back(place);
        }
        let mut account = Self {
            sent: sent.len() as u64,
            received: received.len() as u64,
            ..Self::default()
        };
        let mut furthest = None;
        for entry in received {
            match places
                .get_mut(entry.as_str())
                .map(|places| places.pop_front())
            {
                Some(Some(place)) => {
                    if furthest.is_some_and(|furthest| place < furthest) {
                        account.reordered.push(entry.clone());
                    }
                    furthest = furthest.max(Some(place));
                }
                Some(None) => account.duplicated.push(entry.clone()),
                // What nobody sent is the judge's business, not a matter of delivery.
                None => account.received -= 1,
            }
        }
        let mut lost: Vec<usize> = places.into_values().flatten().collect();
        lost.sort_unstable();
        account.lost = lost.into_iter().map(|place| sent[place].clone()).collect();
        account
    }

    /// What of it breaks a promise, in words; nothing where it is kept.
    #[must_use]
    pub fn breaks(&self, promise: Promise) -> Vec<String> {
        let mut broken = Vec::new();
        let mut name = |what: &str, entries: &[String]| {
            broken.extend(entries.iter().map(|entry| format!("{what}: {entry}")));
        };
        if promise != Promise::AtMostOnce {
            name("lost", &self.lost);
        }
        if promise != Promise::AtLeastOnce {
            name("duplicated", &self.duplicated);
            name("out of order", &self.reordered);
        }
        broken
    }

    /// Adds another balance.
    pub fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.lost.extend(other.lost);
        self.duplicated.extend(other.duplicated);
        self.reordered.extend(other.reordered);
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} sent, {} received, {} lost, {} duplicated, {} out of order",
            self.sent,
            self.received,
            self.lost.len(),
            self.duplicated.len(),
            self.reordered.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(sent: &str, received: &str) -> Account {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        Account::of(&words(sent), &words(received))
    }

    #[test]
    fn each_exception_is_counted_and_named() {
        let account = account("1 2 3 4 5", "1 3 3 5 4");
        assert_eq!(account.lost, ["2"]);
        assert_eq!(account.duplicated, ["3"]);
        assert_eq!(account.reordered, ["4"]);
        assert_eq!(
            account.to_string(),
            "5 sent, 5 received, 1 lost, 1 duplicated, 1 out of order"
        );
    }

    #[test]
    fn equal_events_are_told_apart_by_their_number() {
        assert_eq!(account("a a", "a a").breaks(Promise::ExactlyOnce), [""; 0]);
        assert_eq!(account("a a", "a a a").duplicated, ["a"]);
        assert_eq!(account("a a", "a").lost, ["a"]);
    }

    #[test]
    fn each_promise_allows_what_it_allows() {
        let lossy = account("1 2 3", "1 3");
        assert_eq!(lossy.breaks(Promise::AtMostOnce), [""; 0]);
        assert_eq!(lossy.breaks(Promise::ExactlyOnce), ["lost: 2"]);
        let repeated = account("1 2", "1 2 1");
        assert_eq!(repeated.breaks(Promise::AtLeastOnce), [""; 0]);
        assert_eq!(repeated.breaks(Promise::AtMostOnce), ["duplicated: 1"]);
    }

    #[test]
    fn what_nobody_sent_is_not_counted() {
        assert_eq!(account("1", "1 x").received, 1);
    }
}
