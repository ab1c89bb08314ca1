//! One Socket.IO packet, borrowed.

use super::{AckId, Event};

/// The type digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum PacketType {
    /// `0`, asks for a namespace, and grants it.
    Connect = 0,
    /// `1`, leaves a namespace.
    Disconnect = 1,
    /// `2`, a name and arguments.
    Event = 2,
    /// `3`, arguments for the event with the same id.
    Ack = 3,
    /// `4`, refuses a namespace.
    ConnectError = 4,
    /// `5`, an event whose arguments hold attachments.
    BinaryEvent = 5,
    /// `6`, an acknowledgement whose arguments hold attachments.
    BinaryAck = 6,
}

impl PacketType {
    /// All seven, in the order of their digits.
    pub const ALL: [Self; 7] = [
        Self::Connect,
        Self::Disconnect,
        Self::Event,
        Self::Ack,
        Self::ConnectError,
        Self::BinaryEvent,
        Self::BinaryAck,
    ];

    /// The type that an ASCII digit stands for (SIO-EV-15, SIO-CO-05).
    #[must_use]
    pub const fn from_digit(digit: u8) -> Option<Self> {
        match digit {
            b'0' => Some(Self::Connect),
            b'1' => Some(Self::Disconnect),
            b'2' => Some(Self::Event),
            b'3' => Some(Self::Ack),
            b'4' => Some(Self::ConnectError),
            b'5' => Some(Self::BinaryEvent),
            b'6' => Some(Self::BinaryAck),
            _ => None,
        }
    }

    /// The ASCII digit on the wire.
    #[must_use]
    pub const fn digit(self) -> u8 {
        b'0' + self as u8
    }

    /// The protocol's name, as its document writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Disconnect => "DISCONNECT",
            Self::Event => "EVENT",
            Self::Ack => "ACK",
            Self::ConnectError => "CONNECT_ERROR",
            Self::BinaryEvent => "BINARY_EVENT",
            Self::BinaryAck => "BINARY_ACK",
        }
    }

    /// Whether an attachment count follows the digit.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }

    /// EVENT or BINARY_EVENT.
    #[must_use]
    pub const fn is_event(self) -> bool {
        matches!(self, Self::Event | Self::BinaryEvent)
    }

    /// ACK or BINARY_ACK.
    #[must_use]
    pub const fn is_ack(self) -> bool {
        matches!(self, Self::Ack | Self::BinaryAck)
    }
}

/// The main namespace. It is never written (SIO-CN-12).
pub const MAIN_NAMESPACE: &str = "/";

/// Event names that belong to the library's own events (SIO-EV-11).
pub const RESERVED_EVENTS: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// A packet that borrows from its text.
///
/// What [`decode`](super::decode()) gives follows the rules; one that is put together by hand need
/// not, and is written as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The type.
    pub kind: PacketType,
    /// Binary packets to follow. Written for binary types only.
    pub attachments: usize,
    /// The namespace with its leading `/`; [`MAIN_NAMESPACE`] where none was written. Names are
    /// compared exactly (SIO-CN-14); what looks like a query is part of the name (SIO-CN-15).
    pub namespace: &'a str,
    /// The id that an acknowledgement carries, or is asked for with.
    pub id: Option<AckId<'a>>,
    /// JSON as it was written; `None` where nothing stood.
    pub payload: Option<&'a str>,
}

impl<'a> Packet<'a> {
    /// A packet of the main namespace with neither id nor payload nor attachments.
    #[must_use]
    pub const fn new(kind: PacketType) -> Self {
        Self {
            kind,
            attachments: 0,
            namespace: MAIN_NAMESPACE,
            id: None,
            payload: None,
        }
    }

    /// The same packet in a namespace.
    #[must_use]
    pub const fn in_namespace(self, namespace: &'a str) -> Self {
        Self { namespace, ..self }
    }

    /// The same packet with an id.
    #[must_use]
    pub fn with_id(self, id: impl Into<AckId<'a>>) -> Self {
        Self {
            id: Some(id.into()),
            ..self
        }
    }

    /// The same packet with a payload, JSON text.
    #[must_use]
    pub const fn with_payload(self, payload: &'a str) -> Self {
        Self {
            payload: Some(payload),
            ..self
        }
    }

    /// The same packet announcing that many attachments.
    #[must_use]
    pub const fn with_attachments(self, attachments: usize) -> Self {
        Self {
            attachments,
            ..self
        }
    }

    /// Name and arguments, if this is an event and has a name.
    #[must_use]
    pub fn event(&self) -> Option<Event<'a>> {
        if !self.kind.is_event() {
            return None;
        }
        Event::of(self.payload?)
    }

    /// The arguments as they were written: of an event what follows its name, of an
    /// acknowledgement all; nothing for other types.
    pub fn raw_args(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        let array = self.kind.is_event() || self.kind.is_ack();
        let elements = self
            .payload
            .filter(|_| array)
            .and_then(crate::json::Elements::new);
        elements
            .into_iter()
            .flatten()
            .skip(usize::from(self.kind.is_event()))
    }
}
