//! socketioxide's parsers: engineioxide-core and socketioxide-parser-common.

use std::hint::black_box;

use bytes::Bytes;
use engineioxide_core::{Packet as EnginePacket, ProtocolVersion, Str, payload};
use futures_util::StreamExt as _;
use serde_json::Value;
use socketioxide_core::packet::{Packet, PacketData};
use socketioxide_core::parser::{Parse as _, ParseConfig, ParserState};
use socketioxide_parser_common::CommonParser;

use crate::measure::{About, Native, Work};
use crate::workload::*;

const VERSIONS: &str = "engineioxide-core 0.2, socketioxide-parser-common 0.17";

struct Parser(ParseConfig, ParserState);

impl Parser {
    fn new() -> Self {
        Self(ParseConfig::default(), ParserState::default())
    }

    fn text(&self, text: Str) -> Option<Packet> {
        CommonParser.decode_str(&self.0, &self.1, text).ok()
    }

    fn binary(&self, data: Bytes) -> Option<Packet> {
        CommonParser.decode_bin(&self.0, &self.1, data).ok()
    }
}

fn body_work() -> Work {
    let parser = Parser::new();
    let body = Bytes::from(body());
    Box::new(move || {
        let whole = http_body_util::Full::<Bytes>::new(black_box(body.clone()));
        let packets = payload::decoder(whole, None, ProtocolVersion::V4, 1 << 20);
        let read = packets.for_each(|packet| {
            match packet {
                Ok(EnginePacket::Message(text)) => drop(black_box(parser.text(text))),
                Ok(EnginePacket::Binary(data)) => drop(black_box(parser.binary(data))),
                _ => {}
            }
            std::future::ready(())
        });
        futures_executor::block_on(read);
    })
}

/// The packets alone.
pub fn packet() -> Native {
    let text = |text: String| -> Work {
        let (parser, text) = (Parser::new(), Str::from(text));
        Box::new(move || drop(black_box(parser.text(black_box(text.clone())))))
    };
    let (parser, header, data) = (Parser::new(), Str::from(BINARY_HEADER), attachment());
    Native {
        about: About {
            name: "socketioxide".to_owned(),
            versions: VERSIONS.to_owned(),
            does: "header read; JSON left alone, UTF-8 checked by the transport; text shared, attachments copied",
        },
        rows: vec![
            ("small event, decode", text(SMALL_EVENT.to_owned())),
            ("ack, decode", text(ACK.to_owned())),
            ("1 KiB object, decode", text(one_kib_object())),
            (
                "binary event, decode",
                Box::new(move || {
                    parser.text(black_box(header.clone()));
                    parser.binary(data.clone());
                    black_box(parser.binary(data.clone()));
                }),
            ),
            ("body of 100, decode", body_work()),
            ("1 MiB string, decode", text(one_mib_string())),
        ],
    }
}

/// The packets and their values, as a handler gets them, and back.
pub fn with_values() -> Native {
    // A type that is no tuple stands for the first argument alone.
    fn arguments(packet: Packet) -> Option<(Value, Value)> {
        match packet.inner {
            PacketData::Event(mut value, _) => {
                let only = CommonParser.decode_value(&mut value, true).ok()?;
                Some((only, Value::Null))
            }
            PacketData::EventAck(mut value, _) => CommonParser.decode_value(&mut value, false).ok(),
            _ => None,
        }
    }
    let text = |text: String| -> Work {
        let (parser, text) = (Parser::new(), Str::from(text));
        Box::new(move || {
            let packet = parser.text(black_box(text.clone()));
            black_box(packet.and_then(arguments));
        })
    };
    let value = |text: &str| -> Value {
        let json = &text[text.find('[').unwrap_or(0)..];
        let array: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
        array.into_iter().nth(1).unwrap_or_default()
    };
    let event =
        |namespace: &'static str, id: Option<i64>, name: &'static str, value: Value| -> Work {
            Box::new(move || {
                let data = CommonParser.encode_value(black_box(&value), Some(name));
                if let Ok(data) = data {
                    let mut packet = Packet::event(namespace, data);
                    if let Some(id) = id {
                        packet.inner.set_ack_id(id);
                    }
                    black_box(CommonParser.encode(packet));
                }
            })
        };
    let read = |text: &str| {
        Parser::new()
            .text(Str::from(text.to_owned()))
            .and_then(arguments)
    };
    assert!(
        read(&one_kib_object()).is_some_and(|(object, _)| object["room"] == "general"),
        "the argument is not built"
    );
    let (parser, header, data) = (Parser::new(), Str::from(BINARY_HEADER), attachment());
    let both = (attachment(), attachment());
    Native {
        about: About {
            name: "socketioxide, values".to_owned(),
            versions: VERSIONS.to_owned(),
            does: "header read, JSON built as serde_json::Value (binary: as Bytes); attachments copied; encodes from values into a new String",
        },
        rows: vec![
            ("small event, decode", text(SMALL_EVENT.to_owned())),
            ("ack, decode", text(ACK.to_owned())),
            ("1 KiB object, decode", text(one_kib_object())),
            (
                "binary event, decode",
                Box::new(move || {
                    parser.text(black_box(header.clone()));
                    parser.binary(data.clone());
                    let packet = parser.binary(data.clone());
                    if let Some(PacketData::BinaryEvent(mut value, _)) =
                        packet.map(|packet| packet.inner)
                    {
                        let read = CommonParser.decode_value::<(Bytes, Bytes)>(&mut value, true);
                        black_box(read.is_ok());
                    }
                }),
            ),
            ("1 MiB string, decode", text(one_mib_string())),
            (
                "small event, encode",
                event("/", None, "message", "hello world".into()),
            ),
            (
                "ack, encode",
                Box::new(move || {
                    if let Ok(data) = CommonParser.encode_value(black_box(&("ok", 200)), None) {
                        black_box(CommonParser.encode(Packet::ack("/admin", data, 456)));
                    }
                }),
            ),
            (
                "1 KiB object, encode",
                event("/admin", Some(12), "update", value(&one_kib_object())),
            ),
            (
                "binary event, encode",
                Box::new(move || {
                    if let Ok(data) = CommonParser.encode_value(black_box(&both), Some("image")) {
                        black_box(CommonParser.encode(Packet::event("/", data)));
                    }
                }),
            ),
            (
                "1 MiB string, encode",
                event("/", None, "message", value(&one_mib_string())),
            ),
        ],
    }
}
