//! What is measured: the wire texts, and one function for each row.

use std::hint::black_box;

use bytes::Bytes;
use siospec_codec::engine::{Packet as EnginePacket, Payload, payload};
use siospec_codec::socket::{Arguments, Assembler, Message, Packet, decode};
use siospec_codec::{Leniency, Limits};

pub(crate) const SMALL_EVENT: &str = r#"2["message","hello world"]"#;
pub(crate) const ACK: &str = r#"3/admin,456["ok",200]"#;
pub(crate) const BINARY_HEADER: &str =
    r#"52-["image",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;

/// An event in a namespace with an id, whose argument is an object of 1 KiB as applications send
/// them: text, numbers, booleans, a list, an object inside.
pub(crate) fn one_kib_object() -> String {
    let mut object = String::from(
        r#"{"id":48151623,"room":"general","author":{"id":42,"name":"Ada Lovelace","admin":true},"#,
    );
    object.push_str(r#""tags":["engine","notes"],"at":1700000000.25,"edited":null,"lines":["#);
    let line =
        r#""The Analytical Engine weaves algebraical patterns, just as the loom weaves leaves.""#;
    while object.len() + line.len() + 3 < 1024 {
        object.push_str(line);
        object.push(',');
    }
    object.push_str("0]}");
    format!("2/admin,12[\"update\",{object}]")
}

/// An event whose argument is a string of 1 MiB of ASCII.
pub(crate) fn one_mib_string() -> String {
    format!(r#"2["message","{}"]"#, "x".repeat(1 << 20))
}

pub(crate) fn attachment() -> Bytes {
    Bytes::from(vec![0x5a; 1024])
}

/// A polling body of 100 packets, every fifth a binary event's header with its attachment of 100
/// bytes in base64.
pub(crate) fn body() -> String {
    let data = [0x5a; 100];
    let mut body = String::new();
    let mut push = |packet: EnginePacket<'_>| payload::push(&mut body, &packet);
    for number in 0..20 {
        push(EnginePacket::message(r#"2["message","hello world"]"#));
        push(EnginePacket::message(&format!(
            r#"2/admin,{number}["update",{{"id":{number},"name":"n"}}]"#
        )));
        push(EnginePacket::message(r#"3/admin,456["ok",200]"#));
        push(EnginePacket::message(
            r#"51-["image",{"_placeholder":true,"num":0}]"#,
        ));
        push(EnginePacket::Binary(data.as_slice().into()));
    }
    body
}

pub(crate) fn read(text: &str) -> Packet<'_> {
    let packet = decode(black_box(text), &Limits::default(), Leniency::STRICT);
    packet.unwrap_or(Packet::new(siospec_codec::socket::PacketType::Connect))
}

/// Header and two attachments, to one message. The frames are given, as a transport gives them.
pub(crate) fn read_binary_event(
    assembler: &mut Assembler,
    (header, first, second): (bytestring::ByteString, Bytes, Bytes),
) -> Option<Message> {
    assembler.text(black_box(header)).ok()?;
    assembler.binary(first).ok()?;
    assembler.binary(second).ok()?
}

/// Both layers of a body; gives the number of messages.
pub(crate) fn read_body(body: &str) -> usize {
    let mut due = 0;
    let mut messages = 0;
    for packet in Payload::new(black_box(body), Leniency::STRICT) {
        match packet {
            Ok(EnginePacket::Text { data, .. }) => {
                due = read(data).attachments;
                messages += usize::from(due == 0);
            }
            Ok(EnginePacket::Binary(data)) => {
                black_box(&data);
                due -= 1;
                messages += usize::from(due == 0);
            }
            Err(_) => return 0,
        }
    }
    messages
}

pub(crate) fn write(packet: &Packet<'_>, out: &mut String) {
    out.clear();
    black_box(packet).encode(out);
    black_box(&*out);
}

pub(crate) fn write_event(arguments: &Arguments, out: &mut String) {
    out.clear();
    black_box(arguments).encode_event(black_box("/"), None, black_box("message"), out);
    black_box(&*out);
}
