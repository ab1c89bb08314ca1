//! A packet that owns its text.

use std::ops::Range;

use bytestring::ByteString;

use super::decode::decode_split;
use super::packet::MAIN_NAMESPACE;
use super::{AckId, Packet, PacketType};
use crate::{DecodeError, Leniency, Limits};

/// A decoded packet together with its text; a clone shares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedPacket {
    text: ByteString,
    kind: PacketType,
    attachments: usize,
    namespace: Option<Range<usize>>,
    id: Option<Range<usize>>,
    payload: Option<Range<usize>>,
}

impl OwnedPacket {
    /// Reads a packet as [`decode`](super::decode()) does, and keeps the text, uncopied.
    pub fn decode(
        text: ByteString,
        limits: &Limits,
        leniency: Leniency,
    ) -> Result<Self, DecodeError> {
        let (split, packet) = decode_split(&text, limits, leniency)?;
        let within = |part: &str| {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            start..start + part.len()
        };
        let (kind, attachments) = (packet.kind, packet.attachments);
        let namespace = split.namespace.map(within);
        let id = split.id.map(within);
        let payload = packet.payload.map(within);
        Ok(Self {
            kind,
            attachments,
            namespace,
            id,
            payload,
            text,
        })
    }

    /// The packet, borrowed.
    #[must_use]
    pub fn as_packet(&self) -> Packet<'_> {
        let part = |range: &Range<usize>| &self.text[range.clone()];
        Packet {
            kind: self.kind,
            attachments: self.attachments,
            namespace: self.namespace.as_ref().map_or(MAIN_NAMESPACE, part),
            id: self.id.as_ref().map(part).map(AckId::written),
            payload: self.payload.as_ref().map(part),
        }
    }

    /// How many attachments it announces.
    #[must_use]
    pub const fn attachments(&self) -> usize {
        self.attachments
    }

    /// The text that was decoded.
    #[must_use]
    pub const fn text(&self) -> &ByteString {
        &self.text
    }
}
