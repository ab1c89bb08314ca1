//! What holds for every input.

mod inputs;

use std::borrow::Cow;

use bytes::Bytes;
use inputs::{header_text, mutated, packet_text, text};
use proptest::collection::vec;
use proptest::prelude::*;
use siospec_codec::engine::{self, Payload, Query};
use siospec_codec::socket::{self, Arguments, Assembler, Split, decode, placeholder};
use siospec_codec::{DecodeErrorKind as Kind, Leniency, Limits};

const STRICT: Leniency = Leniency::STRICT;

/// Leniencies in every combination: rules are numbered by the order in which they are listed.
fn leniency() -> impl Strategy<Value = Leniency> {
    let rules = [
        Kind::EmptyPacket,
        Kind::UnknownEngineType,
        Kind::InvalidBase64,
        Kind::AttachmentCount,
        Kind::InvalidJson,
        Kind::TrailingData,
        Kind::MissingPayload,
        Kind::EventNotArray,
        Kind::EventEmpty,
        Kind::EventName,
        Kind::ReservedEventName,
        Kind::MissingAckId,
        Kind::AckNotArray,
        Kind::ConnectPayload,
        Kind::ConnectErrorPayload,
        Kind::DisconnectPayload,
        Kind::PlaceholderIndex,
        Kind::TextWhileAttachmentsDue,
        Kind::UnexpectedBinary,
    ];
    proptest::sample::subsequence(rules.to_vec(), 0..=rules.len())
        .prop_map(|rules| rules.into_iter().fold(STRICT, Leniency::allow))
}

fn engine_packet() -> impl Strategy<Value = engine::OwnedPacket> {
    prop_oneof![
        3 => (proptest::sample::select(engine::PacketType::ALL.to_vec()), "[^\u{1e}]{0,20}")
            .prop_map(|(kind, data)| engine::OwnedPacket::text(kind, data)),
        1 => vec(any::<u8>(), 0..40).prop_map(|data| engine::OwnedPacket::Binary(data.into())),
    ]
}

/// Looks at everything that an accepted packet offers.
fn look_at(packet: &socket::Packet<'_>, attachments: &[Bytes]) {
    if let Some(event) = packet.event() {
        let _ = (
            event.name().to_string(),
            event.raw_args_text(),
            event.raw_args().count(),
        );
    }
    let mut arguments = Arguments::new();
    for raw in packet.raw_args() {
        let argument = socket::Argument::new(raw, attachments);
        let _ = (argument.as_binary(), argument.value());
        arguments.push_argument(argument);
    }
    let _ = packet.payload.map(placeholder::find);
}

