//! What the properties are tried on: packets that follow the rules, packets that nearly do, and
//! anything at all.

#![allow(dead_code, reason = "not every test binary wants every kind of input")]

use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;
use siospec_codec::socket::{Packet, PacketType, placeholder};

/// Failing inputs are written beside the tests, to be committed. `PROPTEST_CASES` asks for more.
pub(crate) fn config() -> ProptestConfig {
    let regressions = FileFailurePersistence::Direct("tests/regressions.txt");
    ProptestConfig {
        failure_persistence: Some(Box::new(regressions)),
        ..ProptestConfig::default()
    }
}

/// JSON text of one value, white space and odd forms included, `depth` levels at most.
pub(crate) fn json(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        select(vec![
            "null",
            "true",
            "false",
            "0",
            "-0",
            "1.0",
            "-12.5e+3",
            "1e400",
            "12345678901234567890",
            "\"\"",
            "[]",
            "{}",
            "[ ]",
            "{ }"
        ])
        .prop_map(String::from),
        any::<i64>().prop_map(|number| number.to_string()),
        json_string(),
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        let space = || select(vec!["", "", "", " ", "\n", "\t "]);
        let element = (space(), inner, space())
            .prop_map(|(before, value, after)| format!("{before}{value}{after}"));
        let key =
            json_string().prop_filter("a placeholder of its own", |key| key != r#""_placeholder""#);
        let member = (key, space(), element.clone())
            .prop_map(|(key, space, value)| format!("{key}{space}:{value}"));
        prop_oneof![
            vec(element, 1..4).prop_map(|elements| format!("[{}]", elements.join(","))),
            vec(member, 1..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
    .boxed()
}

pub(crate) fn json_string() -> BoxedStrategy<String> {
    let odd = select(vec![
        r#""\ud800""#,
        r#""\u0000\"\\\/""#,
        r#""\u001e""#,
        r#""_placeholder""#,
        r#""num""#,
        r#""a,b]}""#,
        r#""[[{{""#,
        "\"\u{2028}\"",
        r#""\ud83d\ude00""#,
    ]);
    prop_oneof![
        4 => any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        1 => odd.prop_map(String::from),
    ]
    .boxed()
}

fn event_name() -> BoxedStrategy<String> {
    let free = |name: &String| {
        !siospec_codec::socket::RESERVED_EVENTS
            .iter()
            .any(|reserved| *name == format!("\"{reserved}\""))
    };
    prop_oneof![
        json_string().prop_filter("reserved", free),
        any::<i32>().prop_map(|number| number.to_string())
    ]
    .boxed()
}

fn namespace() -> BoxedStrategy<String> {
    prop_oneof![3 => Just("/".to_owned()), 1 => "/[^,\u{0}-\u{1f}]{1,8}", 1 => Just("/admin".to_owned())]
        .boxed()
}

fn id() -> BoxedStrategy<String> {
    prop_oneof![4 => "[0-9]{1,4}", 1 => "[0-9]{15,40}"].boxed()
}

/// The canonical text of a valid packet of any kind, and how many attachments follow it.
pub(crate) fn packet_text() -> BoxedStrategy<(String, usize)> {
    packet_text_of(PacketType::ALL.to_vec(), 0..=3)
}

/// The same, of a binary kind with at least one attachment.
pub(crate) fn header_text() -> BoxedStrategy<(String, usize)> {
    packet_text_of(vec![PacketType::BinaryEvent, PacketType::BinaryAck], 1..=4)
}

fn packet_text_of(
    kinds: Vec<PacketType>,
    attachments: RangeInclusive<usize>,
) -> BoxedStrategy<(String, usize)> {
    let args = vec(json(3), 0..4);
    let fields = (
        select(kinds),
        namespace(),
        proptest::option::of(id()),
        args,
        event_name(),
    );
    (fields, attachments, any::<bool>())
        .prop_map(
            |((kind, namespace, id, mut args, name), attachments, object)| {
                let attachments = if kind.is_binary() { attachments } else { 0 };
                for index in 0..attachments {
                    let mut marker = String::new();
                    placeholder::encode(index, &mut marker);
                    args.push(if index % 2 == 0 {
                        marker
                    } else {
                        format!("{{\"deep\":[{marker}]}}")
                    });
                }
                if kind.is_event() {
                    args.insert(0, name);
                }
                let payload = match kind {
                    PacketType::Disconnect => String::new(),
                    PacketType::Connect if !object => String::new(),
                    PacketType::Connect => {
                        format!("{{\"token\":{}}}", args.first().map_or("1", String::as_str))
                    }
                    PacketType::ConnectError => r#"{"message":"no"}"#.to_owned(),
                    _ => format!("[{}]", args.join(",")),
                };
                let id = if kind.is_ack() {
                    id.or(Some("7".to_owned()))
                } else {
                    id
                };
                let id = if kind.is_ack() || kind.is_event() {
                    id
                } else {
                    None
                };
                let id = id
                    .as_deref()
                    .and_then(siospec_codec::socket::AckId::from_digits);
                let packet = Packet {
                    kind,
                    attachments,
                    namespace: &namespace,
                    id,
                    payload: (!payload.is_empty()).then_some(&*payload),
                };
                (packet.to_text(), attachments)
            },
        )
        .boxed()
}

/// A valid packet with a few characters put in, taken out or replaced.
pub(crate) fn mutated() -> BoxedStrategy<String> {
    let piece = select(vec![
        "",
        "-",
        "/",
        ",",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "\\",
        ":",
        "0",
        "9",
        "é",
        "４",
        "😀",
        "\u{feff}",
        "\u{1e}",
        " ",
        "b",
        "\\ud800",
        "true",
        r#"{"_placeholder":true,"num":0}"#,
        r#"{"_placeholder":true,"num":-1}"#,
        "\"connect\"",
    ]);
    (
        packet_text(),
        vec((any::<prop::sample::Index>(), piece, 0_usize..3), 1..5),
    )
        .prop_map(|((text, _), edits)| {
            let mut chars: Vec<char> = text.chars().collect();
            for (at, piece, removed) in edits {
                let at = at.index(chars.len() + 1);
                let end = (at + removed).min(chars.len());
                chars.splice(at..end, piece.chars());
            }
            chars.into_iter().collect()
        })
        .boxed()
}

/// Text of any kind: arbitrary, short and multibyte, built of the format's own pieces, valid,
/// nearly valid.
pub(crate) fn text() -> BoxedStrategy<String> {
    prop_oneof![
        any::<String>(),
        "[éø€😀４٣\u{feff}]{1,3}[a-d]{0,4}",
        "[0-9b/,\\-\\[\\]{}\":. \u{1e}a]{0,12}",
        packet_text().prop_map(|(text, _)| text),
        mutated(),
    ]
    .boxed()
}
