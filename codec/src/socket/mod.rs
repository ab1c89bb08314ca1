//! Socket.IO v5: the seven packets, ack ids, events, and attachments both ways.
//!
//! | on the wire | read with | written with |
//! |---|---|---|
//! | an engine text message | [`decode`], [`OwnedPacket::decode`] | [`Packet::encode`] |
//! | header and attachments | [`Assembler`], to a [`Message`] | [`Arguments`] |
//! | anything at all | [`Split`] | [`Split`]'s `Display` |
//!
//! Arguments stay JSON text until somebody asks: [`Argument::raw`] is what was written,
//! [`Argument::value`] a tree in which attachments stand where their placeholders stood. An
//! argument can go out again through [`Arguments::push_argument`] without being parsed.

pub mod ack_id;
pub mod arguments;
pub mod attachments;
pub mod decode;
pub mod encode;
pub mod event;
pub mod owned;
pub mod packet;
pub mod placeholder;
pub mod split;
pub mod value;

pub use ack_id::AckId;
pub use arguments::Arguments;
pub use attachments::{Assembler, Message};
pub use decode::decode;
pub use event::{Argument, Event, EventName};
pub use owned::OwnedPacket;
pub use packet::{Packet, PacketType, RESERVED_EVENTS};
pub use placeholder::Placeholder;
pub use split::Split;
pub use value::Value;
