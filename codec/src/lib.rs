//! Bytes to packets and back: Engine.IO v4 and Socket.IO v5.
//!
//! This crate knows no socket and no clock. It reads what a frame or a polling body holds, says
//! exactly where and how it is wrong if it is, and writes packets in their canonical form.
//!
//! | layer | room | what stands there |
//! |---|---|---|
//! | Engine.IO | [`engine`] | packets in frames and in polling payloads, the handshake, transports, the query |
//! | Socket.IO | [`socket`] | the seven packets, ack ids, events, attachments both ways |
//! | both | [`DecodeError`] | one kind for each way the wire can be wrong |
//! | both | [`Leniency`] | which of those rules a decoder lets pass; none, unless told otherwise |
//! | Socket.IO | [`Limits`] | what a peer may make this side hold or walk through |
//!
//! Text is borrowed from the input. JSON is checked against the grammar and kept as it was written:
//! no tree is built until somebody asks for a value ([`socket::Argument::value`]).
//!
//! ```
//! use siospec_codec::{Leniency, Limits, engine, socket};
//!
//! let frame = r#"42/chat,7["say",{"text":"hi"}]"#;
//! let engine::Packet::Text { kind: engine::PacketType::Message, data } =
//!     engine::decode_text(frame, Leniency::STRICT)?
//! else {
//!     unreachable!("the frame starts with 4")
//! };
//! let packet = socket::decode(data, &Limits::default(), Leniency::STRICT)?;
//! assert_eq!(packet.namespace, "/chat");
//! assert_eq!(packet.id.and_then(|id| id.as_u64()), Some(7));
//! assert_eq!(packet.event().map(|event| event.name().to_string()), Some("say".into()));
//! assert_eq!(packet.to_text(), data);
//! # Ok::<(), siospec_codec::DecodeError>(())
//! ```
//!
//! Three ways to look at the same text, from strict to tolerant:
//! [`socket::decode`] applies every rule; `socket::decode` with a [`Leniency`] lets chosen ones
//! pass; [`socket::Split`] cuts any text into its fields and judges nothing.

mod abridge;
pub mod engine;
pub mod error;
mod flat;
mod json;
pub mod leniency;
pub mod limits;
pub mod socket;

pub use error::{DecodeError, DecodeErrorKind};
pub use json::read_json;
pub use leniency::Leniency;
pub use limits::Limits;
