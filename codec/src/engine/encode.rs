//! A packet to the text of a frame.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{OwnedPacket, Packet, PacketType};

/// Starts a text packet: the caller appends its data, and saves a copy of them.
#[inline]
pub fn start(kind: PacketType, out: &mut String) {
    out.push(char::from(kind.digit()));
}

impl Packet<'_> {
    /// Appends the packet as text: type digit and data, or `b` and base64 with padding
    /// (EIO-PL-02).
    ///
    /// On a WebSocket a binary message travels as a binary frame instead, unmodified (EIO-WS-03,
    /// EIO-WS-04).
    pub fn encode(&self, out: &mut String) {
        match self {
            Self::Text { kind, data } => text(*kind, data, out),
            Self::Binary(data) => binary(data, out),
        }
    }

    /// The packet as text of its own.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.encode(&mut out);
        out
    }
}

impl OwnedPacket {
    /// Appends the packet as text, as [`Packet::encode`] does.
    pub fn encode(&self, out: &mut String) {
        self.as_packet().encode(out);
    }
}

fn text(kind: PacketType, data: &str, out: &mut String) {
    out.reserve(1 + data.len());
    start(kind, out);
    out.push_str(data);
}

fn binary(data: &[u8], out: &mut String) {
    out.reserve(1 + base64::encoded_len(data.len(), true).unwrap_or(0));
    out.push('b');
    STANDARD.encode_string(data, out);
}
