//! One message of the wire, layer by layer: what each of its characters means.

use siospec_codec::engine::{self, Packet as Engine, PacketType as EngineType};
use siospec_codec::socket::{self, PacketType, Split};
use siospec_codec::{DecodeError, Leniency, Limits};

/// One part of a message and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The layer or field: `Engine.IO`, `namespace`, …
    pub field: &'static str,
    /// The characters as they stand on the wire; empty where the wire leaves them out.
    pub raw: String,
    /// Their meaning.
    pub meaning: String,
}

/// A message taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its parts, from the outside in.
    pub parts: Vec<Part>,
    /// What is wrong with it, if a rule is broken; the offset counts in the whole message.
    pub error: Option<DecodeError>,
    /// How many binary packets must follow it.
    pub attachments_due: usize,
}

/// Reads one Engine.IO packet in its text form, such as stands in a browser's frames tab.
#[must_use]
pub fn text(message: &str) -> Chain {
    let packet = match engine::decode_text(message, Leniency::STRICT) {
        Ok(packet) => packet,
        Err(error) => {
            let parts = vec![part("Engine.IO", message, "not a packet")];
            return Chain {
                parts,
                error: Some(error),
                attachments_due: 0,
            };
        }
    };
    match packet {
        Engine::Text { kind, data } => {
            let mut chain = engine_text(kind, data);
            if let Some(error) = &mut chain.error {
                *error = error.shifted(1);
            }
            chain
        }
        Engine::Binary(bytes) => {
            let mut chain = binary(&bytes);
            chain.parts[0] = part(
                "Engine.IO",
                &message[..1],
                "binary message in base64, as polling carries it",
            );
            chain
        }
    }
}

/// Reads one binary frame.
#[must_use]
pub fn binary(bytes: &[u8]) -> Chain {
    let hex: Vec<_> = bytes.iter().take(32).map(|b| format!("{b:02x}")).collect();
    let more = if bytes.len() > 32 { " …" } else { "" };
    let parts = vec![
        part("Engine.IO", "", "message, as a binary frame"),
        part(
            "Socket.IO",
            &format!("<{}{more}>", hex.join(" ")),
            &format!(
                "attachment of {} bytes for the header before it",
                bytes.len()
            ),
        ),
    ];
    Chain {
        parts,
        error: None,
        attachments_due: 0,
    }
}

fn engine_text(kind: EngineType, data: &str) -> Chain {
    let digit = char::from(kind.digit()).to_string();
    let meaning = match (kind, data) {
        (EngineType::Open, _) => "open: the handshake, from the server",
        (EngineType::Close, _) => "close: this session ends",
        (EngineType::Ping, "probe") => {
            "ping with `probe`: the client tries the WebSocket before it upgrades"
        }
        (EngineType::Ping, _) => "ping: the server asks whether the client is alive",
        (EngineType::Pong, "probe") => "pong with `probe`: the WebSocket works",
        (EngineType::Pong, _) => "pong: the client is alive",
        (EngineType::Message, _) => "message: the rest is Socket.IO's",
        (EngineType::Upgrade, _) => "upgrade: from here on the session uses this WebSocket",
        (EngineType::Noop, _) => "noop: releases a polling request during an upgrade",
    };
    let mut chain = Chain {
        parts: vec![part("Engine.IO", &digit, meaning)],
        error: None,
        attachments_due: 0,
    };
    match kind {
        EngineType::Open => handshake(data, &mut chain),
        EngineType::Message => message(data, &mut chain),
        _ if !data.is_empty() => chain.parts.push(part("data", data, "")),
        _ => {}
    }
    chain
}

fn handshake(data: &str, chain: &mut Chain) {
    match engine::Handshake::decode(data) {
        Err(error) => {
            chain
                .parts
                .push(part("handshake", data, "not as the protocol has it"));
            chain.error = Some(error);
        }
        Ok(handshake) => {
            let upgrades = match handshake.upgrades.is_empty() {
                true => "none".to_owned(),
                false => handshake.upgrades.join(", "),
            };
            chain.parts.extend([
                part(
                    "sid",
                    &handshake.sid,
                    "names this session in every later request",
                ),
                part(
                    "upgrades",
                    &upgrades,
                    "transports that the session may move to",
                ),
                part(
                    "pingInterval",
                    &handshake.ping_interval.to_string(),
                    "ms between two pings of the server",
                ),
                part(
                    "pingTimeout",
                    &handshake.ping_timeout.to_string(),
                    "ms that a pong may take",
                ),
                part(
                    "maxPayload",
                    &handshake.max_payload.to_string(),
                    "bytes that one message or POST may have",
                ),
            ]);
        }
    }
}

