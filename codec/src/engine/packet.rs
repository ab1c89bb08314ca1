//! One Engine.IO packet: a text packet of some type, or a binary message.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;

/// The type digit of a text packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PacketType {
    /// `0`, the handshake, sent by the server.
    Open = 0,
    /// `1`, the transport can be closed.
    Close = 1,
    /// `2`, the heartbeat, and with `probe` the start of an upgrade.
    Ping = 2,
    /// `3`, the answer to a ping.
    Pong = 3,
    /// `4`, data of the layer above.
    Message = 4,
    /// `5`, the end of an upgrade.
    Upgrade = 5,
    /// `6`, ends a pending poll during an upgrade.
    Noop = 6,
}

impl PacketType {
    /// All seven, in the order of their digits.
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::Close,
        Self::Ping,
        Self::Pong,
        Self::Message,
        Self::Upgrade,
        Self::Noop,
    ];

    /// The type that an ASCII digit stands for; `None` for 7 to 9 and all else (EIO-PL-11).
    #[must_use]
    pub const fn from_digit(digit: u8) -> Option<Self> {
        match digit {
            b'0' => Some(Self::Open),
            b'1' => Some(Self::Close),
            b'2' => Some(Self::Ping),
            b'3' => Some(Self::Pong),
            b'4' => Some(Self::Message),
            b'5' => Some(Self::Upgrade),
            b'6' => Some(Self::Noop),
            _ => None,
        }
    }

    /// The ASCII digit on the wire.
    #[must_use]
    pub const fn digit(self) -> u8 {
        b'0' + self as u8
    }

    /// The protocol's name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Message => "message",
            Self::Upgrade => "upgrade",
            Self::Noop => "noop",
        }
    }
}

/// A packet that borrows from its frame or polling body.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Packet<'a> {
    /// Type digit and data; the data are opaque to this layer (EIO-PL-06).
    Text {
        /// The type.
        kind: PacketType,
        /// What follows the digit.
        data: &'a str,
    },
    /// A binary message (EIO-PL-03, EIO-WS-03). Owned where it had to be read from base64.
    Binary(Cow<'a, [u8]>),
}

impl<'a> Packet<'a> {
    /// A text packet of type message.
    #[must_use]
    pub const fn message(data: &'a str) -> Self {
        Self::Text {
            kind: PacketType::Message,
            data,
        }
    }

    /// A packet of its own, copied out of the input. [`OwnedPacket::slice_of`] shares instead.
    #[must_use]
    pub fn into_owned(self) -> OwnedPacket {
        match self {
            Self::Text { kind, data } => OwnedPacket::Text {
                kind,
                data: data.into(),
            },
            Self::Binary(Cow::Borrowed(data)) => OwnedPacket::Binary(Bytes::copy_from_slice(data)),
            Self::Binary(Cow::Owned(data)) => OwnedPacket::Binary(data.into()),
        }
    }
}

/// A packet that owns its data; a clone shares them. Its text is UTF-8 by construction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OwnedPacket {
    /// Type digit and data.
    Text {
        /// The type.
        kind: PacketType,
        /// What follows the digit.
        data: ByteString,
    },
    /// A binary message.
    Binary(Bytes),
}

impl OwnedPacket {
    /// A text packet of type message.
    pub fn message(data: impl Into<ByteString>) -> Self {
        Self::Text {
            kind: PacketType::Message,
            data: data.into(),
        }
    }

    /// A text packet.
    pub fn text(kind: PacketType, data: impl Into<ByteString>) -> Self {
        Self::Text {
            kind,
            data: data.into(),
        }
    }

    /// The packet decoded from `source`, sharing its memory instead of copying the text.
    ///
    /// # Panics
    /// If the packet's text was not borrowed from `source`.
    #[must_use]
    pub fn slice_of(source: &ByteString, packet: Packet<'_>) -> Self {
        match packet {
            Packet::Text { kind, data } => Self::Text {
                kind,
                data: source.slice_ref(data),
            },
            binary @ Packet::Binary(_) => binary.into_owned(),
        }
    }

    /// The same packet, borrowed.
    #[must_use]
    pub fn as_packet(&self) -> Packet<'_> {
        match self {
            Self::Text { kind, data } => Packet::Text { kind: *kind, data },
            Self::Binary(data) => Packet::Binary(Cow::Borrowed(data)),
        }
    }
}

/// Any text, cut where a packet's fields would be and judged by nobody: `type_char` and `data`
/// together are the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split<'a> {
    /// The first character, whatever it is; empty if there is none.
    pub type_char: &'a str,
    /// What follows.
    pub data: &'a str,
}

impl<'a> Split<'a> {
    /// Cuts the text of one packet.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let first = text.chars().next().map_or(0, char::len_utf8);
        let (type_char, data) = text.split_at(first);
        Self { type_char, data }
    }

    /// The packet type, if the first character is one.
    #[must_use]
    pub fn kind(self) -> Option<PacketType> {
        PacketType::from_digit(*self.type_char.as_bytes().first()?)
    }
}
