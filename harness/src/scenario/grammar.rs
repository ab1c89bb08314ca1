//! The words of the language: verbs with their layers, modifiers, header keys, knobs, capabilities.

use super::model::Layer;

/// What is said about one verb, apart from what it does.
pub struct Grammar {
    /// The verb as written behind the subject.
    pub name: &'static str,
    /// The layers that can do it; empty for a verb without a subject (a `check` can have one).
    pub layers: &'static [Layer],
    /// Modifiers that may stand beside it, `note` apart.
    pub modifiers: &'static [&'static str],
}

use Layer::{Client, Http, Poll, Tcp, Ws};

const WAITS: &[&str] = &["within", "at"];
const OBSERVES: &[&str] = &["within", "not-before", "at"];
const PACKETS: &[&str] = &["within", "not-before", "at", "ns"];
const ACTS: &[&str] = &["at"];

/// Every verb, in the order in which the reference tells of them.
#[rustfmt::skip]
pub const VERBS: [Grammar; 29] = [
    Grammar { name: "open", layers: &[Client, Ws], modifiers: &["within", "at", "refused"] },
    Grammar { name: "connect", layers: &[Client, Ws], modifiers: WAITS },
    Grammar { name: "send", layers: &[Client, Ws], modifiers: ACTS },
    Grammar { name: "emit", layers: &[Client, Ws], modifiers: &["within", "at", "ns", "ack", "volatile", "timeout"] },
    Grammar { name: "expect", layers: &[Client, Ws, Tcp], modifiers: PACKETS },
    Grammar { name: "expect.any-order", layers: &[Client, Ws], modifiers: PACKETS },
    Grammar { name: "expect.raw", layers: &[Client, Ws], modifiers: PACKETS },
    Grammar { name: "nothing", layers: &[Client, Ws], modifiers: WAITS },
    Grammar { name: "silence", layers: &[Client, Ws, Tcp], modifiers: &[] },
    Grammar { name: "alive", layers: &[Client, Ws], modifiers: WAITS },
    Grammar { name: "dead", layers: &[Client, Ws, Tcp], modifiers: &["not-before", "at"] },
    Grammar { name: "close", layers: &[Client, Ws, Tcp], modifiers: ACTS },
    Grammar { name: "closed", layers: &[Client, Ws, Tcp], modifiers: OBSERVES },
    Grammar { name: "drop", layers: &[Client, Ws, Tcp], modifiers: ACTS },
    Grammar { name: "http", layers: &[Http], modifiers: ACTS },
    Grammar { name: "http.expect", layers: &[Http, Tcp], modifiers: OBSERVES },
    Grammar { name: "poll", layers: &[Poll], modifiers: WAITS },
    Grammar { name: "poll.expect", layers: &[Poll], modifiers: OBSERVES },
    Grammar { name: "frame", layers: &[Ws], modifiers: ACTS },
    Grammar { name: "frame.expect", layers: &[Ws], modifiers: OBSERVES },
    Grammar { name: "bytes", layers: &[Tcp], modifiers: ACTS },
    Grammar { name: "network", layers: &[Client], modifiers: ACTS },
    Grammar { name: "target", layers: &[], modifiers: &["within"] },
    Grammar { name: "target.exit", layers: &[], modifiers: &["within"] },
    Grammar { name: "check", layers: &[], modifiers: &[] },
    Grammar { name: "wait", layers: &[], modifiers: &[] },
    Grammar { name: "repeat", layers: &[], modifiers: &[] },
    Grammar { name: "together", layers: &[], modifiers: &[] },
    Grammar { name: "either", layers: &[], modifiers: &[] },
];

/// Keys that may stand beside a verb.
pub const MODIFIERS: [&str; 9] = [
    "within",
    "not-before",
    "at",
    "ns",
    "ack",
    "refused",
    "note",
    "volatile",
    "timeout",
];

/// Keys of the header, in the order in which files have them.
pub const HEADER: [&str; 15] = [
    "title",
    "requirement",
    "needs",
    "config",
    "path",
    "transports",
    "clients",
    "cases",
    "alone",
    "stress",
    "heartbeat",
    "drain",
    "note",
    "aka",
    "steps",
];

/// Knobs of the fixture contract, by which a scenario asks for a server.
pub const KNOBS: [&str; 11] = [
    "pingInterval",
    "pingTimeout",
    "maxPayload",
    "connectTimeout",
    "upgradeTimeout",
    "cors",
    "cookie",
    "recovery",
    "recoveryWindow",
    "upgrades",
    "initialPacket",
];

/// Capabilities of the fixture contract.
pub const CAPABILITIES: [&str; 15] = [
    "engine-echo",
    "rooms",
    "call",
    "call-many",
    "volatile",
    "recovery",
    "dynamic",
    "middleware-data",
    "concurrent",
    "double-ack",
    "disconnect-close",
    "kick-room",
    "deny",
    "cookie",
    "cors",
];

/// The grammar of a verb.
#[must_use]
pub fn verb(name: &str) -> Option<&'static Grammar> {
    VERBS.iter().find(|verb| verb.name == name)
}

impl Layer {
    /// The word behind the client's name; empty for the client itself.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Client => "",
            Ws => "ws",
            Poll => "poll",
            Http => "http",
            Tcp => "tcp",
        }
    }
}

/// How a verb is written behind a client's name: `ws.frame`, `http.expect`, `expect`.
#[must_use]
pub fn written(verb: &Grammar, layer: Layer) -> String {
    match layer {
        Ws | Tcp => format!("{}.{}", layer.word(), verb.name),
        Client | Poll | Http => verb.name.to_owned(),
    }
}
