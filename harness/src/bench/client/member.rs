//! One client: its transport, and how far its session has come.

use std::time::Instant;

use mio::Registry;
use siospec_codec::engine::{self, Handshake, PacketType};
use siospec_codec::socket::{self, AckId};
use siospec_codec::{Leniency, Limits};

use super::polling::{Half, Polling};
use super::websocket::WebSocket;
use crate::bench::phase::Phase;

/// The transport of a client.
#[derive(Debug)]
pub(super) enum Link {
    WebSocket(Box<WebSocket>),
    Polling(Box<Polling>),
}

impl Link {
    pub(super) fn send(&mut self, packet: &str, registry: &Registry) -> Result<(), String> {
        match self {
            Self::WebSocket(link) => link.send(packet),
            Self::Polling(link) => link.send(packet, registry),
        }
    }

    pub(super) fn writable(&mut self, half: Half) -> Result<(), String> {
        match self {
            Self::WebSocket(link) => link.writable(),
            Self::Polling(link) => link.writable(half),
        }
    }

    pub(super) fn readable(
        &mut self,
        half: Half,
        scratch: &mut [u8],
        registry: &Registry,
        deliver: &mut dyn FnMut(&str) -> Result<(), String>,
    ) -> Result<(), String> {
        match self {
            Self::WebSocket(link) => link.readable(scratch, deliver),
            Self::Polling(link) => link.readable(half, scratch, registry, deliver),
        }
    }

    pub(super) fn opened(&mut self, sid: String, registry: &Registry) -> Result<(), String> {
        match self {
            Self::WebSocket(_) => Ok(()),
            Self::Polling(link) => link.opened(sid, registry),
        }
    }

    pub(super) fn is_flushed(&self) -> bool {
        match self {
            Self::WebSocket(link) => link.is_flushed(),
            Self::Polling(link) => link.is_flushed(),
        }
    }
}

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The open packet is awaited.
    Opening,
    /// CONNECT is sent.
    Connecting,
    /// Events may be sent.
    Connected,
}

/// A client.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) link: Link,
    pub(super) stage: Stage,
    /// When the connection was begun.
    pub(super) begun: Instant,
}

/// What is to be sent, by whom.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    text: String,
    ends: Vec<(usize, usize)>,
}

impl Outbox {
    /// An event from that client; `payload` is the JSON array of its name and arguments.
    pub(crate) fn event(&mut self, client: usize, id: Option<u64>, payload: &str) {
        engine::encode::start(PacketType::Message, &mut self.text);
        let packet = socket::Packet {
            id: id.map(AckId::from),
            payload: Some(payload),
            ..socket::Packet::new(socket::PacketType::Event)
        };
        packet.encode(&mut self.text);
        self.ends.push((client, self.text.len()));
    }

    /// An Engine.IO packet as it is.
    pub(super) fn packet(&mut self, client: usize, packet: &str) {
        self.text.push_str(packet);
        self.ends.push((client, self.text.len()));
    }

    /// Whether nothing is to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Hands out all packets in their order.
    pub(crate) fn drain(&mut self, mut send: impl FnMut(usize, &str)) {
        let mut start = 0;
        for (client, end) in self.ends.drain(..) {
            send(client, &self.text[start..end]);
            start = end;
        }
        self.text.clear();
    }
}

/// What one packet changed.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The session's id, when it is told.
    pub(super) sid: Option<String>,
    /// Whether CONNECT was answered.
    pub(super) connected: bool,
    /// Pings that were answered.
    pub(super) pings: u64,
}

/// Takes one Engine.IO packet of a client: opens, connects and answers pings; the rest is the phase's.
pub(super) fn hear(
    client: usize,
    stage: Stage,
    text: &str,
    now: Instant,
    outbox: &mut Outbox,
    phase: &mut dyn Phase,
    heard: &mut Heard,
) -> Result<(), String> {
    let wrong = |error: siospec_codec::DecodeError| format!("{error} in `{}`", shown(text));
    let packet = engine::decode_text(text, Leniency::STRICT).map_err(wrong)?;
    let engine::Packet::Text { kind, data } = packet else {
        return Ok(());
    };
    match kind {
        PacketType::Open if stage == Stage::Opening => {
            heard.sid = Some(Handshake::decode(data).map_err(wrong)?.sid);
            outbox.packet(client, "40");
            Ok(())
        }
        PacketType::Ping => {
            heard.pings += 1;
            outbox.packet(client, "3");
            Ok(())
        }
        PacketType::Close => Err("the server closed the session".into()),
        PacketType::Message => {
            let packet =
                socket::decode(data, &Limits::default(), Leniency::STRICT).map_err(wrong)?;
            match packet.kind {
                socket::PacketType::Connect => heard.connected = true,
                socket::PacketType::ConnectError | socket::PacketType::Disconnect => {
                    return Err(format!("the server sent {}", packet.kind.name()));
                }
                _ => phase.packet(client, &packet, now, outbox),
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}
