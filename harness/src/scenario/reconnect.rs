//! How a client of a scenario reconnects by itself.

use std::time::Duration;

use serde_json::{Map, Value};

use super::model::Transport;

/// The options of `client: reconnecting`; defaults as the official client has them, but for the waits,
/// which a scenario should not spend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// `transports`, the first of which opens; default polling, then WebSocket.
    pub transports: Vec<Transport>,
    /// `upgrade`: whether polling is upgraded; default true.
    pub upgrade: bool,
    /// `try-all`: whether the next transport is tried where one cannot be opened; default false.
    pub try_all: bool,
    /// `ns`: the namespace; default `/`.
    pub ns: String,
    /// `auth`: the CONNECT payload.
    pub auth: Option<Map<String, Value>>,
    /// `reconnection`: whether it reconnects at all; default true.
    pub reconnection: bool,
    /// `attempts`: how many in a row; default without end.
    pub attempts: Option<u32>,
    /// `delay` before the first attempt; default 50 ms.
    pub delay: Duration,
    /// `delay-max`; default 500 ms.
    pub delay_max: Duration,
    /// `randomization` in thousandths; default 0, so that a scenario repeats.
    pub randomization: u16,
    /// `seed` of the random shares.
    pub seed: u64,
    /// `timeout` of an attempt; default 2 s.
    pub timeout: Duration,
    /// `ack-timeout`: how long acknowledgements may take; default for ever.
    pub ack_timeout: Option<Duration>,
    /// `retries`: how often an event is sent again; default never.
    pub retries: Option<u32>,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            transports: vec![Transport::Polling, Transport::WebSocket],
            upgrade: true,
            try_all: false,
            ns: "/".to_owned(),
            auth: None,
            reconnection: true,
            attempts: None,
            delay: Duration::from_millis(50),
            delay_max: Duration::from_millis(500),
            randomization: 0,
            seed: 0,
            timeout: Duration::from_secs(2),
            ack_timeout: None,
            retries: None,
        }
    }
}
