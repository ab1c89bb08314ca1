//! The syntax tree of a scenario: what the file says, with every text parsed to its meaning.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use super::reconnect::Reconnect;
use super::source::{Place, Source};
pub use super::verb::*;

/// A scenario as loaded. It becomes one [`Trial`](super::trial::Trial) for each combination of
/// cases, transports and clients.
#[derive(Debug)]
pub struct Scenario {
    /// The path below the corpus without `.yaml`, such as `engine.io/upgrade/probe`.
    pub name: String,
    /// The text that it was read from.
    pub source: Arc<Source>,
    /// One sentence that says what must hold.
    pub title: String,
    /// Ids of the catalogue, all of one level. Empty in a scenario of somebody's own.
    pub requirements: Vec<String>,
    /// The level of its requirements; `None` without requirements.
    pub level: Option<Level>,
    /// Capabilities that the target must declare, such as `rooms`.
    pub needs: Vec<String>,
    /// The knobs that the server must be started with.
    pub config: Config,
    /// Listed clients. They are opened (and on `/socket.io/` connected to `/`) before step 1.
    pub clients: Vec<Client>,
    /// Whether the file has `transports:`, so that the client `A` needs no name in steps.
    pub transports: bool,
    /// Engine.IO path that `open` uses: `/socket.io/` or `/engine.io/`.
    pub path: String,
    /// Needs an instance of the target for itself.
    pub alone: bool,
    /// Played only with `--stress`.
    pub stress: bool,
    /// Pings are the scenario's business: neither answered nor hidden.
    pub manual_heartbeat: bool,
    /// What is left unread at the end does not fail the scenario.
    pub drain: bool,
    /// Why the scenario is as it is.
    pub note: Option<String>,
    /// Earlier names.
    pub aka: Vec<String>,
    /// The labelled variants; exactly one without labels where the file has no `cases:`.
    pub cases: Vec<Case>,
    /// What the trials of each case ask, once [`Scenario::contents`] was asked.
    pub(super) digests: OnceLock<Vec<String>>,
}

/// One combination of the `cases:` matrix, with the steps after its texts were spliced in.
#[derive(Clone, Debug)]
pub struct Case {
    /// Key and label, in the file's order, such as `[("packet", "array")]`.
    pub labels: Vec<(String, String)>,
    /// The steps to play.
    pub steps: Arc<[Step]>,
}

/// How binding a requirement is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum Level {
    /// The protocol's documents demand it, in words or by an example that admits nothing else.
    Must,
    /// They ask for it.
    Should,
    /// They allow it; what is checked is that it is done well where it is done.
    May,
    /// They are silent, and the known servers agree: unlike the others, never a violation.
    DeFacto,
}

impl Level {
    /// The level as the catalogue writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
            Level::May => "MAY",
            Level::DeFacto => "DE-FACTO",
        }
    }
}

/// A client of the scenario, or a group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// `A` in `$A.sid`.
    pub name: String,
    /// Members of the group `W*200`; `None` for a single client.
    pub count: Option<u32>,
    /// The ways it connects; more than one is a matrix of trials.
    pub links: Vec<Link>,
    /// Whether it is opened before step 1; `opened: false` leaves that to a step.
    pub opened: bool,
    /// How it reconnects by itself, if it does.
    pub reconnecting: Option<Arc<Reconnect>>,
}

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// Engine.IO transport.
    pub transport: Transport,
    /// Through the fault proxy.
    pub via_proxy: bool,
}

/// An Engine.IO transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// WebSocket.
    WebSocket,
}

/// The knobs that a scenario names. `None` leaves the slow default of the fixture contract, in
/// which no ping disturbs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Config {
    /// `pingInterval`, default 10 s.
    pub ping_interval: Option<Duration>,
    /// `pingTimeout`, default 10 s.
    pub ping_timeout: Option<Duration>,
    /// `maxPayload` in bytes, default 1,000,000.
    pub max_payload: Option<u64>,
    /// `connectTimeout`, default 10 s.
    pub connect_timeout: Option<Duration>,
    /// `upgradeTimeout`, default 5 s.
    pub upgrade_timeout: Option<Duration>,
    /// `cors`: `*`, origins separated by commas, or empty; default empty.
    pub cors: Option<String>,
    /// `cookie`: its name, or empty; default empty.
    pub cookie: Option<String>,
    /// `recovery`: connection state recovery; default off.
    pub recovery: Option<bool>,
    /// `recoveryWindow`: for how long a lost session can be recovered.
    pub recovery_window: Option<Duration>,
    /// `upgrades`: whether a transport upgrade is offered; default on.
    pub upgrades: Option<bool>,
    /// `initialPacket`: a message sent right after the handshake, on `/engine.io/` only.
    pub initial_packet: Option<String>,
}

/// One line of a scenario: who does what.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it stands; shown when it fails.
    pub place: Place,
    /// Who acts. Without a name for verbs without a subject ([`Verb::has_subject`]).
    pub subject: Subject,
    /// What is done or awaited.
    pub verb: Verb,
    /// `within:`, instead of the default deadline.
    pub within: Option<Duration>,
    /// `not-before:`, counted from the start of the step.
    pub not_before: Option<Duration>,
    /// `ns:`, the namespace of an `emit`, or the one whose next packet an `expect` takes.
    pub ns: Option<String>,
    /// `at: $t`, the name that the arrival time is bound to, in milliseconds since the trial's start.
    pub at: Option<String>,
    /// `note:`, for the reader.
    pub note: Option<String>,
}

/// A client, a member of a group, a whole group; and which layer of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// Name of the client or of the group.
    pub client: String,
    /// `W[3]` names one member, counted from 0; `W` alone is every member at once.
    pub member: Option<u32>,
    /// The layer spoken to.
    pub layer: Layer,
}

/// Which part of a client a step speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// `A`: the client, on whatever transport it has now.
    Client,
    /// `A.ws`: its WebSocket.
    Ws,
    /// `A.poll`: its polling GETs. Naming it takes over polling.
    Poll,
    /// `A.http`: HTTP requests of one's own. Naming it takes over polling.
    Http,
    /// `A.tcp`: a raw TCP connection.
    Tcp,
}