proptest! {
    #![proptest_config(inputs::config())]

    #[test]
    fn a_valid_packet_comes_back_as_it_was((text, attachments) in packet_text()) {
        let packet = decode(&text, &Limits::default(), STRICT);
        prop_assert!(packet.is_ok(), "{text} {packet:?}");
        if let Ok(packet) = packet {
            prop_assert_eq!(packet.to_text(), text.clone());
            prop_assert_eq!(packet.attachments, attachments);
        }
        let owned = socket::OwnedPacket::decode(text.as_str().into(), &Limits::default(), STRICT);
        prop_assert_eq!(owned.as_ref().map(socket::OwnedPacket::as_packet), packet.as_ref().map(|packet| *packet));
    }

    #[test]
    fn what_is_accepted_is_written_in_a_form_that_stays(text in prop_oneof![mutated(), text()]) {
        if let Ok(packet) = decode(&text, &Limits::default(), STRICT) {
            let canonical = packet.to_text();
            let again = decode(&canonical, &Limits::default(), STRICT);
            prop_assert_eq!(again, Ok(packet));
            prop_assert_eq!(again.map(|packet| packet.to_text()), Ok(canonical));
        }
    }

    #[test]
    fn a_packet_is_read_or_refused_inside_its_text(text in text(), leniency in leniency()) {
        match decode(&text, &Limits::default(), leniency) {
            Ok(packet) => look_at(&packet, &[Bytes::from_static(b"x")]),
            Err(error) => {
                prop_assert!(error.offset <= text.len());
                prop_assert!(!leniency.allows(error.kind) || error.kind == Kind::EmptyPacket);
            }
        }
        prop_assert_eq!(Split::of(&text).to_string(), text.as_str());
        let split = engine::Split::of(&text);
        prop_assert_eq!(format!("{}{}", split.type_char, split.data), text.clone());
    }

    #[test]
    fn an_engine_packet_is_read_or_refused_inside_its_text(text in text(), leniency in leniency()) {
        match engine::decode_text(&text, leniency) {
            Ok(packet) => {
                let canonical = packet.to_text();
                prop_assert_eq!(engine::decode_text(&canonical, STRICT), Ok(packet));
                if leniency == STRICT {
                    prop_assert_eq!(canonical, text);
                }
            }
            Err(error) => prop_assert!(error.offset <= text.len()),
        }
    }

    #[test]
    fn a_handshake_is_read_or_refused_inside_its_text(
        text in prop_oneof![
            text(),
            (inputs::json(2), inputs::json(1)).prop_map(|(sid, number)| format!(
                r#"{{"sid":{sid},"upgrades":["websocket"],"pingInterval":{number},"pingTimeout":200,"maxPayload":1e6}}"#
            )),
        ],
    ) {
        match engine::Handshake::decode(&text) {
            Ok(handshake) => prop_assert_eq!(engine::Handshake::decode(&handshake.to_text()), Ok(handshake)),
            Err(error) => prop_assert!(error.offset <= text.len()),
        }
    }

    /// The bytes of attachments are counted over all of them, and a refusal forgets them.
    #[test]
    fn the_limit_on_attachment_bytes_holds(
        (header, attachments) in header_text(),
        sizes in vec(0_usize..40, 4),
        limit in 0_usize..80,
    ) {
        let limits = Limits { attachment_bytes: limit, ..Limits::default() };
        let mut assembler = Assembler::new(limits, STRICT);
        prop_assert_eq!(assembler.text(header.into()), Ok(None));
        let mut sum = 0;
        for size in sizes.into_iter().take(attachments) {
            sum += size;
            let taken = assembler.binary(vec![7; size].into());
            prop_assert_eq!(taken.is_ok(), sum <= limit);
            if sum > limit {
                prop_assert_eq!(taken.map_err(|error| error.kind), Err(Kind::AttachmentsTooLarge));
                prop_assert_eq!(assembler.due(), 0);
                break;
            }
        }
    }

    #[test]
    fn a_lenient_decoder_reads_what_a_strict_one_reads(text in text(), leniency in leniency()) {
        if let Ok(packet) = decode(&text, &Limits::default(), STRICT) {
            prop_assert_eq!(decode(&text, &Limits::default(), leniency), Ok(packet));
        }
    }

    #[test]
    fn accepted_payloads_are_what_serde_json_reads(text in text()) {
        if let Ok(packet) = decode(&text, &Limits::default(), STRICT) {
            if let Some(payload) = packet.payload {
                prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(payload).is_ok());
            }
            let raw: Vec<_> = packet.raw_args().collect();
            let cut = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(packet.payload.unwrap_or("[]"));
            if let (Ok(cut), true) = (cut, packet.kind.is_event() || packet.kind.is_ack()) {
                let skipped = usize::from(packet.kind.is_event());
                prop_assert_eq!(raw, cut.iter().skip(skipped).map(|raw| raw.get()).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn engine_payloads_come_back_as_they_were(packets in vec(engine_packet(), 1..8)) {
        let body = engine::encode_payload(packets.iter().map(engine::OwnedPacket::as_packet));
        let read: Result<Vec<_>, _> = Payload::new(&body, STRICT).map(|packet| packet.map(engine::Packet::into_owned)).collect();
        prop_assert_eq!(read, Ok(packets));
    }

    #[test]
    fn a_body_is_read_up_to_one_error_inside_it(body in vec(any::<u8>(), 0..60), leniency in leniency()) {
        let all: Vec<_> = Payload::from_bytes(&body, leniency).collect();
        for (number, packet) in all.iter().enumerate() {
            if let Err(error) = packet {
                prop_assert!(error.offset <= body.len());
                prop_assert_eq!(number, all.len() - 1);
            }
        }
    }

    #[test]
    fn text_bodies_are_read_up_to_one_error_and_written_back(parts in vec(text(), 0..5), leniency in leniency()) {
        let body = parts.join("\u{1e}");
        let all: Vec<_> = Payload::new(&body, leniency).collect();
        prop_assert!(all.iter().rev().skip(1).all(Result::is_ok));
        let strict: Result<Vec<_>, _> = Payload::new(&body, STRICT).collect();
        if let Ok(packets) = strict {
            prop_assert_eq!(engine::encode_payload(packets), body);
        }
    }

    #[test]
    fn any_query_is_read(query in "[ -~é&=%+]{0,40}") {
        let read = Query::parse(&query);
        let _ = (read.eio(), read.sid(), read.transport());
        if let Some((name, value)) = read.pairs.last() {
            prop_assert_eq!(read.get(name), Some(value.as_ref()));
        }
    }

    #[test]
    fn limits_hold(text in text(), attachments in 0_usize..3, nesting in 1_usize..4, packet_bytes in 0_usize..40) {
        let limits = Limits { attachments, nesting, packet_bytes, ..Limits::default() };
        if let Ok(packet) = decode(&text, &limits, STRICT) {
            prop_assert!(packet.attachments <= attachments);
            prop_assert!(text.len() <= packet_bytes);
            prop_assert!(depth(packet.payload.unwrap_or("0")) <= nesting);
        }
    }

    /// Frames cut and joined at any border: as frames one by one, or as polling bodies of any size.
    #[test]
    fn messages_are_the_same_over_any_borders(
        conversation in vec((packet_text(), vec(any::<u8>(), 0..20)), 1..5),
        borders in vec(1_usize..4, 1..12),
    ) {
        let mut frames = Vec::new();
        for ((text, attachments), data) in &conversation {
            frames.push(engine::OwnedPacket::message(text.as_str()));
            frames.extend((0..*attachments).map(|_| engine::OwnedPacket::Binary(data.clone().into())));
        }
        let one_by_one = assemble(frames.iter().map(engine::OwnedPacket::as_packet));

        let mut bodies = Vec::new();
        let mut rest = &frames[..];
        for size in borders.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (part, after) = rest.split_at((*size).min(rest.len()));
            bodies.push(engine::encode_payload(part.iter().map(engine::OwnedPacket::as_packet)));
            rest = after;
        }
        let in_bodies = assemble(bodies.iter().flat_map(|body| Payload::new(body, STRICT)).flatten());
        prop_assert_eq!(&one_by_one, &in_bodies);
        prop_assert_eq!(one_by_one.map(|all| all.len()), Ok(conversation.len()));
    }

    #[test]
    fn text_while_attachments_are_due_is_an_error(
        ((header, attachments), came) in (header_text(), any::<prop::sample::Index>()),
        text in text(),
    ) {
        let came = came.index(attachments);
        let mut assembler = Assembler::new(Limits::default(), STRICT);
        prop_assert_eq!(assembler.text(header.into()), Ok(None));
        for _ in 0..came {
            prop_assert_eq!(assembler.binary(Bytes::from_static(b"x")), Ok(None));
        }
        prop_assert_eq!(assembler.text(text.into()).map_err(|error| error.kind), Err(Kind::TextWhileAttachmentsDue));
        prop_assert_eq!(assembler.due(), 0);
    }

    /// Arguments sent back unparsed say the same as arguments sent back through a tree.
    #[test]
    fn an_echo_is_the_same_raw_and_as_a_tree(((header, attachments), data) in (packet_text(), vec(any::<u8>(), 0..9))) {
        let mut assembler = Assembler::new(Limits::default(), STRICT);
        let mut message = assembler.text(header.into());
        for _ in 0..attachments {
            message = assembler.binary(data.clone().into());
        }
        let Ok(Some(message)) = message else { return Err(TestCaseError::fail("incomplete")) };
        let raw: Arguments = message.args().collect();
        if let Ok(tree) = message.args().map(|argument| argument.value()).collect::<Result<Arguments, _>>() {
            prop_assert_eq!(raw.attachments(), tree.attachments());
            let read = |arguments: &Arguments| serde_json::from_str::<serde_json::Value>(&format!("[{}]", arguments.json()));
            prop_assert_eq!(read(&raw).ok(), read(&tree).ok());
        }
    }
}

fn assemble<'a>(
    packets: impl IntoIterator<Item = engine::Packet<'a>>,
) -> Result<Vec<socket::Message>, siospec_codec::DecodeError> {
    let mut assembler = Assembler::new(Limits::default(), STRICT);
    let mut messages = Vec::new();
    for packet in packets {
        let message = match packet {
            engine::Packet::Text { data, .. } => assembler.text(data.into())?,
            engine::Packet::Binary(Cow::Borrowed(data)) => {
                assembler.binary(Bytes::copy_from_slice(data))?
            }
            engine::Packet::Binary(Cow::Owned(data)) => assembler.binary(data.into())?,
        };
        messages.extend(message);
    }
    Ok(messages)
}

/// How deep JSON is nested, counted by building it: independent of the decoder's own count.
fn depth(json: &str) -> usize {
    fn of(value: &serde_json::Value) -> usize {
        match value {
            serde_json::Value::Array(elements) => 1 + elements.iter().map(of).max().unwrap_or(0),
            serde_json::Value::Object(members) => 1 + members.values().map(of).max().unwrap_or(0),
            _ => 0,
        }
    }
    serde_json::from_str(json).as_ref().map_or(0, of)
}
