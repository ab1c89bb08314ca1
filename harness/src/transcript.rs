//! Everything a trial sent and received, raw and timed, in the order in which it happened.
//!
//! Nothing is dropped. Against a peer that floods, memory stays bounded by eliding bytes, never
//! entries that matter: of a long body its beginning is kept, beside its whole length and its
//! SHA-1; when a transcript as a whole grows past its limits, what follows is counted and hashed
//! as one [`Elided`] tail, and only notes are still written out.

use std::fmt::Write as _;
use std::ops::Not;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha1::{Digest, Sha1};

/// Bytes of one entry that are kept; longer ones are elided behind this many.
pub const ENTRY_LIMIT: usize = 32 * 1024;
/// Bytes of one entry that are kept once a transcript holds [`TOTAL_LIMIT`].
pub const ENTRY_LIMIT_WHEN_FULL: usize = 256;
/// Bytes that a transcript keeps before it keeps only the heads of its entries.
pub const TOTAL_LIMIT: usize = 4 * 1024 * 1024;
/// Wire entries that a transcript holds; later ones are counted and hashed in [`Elided`].
pub const ENTRIES_LIMIT: usize = 20_000;

/// What happened in one trial.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, PartialEq)]
pub struct Transcript {
    /// Wall clock at the start of the trial, in microseconds since the Unix epoch.
    pub started: u64,
    /// The entries, in order of time.
    pub entries: Vec<Entry>,
    /// Wire entries beyond [`ENTRIES_LIMIT`], if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elided: Option<Elided>,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, PartialEq)]
pub struct Entry {
    /// Microseconds since the trial's start, from a monotonic clock.
    pub at: u64,
    /// The client that it happened to; `None` for the trial as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Arc<str>>,
    /// Which of the client's connections: `ws`, `get 3`, `post 1`, `tcp`; empty for none.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub lane: Arc<str>,
    /// The layer that the bytes belong to.
    pub layer: Layer,
    /// Whether the harness sent or received it.
    #[serde(default, skip_serializing_if = "Direction::is_none")]
    pub direction: Direction,
    /// The bytes as they were on the wire at this layer; empty for a note.
    #[serde(default, skip_serializing_if = "Raw::is_empty")]
    pub raw: Raw,
    /// What the harness read into it, outermost layer first: `text frame`, `message`, `EVENT /`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<String>,
    /// The step that awaited it and judged it, as a failure names it: `4.2`. What came unasked, or what only the setup
    /// looked at, has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<Arc<str>>,
    /// Whether it was something else than that step expected.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub unlike: bool,
}

/// The layers of the wire, and what the harness itself has to say.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema, PartialEq, Eq, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// A TCP connection made, ended, or bytes on it.
    Tcp,
    /// An HTTP request or answer: its head, an empty line, its body.
    Http,
    /// The payload of one WebSocket frame.
    Frame,
    /// One Engine.IO packet.
    Engine,
    /// One Socket.IO packet.
    Socket,
    /// A remark: a step begins, a decision of the client, a verdict.
    Note,
    /// A wait that ended without what was waited for.
    Deadline,
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema, PartialEq, Eq, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Neither: a note.
    #[default]
    None,
    /// The harness sent it.
    Sent,
    /// The server sent it.
    Received,
}

impl Direction {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// Bytes of the wire, whole or elided. In JSON: `{"text": …}` if they are UTF-8, else
/// `{"hex": …}`, with `length` (all bytes) and `sha1` (of all bytes) where some were elided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// The bytes kept: all of them, or the first ones.
    pub head: Vec<u8>,
    /// What was left out, if anything was.
    pub elided: Option<Elided>,
}

/// Bytes that a transcript states without holding them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, PartialEq, Eq)]
pub struct Elided {
    /// How many bytes there were in all, the kept ones included.
    pub length: u64,
    /// SHA-1 over all of them, in hex.
    pub sha1: String,
    /// How many entries they would have been; 1 for the bytes of a single entry.
    pub entries: u64,
}

impl Raw {
    /// The bytes, of which at most `limit` are kept.
    pub fn new(bytes: &[u8], limit: usize) -> Self {
        if bytes.len() <= limit {
            return Self {
                head: bytes.to_vec(),
                elided: None,
            };
        }
        // A cut inside a UTF-8 sequence would turn a text into hex.
        let mut cut = limit;
        while cut > limit.saturating_sub(3) && bytes[cut] & 0xC0 == 0x80 {
            cut -= 1;
        }
        Self {
            head: bytes[..cut].to_vec(),
            elided: Some(Elided {
                length: bytes.len() as u64,
                sha1: hex(&Sha1::digest(bytes)),
                entries: 1,
            }),
        }
    }

