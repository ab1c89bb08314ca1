//! What a server can be told before it starts: timers, limits, headers, and which optional parts are on.

use siospec_codec::{Leniency, Limits};
use std::time::Duration;

/// Which foreign origins a browser may call from (EIO-HD).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cors {
    /// No CORS header is ever sent (EIO-HD-07).
    #[default]
    Off,
    /// `Access-Control-Allow-Origin: *`, without credentials (EIO-HD-06).
    Any,
    /// These origins, compared exactly; any other gets no header (EIO-HD-05).
    Only(Vec<String>),
}

impl Cors {
    /// Reads `*`, origins separated by commas, or nothing.
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "" => Self::Off,
            "*" => Self::Any,
            list => Self::Only(
                list.split(',')
                    .map(|origin| origin.trim().to_owned())
                    .collect(),
            ),
        }
    }
}

/// Which transports a client may use; one that is not offered is unknown (EIO-QE-04).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transports {
    /// HTTP long-polling.
    pub polling: bool,
    /// WebSocket, whether a session begins on it or moves to it.
    pub websocket: bool,
}

impl Default for Transports {
    fn default() -> Self {
        Self {
            polling: true,
            websocket: true,
        }
    }
}

/// Connection state recovery: what is kept for a client that was lost, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// How long a lost session and the packets it missed are kept.
    pub window: Duration,
    /// How many packets a namespace keeps at most; older ones can no longer be replayed.
    pub packets: usize,
}

impl Default for Recovery {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(120),
            packets: 10_000,
        }
    }
}

/// The configuration of one server.
///
/// The defaults are those of the reference implementation, so that a client cannot tell the difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Time between two pings of the server (EIO-HB-02).
    pub ping_interval: Duration,
    /// How long the server waits for the pong (EIO-HB-04).
    pub ping_timeout: Duration,
    /// Largest POST body and largest WebSocket message the server reads, in bytes (EIO-LM).
    pub max_payload: usize,
    /// How long an upgrade may take from the WebSocket's handshake to its packet `5` (EIO-UP-16).
    pub upgrade_timeout: Duration,
    /// How long a client may stay without joining any namespace (SIO-CN-19).
    pub connect_timeout: Duration,
    /// What clients may use; both by default.
    pub transports: Transports,
    /// Whether polling sessions may move to a WebSocket (EIO-UP-21), where there is one.
    pub upgrades: bool,
    /// Foreign origins (EIO-HD-01 and following).
    pub cors: Cors,
    /// Name of the cookie that carries the sid of a polling handshake; none by default (EIO-HD-08).
    pub cookie: Option<String>,
    /// Connection state recovery; off by default (SIO-CSR-01).
    pub recovery: Option<Recovery>,
    /// Smallest polling answer, in bytes, that is compressed for a client that asks (EIO-PO-24).
    pub compression_threshold: usize,
    /// What a session holds for a client that does not read, before it is closed (SIO-CC-02, EIO-LM-10).
    pub outbox: OutboxLimits,
    /// What one Socket.IO packet may make the server hold or walk through (SIO-SEC-01 to SIO-SEC-04).
    pub limits: Limits,
    /// Rules of the wire that the server does not insist on; there is none.
    pub leniency: Leniency,
    /// Packets held for a namespace whose middleware has not decided yet (SIO-EV-22).
    pub max_held: usize,
}

/// Bounds on what waits in a session for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Most frames.
    pub frames: usize,
    /// Most bytes, over all frames.
    pub bytes: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self {
            frames: 65_536,
            bytes: 64 << 20,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_millis(25_000),
            ping_timeout: Duration::from_millis(20_000),
            max_payload: 1_000_000,
            upgrade_timeout: Duration::from_millis(10_000),
            connect_timeout: Duration::from_millis(45_000),
            transports: Transports::default(),
            upgrades: true,
            cors: Cors::Off,
            cookie: None,
            recovery: None,
            compression_threshold: 1024,
            outbox: OutboxLimits::default(),
            limits: Limits::default(),
            leniency: Leniency::STRICT,
            max_held: 64,
        }
    }
}
