//! Engine.IO v4: packets in frames and polling payloads, the handshake, transports, the query.
//!
//! | on the wire | read with | written with |
//! |---|---|---|
//! | WebSocket text frame | [`decode_text`] | [`Packet::encode`] |
//! | WebSocket binary frame | [`decode_binary`] | the bytes themselves (EIO-WS-03) |
//! | polling body | [`Payload`] | [`push`](payload::push), [`encode_payload`] |
//! | open packet's data | [`Handshake::decode`] | [`Handshake::encode`] |
//! | request target | [`Query::parse`] | |

pub mod decode;
pub mod encode;
pub mod handshake;
pub mod packet;
pub mod payload;
pub mod query;
pub mod transport;

pub use decode::{decode_binary, decode_text};
pub use handshake::Handshake;
pub use packet::{OwnedPacket, Packet, PacketType, Split};
pub use payload::{Payload, encode_payload};
pub use query::Query;
pub use transport::Transport;
