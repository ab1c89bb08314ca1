//! What an application and its client say to each other.

use bytes::Bytes;
use bytestring::ByteString;

/// The content of a message packet; to the engine it is opaque (EIO-PL-06).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text, without the engine's packet type.
    Text(ByteString),
    /// Binary data.
    Binary(Bytes),
}
