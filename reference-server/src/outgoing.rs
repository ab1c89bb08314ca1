//! A Socket.IO packet on its way to a client.

use crate::args::Args;
use crate::namespace::Id;
use crate::session::Frame;
use bytestring::ByteString;

/// A packet the server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The namespace it is from.
    pub namespace: ByteString,
    /// What it says.
    pub body: Says,
}

/// What a packet of the server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// The client has joined; a JSON object with its `sid`.
    Connect(String),
    /// The client is put out of the namespace; without payload (SIO-DC-09).
    Disconnect,
    /// An event.
    Event {
        /// Its name.
        name: String,
        /// Its arguments.
        args: Args,
        /// The id under which the server wants an answer.
        id: Option<Id>,
    },
    /// The answer to an event.
    Ack {
        /// The id of that event (SIO-ACK-01).
        id: Id,
        /// The answer.
        args: Args,
    },
    /// The CONNECT is refused; a JSON object with `message` (SIO-CE-02).
    ConnectError(String),
}

/// A packet as frames that must stay together: text first, then its attachments (SIO-BI-05).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The text.
    pub first: Frame,
    /// The attachments.
    pub rest: Vec<Frame>,
}
