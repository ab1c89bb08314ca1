//! Headers, attachments, and messages with bytes in them.

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use bytes::Bytes;
use siospec_codec::socket::{AckId, Argument, Arguments, Assembler, Message, Value};
use siospec_codec::{DecodeErrorKind as Kind, Leniency, Limits};

fn assembler() -> Assembler {
    Assembler::new(Limits::default(), Leniency::STRICT)
}

fn message(header: &str, attachments: &[&'static [u8]]) -> Message {
    let mut assembler = assembler();
    let mut message = assembler.text(header.into()).unwrap();
    for data in attachments {
        assert_eq!(message, None, "{header}");
        message = assembler.binary(Bytes::from_static(data)).unwrap();
    }
    assert_eq!(assembler.due(), 0);
    message.unwrap()
}

/// The message's arguments sent back as the same event.
fn echo(message: &Message) -> (String, Vec<Bytes>) {
    let arguments: Arguments = message.args().collect();
    let mut out = String::new();
    arguments.encode_event("/", None, "message-back", &mut out);
    (out, arguments.attachments().to_vec())
}

#[test]
fn a_message_without_attachments_is_whole_at_once() {
    for wire in [r#"2["message","x"]"#, r#"50-["message","x"]"#] {
        assert_eq!(echo(&message(wire, &[])).0, r#"2["message-back","x"]"#);
    }
}

#[test]
fn attachments_are_matched_by_number_at_any_depth() {
    let message = message(
        r#"52-["m",{"_placeholder":true,"num":1},{"a":[{"b":{"num":0,"_placeholder":true}}]}, null]"#,
        &[b"one", b"two"],
    );
    let values: Vec<_> = message
        .args()
        .map(|argument| argument.value().unwrap())
        .collect();
    let nested = Value::Object(vec![("b".into(), Value::Binary("one".into()))]);
    assert_eq!(values[0], Value::Binary("two".into()));
    assert_eq!(
        values[1],
        Value::Object(vec![("a".into(), Value::Array(vec![nested]))])
    );
    assert_eq!(values[2], Value::from(serde_json::Value::Null));
    assert_eq!(
        message
            .args()
            .next()
            .and_then(|argument| argument.as_binary().cloned()),
        Some("two".into())
    );
}

#[test]
fn arguments_go_out_again_untouched_with_their_attachments_renumbered() {
    let (text, attachments) = echo(&message(
        r#"53-["m",{"_placeholder":true,"num":2}, 1.0 ,{"x":{"_placeholder":true,"num":0}}]"#,
        &[b"a", b"unused", b"c"],
    ));
    assert_eq!(
        text,
        r#"52-["message-back",{"_placeholder":true,"num":0},1.0,{"x":{"_placeholder":true,"num":1}}]"#
    );
    assert_eq!(attachments, ["c", "a"]);
}

#[test]
fn two_placeholders_may_share_an_attachment_and_an_unused_one_is_dropped() {
    let (text, attachments) = echo(&message(
        r#"51-["m",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#,
        &[b"x"],
    ));
    assert_eq!(
        text,
        r#"52-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
    );
    assert_eq!(attachments, ["x", "x"]);
    let (text, attachments) = echo(&message(r#"51-["message","x"]"#, &[b"\x01"]));
    assert_eq!(
        (text.as_str(), attachments.len()),
        (r#"2["message-back","x"]"#, 0)
    );
}

#[test]
fn a_placeholder_in_a_plain_event_is_an_ordinary_object() {
    let plain = message(r#"2["message",{"_placeholder":true,"num":0}]"#, &[]);
    assert_eq!(
        echo(&plain).0,
        r#"2["message-back",{"_placeholder":true,"num":0}]"#
    );
    assert!(matches!(
        plain.args().next().map(|argument| argument.value()),
        Some(Ok(Value::Json(_)))
    ));
}

#[test]
fn an_attachment_may_be_empty() {
    let (text, attachments) = echo(&message(
        r#"51-["m",{"_placeholder":true,"num":0}]"#,
        &[b""],
    ));
    assert_eq!(text, r#"51-["message-back",{"_placeholder":true,"num":0}]"#);
    assert_eq!(attachments, [""]);
}

#[test]
fn text_while_attachments_are_due_is_an_error_and_leaves_nothing_behind() {
    let mut assembler = assembler();
    assert_eq!(
        assembler.text(r#"51-["m",{"_placeholder":true,"num":0}]"#.into()),
        Ok(None)
    );
    let error = assembler.text(r#"2["m"]"#.into()).unwrap_err();
    assert_eq!(error.kind, Kind::TextWhileAttachmentsDue);
    assert_eq!(assembler.due(), 0);
    assert_eq!(
        assembler.binary("x".into()).unwrap_err().kind,
        Kind::UnexpectedBinary
    );
}

#[test]
fn bytes_that_nothing_announced_are_an_error() {
    let mut assembler = assembler();
    assert_eq!(
        assembler.binary("x".into()).unwrap_err().kind,
        Kind::UnexpectedBinary
    );
    assembler.text(r#"51-["m"]"#.into()).unwrap();
    assert!(assembler.binary("x".into()).unwrap().is_some());
    assert_eq!(
        assembler.binary("y".into()).unwrap_err().kind,
        Kind::UnexpectedBinary
    );
}

#[test]
fn both_rules_can_be_let_pass() {
    let leniency = Leniency::STRICT
        .allow(Kind::TextWhileAttachmentsDue)
        .allow(Kind::UnexpectedBinary);
    let mut assembler = Assembler::new(Limits::default(), leniency);
    assert_eq!(assembler.binary("stray".into()), Ok(None));
    assembler.text(r#"51-["m"]"#.into()).unwrap();
    assert!(assembler.text(r#"2["between"]"#.into()).unwrap().is_some());
    assert!(assembler.binary("x".into()).unwrap().is_some());
}

#[test]
fn the_bytes_of_all_attachments_together_are_bounded() {
    let limits = Limits {
        attachment_bytes: 5,
        ..Limits::default()
    };
    let mut assembler = Assembler::new(limits, Leniency::STRICT);
    assembler.text(r#"52-["m"]"#.into()).unwrap();
    assert_eq!(assembler.binary("123".into()), Ok(None));
    assert_eq!(
        assembler.binary("456".into()).unwrap_err().kind,
        Kind::AttachmentsTooLarge
    );
    assert_eq!(assembler.due(), 0);
}

#[test]
fn events_and_acks_are_written_with_count_namespace_and_id_in_that_order() {
    let mut arguments = Arguments::new();
    arguments.push_json("1").push(&["a"]).unwrap();
    let mut out = String::new();
    arguments.encode_event("/", None, "say \"hi\"", &mut out);
    assert_eq!(out, r#"2["say \"hi\"",1,["a"]]"#);
    out.clear();
    arguments.encode_ack("/custom", AckId::from(13), &mut out);
    assert_eq!(out, r#"3/custom,13[1,["a"]]"#);

    arguments.push_binary("xyz").push_value(&Value::Array(vec![
        Value::from(1),
        Value::Binary("b".into()),
    ]));
    out.clear();
    arguments.encode_event("/custom", Some(AckId::from(7)), "m", &mut out);
    assert_eq!(
        out,
        r#"52-/custom,7["m",1,["a"],{"_placeholder":true,"num":0},[1,{"_placeholder":true,"num":1}]]"#
    );
    out.clear();
    arguments.encode_ack("/", AckId::from_digits("007").unwrap(), &mut out);
    assert_eq!(
        out,
        r#"62-007[1,["a"],{"_placeholder":true,"num":0},[1,{"_placeholder":true,"num":1}]]"#
    );
    out.clear();
    Arguments::new().encode_ack("/", AckId::from(0), &mut out);
    assert_eq!(out, "30[]");
}

#[test]
fn values_that_no_tree_can_hold_still_go_out_again() {
    let wire = r#"51-["m","\ud800",1e400,12345678901234567890,{"_placeholder":true,"num":0}]"#;
    let message = message(wire, &[b"x"]);
    assert!(
        message
            .args()
            .next()
            .is_some_and(|argument| argument.value().is_err())
    );
    assert_eq!(echo(&message).0, wire.replace("\"m\"", "\"message-back\""));
}

#[test]
fn no_object_is_taken_for_what_serde_json_carries_in_objects() {
    let object = r#"{"$serde_json::private::Number":"7"}"#;
    for wire in [
        format!(r#"2["m",{object}]"#),
        format!(r#"51-["m",{object},{{"_placeholder":true,"num":0}}]"#),
    ] {
        let attachments: &[&[u8]] = if wire.starts_with('5') { &[b"x"] } else { &[] };
        let message = message(&wire, attachments);
        let value = message.args().next().unwrap().value().unwrap();
        assert!(value.as_json().unwrap().is_object(), "{wire}");
        assert_eq!(value.as_json().unwrap().to_string(), object);
        let parsed: serde_json::Value = message.args().next().unwrap().parse().unwrap();
        assert_eq!(Some(&parsed), value.as_json(), "{wire}");
    }
}

#[test]
fn an_argument_is_read_as_a_type_of_the_callers() {
    let attachments = [];
    let argument = Argument::new(r#"{"a":1}"#, &attachments);
    assert_eq!(
        argument
            .parse::<std::collections::BTreeMap<String, u8>>()
            .unwrap()["a"],
        1
    );
}
