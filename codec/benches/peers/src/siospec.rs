//! This project's codec.

use std::hint::black_box;

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::Value;
use siospec_codec::engine::{Packet as EnginePacket, payload};
use siospec_codec::socket::{AckId, Arguments, Assembler, Packet, PacketType, decode};
use siospec_codec::{Leniency, Limits};

use crate::measure::{About, Native, Work};
use crate::workload::*;

fn about(name: &str, does: &'static str) -> About {
    About {
        name: name.to_owned(),
        versions: "this tree".to_owned(),
        does,
    }
}

/// Decodes text that a transport has checked to be UTF-8; encodes arguments that are JSON text.
pub fn from_text() -> Native {
    let text = |text: String| -> Work {
        Box::new(move || {
            black_box(read(&text));
        })
    };
    let packet = |text: String| -> Work {
        let mut out = String::with_capacity(2 * text.len());
        Box::new(move || write(&read_once(&text), &mut out))
    };
    let (mut assembler, frames) = binary();
    let body_text = body();
    Native {
        about: about(
            "siospec",
            "JSON checked and kept as text, placeholders checked; UTF-8 checked by the transport; text borrowed, attachments shared, no tree. Encodes from JSON text into a reused buffer",
        ),
        rows: vec![
            ("small event, decode", text(SMALL_EVENT.to_owned())),
            ("ack, decode", text(ACK.to_owned())),
            ("1 KiB object, decode", text(one_kib_object())),
            (
                "binary event, decode",
                Box::new(move || {
                    drop(black_box(read_binary_event(&mut assembler, frames.clone())))
                }),
            ),
            (
                "body of 100, decode",
                Box::new(move || {
                    black_box(read_body(&body_text));
                }),
            ),
            ("1 MiB string, decode", text(one_mib_string())),
            ("small event, encode", packet(SMALL_EVENT.to_owned())),
            ("ack, encode", packet(ACK.to_owned())),
            ("1 KiB object, encode", packet(one_kib_object())),
            ("binary event, encode", packet(BINARY_HEADER.to_owned())),
            ("body of 100, encode", write_body()),
            ("1 MiB string, encode", packet(one_mib_string())),
        ],
    }
}

/// Decodes bytes, checking UTF-8 itself.
pub fn from_bytes() -> Native {
    let text = |text: String| -> Work {
        let bytes = text.into_bytes();
        Box::new(move || {
            let text = std::str::from_utf8(black_box(&bytes)).unwrap_or_default();
            black_box(read(text));
        })
    };
    let (mut assembler, (header, first, second)) = binary();
    let header = header.into_bytes();
    let body_bytes = body().into_bytes();
    Native {
        about: about(
            "siospec, from bytes",
            "the same, and UTF-8 checked: equal work with those that take bytes",
        ),
        rows: vec![
            ("small event, decode", text(SMALL_EVENT.to_owned())),
            ("ack, decode", text(ACK.to_owned())),
            ("1 KiB object, decode", text(one_kib_object())),
            (
                "binary event, decode",
                Box::new(move || {
                    let header = ByteString::try_from(header.clone()).unwrap_or_default();
                    let frames = (header, first.clone(), second.clone());
                    black_box(read_binary_event(&mut assembler, frames));
                }),
            ),
            (
                "body of 100, decode",
                Box::new(move || {
                    let text = std::str::from_utf8(black_box(&body_bytes)).unwrap_or_default();
                    black_box(read_body(text));
                }),
            ),
            ("1 MiB string, decode", text(one_mib_string())),
        ],
    }
}

