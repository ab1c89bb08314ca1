//! What our own codec says, by all rules or with some of them let pass.

use bytes::Bytes;
use siospec_codec::engine::{self, Payload};
use siospec_codec::socket::{self, Assembler, Message, placeholder};
use siospec_codec::{DecodeError, DecodeErrorKind, Leniency, Limits};

use super::answer::{Answer, Body, End, Packet};
use super::input::{Frame, Input, Layer};
use crate::scenario::json::{Json, Node};

/// Which rules hold.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Those let pass.
    pub leniency: Leniency,
    /// What a peer may make us hold.
    pub limits: Limits,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            leniency: Leniency::STRICT,
            limits: Limits::default(),
        }
    }
}

impl Rules {
    /// The same without that rule; a limit is lifted.
    #[must_use]
    pub fn without(self, rule: DecodeErrorKind) -> Self {
        let mut limits = self.limits;
        match rule {
            DecodeErrorKind::TooManyAttachments => limits.attachments = usize::MAX,
            DecodeErrorKind::AttachmentsTooLarge => limits.attachment_bytes = usize::MAX,
            DecodeErrorKind::NestingTooDeep => limits.nesting = usize::MAX,
            DecodeErrorKind::PacketTooLong => limits.packet_bytes = usize::MAX,
            _ => {}
        }
        Self {
            leniency: self.leniency.allow(rule),
            limits,
        }
    }
}

/// Our answer, and the rule that was broken if it is a refusal.
#[derive(Debug, Clone)]
pub struct Ours {
    /// The answer.
    pub answer: Answer,
    /// The first rule that was broken.
    pub broken: Option<DecodeErrorKind>,
}

/// Reads an input.
#[must_use]
pub fn read(input: &Input, rules: Rules) -> Ours {
    let mut packets = Vec::new();
    let end = match input.layer {
        Layer::EnginePacket => {
            engine::decode_text(input.only_text(), rules.leniency).map(|packet| {
                packets.push(engine_packet(&packet));
                End::Whole
            })
        }
        Layer::EnginePayload => Payload::new(input.only_text(), rules.leniency)
            .try_for_each(|packet| {
                packets.push(engine_packet(&packet?));
                Ok(())
            })
            .map(|()| End::Whole),
        Layer::Socket => socket_packets(&input.frames, rules, &mut packets),
    };
    let broken = end.as_ref().err().map(|error| error.kind);
    let end = end.unwrap_or_else(|error| End::Refused(error.to_string()));
    Ours {
        answer: Answer { packets, end },
        broken,
    }
}

fn engine_packet(packet: &engine::Packet<'_>) -> Packet {
    match packet {
        engine::Packet::Text { kind, data } => Packet::Engine {
            kind: kind.name().to_owned(),
            body: Body::Text((*data).to_owned()),
        },
        engine::Packet::Binary(data) => Packet::Engine {
            kind: engine::PacketType::Message.name().to_owned(),
            body: Body::Binary(Bytes::copy_from_slice(data)),
        },
    }
}

fn socket_packets(
    frames: &[Frame],
    rules: Rules,
    packets: &mut Vec<Packet>,
) -> Result<End, DecodeError> {
    let mut assembler = Assembler::new(rules.limits, rules.leniency);
    for frame in frames {
        let message = match frame {
            Frame::Text(text) => assembler.text(text.as_str().into())?,
            Frame::Binary(data) => assembler.binary(Bytes::copy_from_slice(data))?,
        };
        if let Some(message) = message {
            packets.push(socket_packet(&message)?);
        }
    }
    Ok(match assembler.due() {
        0 => End::Whole,
        _ => End::Waiting,
    })
}

fn socket_packet(message: &Message) -> Result<Packet, DecodeError> {
    use socket::PacketType as Type;

    let packet = message.packet();
    let kind = match packet.kind {
        Type::BinaryEvent => Type::Event,
        Type::BinaryAck => Type::Ack,
        kind => kind,
    };
    let data = match packet.payload {
        None => None,
        // Only a lenient reader comes here with what is no JSON.
        Some(payload) => Some(data(payload, message.attachments()).ok_or(DecodeError {
            offset: 0,
            kind: DecodeErrorKind::InvalidJson,
        })?),
    };
    Ok(Packet::Socket {
        kind: kind.name().to_ascii_lowercase(),
        namespace: packet.namespace.to_owned(),
        id: packet.id.map(|id| id.to_string()),
        data,
    })
}

/// Stands in the text of a payload where an attachment belongs, with its number behind it. No input holds it.
const MARK: &str = "siospec:7f1c0e5a9b3d4286:";

/// The payload with its attachments in their places.
fn data(payload: &str, attachments: &[Bytes]) -> Option<Json> {
    if attachments.is_empty() {
        return Json::parse(payload).ok();
    }
    let (mut text, mut copied) = (String::new(), 0);
    for found in placeholder::find(payload) {
        let Some(index) = found.index.filter(|index| *index < attachments.len()) else {
            continue;
        };
        text.push_str(&payload[copied..found.span.start]);
        text.push_str(&format!("\"{MARK}{index}\""));
        copied = found.span.end;
    }
    text.push_str(&payload[copied..]);
    let mut json = Json::parse(&text).ok()?;
    for node in &mut json.nodes {
        let Node::Text(text) = node else { continue };
        let index = text
            .strip_prefix(MARK)
            .and_then(|index| index.parse::<usize>().ok());
        if let Some(data) = index.and_then(|index| attachments.get(index)) {
            *node = Node::Bytes(data.clone());
        }
    }
    Some(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_stands_where_its_placeholder_stood() {
        let input = Input {
            layer: Layer::Socket,
            frames: vec![
                Frame::Text(r#"51-/a,007["m",[{"_placeholder":true,"num":0}]]"#.into()),
                Frame::Binary(vec![1, 2]),
            ],
        };
        let ours = read(&input, Rules::default());
        let [
            Packet::Socket {
                kind,
                namespace,
                id,
                data,
            },
        ] = ours.answer.packets.as_slice()
        else {
            panic!("{ours:?}")
        };
        assert_eq!(
            (kind.as_str(), namespace.as_str(), id.as_deref()),
            ("event", "/a", Some("007"))
        );
        assert_eq!(
            data.as_ref().map(ToString::to_string).as_deref(),
            Some(r#"["m",[!hex 0102]]"#)
        );
    }

    #[test]
    fn a_rule_is_named_and_can_be_let_pass() {
        let input = Input::text(Layer::Socket, r#"2["connect"]"#);
        let ours = read(&input, Rules::default());
        assert_eq!(ours.broken, Some(DecodeErrorKind::ReservedEventName));
        let rules = Rules::default().without(DecodeErrorKind::ReservedEventName);
        assert_eq!(read(&input, rules).answer.end, End::Whole);
    }
}
