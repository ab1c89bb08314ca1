//! Engine.IO on the wire: raw text in, raw text out.

use bytestring::ByteString;
use siospec_codec::engine::{
    Handshake, OwnedPacket, Packet, PacketType, Payload, Query, Split, Transport, decode_binary,
    decode_text, encode_payload,
};
use siospec_codec::{DecodeError, DecodeErrorKind as Kind, Leniency};

const STRICT: Leniency = Leniency::STRICT;

fn text(kind: PacketType, data: &str) -> Packet<'_> {
    Packet::Text { kind, data }
}

fn binary(data: &[u8]) -> Packet<'_> {
    decode_binary(data)
}

fn at<T>(result: Result<T, DecodeError>) -> Option<(usize, Kind)> {
    result.err().map(|error| (error.offset, error.kind))
}

/// Frames of the protocol document's sample session, and the edges of each type.
#[test]
fn text_frames_read_and_write_the_same() {
    let vectors = [
        (
            r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"]}"#,
            PacketType::Open,
            r#"{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"]}"#,
        ),
        ("1", PacketType::Close, ""),
        ("2", PacketType::Ping, ""),
        ("2probe", PacketType::Ping, "probe"),
        ("3", PacketType::Pong, ""),
        ("3probe", PacketType::Pong, "probe"),
        ("4hello", PacketType::Message, "hello"),
        ("4HelloWorld", PacketType::Message, "HelloWorld"),
        ("4", PacketType::Message, ""),
        ("4€ø😀", PacketType::Message, "€ø😀"),
        ("4 x ", PacketType::Message, " x "),
        ("4a\u{0}b\u{7}", PacketType::Message, "a\u{0}b\u{7}"),
        ("4a\u{1e}4b", PacketType::Message, "a\u{1e}4b"),
        ("5", PacketType::Upgrade, ""),
        ("6", PacketType::Noop, ""),
    ];
    for (wire, kind, data) in vectors {
        assert_eq!(decode_text(wire, STRICT), Ok(text(kind, data)), "{wire:?}");
        assert_eq!(text(kind, data).to_text(), wire);
    }
}

#[test]
fn binary_is_base64_in_text_and_itself_in_a_binary_frame() {
    let vectors: [(&str, &[u8]); 5] = [
        ("bAQIDBA==", &[1, 2, 3, 4]),
        ("b+/8=", &[0xfb, 0xff]),
        ("b4AEC", &[0xe0, 1, 2]),
        ("b", &[]),
        ("bAQID", &[1, 2, 3]),
    ];
    for (wire, data) in vectors {
        assert_eq!(decode_text(wire, STRICT), Ok(binary(data)), "{wire:?}");
        assert_eq!(binary(data).to_text(), wire);
    }
}

#[test]
fn what_is_no_packet_is_refused_where_it_breaks() {
    let vectors = [
        ("", 0, Kind::EmptyPacket),
        ("abc", 0, Kind::UnknownEngineType),
        ("7", 0, Kind::UnknownEngineType),
        ("9x", 0, Kind::UnknownEngineType),
        ("éabcd", 0, Kind::UnknownEngineType),
        ("４x", 0, Kind::UnknownEngineType),
        ("B", 0, Kind::UnknownEngineType),
        ("bAQIDBA", 8, Kind::InvalidBase64),
        ("b!!!", 1, Kind::InvalidBase64),
        ("b-_8=", 1, Kind::InvalidBase64),
        ("bAQ ID", 3, Kind::InvalidBase64),
    ];
    for (wire, offset, kind) in vectors {
        let error = at(decode_text(wire, STRICT));
        assert_eq!(error.map(|(_, kind)| kind), Some(kind), "{wire:?}");
        assert!(
            error.is_some_and(|(at, _)| at <= offset.max(1)),
            "{wire:?} {error:?}"
        );
    }
}

#[test]
fn base64_without_padding_or_url_safe_is_read_where_it_is_let_pass() {
    let loose = STRICT.allow(Kind::InvalidBase64);
    assert_eq!(decode_text("bAQIDBA", loose), Ok(binary(&[1, 2, 3, 4])));
    assert_eq!(decode_text("b-_8=", loose), Ok(binary(&[0xfb, 0xff])));
    assert_eq!(
        at(decode_text("b!!!", loose)),
        Some((1, Kind::InvalidBase64))
    );
}