/// Builds values after decoding, and encodes from values, as most applications do in the end.
pub fn from_values() -> Native {
    let text = |text: String| -> Work {
        Box::new(move || {
            let packet = read(black_box(&text));
            let values: Vec<Value> = packet
                .raw_args()
                .filter_map(|raw| serde_json::from_str(raw).ok())
                .collect();
            black_box(values);
        })
    };
    let value = |text: &str| -> Value {
        let packet = read(text);
        let last = packet.raw_args().last().unwrap_or("null");
        serde_json::from_str(last).unwrap_or_default()
    };
    let event =
        |namespace: &'static str, id: Option<u64>, name: &'static str, value: Value| -> Work {
            Box::new(move || {
                let mut arguments = Arguments::new();
                let mut out = String::new();
                if arguments.push(black_box(&value)).is_ok() {
                    arguments.encode_event(namespace, id.map(AckId::from), name, &mut out);
                }
                black_box(out);
            })
        };
    let (first, second) = (attachment(), attachment());
    Native {
        about: about(
            "siospec, values",
            "JSON checked, then each argument built as a serde_json::Value; encodes from such values into a new String",
        ),
        rows: vec![
            ("small event, decode", text(SMALL_EVENT.to_owned())),
            ("ack, decode", text(ACK.to_owned())),
            ("1 KiB object, decode", text(one_kib_object())),
            ("1 MiB string, decode", text(one_mib_string())),
            (
                "small event, encode",
                event("/", None, "message", "hello world".into()),
            ),
            (
                "ack, encode",
                Box::new(move || {
                    let mut arguments = Arguments::new();
                    let mut out = String::new();
                    let pushed = arguments.push("ok").and_then(|all| all.push(&200));
                    if pushed.is_ok() {
                        arguments.encode_ack("/admin", AckId::from(456), &mut out);
                    }
                    black_box(out);
                }),
            ),
            (
                "1 KiB object, encode",
                event("/admin", Some(12), "update", value(&one_kib_object())),
            ),
            (
                "binary event, encode",
                Box::new(move || {
                    let mut arguments = Arguments::new();
                    let mut out = String::new();
                    arguments
                        .push_binary(first.clone())
                        .push_binary(second.clone());
                    arguments.encode_event("/", None, "image", &mut out);
                    black_box((out, arguments));
                }),
            ),
            (
                "1 MiB string, encode",
                event("/", None, "message", value(&one_mib_string())),
            ),
        ],
    }
}

fn binary() -> (Assembler, (ByteString, Bytes, Bytes)) {
    let assembler = Assembler::new(Limits::default(), Leniency::STRICT);
    (
        assembler,
        (BINARY_HEADER.into(), attachment(), attachment()),
    )
}

/// The packet without a check, so that encoding alone is measured.
fn read_once(text: &str) -> Packet<'_> {
    let split = siospec_codec::socket::Split::of(text);
    Packet {
        kind: split.kind().unwrap_or(PacketType::Event),
        attachments: split
            .count
            .and_then(|count| count.parse().ok())
            .unwrap_or(0),
        namespace: split.namespace.unwrap_or("/"),
        id: split.id.and_then(AckId::from_digits),
        payload: Some(split.payload),
    }
}

/// Both layers of the body, from packets with JSON text.
fn write_body() -> Work {
    let texts: Vec<(String, bool)> = (body().split('\u{1e}'))
        .map(|part| (part[1..].to_owned(), part.starts_with('b')))
        .collect();
    let data = [0x5a; 100];
    let mut out = String::with_capacity(body().len());
    let mut text = String::with_capacity(256);
    Box::new(move || {
        out.clear();
        for (packet, is_binary) in &texts {
            if *is_binary {
                payload::push(&mut out, &EnginePacket::Binary(data.as_slice().into()));
                continue;
            }
            text.clear();
            read_once(packet).encode(&mut text);
            payload::push(&mut out, &EnginePacket::message(&text));
        }
        black_box(&*out);
    })
}

/// The texts that decode to what they should: a row that does nothing would be fast.
pub fn texts_are_good() -> bool {
    let good = |text: &str| decode(text, &Limits::default(), Leniency::STRICT).is_ok();
    good(SMALL_EVENT)
        && good(ACK)
        && good(&one_kib_object())
        && good(&one_mib_string())
        && good(BINARY_HEADER)
        && read_body(&body()) == 80
}
