//! A polling body: packets with U+001E between them (EIO-PL-01, EIO-PL-04).

use super::{Packet, decode_text};
use crate::{DecodeError, DecodeErrorKind, Leniency};

/// Stands between two packets of a payload, never before the first or after the last.
pub const SEPARATOR: u8 = 0x1e;

/// The packets of a polling body, in order, and then the error if there is one.
///
/// Packets before a broken one are seen; nothing after it is (EIO-PL-12). An empty body is one
/// empty packet, and so is each end of a doubled, leading or trailing separator (EIO-PL-13).
///
/// ```
/// use siospec_codec::{DecodeErrorKind, Leniency, engine::{Packet, Payload}};
///
/// let mut payload = Payload::new("4a\u{1e}abc\u{1e}4c", Leniency::STRICT);
/// assert_eq!(payload.next(), Some(Ok(Packet::message("a"))));
/// let error = payload.next().unwrap().unwrap_err();
/// assert_eq!((error.offset, error.kind), (3, DecodeErrorKind::UnknownEngineType));
/// assert_eq!(payload.next(), None);
/// ```
#[derive(Debug, Clone)]
pub struct Payload<'a> {
    body: &'a str,
    /// Offset of the next packet, or `None` at the end.
    at: Option<usize>,
    /// What is wrong after the last whole packet of `body`.
    broken: Option<DecodeError>,
    leniency: Leniency,
}

impl<'a> Payload<'a> {
    /// The packets of a body that is text.
    #[must_use]
    pub const fn new(body: &'a str, leniency: Leniency) -> Self {
        Self {
            body,
            at: Some(0),
            broken: None,
            leniency,
        }
    }

    /// The packets of a body as it came. The packet that holds the first byte that is not UTF-8 is
    /// broken (EIO-PL-15).
    #[must_use]
    pub fn from_bytes(body: &'a [u8], leniency: Leniency) -> Self {
        let error = match std::str::from_utf8(body) {
            Ok(body) => return Self::new(body, leniency),
            Err(error) => error,
        };
        let valid = &body[..error.valid_up_to()];
        let whole = memchr::memrchr(SEPARATOR, valid);
        let text = std::str::from_utf8(&valid[..whole.unwrap_or(0)]).unwrap_or_default();
        let broken = DecodeError::new(error.valid_up_to(), DecodeErrorKind::InvalidUtf8);
        Self {
            body: text,
            at: whole.map(|_| 0),
            broken: Some(broken),
            leniency,
        }
    }

    fn skips(&self, kind: DecodeErrorKind) -> bool {
        matches!(
            kind,
            DecodeErrorKind::EmptyPacket | DecodeErrorKind::UnknownEngineType
        ) && self.leniency.allows(kind)
    }
}

impl<'a> Iterator for Payload<'a> {
    type Item = Result<Packet<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(start) = self.at {
            let rest = &self.body[start..];
            let (text, next) = match memchr::memchr(SEPARATOR, rest.as_bytes()) {
                Some(length) => (&rest[..length], Some(start + length + 1)),
                None => (rest, None),
            };
            self.at = next;
            match decode_text(text, self.leniency) {
                Ok(packet) => return Some(Ok(packet)),
                Err(error) if self.skips(error.kind) => {}
                Err(error) => {
                    self.at = None;
                    self.broken = None;
                    return Some(Err(error.shifted(start)));
                }
            }
        }
        self.broken.take().map(Err)
    }
}

impl std::iter::FusedIterator for Payload<'_> {}

/// Appends one packet to a payload that may hold some already. Its text must hold no separator, for
/// a payload has no escape; JSON text holds none (EIO-PL-16).
pub fn push(payload: &mut String, packet: &Packet<'_>) {
    separate(payload);
    packet.encode(payload);
}

/// Appends the separator if the payload holds a packet already; the caller appends the next packet.
pub fn separate(payload: &mut String) {
    if !payload.is_empty() {
        payload.push(char::from(SEPARATOR));
    }
}

/// The packets as one polling body.
pub fn encode_payload<'a>(packets: impl IntoIterator<Item = Packet<'a>>) -> String {
    let mut payload = String::new();
    for packet in packets {
        push(&mut payload, &packet);
    }
    payload
}