#[test]
fn payloads_read_and_write_the_same() {
    let vectors = [
        (
            "4hello\u{1e}2\u{1e}4world",
            vec![
                Packet::message("hello"),
                text(PacketType::Ping, ""),
                Packet::message("world"),
            ],
        ),
        (
            "4hello\u{1e}bAQIDBA==",
            vec![Packet::message("hello"), binary(&[1, 2, 3, 4])],
        ),
        (
            "4test1\u{1e}4test2\u{1e}4test3",
            vec![
                Packet::message("test1"),
                Packet::message("test2"),
                Packet::message("test3"),
            ],
        ),
        (
            "4\u{1e}b\u{1e}4",
            vec![Packet::message(""), binary(&[]), Packet::message("")],
        ),
        ("6", vec![text(PacketType::Noop, "")]),
    ];
    for (wire, packets) in vectors {
        assert_eq!(
            Payload::new(wire, STRICT)
                .collect::<Result<Vec<_>, _>>()
                .as_ref(),
            Ok(&packets),
            "{wire:?}"
        );
        assert_eq!(
            Payload::from_bytes(wire.as_bytes(), STRICT)
                .collect::<Result<Vec<_>, _>>()
                .as_ref(),
            Ok(&packets)
        );
        assert_eq!(encode_payload(packets), wire);
    }
}

