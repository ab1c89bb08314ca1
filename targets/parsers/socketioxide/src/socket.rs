//! The layer of Socket.IO: a packet, the event's name, and all arguments, as a handler gets them.

use bytes::Bytes;
use serde_json::{Value, json};
use socketioxide_core::packet::{Packet, PacketData};
use socketioxide_core::parser::{Parse as _, ParseConfig, ParseError, ParserState};
use socketioxide_parser_common::CommonParser;

use super::tagged::{Arguments, Tagged};
use super::{Answer, Frame, decoded};

/// The packets of a connection that sends these frames.
pub fn packets(frames: &[Frame]) -> Answer {
    let (config, state) = (ParseConfig::default(), ParserState::default());
    let mut answer = Answer::default();
    for frame in frames {
        let packet = match frame {
            Frame::Text(text) => CommonParser.decode_str(&config, &state, text.clone().into()),
            Frame::Binary { base64 } => {
                CommonParser.decode_bin(&config, &state, Bytes::from(decoded(base64)))
            }
        };
        let read = match packet {
            Ok(packet) => plain(packet).map_err(|error| error.to_string()),
            Err(ParseError::NeedsMoreBinaryData) => continue,
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(packet) => answer.packets.push(packet),
            Err(error) => {
                answer.error = Some(error);
                return answer;
            }
        }
    }
    answer.waiting = state
        .partial_bin_packet
        .lock()
        .expect("one thread")
        .is_some();
    answer
}

fn plain(packet: Packet) -> Result<Value, Box<dyn std::error::Error>> {
    let (kind, id, data) = match packet.inner {
        PacketData::Connect(data) => {
            let Some(data) = data else {
                return Ok(json!({"type": "connect", "namespace": packet.ns.as_str()}));
            };
            (
                "connect",
                None,
                CommonParser.decode_default::<Tagged>(Some(&data))?.0,
            )
        }
        PacketData::Disconnect => {
            return Ok(json!({"type": "disconnect", "namespace": packet.ns.as_str()}));
        }
        PacketData::ConnectError(message) => ("connect_error", None, message.into()),
        PacketData::Event(mut data, id) | PacketData::BinaryEvent(mut data, id) => {
            let name = CommonParser.read_event(&data)?.to_owned();
            let Arguments(mut arguments) = CommonParser.decode_value(&mut data, true)?;
            arguments.insert(0, name.into());
            ("event", id, Value::Array(arguments))
        }
        PacketData::EventAck(mut data, id) | PacketData::BinaryAck(mut data, id) => {
            let Arguments(arguments) = CommonParser.decode_value(&mut data, false)?;
            ("ack", Some(id), Value::Array(arguments))
        }
    };
    let mut plain = json!({"type": kind, "namespace": packet.ns.as_str(), "data": data});
    if let Some(id) = id {
        plain["id"] = id.to_string().into();
    }
    Ok(plain)
}
