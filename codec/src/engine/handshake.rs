//! The data of the open packet.

use serde_json::{Map, Value};

use crate::{DecodeError, DecodeErrorKind};

/// What the server tells a client that opens a session (EIO-HS-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The session id.
    pub sid: String,
    /// Names of the transports that the session may be upgraded to (EIO-HS-06, EIO-HS-07).
    pub upgrades: Vec<String>,
    /// Milliseconds between two pings (EIO-HS-04).
    pub ping_interval: u64,
    /// Milliseconds that a pong may take (EIO-HS-04).
    pub ping_timeout: u64,
    /// The largest polling body or WebSocket message the server accepts, in bytes (EIO-HS-05).
    pub max_payload: u64,
    /// Whatever else the object holds (EIO-HS-03), in its order.
    pub others: Map<String, Value>,
}

impl Handshake {
    /// Reads the data of an open packet. Numbers count by value: `300.0` is 300.
    pub fn decode(data: &str) -> Result<Self, DecodeError> {
        use DecodeErrorKind as Kind;

        crate::json::check(data).map_err(|error| DecodeError {
            kind: Kind::HandshakeNotObject,
            ..error
        })?;
        let wrong = |kind| DecodeError::new(0, kind);
        let mut others = match crate::read_json(data) {
            Ok(Value::Object(members)) => members,
            _ => return Err(wrong(Kind::HandshakeNotObject)),
        };
        let mut take = |key| others.shift_remove(key);
        Ok(Self {
            sid: match take("sid") {
                Some(Value::String(sid)) => sid,
                _ => return Err(wrong(Kind::HandshakeSid)),
            },
            upgrades: take("upgrades")
                .and_then(strings)
                .ok_or(wrong(Kind::HandshakeUpgrades))?,
            ping_interval: take("pingInterval")
                .and_then(whole)
                .ok_or(wrong(Kind::HandshakePingInterval))?,
            ping_timeout: take("pingTimeout")
                .and_then(whole)
                .ok_or(wrong(Kind::HandshakePingTimeout))?,
            max_payload: take("maxPayload")
                .and_then(whole)
                .ok_or(wrong(Kind::HandshakeMaxPayload))?,
            others,
        })
    }

    /// Appends the object, keys in the protocol's order, the others after them.
    pub fn encode(&self, out: &mut String) {
        let mut members = Map::with_capacity(5 + self.others.len());
        members.insert("sid".into(), self.sid.as_str().into());
        members.insert("upgrades".into(), self.upgrades.as_slice().into());
        members.insert("pingInterval".into(), self.ping_interval.into());
        members.insert("pingTimeout".into(), self.ping_timeout.into());
        members.insert("maxPayload".into(), self.max_payload.into());
        members.extend(self.others.clone());
        out.push_str(&Value::Object(members).to_string());
    }

    /// The object as text of its own.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.encode(&mut out);
        out
    }
}

fn strings(value: Value) -> Option<Vec<String>> {
    let Value::Array(values) = value else {
        return None;
    };
    let string = |value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    values.into_iter().map(string).collect()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is used where owned values arrive"
)]
fn whole(value: Value) -> Option<u64> {
    if let Some(number) = value.as_u64() {
        return Some(number);
    }
    let number = value.as_f64()?;
    // Above 2^53 a float no longer tells one integer from the next.
    let exact = number >= 0.0 && number.fract() == 0.0 && number <= 9_007_199_254_740_992.0;
    exact.then_some(number as u64)
}
