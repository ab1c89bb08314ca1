//! How a server is started for a conversation.

use std::fmt;

/// The limit of a server that nobody told otherwise, bytes.
pub const LARGE: u64 = 1_000_000;
/// A limit that an ordinary conversation stays below and a hostile one can go beyond in no time, bytes.
const SMALL: u64 = 4_000;

/// A configuration of the server under test. There are few, since a foreign one is a process for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setup {
    /// The slow default, in which no ping disturbs.
    #[default]
    Plain,
    /// A ping is always under way.
    Pings,
    /// The same with the figures of the official suites.
    Suites,
    /// A small limit on what a client may send.
    Limit,
    /// State is kept for those who are lost, so that events have offsets.
    Recovery,
}

impl Setup {
    /// All there are, the plain one first.
    pub const ALL: [Self; 5] = [
        Self::Plain,
        Self::Pings,
        Self::Suites,
        Self::Limit,
        Self::Recovery,
    ];

    /// The value of `config:`; `None` where there is nothing to configure.
    pub fn config(self) -> Option<String> {
        match self {
            Self::Plain => None,
            Self::Pings => Some("{pingInterval: 20ms, pingTimeout: 1s}".to_owned()),
            Self::Suites => Some("{pingInterval: 300ms, pingTimeout: 200ms}".to_owned()),
            Self::Limit => Some(format!("{{maxPayload: {SMALL}}}")),
            Self::Recovery => Some("{recovery: true}".to_owned()),
        }
    }

    /// The bytes that a packet or a request of the client may have, where this configures them.
    pub fn limit(self) -> Option<u64> {
        (self == Self::Limit).then_some(SMALL)
    }

    /// Whether a pong that a busy machine holds up for a moment ends a connection.
    pub fn is_hasty(self) -> bool {
        matches!(self, Self::Pings | Self::Suites)
    }

    /// Whether each event to a client ends with an offset.
    pub fn has_offsets(self) -> bool {
        self == Self::Recovery
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Pings => "pings without end",
            Self::Suites => "short pings",
            Self::Limit => "a small limit",
            Self::Recovery => "recovery",
        })
    }
}
