//! Why a peer refuses what we read.

use siospec_codec::socket::{AckId, Packet, PacketType, decode};
use siospec_codec::{DecodeError, Leniency, Limits};

use super::class::{self, Class};
use super::input::{Frame, Input, Layer};
use crate::scenario::json::{Json, Node};
use crate::scenario::json_write::quote;

/// The classes that may be the reason of a refusal after `seen` packets that both read, the likeliest first.
#[must_use]
pub fn classes(input: &Input, seen: usize) -> Vec<&'static Class> {
    let mut all = Vec::new();
    let parts = input.only_text().split('\u{1e}').count();
    if input.layer == Layer::EnginePayload && parts > PYTHON_PACKETS && seen == 0 {
        all.push(&class::TOO_MANY_PACKETS);
    }
    let Some(text) = text(input, seen) else {
        return all;
    };
    match input.layer {
        Layer::Socket => all.extend(socket(text)),
        _ if text.starts_with('0') => all.push(&class::OPEN_NOT_READ),
        _ => {}
    }
    all
}

/// Whether the packet of that number breaks a rule by itself, whatever a peer let pass before it.
#[must_use]
pub fn is_due(input: &Input, number: usize) -> bool {
    input.layer == Layer::Socket && text(input, number).is_some_and(|text| strict(text).is_err())
}

fn strict(text: &str) -> Result<Packet<'_>, DecodeError> {
    decode(text, &Limits::default(), Leniency::STRICT)
}

/// How many packets python-engineio takes in one payload.
const PYTHON_PACKETS: usize = 16;
/// How many digits of an id python-socketio takes.
const PYTHON_DIGITS: usize = 100;

/// The text that the packet of that number was read from; each text frame is one.
fn text(input: &Input, number: usize) -> Option<&str> {
    match input.layer {
        Layer::EnginePacket => Some(input.only_text()),
        Layer::EnginePayload => input.only_text().split('\u{1e}').nth(number),
        Layer::Socket => input
            .frames
            .iter()
            .filter_map(|frame| match frame {
                Frame::Text(text) => Some(text.as_str()),
                Frame::Binary(_) => None,
            })
            .nth(number),
    }
}

fn socket(text: &str) -> Vec<&'static Class> {
    let mut all = Vec::new();
    let Ok(packet) = strict(text) else {
        return all;
    };
    if packet.kind == PacketType::ConnectError {
        all.push(&class::CONNECT_ERROR_NOT_READ);
    }
    if packet.kind.is_binary() && packet.attachments == 0 {
        all.extend([
            &class::ZERO_ATTACHMENTS_REFUSED,
            &class::ZERO_ATTACHMENTS_WAIT,
        ]);
    }
    let small = |id: AckId<'_>| id.as_u64().is_some_and(|id| i64::try_from(id).is_ok());
    let digits = packet.id.map_or(0, |id| id.to_string().len());
    if digits > PYTHON_DIGITS || (packet.kind.is_ack() && !packet.id.is_some_and(small)) {
        all.push(&class::ID_TOO_LONG);
    }
    match packet.event().map(|event| event.raw_name()) {
        Some(name) if !name.starts_with('"') => all.push(&class::NUMERIC_NAME),
        Some(name) if name.contains('\\') => all.push(&class::ESCAPED_NAME),
        _ => {}
    }
    if let Some(json) = packet.payload.and_then(|payload| Json::parse(payload).ok()) {
        all.extend(values(&json, packet.payload.unwrap_or_default()));
    }
    all
}

fn values(json: &Json, written: &str) -> Vec<&'static Class> {
    let any = |test: &dyn Fn(&Node) -> bool| json.nodes.iter().any(test);
    let infinite = |digits: &str| digits.parse::<f64>().is_ok_and(f64::is_infinite);
    // Lone surrogates are kept as characters, which their escape gives away.
    let lone = |text: &str| quoted(text).contains("\\ud");
    let keys = |node: &Node, test: &dyn Fn(&str) -> bool| match node {
        Node::Object { entries, .. } => entries.iter().any(|(key, _)| test(key)),
        _ => false,
    };
    let mut all = Vec::new();
    if any(&|node| matches!(node, Node::Number(digits) if infinite(digits))) {
        all.push(&class::NUMBER_OUT_OF_RANGE);
    }
    if any(&|node| matches!(node, Node::Text(text) if lone(text)) || keys(node, &lone)) {
        all.push(&class::SURROGATE_REFUSED);
    }
    if any(&|node| keys(node, &|key| key == "_placeholder")) {
        all.push(&class::PLACEHOLDER_STRICT);
    }
    if any(&|node| matches!(node, Node::Object { .. })) && written.contains('\\') {
        all.push(&class::ESCAPED_KEY);
    }
    all
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    quote(text, &mut out);
    out
}