fn message(text: &str, chain: &mut Chain) {
    let split = Split::of(text);
    let kind = split.kind();
    let meaning = kind.map_or("no type of Socket.IO v5".to_owned(), |kind| {
        format!("{}: {}", kind.name(), purpose(kind))
    });
    chain
        .parts
        .push(part("Socket.IO", split.type_char, &meaning));
    if let Some(count) = split.count {
        chain.parts.push(part(
            "attachments",
            &format!("{count}-"),
            "binary packets that follow",
        ));
    }
    match split.namespace {
        Some(name) => chain.parts.push(part(
            "namespace",
            &format!("{name}{}", if split.comma { "," } else { "" }),
            "",
        )),
        None => chain
            .parts
            .push(part("namespace", "", "/, the main one, is not written")),
    }
    if let Some(id) = split.id {
        let meaning = match kind {
            Some(PacketType::Ack | PacketType::BinaryAck) => "answers the event with this id",
            _ => "an acknowledgement with this id is asked for",
        };
        chain.parts.push(part("id", id, meaning));
    }
    match socket::decode(text, &Limits::default(), Leniency::STRICT) {
        Ok(packet) => {
            chain.attachments_due = packet.attachments;
            payload(&packet, chain);
        }
        Err(error) => {
            if !split.payload.is_empty() {
                chain.parts.push(part("payload", split.payload, ""));
            }
            chain.error = Some(error);
        }
    }
}

fn payload(packet: &socket::Packet<'_>, chain: &mut Chain) {
    if let Some(event) = packet.event() {
        chain
            .parts
            .push(part("event", event.raw_name(), "its name"));
    } else if !packet.kind.is_ack() {
        let whole = packet.payload.unwrap_or_default();
        if !whole.is_empty() {
            chain.parts.push(part("payload", whole, ""));
        }
        return;
    }
    let args: Vec<_> = packet.raw_args().collect();
    if args.is_empty() {
        chain.parts.push(part("arguments", "", "none"));
    }
    for arg in args {
        let indices: Vec<_> = match packet.attachments {
            0 => Vec::new(),
            _ => socket::placeholder::find(arg)
                .into_iter()
                .filter_map(|p| p.index)
                .map(|i| i.to_string())
                .collect(),
        };
        let meaning = match indices.is_empty() {
            true => String::new(),
            false => format!("attachment {} belongs here", indices.join(", ")),
        };
        chain.parts.push(part("argument", arg, &meaning));
    }
}

fn purpose(kind: PacketType) -> &'static str {
    match kind {
        PacketType::Connect => "joins a namespace, or says that it was joined",
        PacketType::Disconnect => "leaves a namespace",
        PacketType::Event => "an event and its arguments",
        PacketType::Ack => "the answer to an event",
        PacketType::ConnectError => "the namespace refused",
        PacketType::BinaryEvent => "an event with binary arguments",
        PacketType::BinaryAck => "an answer with binary arguments",
    }
}

fn part(field: &'static str, raw: &str, meaning: &str) -> Part {
    Part {
        field,
        raw: raw.to_owned(),
        meaning: meaning.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(chain: &Chain) -> Vec<(&str, &str)> {
        chain
            .parts
            .iter()
            .map(|p| (p.field, p.raw.as_str()))
            .collect()
    }

    #[test]
    fn a_binary_event_is_taken_apart_down_to_its_arguments() {
        let chain = text(r#"452-/chat,7["echo",{"_placeholder":true,"num":0},"x"]"#);
        assert_eq!(
            fields(&chain),
            [
                ("Engine.IO", "4"),
                ("Socket.IO", "5"),
                ("attachments", "2-"),
                ("namespace", "/chat,"),
                ("id", "7"),
                ("event", "\"echo\""),
                ("argument", r#"{"_placeholder":true,"num":0}"#),
                ("argument", "\"x\""),
            ]
        );
        assert_eq!(chain.parts[6].meaning, "attachment 0 belongs here");
        assert_eq!((chain.attachments_due, chain.error), (2, None));
    }

    #[test]
    fn what_is_broken_is_still_shown_and_its_place_counts_from_the_start() {
        let chain = text(r#"42["a",]"#);
        assert_eq!(fields(&chain).last(), Some(&("payload", r#"["a",]"#)));
        assert_eq!(chain.error.map(|e| e.offset), Some(7));
        assert!(text("é").error.is_some());
    }

    #[test]
    fn the_handshake_and_the_probe_say_what_they_are_for() {
        let open = text(
            r#"0{"sid":"a","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000}"#,
        );
        assert!(fields(&open).contains(&("pingTimeout", "200")));
        assert!(text("2probe").parts[0].meaning.contains("upgrade"));
        assert!(fields(&text("bAQID")).contains(&("Socket.IO", "<01 02 03>")));
    }
}