#[test]
fn a_payload_gives_what_stands_before_the_broken_packet_and_nothing_after_it() {
    let vectors = [
        ("", 0, 0, Kind::EmptyPacket),
        ("{", 0, 0, Kind::UnknownEngineType),
        ("{}", 0, 0, Kind::UnknownEngineType),
        (r#"["a123", "a456"]"#, 0, 0, Kind::UnknownEngineType),
        ("4a\u{1e}abc\u{1e}4c", 1, 3, Kind::UnknownEngineType),
        ("\u{1e}4a", 0, 0, Kind::EmptyPacket),
        ("4a\u{1e}\u{1e}4b", 1, 3, Kind::EmptyPacket),
        ("4a\u{1e}", 1, 3, Kind::EmptyPacket),
        ("4a\u{1e}b!", 1, 4, Kind::InvalidBase64),
    ];
    for (wire, before, offset, kind) in vectors {
        let mut all: Vec<_> = Payload::new(wire, STRICT).collect();
        let last = all.pop().map(at);
        assert_eq!(last, Some(Some((offset, kind))), "{wire:?}");
        assert_eq!(all.len(), before, "{wire:?}");
        assert!(all.iter().all(Result::is_ok));
    }
}

#[test]
fn bytes_that_are_no_text_break_the_packet_they_stand_in() {
    let all: Vec<_> = Payload::from_bytes(b"4a\x1e4b\xff\xfe\x1e4c", STRICT).collect();
    assert_eq!(
        all,
        [
            Ok(Packet::message("a")),
            Err(DecodeError {
                offset: 5,
                kind: Kind::InvalidUtf8
            })
        ]
    );
    let all: Vec<_> = Payload::from_bytes(b"4\xff", STRICT).collect();
    assert_eq!(
        all,
        [Err(DecodeError {
            offset: 1,
            kind: Kind::InvalidUtf8
        })]
    );
    let all: Vec<_> = Payload::from_bytes(b"abc\x1e4\xff", STRICT).collect();
    assert_eq!(
        all,
        [Err(DecodeError {
            offset: 0,
            kind: Kind::UnknownEngineType
        })]
    );
}

#[test]
fn broken_packets_are_skipped_where_that_is_let_pass() {
    let loose = STRICT
        .allow(Kind::EmptyPacket)
        .allow(Kind::UnknownEngineType);
    let all: Vec<_> = Payload::new("4a\u{1e}abc\u{1e}\u{1e}4c\u{1e}", loose).collect();
    assert_eq!(all, [Ok(Packet::message("a")), Ok(Packet::message("c"))]);
}

#[test]
fn an_owned_packet_shares_the_body_it_was_cut_from() {
    let body = ByteString::from("4hello\u{1e}bAQI=");
    let owned: Vec<_> = Payload::new(&body, STRICT)
        .flatten()
        .map(|packet| OwnedPacket::slice_of(&body, packet))
        .collect();
    assert_eq!(
        owned,
        [
            OwnedPacket::message("hello"),
            OwnedPacket::Binary(vec![1, 2].into())
        ]
    );
    assert!(
        matches!(&owned[0], OwnedPacket::Text { data, .. } if data.as_ptr() == body[1..].as_ptr())
    );
}

#[test]
fn split_keeps_any_text_whole() {
    for wire in ["", "4hello", "7x", "é", "４x", "abc"] {
        let split = Split::of(wire);
        assert_eq!(format!("{}{}", split.type_char, split.data), wire);
    }
    assert_eq!(Split::of("7x").kind(), None);
    assert_eq!(Split::of("2probe").kind(), Some(PacketType::Ping));
}

#[test]
fn the_handshake_keeps_key_order_and_further_keys() {
    let wire = r#"{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
    let handshake = Handshake::decode(wire).unwrap();
    assert_eq!(handshake.sid, "lv_VI97HAXpY6yYWAAAC");
    assert_eq!(handshake.upgrades, ["websocket"]);
    assert_eq!(
        (
            handshake.ping_interval,
            handshake.ping_timeout,
            handshake.max_payload
        ),
        (25_000, 20_000, 1_000_000)
    );
    assert_eq!(handshake.to_text(), wire);

    let wire = r#"{"maxPayload":1e6,"x":{"y":[1]},"pingTimeout":200.0,"sid":"s","pingInterval":300,"upgrades":[]}"#;
    let handshake = Handshake::decode(wire).unwrap();
    assert_eq!(
        handshake.to_text(),
        r#"{"sid":"s","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000,"x":{"y":[1]}}"#
    );
}

#[test]
fn a_handshake_names_the_key_that_is_wrong() {
    let vectors = [
        ("", Kind::HandshakeNotObject),
        ("[]", Kind::HandshakeNotObject),
        ("{}x", Kind::HandshakeNotObject),
        (
            r#"{"upgrades":[],"pingInterval":1,"pingTimeout":1,"maxPayload":1}"#,
            Kind::HandshakeSid,
        ),
        (
            r#"{"sid":7,"upgrades":[],"pingInterval":1,"pingTimeout":1,"maxPayload":1}"#,
            Kind::HandshakeSid,
        ),
        (
            r#"{"sid":"s","upgrades":null,"pingInterval":1,"pingTimeout":1,"maxPayload":1}"#,
            Kind::HandshakeUpgrades,
        ),
        (
            r#"{"sid":"s","upgrades":[1],"pingInterval":1,"pingTimeout":1,"maxPayload":1}"#,
            Kind::HandshakeUpgrades,
        ),
        (
            r#"{"sid":"s","upgrades":[],"pingInterval":"1","pingTimeout":1,"maxPayload":1}"#,
            Kind::HandshakePingInterval,
        ),
        (
            r#"{"sid":"s","upgrades":[],"pingInterval":1,"pingTimeout":-1,"maxPayload":1}"#,
            Kind::HandshakePingTimeout,
        ),
        (
            r#"{"sid":"s","upgrades":[],"pingInterval":1,"pingTimeout":0.5,"maxPayload":1}"#,
            Kind::HandshakePingTimeout,
        ),
        (
            r#"{"sid":"s","upgrades":[],"pingInterval":1,"pingTimeout":1}"#,
            Kind::HandshakeMaxPayload,
        ),
    ];
    for (wire, kind) in vectors {
        assert_eq!(
            Handshake::decode(wire).map_err(|error| error.kind),
            Err(kind),
            "{wire}"
        );
    }
}

#[test]
fn a_query_is_decoded_and_its_last_duplicate_counts() {
    let query = Query::parse("EIO=4&transport=poll%69ng&sid=&t=abc&sid=%C3%A9");
    assert_eq!(query.eio(), Some("4"));
    assert_eq!(query.transport(), Some(Transport::Polling));
    assert_eq!(query.sid(), Some("é"));
    assert_eq!(query.get("t"), Some("abc"));
    assert_eq!(Query::parse("sid=").sid(), None);
    assert_eq!(Query::parse("EIO=4&EIO=3").eio(), Some("3"));
    for name in ["__proto__", "constructor", "Polling", "", "polling "] {
        assert_eq!(Transport::from_name(name), None);
    }
    for broken in ["", "&", "=", "%", "%zz=%", "a=%ff", "🦀"] {
        assert_eq!(Query::parse(broken).eio(), None);
    }
}
