//! What arrived and was not looked at yet: one queue a connection, in wire order, from the first
//! byte on.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::packet::{Control, control};
use crate::judge::{Ending, Received};

/// Packets that may wait unread; a server that sends more before anyone asks is flooding.
const PACKETS_LIMIT: usize = 100_000;
/// Bytes that may wait unread.
const BYTES_LIMIT: usize = 32 * 1024 * 1024;

/// Something that came, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// Time since the trial's start.
    pub at: Duration,
    /// What it was.
    pub what: What,
    /// The entry of the transcript that holds it.
    pub entry: Option<usize>,
}

/// The things that can arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// An Engine.IO packet, or what stands in its place.
    Packet(Received),
    /// A WebSocket ping or pong frame: its opcode, 9 or 10, and its payload.
    Control(u8, Bytes),
    /// The connection ended.
    Ended(Ending),
    /// The server broke a rule below Engine.IO, so that nothing more can be read: words for the
    /// verdict.
    Broken(String),
}

/// The queue of one connection. Clones share it.
#[derive(Clone)]
pub struct Arrivals {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arrival>,
    bytes: usize,
    ended: bool,
    namespaces: BTreeSet<String>,
    parted: bool,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self {
            inner: Arc::new(Inner {
                state: Mutex::new(State::default()),
                changed: Notify::new(),
            }),
        }
    }
}

impl Arrivals {
    /// Puts something at the end. `false` tells the one who reads the connection to stop: the
    /// server floods, and the queue holds that as its last word.
    pub fn push(&self, at: Duration, what: What) -> bool {
        self.push_entry(at, what, None)
    }

    /// The same, for something that the transcript holds in this entry.
    pub fn push_entry(&self, at: Duration, what: What, entry: Option<usize>) -> bool {
        let mut state = self.state();
        if state.queue.len() >= PACKETS_LIMIT || state.bytes >= BYTES_LIMIT {
            if !state.ended {
                state.ended = true;
                let text = format!(
                    "flood: {} packets, {} bytes wait unread",
                    state.queue.len(),
                    state.bytes
                );
                let what = What::Broken(text);
                state.queue.push_back(Arrival {
                    at,
                    what,
                    entry: None,
                });
            }
            drop(state);
            self.inner.changed.notify_waiters();
            return false;
        }
        match &what {
            What::Packet(packet) => match control(packet) {
                Some(Control::Connected(ns)) => {
                    state.namespaces.insert(ns.to_owned());
                }
                Some(Control::Disconnected(ns)) => {
                    state.namespaces.remove(ns);
                    state.parted = true;
                }
                None => {}
            },
            What::Control(..) => {}
            What::Ended(_) | What::Broken(_) => state.ended = true,
        }
        state.bytes += what.size();
        state.queue.push_back(Arrival { at, what, entry });
        drop(state);
        self.inner.changed.notify_waiters();
        true
    }

    /// Takes the first arrival, waiting for one until the deadline.
    pub async fn next(&self, deadline: Instant) -> Option<Arrival> {
        self.wait(deadline, |state| {
            let arrival = state.queue.pop_front()?;
            state.bytes -= arrival.what.size();
            Some(arrival)
        })
        .await
    }

    /// Takes what `choose` points at, a place and a count, wherever it stands. `choose` sees the
    /// whole queue, is asked again after every arrival, and answers `Err` to give up.
    pub async fn take<E>(
        &self,
        deadline: Instant,
        mut choose: impl FnMut(&VecDeque<Arrival>) -> Result<Option<(usize, usize)>, E>,
    ) -> Result<Option<Vec<Arrival>>, E> {
        self.wait(deadline, |state| match choose(&state.queue) {
            Err(error) => Some(Err(error)),
            Ok(None) => None,
            Ok(Some((first, count))) => {
                let taken: Vec<Arrival> = state.queue.drain(first..first + count).collect();
                state.bytes -= taken.iter().map(|a| a.what.size()).sum::<usize>();
                Some(Ok(taken))
            }
        })
        .await
        .transpose()
    }

    /// Looks at the whole queue, after every arrival again, until `glance` has seen enough.
    pub async fn look<T>(
        &self,
        deadline: Instant,
        mut glance: impl FnMut(&VecDeque<Arrival>) -> Option<T>,
    ) -> Option<T> {
        self.wait(deadline, |state| glance(&state.queue)).await
    }

    /// Puts arrivals back at the front.
    pub fn put_back(&self, arrivals: Vec<Arrival>) {
        let mut state = self.state();
        for arrival in arrivals.into_iter().rev() {
            state.bytes += arrival.what.size();
            state.queue.push_front(arrival);
        }
        drop(state);
        self.inner.changed.notify_waiters();
    }

    /// A copy of what waits now.
    pub fn waiting(&self) -> Vec<Arrival> {
        self.state().queue.iter().cloned().collect()
    }

