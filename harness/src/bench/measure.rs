//! What is measured, and what counts as one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use siospec_codec::engine::Transport;

/// One kind of measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Closed loop: every connection has one event under way and sends the next when its acknowledgement is there.
    Acks,
    /// Open loop: events at fixed times, whether or not the earlier ones are answered.
    Latency,
    /// Events from the server to its clients, in bursts.
    Events,
    /// Broadcasts to a room that every connection is in.
    FanOut,
    /// Connections from nothing to the answer to CONNECT.
    Connect,
    /// Memory of a server process whose connections only answer pings.
    Memory,
}

impl Measure {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Acks,
        Self::Latency,
        Self::Events,
        Self::FanOut,
        Self::Connect,
        Self::Memory,
    ];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acks => "acks",
            Self::Latency => "latency",
            Self::Events => "events",
            Self::FanOut => "fan-out",
            Self::Connect => "connect",
            Self::Memory => "memory",
        }
    }

    /// The heading of its table.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Acks => "Acknowledgement round trips, closed loop",
            Self::Latency => "Latency of acknowledgements at fixed rates, open loop",
            Self::Events => "Events from server to client",
            Self::FanOut => "Broadcast to a room of all connections",
            Self::Connect => "Connections made",
            Self::Memory => "Memory of idle connections",
        }
    }

    /// What is counted.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Acks | Self::Latency => "ack",
            Self::Events => "event",
            Self::FanOut => "delivery",
            Self::Connect => "connection",
            Self::Memory => "idle connection",
        }
    }

    /// Whether it needs connections that stand, and shares them with the others of its cell.
    pub const fn is_traffic(self) -> bool {
        !matches!(self, Self::Connect | Self::Memory)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Measure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|measure| measure.name() == text);
        found.ok_or_else(|| {
            let all = Self::ALL.map(Self::name).join(", ");
            format!("there is no measure `{text}`; there are {all}")
        })
    }
}

/// The transport of that name.
///
/// # Errors
/// In words, for the command line.
pub fn transport(text: &str) -> Result<Transport, String> {
    Transport::from_name(text)
        .ok_or_else(|| format!("there is no transport `{text}`; there are websocket, polling"))
}
