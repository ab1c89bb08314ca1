//! Between the codec's packets, which borrow from their text, and this crate's, which share it.

use crate::args::Args;
use crate::config::Config;
use crate::link::Link;
use crate::namespace::{Body, Id, Incoming};
use crate::outgoing::{Encoded, Outgoing, Says};
use crate::session::{Frame, Message};
use bytes::Bytes;
use bytestring::ByteString;
use siospec_codec::engine::{self, Handshake, OwnedPacket, PacketType as EngineType, Payload};
use siospec_codec::socket::packet::MAIN_NAMESPACE;
use siospec_codec::socket::{self, Assembler, EventName, Packet, PacketType};
use siospec_codec::{DecodeError, Leniency};
use std::borrow::Cow;

/// Reads a WebSocket text frame.
pub(crate) fn engine_text(
    text: &ByteString,
    leniency: Leniency,
) -> Result<OwnedPacket, DecodeError> {
    let packet = engine::decode_text(text, leniency)?;
    Ok(OwnedPacket::slice_of(text, packet))
}

/// Reads a polling body, packet by packet.
pub(crate) fn payload(
    body: &ByteString,
    leniency: Leniency,
) -> impl Iterator<Item = Result<OwnedPacket, DecodeError>> {
    Payload::new(body, leniency)
        .map(|packet| packet.map(|packet| OwnedPacket::slice_of(body, packet)))
}

/// The open packet of a session (EIO-HS-02).
pub(crate) fn open(link: &Link, polling: bool) -> Frame {
    let config = &link.core.config;
    let milliseconds =
        |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    // EIO-HS-06, EIO-HS-07, EIO-UP-21
    let upgrades = if polling && config.upgrades && config.transports.websocket {
        vec!["websocket".to_owned()]
    } else {
        Vec::new()
    };
    let mut handshake = Handshake {
        sid: link.sid.clone(),
        upgrades,
        ping_interval: milliseconds(config.ping_interval),
        ping_timeout: milliseconds(config.ping_timeout),
        max_payload: config.max_payload as u64,
        others: serde_json::Map::new(),
    };
    let mut text = String::with_capacity(128);
    engine::encode::start(EngineType::Open, &mut text);
    if let Some(seams) = &link.core.seams {
        seams.open(link.view(), &mut handshake);
    }
    handshake.encode(&mut text);
    Frame::Text(text.into())
}

/// An Engine.IO message as a frame.
pub(crate) fn message_frame(message: Message) -> Frame {
    match message {
        Message::Binary(data) => Frame::Binary(data),
        Message::Text(text) => {
            let mut frame = String::with_capacity(text.len() + 1);
            engine::encode::start(EngineType::Message, &mut frame);
            frame.push_str(&text);
            Frame::Text(frame.into())
        }
    }
}

/// Frames as one polling body (EIO-PL-01).
pub(crate) fn encode_payload(frames: &[Frame]) -> Bytes {
    let mut payload =
        String::with_capacity(frames.iter().map(|frame| frame.len() * 4 / 3 + 4).sum());
    for frame in frames {
        engine::payload::separate(&mut payload);
        match frame {
            Frame::Text(text) => payload.push_str(text),
            Frame::Binary(data) => engine::Packet::Binary(Cow::Borrowed(data)).encode(&mut payload),
        }
    }
    payload.into()
}

/// Puts the packets of one client together with their attachments.
pub(crate) struct Assembly(Assembler);

impl Assembly {
    pub(crate) fn new(config: &Config) -> Self {
        Self(Assembler::new(config.limits, config.leniency))
    }

    /// Takes an Engine.IO message. None while attachments are due.
    pub(crate) fn feed(&mut self, message: Message) -> Result<Option<Incoming>, DecodeError> {
        let whole = match message {
            Message::Text(text) => self.0.text(text)?,
            Message::Binary(data) => self.0.binary(data)?,
        };
        Ok(whole.as_ref().map(incoming))
    }
}