    /// Empties the queue.
    pub fn clear(&self) {
        let mut state = self.state();
        state.queue.clear();
        state.bytes = 0;
    }

    /// Whether the end of the connection has arrived, read or unread.
    pub fn ended(&self) -> bool {
        self.state().ended
    }

    /// The namespaces that the server has accepted and not ended.
    pub fn namespaces(&self) -> Vec<String> {
        self.state().namespaces.iter().cloned().collect()
    }

    /// Whether the server or the client has parted from a namespace, and none is left.
    pub fn parted(&self) -> bool {
        let state = self.state();
        state.parted && state.namespaces.is_empty()
    }

    /// The client has left a namespace by its own packet.
    pub fn left(&self, ns: &str) {
        let mut state = self.state();
        state.parted |= state.namespaces.remove(ns);
    }

    /// Drops the unread noops: each ended a GET for the sake of an upgrade and carries nothing.
    pub fn forget_noops(&self) {
        let noop = |what: &What| matches!(what, What::Packet(Received::Text(text)) if text == "6");
        let mut state = self.state();
        state.queue.retain(|arrival| !noop(&arrival.what));
        state.bytes = state.queue.iter().map(|arrival| arrival.what.size()).sum();
    }

    /// Takes the place of another queue: its unread arrivals come first, its namespaces go on.
    pub fn succeed(&self, other: &Self) {
        let (queue, namespaces, parted) = {
            let mut other = other.state();
            other.bytes = 0;
            (
                std::mem::take(&mut other.queue),
                other.namespaces.clone(),
                other.parted,
            )
        };
        {
            let mut state = self.state();
            state.namespaces.extend(namespaces);
            state.parted |= parted;
        }
        self.put_back(queue.into());
    }

    async fn wait<T>(
        &self,
        deadline: Instant,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        loop {
            let changed = self.inner.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that nothing can arrive between the two unseen.
            changed.as_mut().enable();
            if let Some(found) = ready(&mut self.state()) {
                return Some(found);
            }
            if tokio::time::timeout_at(deadline.into(), changed)
                .await
                .is_err()
            {
                // What came in the very moment of the deadline has come in time.
                return ready(&mut self.state());
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl What {
    fn size(&self) -> usize {
        match self {
            Self::Packet(Received::Text(text)) => text.len(),
            Self::Packet(Received::Binary(bytes)) | Self::Control(_, bytes) => bytes.len(),
            Self::Ended(_) | Self::Broken(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> What {
        What::Packet(Received::Text(text.to_owned()))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn arrivals_are_taken_in_order_or_from_the_middle() {
        let arrivals = Arrivals::default();
        for packet in ["4a", "4b", "4c"] {
            assert!(arrivals.push(Duration::ZERO, text(packet)));
        }
        let taken = arrivals
            .take(soon(), |queue| {
                Ok::<_, ()>(
                    queue
                        .iter()
                        .position(|a| a.what == text("4b"))
                        .map(|at| (at, 1)),
                )
            })
            .await;
        assert_eq!(taken.unwrap().unwrap()[0].what, text("4b"));
        assert_eq!(arrivals.next(soon()).await.unwrap().what, text("4a"));
        assert_eq!(arrivals.next(soon()).await.unwrap().what, text("4c"));
        assert_eq!(arrivals.next(Instant::now()).await, None);
    }

    #[tokio::test]
    async fn a_waiter_wakes_when_something_arrives() {
        let arrivals = Arrivals::default();
        let waiting = tokio::spawn({
            let arrivals = arrivals.clone();
            async move { arrivals.next(soon()).await }
        });
        tokio::task::yield_now().await;
        arrivals.push(Duration::ZERO, text("4late"));
        assert_eq!(waiting.await.unwrap().unwrap().what, text("4late"));
    }

    #[tokio::test]
    async fn a_flood_ends_in_a_word_and_stops_the_reader() {
        let arrivals = Arrivals::default();
        let mut pushed = 0;
        while arrivals.push(Duration::ZERO, text("4x")) {
            pushed += 1;
        }
        assert_eq!(pushed, PACKETS_LIMIT);
        assert!(!arrivals.push(Duration::ZERO, text("4x")));
        assert!(arrivals.ended());
        let last = arrivals.waiting().pop().unwrap().what;
        assert!(matches!(last, What::Broken(why) if why.starts_with("flood: 100000 packets")));
    }

    #[tokio::test]
    async fn connected_namespaces_are_known_without_reading_the_queue() {
        let arrivals = Arrivals::default();
        arrivals.push(Duration::ZERO, text("40{\"sid\":\"x\"}"));
        arrivals.push(Duration::ZERO, text("40/custom,{\"sid\":\"y\"}"));
        assert_eq!(arrivals.namespaces(), ["/", "/custom"]);
        arrivals.push(Duration::ZERO, text("41/custom,"));
        assert!(!arrivals.parted());
        arrivals.left("/");
        assert!(arrivals.parted());
    }
}
