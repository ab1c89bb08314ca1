//! Packet literals: what is written in a scenario, read as what to send or what to expect.

use bytes::Bytes;

use super::hole;
use super::json::Json;
use super::json_read::{JsonError, regex_literal};
use super::literal::{
    AckId, Hole, Kind, Name, PacketLiteral, PacketPattern, PacketShape, Pattern, SocketPattern,
    Template,
};

/// How a packet literal compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// On `/socket.io/`: messages are Socket.IO packets, their payloads JSON values.
    SocketIo,
    /// On `/engine.io/`: bytes, except for the open packet.
    EngineIo,
    /// `expect.raw`: bytes.
    Raw,
}

impl PacketLiteral {
    /// Reads a packet to send. Nothing is validated but the holes.
    ///
    /// # Errors
    /// A `$` that starts no hole.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        match binary(text) {
            Some(bytes) => Ok(Self::Binary(bytes)),
            None => Template::parse(text).map(Self::Text),
        }
    }
}

impl PacketPattern {
    /// Reads an expected packet.
    ///
    /// # Errors
    /// What could never be matched: broken JSON, a broken hole or regular expression, a message
    /// that is no Socket.IO packet.
    pub fn parse(text: &str, flavour: Flavour) -> Result<Self, JsonError> {
        let shape = Self::shape(text, flavour)?;
        Ok(Self {
            written: text.to_owned(),
            shape,
        })
    }

    fn shape(text: &str, flavour: Flavour) -> Result<PacketShape, JsonError> {
        if let Some(bytes) = binary(text) {
            return Ok(PacketShape::Binary(bytes));
        }
        if text == "$_" {
            return Ok(PacketShape::Any);
        }
        if let Some(pattern) = whole_regex(text)? {
            return Ok(PacketShape::Regex(pattern));
        }
        if flavour != Flavour::Raw && text.starts_with("0{") {
            return Json::parse_pattern(&text[1..])
                .map(PacketShape::Open)
                .map_err(|e| shift(e, 1));
        }
        if flavour == Flavour::SocketIo && text.starts_with('4') {
            return socket(&text[1..])
                .map(PacketShape::Socket)
                .map_err(|e| shift(e, 1));
        }
        Template::parse(text).map(PacketShape::Text)
    }

    /// How many binary packets belong to this one.
    #[must_use]
    pub fn attachments(&self) -> u64 {
        match &self.shape {
            PacketShape::Socket(packet) => packet.attachments.unwrap_or(0),
            _ => 0,
        }
    }
}

/// `<01 02 ff>`: hex pairs and nothing else.
fn binary(text: &str) -> Option<Bytes> {
    hex_pairs(text.strip_prefix('<')?.strip_suffix('>')?)
}

/// Hex pairs, with or without spaces between them.
pub(super) fn hex_pairs(text: &str) -> Option<Bytes> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut rest = text.as_bytes();
    while let Some((&high, after)) = rest.split_first() {
        if high.is_ascii_whitespace() {
            rest = after;
            continue;
        }
        let (&low, after) = after.split_first()?;
        bytes.push(hex_digit(high)? * 16 + hex_digit(low)?);
        rest = after;
    }
    Some(Bytes::from(bytes))
}

const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// `~/regex/` as the whole of a literal.
pub(super) fn whole_regex(text: &str) -> Result<Option<Pattern>, JsonError> {
    if !text.starts_with("~/") {
        return Ok(None);
    }
    let (pattern, length) =
        regex_literal(text).map_err(|message| JsonError { offset: 0, message })?;
    if length < text.len() {
        let message = "something follows the regular expression".to_owned();
        return Err(JsonError {
            offset: length,
            message,
        });
    }
    Ok(Some(pattern))
}

/// `<type>[<attachments>-][<namespace>,][<ack id>][payload]`
fn socket(text: &str) -> Result<SocketPattern, JsonError> {
    let broken = |offset: usize, message: &str| JsonError {
        offset,
        message: message.to_owned(),
    };
    let Some(kind @ '0'..='6') = text.chars().next() else {
        return Err(broken(
            0,
            "a Socket.IO packet type, 0 to 6, must stand here (`expect.raw` compares bytes)",
        ));
    };
    let mut at = 1;
    let mut attachments = None;
    if matches!(kind, '5' | '6') {
        let Some((digits, _)) = text[at..].split_once('-') else {
            return Err(broken(
                at,
                "a binary packet needs its number of attachments and a `-`",
            ));
        };
        attachments = Some(
            digits
                .parse()
                .map_err(|_| broken(at, "the number of attachments must stand here"))?,
        );
        at += digits.len() + 1;
    }
    let mut ns = Template::plain("/");
    if text[at..].starts_with('/') {
        let end = text[at..].find(',').unwrap_or(text.len() - at);
        ns = Template::parse(&text[at..at + end]).map_err(|e| shift(e, at))?;
        at = (at + end + 1).min(text.len());
    }
    let rest = &text[at..];
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut ack = AckId::None;
    if digits > 0 && kind != '0' && kind != '4' {
        ack = AckId::Digits(rest[..digits].to_owned());
        at += digits;
    } else if rest.starts_with('$') {
        let (hole, length) = hole::read(rest).map_err(|m| broken(at, &m))?;
        if length < rest.len() {
            ack = AckId::Hole(hole);
            at += length;
        }
    }
    let payload = match &text[at..] {
        "" => None,
        "..." => Some(Json::leaf(super::json::Node::Hole(Hole {
            name: Name::Any,
            kind: Kind::Any,
        }))),
        payload => Some(Json::parse_pattern(payload).map_err(|e| shift(e, at))?),
    };
    Ok(SocketPattern {
        kind,
        attachments,
        ns,
        ack,
        payload,
    })
}

/// Moves an error that was found in the rest of a literal to where it is in the whole.
pub(super) fn shift(error: JsonError, by: usize) -> JsonError {
    JsonError {
        offset: error.offset + by,
        ..error
    }
}
