//! One packet that came against the packet that a scenario expects.

use super::captures::{Captures, Unbound};
use super::mismatch::Mismatch;
use super::number;
use super::received::Received;
use super::socket::Head;
use super::text::shown;
use super::value::Value;
use crate::scenario::json::Json;
use crate::scenario::literal::{AckId, PacketLiteral, PacketPattern, PacketShape, SocketPattern};

impl PacketLiteral {
    /// The packet to send, with its holes filled.
    ///
    /// # Errors
    /// A hole to which nothing is bound.
    pub fn render(&self, captures: &Captures) -> Result<Received, Unbound> {
        match self {
            Self::Text(text) => text.render(captures).map(Received::Text),
            Self::Binary(bytes) => Ok(Received::Binary(bytes.clone())),
        }
    }
}

impl PacketPattern {
    /// Compares a packet that came; binds holes only if all of it is as expected.
    ///
    /// # Errors
    /// The first difference, with its path.
    pub fn matches(&self, received: &Received, captures: &mut Captures) -> Result<(), Mismatch> {
        let mut bound = captures.clone();
        self.compare(received, &mut bound)?;
        *captures = bound;
        Ok(())
    }

    fn compare(&self, received: &Received, captures: &mut Captures) -> Result<(), Mismatch> {
        let differ = || Mismatch::new(shown(&self.written), received);
        match (&self.shape, received) {
            (PacketShape::Any, _) => Ok(()),
            (PacketShape::Binary(wanted), Received::Binary(bytes)) if wanted == bytes => Ok(()),
            (PacketShape::Regex(pattern), Received::Text(text)) if pattern.0.is_match(text) => {
                Ok(())
            }
            (PacketShape::Text(template), Received::Text(text)) => template.matches(text, captures),
            (PacketShape::Open(wanted), Received::Text(text)) => {
                let payload = text.strip_prefix('0').ok_or_else(differ)?;
                let came = Json::parse(payload).map_err(|e| differ().because(broken(&e)))?;
                wanted.matches(&came, captures).map_err(|m| m.at("$"))
            }
            (PacketShape::Socket(wanted), Received::Text(text)) => {
                let head = Head::read(text).ok_or_else(differ)?;
                wanted
                    .compare(&head, captures)
                    .map_err(|m| if m.path.is_empty() { differ() } else { m })
            }
            _ => Err(differ()),
        }
    }
}

impl SocketPattern {
    /// Compares field by field. A mismatch without a path concerns the packet as a whole.
    fn compare(&self, came: &Head<'_>, captures: &mut Captures) -> Result<(), Mismatch> {
        if self.kind != came.kind {
            return Err(Mismatch::new(self.kind, came.kind));
        }
        self.ns
            .matches(came.ns, captures)
            .map_err(|m| m.at("namespace"))?;
        if self.attachments != came.attachments {
            let count = |n: Option<u64>| n.map_or("none".to_owned(), |n| n.to_string());
            return Err(
                Mismatch::new(count(self.attachments), count(came.attachments)).at("attachments"),
            );
        }
        let ack = |expected: &str| {
            let came = if came.ack.is_empty() {
                "none"
            } else {
                came.ack
            };
            Err(Mismatch::new(expected, came).at("ack id"))
        };
        match &self.ack {
            AckId::None if came.ack.is_empty() => {}
            AckId::None => return ack("none"),
            AckId::Digits(digits) if number::same_integer(digits, came.ack) => {}
            AckId::Digits(digits) => return ack(digits),
            AckId::Hole(hole) if came.ack.is_empty() => return ack(&hole.to_string()),
            AckId::Hole(hole) => captures
                .take(hole, Value::Text(came.ack.to_owned()))
                .map_err(|m| m.at("ack id"))?,
        }
        match &self.payload {
            None if came.payload.is_empty() => Ok(()),
            None => Err(Mismatch::new("(nothing)", came.payload).at("payload")),
            Some(wanted) => {
                let payload = read_payload(wanted, came.payload)?;
                wanted.matches(&payload, captures).map_err(|m| m.at("$"))
            }
        }
    }
}

/// The payload that came, as JSON.
pub(super) fn read_payload(wanted: &Json, payload: &str) -> Result<Json, Mismatch> {
    Json::parse(payload).map_err(|e| {
        Mismatch::new(wanted, shown(payload))
            .because(broken(&e))
            .at("payload")
    })
}

fn broken(error: &crate::scenario::json_read::JsonError) -> String {
    format!("it is not JSON: byte {}: {}", error.offset, error.message)
}
