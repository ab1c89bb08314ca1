//! The server's own requests that wait for a client's ACK, of one socket in one namespace.

use std::collections::BTreeMap;
use std::time::Instant;

/// Outstanding requests; `W` is whoever waits for the answer.
///
/// The table belongs to one socket of one namespace, so an ACK of another client (SIO-ACK-22) or of another
/// namespace (SIO-ACK-23) finds nothing here.
#[derive(Debug)]
pub struct Acks<W> {
    next: u64,
    waiting: BTreeMap<u64, (Option<Instant>, W)>,
}

impl<W> Default for Acks<W> {
    fn default() -> Self {
        Self {
            next: 0,
            waiting: BTreeMap::new(),
        }
    }
}

impl<W> Acks<W> {
    /// Registers a request and gives it its id, which no other outstanding one has (SIO-ACK-16, SIO-ACK-29).
    pub fn ask(&mut self, waiter: W, deadline: Option<Instant>) -> u64 {
        let id = self.next;
        self.next += 1;
        self.waiting.insert(id, (deadline, waiter));
        id
    }

    /// The waiter that this id answers; once (SIO-ACK-21), and none for an id nobody gave (SIO-ACK-20).
    pub fn answer(&mut self, id: u64) -> Option<W> {
        self.waiting.remove(&id).map(|(_, waiter)| waiter)
    }

    /// When the next request runs out of time.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.waiting
            .values()
            .filter_map(|(deadline, _)| *deadline)
            .min()
    }

    /// Takes a waiter whose time is over (SIO-ACK-26); a later answer finds nothing (SIO-ACK-27).
    pub fn expire(&mut self, now: Instant) -> Option<W> {
        let id = *self
            .waiting
            .iter()
            .find(|(_, (deadline, _))| deadline.is_some_and(|at| now >= at))?
            .0;
        self.answer(id)
    }

    /// Takes every waiter, since the socket is gone.
    pub fn abandon(&mut self) -> impl Iterator<Item = W> + use<W> {
        std::mem::take(&mut self.waiting)
            .into_values()
            .map(|(_, waiter)| waiter)
    }

    /// Number of outstanding requests.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing is outstanding.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_thousand_outstanding_requests_have_a_thousand_ids() {
        let mut acks = Acks::default();
        let ids: std::collections::HashSet<u64> = (0..1000).map(|n| acks.ask(n, None)).collect();
        assert_eq!(ids.len(), 1000);
    }

    #[test]
    fn an_id_completes_its_own_request_and_only_once() {
        let mut acks = Acks::default();
        let (first, second) = (acks.ask("first", None), acks.ask("second", None));
        assert_eq!(acks.answer(second), Some("second"));
        assert_eq!(acks.answer(second), None);
        assert_eq!(acks.answer(first), Some("first"));
        assert_eq!(acks.answer(99_999), None);
    }

    #[test]
    fn a_request_ends_at_its_deadline_and_a_late_answer_finds_nothing() {
        let start = Instant::now();
        let mut acks = Acks::default();
        let id = acks.ask("asked", Some(start + Duration::from_millis(200)));
        assert_eq!(acks.expire(start + Duration::from_millis(199)), None);
        assert_eq!(
            acks.poll_timeout(),
            Some(start + Duration::from_millis(200))
        );
        assert_eq!(
            acks.expire(start + Duration::from_millis(200)),
            Some("asked")
        );
        assert_eq!(acks.answer(id), None);
        assert_eq!(acks.poll_timeout(), None);
    }
}
