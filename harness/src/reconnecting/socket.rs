//! What a reconnecting client does with its events: buffers, acknowledgements, retries, recovery.
//!
//! Pure: packets and `now` come in, packets to write and decisions come out. It behaves as the
//! official client's `Socket` does, one namespace each.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// How a socket treats its events.
#[derive(Debug, Clone, Default)]
pub struct SocketOptions {
    /// The payload of CONNECT.
    pub auth: Option<Map<String, Value>>,
    /// How long an acknowledgement may take before the event counts as failed.
    pub ack_timeout: Option<Duration>,
    /// How often an event is sent again when its acknowledgement does not come; with it, one event
    /// is in flight at a time.
    pub retries: Option<u32>,
}

/// An event to be emitted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Emit {
    /// The event's name and arguments, a JSON array.
    pub args: Vec<Value>,
    /// Whether it may be dropped while the transport cannot take it.
    pub volatile: bool,
    /// A label under which its acknowledgement is reported; none where none is wanted.
    pub ack: Option<String>,
    /// Its own timeout instead of the socket's.
    pub timeout: Option<Duration>,
}

/// What the socket wants done, or tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Write this Socket.IO packet.
    Write(String),
    /// A decision, for the transcript.
    Note(String),
    /// An event arrived and was handed over.
    Event(Vec<Value>),
    /// The acknowledgement of a labelled event arrived, or failed with this error.
    Acked(String, Result<Vec<Value>, &'static str>),
    /// The namespace is connected.
    Connected {
        /// The socket's id.
        sid: String,
        /// Whether the session was recovered.
        recovered: bool,
    },
    /// The namespace refused; the client will not try again by itself.
    Refused(Value),
    /// The namespace is disconnected, and why.
    Disconnected(&'static str),
    /// The server disconnected this namespace: no reconnection follows.
    Destroyed,
}

/// What was sent and waits for its acknowledgement.
#[derive(Debug)]
struct Waiting {
    label: Option<String>,
    deadline: Option<Instant>,
    queued: bool,
}

#[derive(Debug)]
struct Buffered {
    id: Option<u64>,
    args: Vec<Value>,
}

#[derive(Debug)]
struct Queued {
    emit: Emit,
    tries: u32,
    pending: bool,
}

/// One namespace of a reconnecting client.
#[derive(Debug)]
pub struct Socket {
    namespace: String,
    options: SocketOptions,
    connected: bool,
    pid: Option<String>,
    offset: Option<String>,
    next_id: u64,
    acks: BTreeMap<u64, Waiting>,
    buffer: Vec<Buffered>,
    received: Vec<Vec<Value>>,
    queue: VecDeque<Queued>,
}

const TIMED_OUT: &str = "operation has timed out";
const DISCONNECTED: &str = "socket has been disconnected";

impl Socket {
    /// A socket that is not connected yet.
    #[must_use]
    pub fn new(namespace: &str, options: SocketOptions) -> Self {
        Self {
            namespace: namespace.to_owned(),
            options,
            connected: false,
            pid: None,
            offset: None,
            next_id: 0,
            acks: BTreeMap::new(),
            buffer: Vec::new(),
            received: Vec::new(),
            queue: VecDeque::new(),
        }
    }

    /// Whether CONNECT was answered on the present connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// The transport is open: CONNECT goes out, with `pid` and `offset` where a session may be recovered.
    pub fn opened(&self) -> Vec<Step> {
        let mut payload = Map::new();
        if let Some(pid) = &self.pid {
            payload.insert("pid".to_owned(), json!(pid));
            if let Some(offset) = &self.offset {
                payload.insert("offset".to_owned(), json!(offset));
            }
        }
        payload.extend(self.options.auth.clone().unwrap_or_default());
        let data = match payload.is_empty() && self.options.auth.is_none() {
            true => String::new(),
            false => Value::Object(payload).to_string(),
        };
        vec![Step::Write(self.packet('0', None, &data))]
    }

    /// Emits an event, or buffers, queues or drops it. `writable` is whether the transport can take
    /// a packet just now.
    pub fn emit(&mut self, emit: Emit, writable: bool, now: Instant) -> Vec<Step> {
        if self.options.retries.is_some() && !emit.volatile {
            self.queue.push_back(Queued {
                emit,
                tries: 0,
                pending: false,
            });
            return self.drain(false, now);
        }
        self.dispatch(emit, false, writable, now)
    }

    /// The namespace's CONNECT was answered: buffered events go out in order, then the queue goes on.
    pub fn connected(&mut self, sid: &str, pid: Option<&str>, now: Instant) -> Vec<Step> {
        let recovered = pid.is_some() && self.pid.as_deref() == pid;
        self.pid = pid.map(str::to_owned);
        self.connected = true;
        let mut steps: Vec<_> = Vec::new();
        for args in std::mem::take(&mut self.received) {
            steps.push(self.hand_over(args));
        }
        let buffered = std::mem::take(&mut self.buffer);
        if !buffered.is_empty() {
            steps.push(Step::Note(format!(
                "{} buffered event(s) are sent",
                buffered.len()
            )));
        }
        steps.extend(
            buffered
                .into_iter()
                .map(|b| Step::Write(self.event(b.id, &b.args))),
        );
        steps.extend(self.drain(true, now));
        steps.push(Step::Connected {
            sid: sid.to_owned(),
            recovered,
        });
        steps
    }

    /// The namespace refused.
    pub fn refused(&mut self, payload: Value) -> Vec<Step> {
        vec![Step::Refused(payload), Step::Destroyed]
    }

    /// The server's DISCONNECT.
    pub fn dismissed(&mut self, now: Instant) -> Vec<Step> {
        let mut steps = vec![Step::Destroyed];
        steps.extend(self.closed("io server disconnect", now));
        steps
    }

    /// An event of the server; `id` where it wants an acknowledgement, which the script gives.
    pub fn event_received(&mut self, args: Vec<Value>) -> Vec<Step> {
        if !self.connected {
            self.received.push(args);
            return Vec::new();
        }
        vec![self.hand_over(args)]
    }

    /// An acknowledgement of the server.
    pub fn ack_received(&mut self, id: u64, args: Vec<Value>, now: Instant) -> Vec<Step> {
        match self.acks.remove(&id) {
            None => vec![Step::Note(format!(
                "acknowledgement {id} is unknown and ignored"
            ))],
            Some(waiting) => self.settle(&waiting, Ok(args), now),
        }
    }

    /// The connection is gone: acknowledgements of what was sent fail, what is buffered stays.
    pub fn closed(&mut self, reason: &'static str, now: Instant) -> Vec<Step> {
        if !self.connected {
            return Vec::new();
        }
        self.connected = false;
        let mut steps = vec![Step::Disconnected(reason)];
        let buffered: Vec<u64> = self.buffer.iter().filter_map(|b| b.id).collect();
        let sent: Vec<u64> = self
            .acks
            .keys()
            .filter(|id| !buffered.contains(id))
            .copied()
            .collect();
        for waiting in sent
            .into_iter()
            .filter_map(|id| self.acks.remove(&id))
            .collect::<Vec<_>>()
        {
            // An acknowledgement without a timeout takes no error: the official client forgets it silently.
            if waiting.deadline.is_some() {
                steps.extend(self.settle(&waiting, Err(DISCONNECTED), now));
            }
        }
        steps
    }

    /// When `timeout` wants to be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.acks.values().filter_map(|w| w.deadline).min()
    }

    /// Time has passed: acknowledgements that are overdue fail.
    pub fn timeout(&mut self, now: Instant) -> Vec<Step> {
        let due = |w: &Waiting| w.deadline.is_some_and(|at| at <= now);
        let late: Vec<u64> = self
            .acks
            .iter()
            .filter(|(_, w)| due(w))
            .map(|(id, _)| *id)
            .collect();
        let mut steps = Vec::new();
        for id in late {
            self.buffer.retain(|b| b.id != Some(id));
            if let Some(waiting) = self.acks.remove(&id) {
                steps.extend(self.settle(&waiting, Err(TIMED_OUT), now));
            }
        }
        steps
    }

    fn dispatch(&mut self, emit: Emit, queued: bool, writable: bool, now: Instant) -> Vec<Step> {
        let timeout = emit.timeout.or(self.options.ack_timeout);
        let wants_ack = emit.ack.is_some() || queued;
        let id = wants_ack.then(|| {
            let id = self.next_id;
            self.next_id += 1;
            self.acks.insert(
                id,
                Waiting {
                    label: emit.ack,
                    deadline: timeout.map(|t| now + t),
                    queued,
                },
            );
            id
        });
        if emit.volatile && !writable {
            return vec![Step::Note(
                "volatile event dropped: the transport cannot take it".to_owned(),
            )];
        }
        if self.connected {
            return vec![Step::Write(self.event(id, &emit.args))];
        }
        self.buffer.push(Buffered {
            id,
            args: emit.args,
        });
        vec![Step::Note("event buffered until connected".to_owned())]
    }

    /// Sends the head of the queue, if nothing is in flight; `force` sends it again after a reconnection.
    fn drain(&mut self, force: bool, now: Instant) -> Vec<Step> {
        if !self.connected {
            return Vec::new();
        }
        let Some(head) = self.queue.front_mut() else {
            return Vec::new();
        };
        if head.pending && !force {
            return Vec::new();
        }
        head.pending = true;
        head.tries += 1;
        let emit = head.emit.clone();
        let mut steps = vec![Step::Note(format!(
            "try {} of the event at the head of the queue",
            head.tries
        ))];
        steps.extend(self.dispatch(emit, true, true, now));
        steps
    }

    fn settle(
        &mut self,
        waiting: &Waiting,
        answer: Result<Vec<Value>, &'static str>,
        now: Instant,
    ) -> Vec<Step> {
        let told = |answer| {
            waiting
                .label
                .iter()
                .map(move |label| Step::Acked(label.clone(), Clone::clone(&answer)))
                .collect::<Vec<_>>()
        };
        if !waiting.queued {
            return told(answer);
        }
        let Some(head) = self.queue.front_mut() else {
            return Vec::new();
        };
        head.pending = false;
        let given_up = answer.is_err() && head.tries > self.options.retries.unwrap_or(0);
        let mut steps = Vec::new();
        if answer.is_ok() || given_up {
            if given_up {
                steps.push(Step::Note(format!(
                    "event discarded after {} tries",
                    head.tries
                )));
            }
            self.queue.pop_front();
            steps.extend(told(answer));
        }
        steps.extend(self.drain(false, now));
        steps
    }

    /// Recovery's offset is the last argument of each event, where the session has a `pid`.
    fn hand_over(&mut self, args: Vec<Value>) -> Step {
        if self.pid.is_some()
            && let Some(Value::String(offset)) = args.last()
        {
            self.offset = Some(offset.clone());
        }
        Step::Event(args)
    }

    fn event(&self, id: Option<u64>, args: &[Value]) -> String {
        self.packet('2', id, &Value::Array(args.to_vec()).to_string())
    }

    fn packet(&self, kind: char, id: Option<u64>, data: &str) -> String {
        let namespace = match self.namespace.as_str() {
            "/" => String::new(),
            other => format!("{other},"),
        };
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        format!("{kind}{namespace}{id}{data}")
    }
}

#[cfg(test)]
mod tests;