    /// Whether there were no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.elided.is_none()
    }

    /// How many bytes there were on the wire.
    pub fn length(&self) -> u64 {
        self.elided
            .as_ref()
            .map_or(self.head.len() as u64, |elided| elided.length)
    }

    /// The kept bytes as text, if they are UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.head).ok()
    }
}

/// Bytes of the wire: `text` if they are UTF-8, else `hex`; `length` and `sha1` of all of them where only the first are
/// kept.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Raw")]
struct RawForm {
    /// The bytes, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The bytes, as pairs of hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    /// How many bytes there were, if these are not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    /// SHA-1 over all of them, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha1: Option<String>,
}

impl JsonSchema for Raw {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        RawForm::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        RawForm::json_schema(generator)
    }
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text().map(str::to_owned);
        RawForm {
            hex: text.is_none().then(|| hex(&self.head)),
            text,
            length: self.elided.as_ref().map(|elided| elided.length),
            sha1: self.elided.as_ref().map(|elided| elided.sha1.clone()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = RawForm::deserialize(deserializer)?;
        let head = match (form.text, form.hex) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(digits)) => unhex(&digits)
                .ok_or_else(|| serde::de::Error::custom("`hex` is not pairs of hex digits"))?,
            (None, None) => Vec::new(),
        };
        let elided = form.length.map(|length| Elided {
            length,
            sha1: form.sha1.unwrap_or_default(),
            entries: 1,
        });
        Ok(Self { head, elided })
    }
}

/// The handle through which every task of a trial writes its transcript. Clones share it.
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<Inner>,
}

struct Inner {
    start: Instant,
    state: Mutex<State>,
}

struct State {
    transcript: Transcript,
    kept: usize,
    tail: Option<(Sha1, u64, u64)>,
}

impl Recorder {
    /// A transcript that starts now.
    pub fn start() -> Self {
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            inner: Arc::new(Inner {
                start: Instant::now(),
                state: Mutex::new(State {
                    transcript: Transcript {
                        started: micros(started),
                        entries: Vec::new(),
                        elided: None,
                    },
                    kept: 0,
                    tail: None,
                }),
            }),
        }
    }

    /// Time since the trial's start.
    pub fn now(&self) -> Duration {
        self.inner.start.elapsed()
    }

    /// The time since the trial's start at which `instant` was.
    pub fn at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.inner.start)
    }

    /// Bytes that went over the wire now. `annotations` say what they were read as. Returns the place of their entry,
    /// where they have one of their own.
    pub fn wire(
        &self,
        lane: &Lane,
        layer: Layer,
        direction: Direction,
        bytes: &[u8],
        annotations: Vec<String>,
    ) -> Option<usize> {
        let at = micros(self.now());
        let mut state = self.state();
        if state.transcript.entries.len() >= ENTRIES_LIMIT {
            let (hash, length, entries) = state.tail.get_or_insert_with(|| (Sha1::new(), 0, 0));
            hash.update(bytes);
            *length += bytes.len() as u64;
            *entries += 1;
            return None;
        }
        let limit = if state.kept >= TOTAL_LIMIT {
            ENTRY_LIMIT_WHEN_FULL
        } else {
            ENTRY_LIMIT
        };
        let raw = Raw::new(bytes, limit);
        state.kept += raw.head.len();
        state.transcript.entries.push(Entry {
            at,
            client: lane.client.clone(),
            lane: lane.name.clone(),
            layer,
            direction,
            raw,
            annotations,
            taken_by: None,
            unlike: false,
        });
        Some(state.transcript.entries.len() - 1)
    }

    /// A step has judged what that entry holds.
    pub fn taken(&self, entry: usize, step: &Arc<str>) {
        if let Some(entry) = self.state().transcript.entries.get_mut(entry) {
            entry.taken_by = Some(Arc::clone(step));
        }
    }

    /// A step has judged what came last on that connection.
    pub fn taken_last(&self, lane: &Lane, step: &Arc<str>) {
        let mut state = self.state();
        let last = state.transcript.entries.iter_mut().rfind(|entry| {
            entry.direction == Direction::Received
                && entry.client == lane.client
                && entry.lane == lane.name
        });
        if let Some(entry) = last {
            entry.taken_by = Some(Arc::clone(step));
        }
    }

    /// What a step has judged last of a client was something else than it expected.
    pub fn unlike(&self, client: &str, step: &Arc<str>) {
        let mut state = self.state();
        let last = state.transcript.entries.iter_mut().rfind(|entry| {
            entry.client.as_deref() == Some(client) && entry.taken_by.as_ref() == Some(step)
        });
        if let Some(entry) = last {
            entry.unlike = true;
        }
    }

    /// A remark of the harness about a client, or about the trial.
    pub fn note(&self, lane: &Lane, text: impl Into<String>) {
        self.remark(lane, Layer::Note, text.into());
    }

    /// A wait ended without what was waited for.
    pub fn deadline(&self, lane: &Lane, text: impl Into<String>) {
        self.remark(lane, Layer::Deadline, text.into());
    }

    fn remark(&self, lane: &Lane, layer: Layer, text: String) {
        let at = micros(self.now());
        self.state().transcript.entries.push(Entry {
            at,
            client: lane.client.clone(),
            lane: lane.name.clone(),
            layer,
            direction: Direction::None,
            raw: Raw::default(),
            annotations: vec![text],
            taken_by: None,
            unlike: false,
        });
    }

    /// What was recorded so far.
    pub fn transcript(&self) -> Transcript {
        let state = self.state();
        let mut transcript = state.transcript.clone();
        transcript.elided = state.tail.as_ref().map(|(hash, length, entries)| Elided {
            length: *length,
            sha1: hex(&hash.clone().finalize()),
            entries: *entries,
        });
        transcript
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // A task that panicked while it wrote leaves at worst one entry unwritten.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose bytes they are: a client, and one of its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// The client; `None` for the trial as a whole.
    pub client: Option<Arc<str>>,
    /// The connection; empty for the client as a whole.
    pub name: Arc<str>,
}