fn incoming(message: &socket::Message) -> Incoming {
    let (packet, text) = (message.packet(), message.text());
    let share = |part: &str| text.slice_ref(part);
    let namespace = match packet.namespace {
        MAIN_NAMESPACE => ByteString::from_static(MAIN_NAMESPACE),
        name => share(name),
    };
    let binary = || Args::from(message.args().collect::<socket::Arguments>());
    let body = match packet.kind {
        PacketType::Connect => Body::Connect(packet.payload.map(share)),
        PacketType::Disconnect => Body::Disconnect,
        PacketType::Event | PacketType::BinaryEvent => {
            let event = packet.event();
            let name = event.as_ref().and_then(|event| match event.name() {
                EventName::Text(Cow::Borrowed(name)) => Some(share(name)),
                EventName::Text(Cow::Owned(name)) => Some(name.into()),
                EventName::Number(_) => None,
            });
            let args = match &event {
                Some(event) if message.attachments().is_empty() => {
                    Args::from_json(share(event.raw_args_text()))
                }
                _ => binary(),
            };
            Body::Event {
                name,
                args,
                id: packet.id.map(|id| Id::of(id)),
            }
        }
        PacketType::Ack | PacketType::BinaryAck => {
            let args = match packet.payload.and_then(elements) {
                Some(elements) if message.attachments().is_empty() => {
                    Args::from_json(share(elements))
                }
                _ => binary(),
            };
            Body::Ack {
                id: packet.id.and_then(socket::AckId::as_u64),
                args,
            }
        }
        PacketType::ConnectError => Body::ConnectError,
    };
    Incoming { namespace, body }
}

/// What stands between the brackets of an array.
fn elements(array: &str) -> Option<&str> {
    Some(array.trim().strip_prefix('[')?.strip_suffix(']')?.trim())
}

/// Writes a packet.
pub(crate) fn encode(packet: &Outgoing) -> Encoded {
    let (kind, args, id) = match &packet.body {
        Says::Connect(_) => (PacketType::Connect, None, None),
        Says::Disconnect => (PacketType::Disconnect, None, None),
        Says::ConnectError(_) => (PacketType::ConnectError, None, None),
        // SIO-BI-02
        Says::Event { args, id, .. } if args.attachments().is_empty() => {
            (PacketType::Event, Some(args), id.as_ref())
        }
        Says::Event { args, id, .. } => (PacketType::BinaryEvent, Some(args), id.as_ref()),
        // SIO-ACK-06, SIO-ACK-07
        Says::Ack { args, id } if args.attachments().is_empty() => {
            (PacketType::Ack, Some(args), Some(id))
        }
        Says::Ack { args, id } => (PacketType::BinaryAck, Some(args), Some(id)),
    };
    let attachments = args.map_or(&[][..], Args::attachments);
    let json = args.map_or("", |args| args.json());
    let mut text = String::with_capacity(32 + packet.namespace.len() + json.len());
    engine::encode::start(EngineType::Message, &mut text);
    let header = Packet {
        id: id.map(Id::as_ack_id),
        ..Packet::new(kind)
            .in_namespace(&packet.namespace)
            .with_attachments(attachments.len())
    };
    header.encode_header(&mut text);
    match &packet.body {
        Says::Connect(payload) | Says::ConnectError(payload) => text.push_str(payload),
        Says::Disconnect => {}
        Says::Event { name, .. } => {
            text.push('[');
            push_string(name, &mut text);
            if !json.is_empty() {
                text.push(',');
                text.push_str(json);
            }
            text.push(']');
        }
        // SIO-ACK-02
        Says::Ack { .. } => {
            text.push('[');
            text.push_str(json);
            text.push(']');
        }
    }
    Encoded {
        first: Frame::Text(text.into()),
        rest: attachments.iter().cloned().map(Frame::Binary).collect(),
    }
}

fn push_string(text: &str, out: &mut String) {
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// A Socket.IO packet as a trace shows it.
pub(crate) fn show_incoming(packet: &Incoming) -> String {
    format!("{:?} in {}", packet.body, packet.namespace)
}

/// A Socket.IO packet as a trace shows it: its text, and how many attachments follow.
pub(crate) fn show_outgoing(packet: &Outgoing) -> String {
    let Encoded { first, rest } = encode(packet);
    let text = show_frame(&first);
    let text = text.get(1..).unwrap_or_default();
    if rest.is_empty() {
        text.to_owned()
    } else {
        format!("{text} and {} attachments", rest.len())
    }
}

/// An Engine.IO packet as a trace shows it.
pub(crate) fn show_frame(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => text.to_string(),
        Frame::Binary(data) => format!("binary, {} bytes", data.len()),
    }
}

/// An Engine.IO packet as a trace shows it.
pub(crate) fn show_packet(packet: &OwnedPacket) -> String {
    match packet {
        OwnedPacket::Text { kind, data } => format!("{} {data}", kind.name()),
        OwnedPacket::Binary(data) => format!("message, binary, {} bytes", data.len()),
    }
}
