//! What can be told of a client from outside, and must be the same of ours and of the official one.

use siospec_reference_server::trace::{Record, Step};

/// What the server saw of a client, and what the client decided.
#[derive(Default, Debug, PartialEq)]
pub(crate) struct Trace {
    /// Handshakes, probes and upgrades, in order.
    pub(crate) requests: Vec<String>,
    /// Socket.IO packets of the client.
    pub(crate) up: Vec<String>,
    /// Socket.IO packets of the server.
    pub(crate) down: Vec<String>,
    /// What the client tells.
    pub(crate) decisions: Vec<String>,
}

impl Trace {
    /// Notes what the server sees, without what is drawn by lot, and without polls and pongs, whose number is a matter
    /// of time.
    pub(crate) fn see(&mut self, record: &Record) {
        match &record.step {
            Step::HttpRequest(text) => {
                let kind = |name: &str| text.contains(&format!("transport={name}"));
                match (kind("websocket"), text.contains("sid=")) {
                    (true, true) => self.requests.push("WebSocket for the session".to_owned()),
                    (true, false) => self.requests.push("WebSocket handshake".to_owned()),
                    (false, false) => self.requests.push("polling handshake".to_owned()),
                    (false, true) => {}
                }
            }
            Step::EngineIn(text) if !text.starts_with("message") && !text.starts_with("pong") => {
                self.requests.push(text.trim_end().to_owned());
            }
            Step::PacketIn(text) => self.up.push(plain(text)),
            Step::PacketOut(text) => self.down.push(plain(text)),
            _ => {}
        }
    }
}

/// Ids are drawn by lot; they are the only words of twenty letters.
fn plain(text: &str) -> String {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut out = String::new();
    for piece in text.split_inclusive(|c| !letter(c)) {
        let word = piece.trim_end_matches(|c| !letter(c));
        out += if word.len() == 20 { "id" } else { word };
        out += &piece[word.len()..];
    }
    out
}

/// A decision that the official client tells, too; other words of ours are none.
pub(crate) fn decision(text: &str) -> Option<String> {
    let first = |count: usize| text.split(' ').take(count).collect::<Vec<_>>().join(" ");
    match text.split(' ').next()? {
        "connect" | "disconnect" | "reconnect_attempt" | "reconnect_failed" => {
            Some(text.to_owned())
        }
        "connect_error" => Some(first(1)),
        "ack" => Some(first(3)),
        _ => None,
    }
}