impl Lane {
    /// The trial as a whole.
    pub fn trial() -> Self {
        Self::default()
    }

    /// The client as a whole.
    pub fn client(client: &str) -> Self {
        Self {
            client: Some(client.into()),
            name: "".into(),
        }
    }

    /// One connection of the same client.
    pub fn of(&self, name: impl Into<Arc<str>>) -> Self {
        Self {
            client: self.client.clone(),
            name: name.into(),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_json_as_text_or_as_hex() {
        for bytes in [&b"4hello"[..], b"\xff\x00", "4€".as_bytes(), b""] {
            let raw = Raw::new(bytes, ENTRY_LIMIT);
            let json = serde_json::to_string(&raw).unwrap();
            assert_eq!(serde_json::from_str::<Raw>(&json).unwrap(), raw, "{json}");
        }
    }

    #[test]
    fn a_long_body_keeps_its_beginning_its_length_and_its_hash() {
        let raw = Raw::new(&[b'a'; 100], 10);
        assert_eq!(raw.head, [b'a'; 10]);
        assert_eq!(raw.length(), 100);
        let json = serde_json::to_string(&raw).unwrap();
        assert!(
            json.contains("\"sha1\":\"7f9000257a4918d7072655ea468540cdcbd42e0c\""),
            "{json}"
        );
    }

    #[test]
    fn a_cut_spares_the_character_that_it_falls_into() {
        assert_eq!(Raw::new("a€€".as_bytes(), 5).text(), Some("a€"));
    }

    #[test]
    fn a_flood_is_counted_and_hashed_and_notes_are_still_written() {
        let recorder = Recorder::start();
        let lane = Lane::client("A").of("ws");
        for _ in 0..ENTRIES_LIMIT + 7 {
            recorder.wire(&lane, Layer::Frame, Direction::Received, b"4x", Vec::new());
        }
        recorder.note(&lane, "flood");
        let transcript = recorder.transcript();
        assert_eq!(transcript.entries.len(), ENTRIES_LIMIT + 1);
        let elided = transcript.elided.unwrap();
        assert_eq!((elided.entries, elided.length), (7, 14));
    }

    #[test]
    fn many_large_bodies_stay_within_the_limit_of_the_whole() {
        let recorder = Recorder::start();
        let body = vec![b'x'; ENTRY_LIMIT * 2];
        for _ in 0..1000 {
            recorder.wire(
                &Lane::trial(),
                Layer::Http,
                Direction::Received,
                &body,
                vec![],
            );
        }
        let kept: usize = recorder
            .transcript()
            .entries
            .iter()
            .map(|entry| entry.raw.head.len())
            .sum();
        assert!(kept <= TOTAL_LIMIT + ENTRY_LIMIT + 1000 * ENTRY_LIMIT_WHEN_FULL);
    }
}
