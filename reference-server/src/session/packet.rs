//! What a client says to the engine.

use bytes::Bytes;

/// The content of a message packet; to the engine it is opaque (EIO-PL-06).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// UTF-8 text, without the engine's packet type.
    Text(Bytes),
    /// Binary data.
    Binary(Bytes),
}

/// A packet that came from the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// `0`: only a server opens, so this means nothing (EIO-PL-17).
    Open,
    /// `1`
    Close,
    /// `2`, with what stands behind it.
    Ping(Bytes),
    /// `3`; what stands behind it does not matter (EIO-HB-13).
    Pong,
    /// `4`, or a binary frame, or a `b` packet.
    Message(Message),
    /// `5`
    Upgrade,
    /// `6`
    Noop,
}
