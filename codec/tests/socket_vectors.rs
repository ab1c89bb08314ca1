//! Socket.IO on the wire: raw text in, raw text out.

use siospec_codec::socket::{AckId, Packet, PacketType, Split, decode};
use siospec_codec::{DecodeErrorKind as Kind, Leniency, Limits};

fn strict(wire: &str) -> Result<Packet<'_>, (usize, Kind)> {
    decode(wire, &Limits::default(), Leniency::STRICT).map_err(|error| (error.offset, error.kind))
}

fn lenient(wire: &str, kind: Kind) -> Option<Packet<'_>> {
    decode(wire, &Limits::default(), Leniency::STRICT.allow(kind)).ok()
}

/// The examples of the protocol document and the vectors of its reference parser.
#[test]
fn packets_read_and_write_the_same() {
    use PacketType::*;

    let packet = Packet::new;
    let vectors = [
        ("0", packet(Connect)),
        ("0/admin,", packet(Connect).in_namespace("/admin")),
        (
            r#"0{"sid":"oSO0OpakMV_3jnilAAAA"}"#,
            packet(Connect).with_payload(r#"{"sid":"oSO0OpakMV_3jnilAAAA"}"#),
        ),
        (
            r#"0/admin,{"sid":"x"}"#,
            packet(Connect)
                .in_namespace("/admin")
                .with_payload(r#"{"sid":"x"}"#),
        ),
        (
            r#"0/woot,{"token":"123"}"#,
            packet(Connect)
                .in_namespace("/woot")
                .with_payload(r#"{"token":"123"}"#),
        ),
        (
            r#"4"Unauthorized""#,
            packet(ConnectError).with_payload(r#""Unauthorized""#),
        ),
        (
            r#"4{"message":"Unauthorized"}"#,
            packet(ConnectError).with_payload(r#"{"message":"Unauthorized"}"#),
        ),
        (
            r#"4/admin,{"message":"Not authorized"}"#,
            packet(ConnectError)
                .in_namespace("/admin")
                .with_payload(r#"{"message":"Not authorized"}"#),
        ),
        ("1", packet(Disconnect)),
        ("1/admin,", packet(Disconnect).in_namespace("/admin")),
        (r#"2["foo"]"#, packet(Event).with_payload(r#"["foo"]"#)),
        (
            r#"2["a",1,{}]"#,
            packet(Event).with_payload(r#"["a",1,{}]"#),
        ),
        (
            r#"2[1,"a",{}]"#,
            packet(Event).with_payload(r#"[1,"a",{}]"#),
        ),
        (
            r#"21["a",1,{}]"#,
            packet(Event).with_id(1).with_payload(r#"["a",1,{}]"#),
        ),
        (
            r#"212["foo"]"#,
            packet(Event).with_id(12).with_payload(r#"["foo"]"#),
        ),
        (
            r#"2/test,1["a",1,{}]"#,
            packet(Event)
                .in_namespace("/test")
                .with_id(1)
                .with_payload(r#"["a",1,{}]"#),
        ),
        (
            r#"2/admin,456["project:delete",123]"#,
            packet(Event)
                .in_namespace("/admin")
                .with_id(456)
                .with_payload(r#"["project:delete",123]"#),
        ),
        (
            r#"2["hello","a,b/c"]"#,
            packet(Event).with_payload(r#"["hello","a,b/c"]"#),
        ),
        (r#"2["f-o-o"]"#, packet(Event).with_payload(r#"["f-o-o"]"#)),
        (
            r#"2["message","12[1]"]"#,
            packet(Event).with_payload(r#"["message","12[1]"]"#),
        ),
        (
            r#"2 ["message","x"]"#,
            packet(Event).with_payload(r#" ["message","x"]"#),
        ),
        (
            r#"20["message",1]"#,
            packet(Event).with_id(0).with_payload(r#"["message",1]"#),
        ),
        ("312[]", packet(Ack).with_id(12).with_payload("[]")),
        (
            r#"3123["a",1,{}]"#,
            packet(Ack).with_id(123).with_payload(r#"["a",1,{}]"#),
        ),
        (
            "3/admin,456[]",
            packet(Ack)
                .in_namespace("/admin")
                .with_id(456)
                .with_payload("[]"),
        ),
        (
            r#"51-["hello",{"_placeholder":true,"num":0}]"#,
            packet(BinaryEvent)
                .with_attachments(1)
                .with_payload(r#"["hello",{"_placeholder":true,"num":0}]"#),
        ),
        (
            r#"51-/admin,456["project:delete",{"_placeholder":true,"num":0}]"#,
            packet(BinaryEvent)
                .with_attachments(1)
                .in_namespace("/admin")
                .with_id(456)
                .with_payload(r#"["project:delete",{"_placeholder":true,"num":0}]"#),
        ),
        (
            r#"61-/admin,456[{"_placeholder":true,"num":0}]"#,
            packet(BinaryAck)
                .with_attachments(1)
                .in_namespace("/admin")
                .with_id(456)
                .with_payload(r#"[{"_placeholder":true,"num":0}]"#),
        ),
        (
            r#"50-["message","x"]"#,
            packet(BinaryEvent).with_payload(r#"["message","x"]"#),
        ),
        (
            r#"510-["message",{"_placeholder":true,"num":9}]"#,
            packet(BinaryEvent)
                .with_attachments(10)
                .with_payload(r#"["message",{"_placeholder":true,"num":9}]"#),
        ),
    ];
    for (wire, packet) in vectors {
        assert_eq!(strict(wire), Ok(packet), "{wire}");
        assert_eq!(packet.to_text(), wire);
    }
}

#[test]
fn what_is_accepted_in_another_form_is_written_in_the_canonical_one() {
    let vectors = [
        ("0/", "0"),
        ("0/,", "0"),
        ("0/custom", "0/custom,"),
        ("0/b-a-r,", "0/b-a-r,"),
        ("0/custom?a=b,", "0/custom?a=b,"),
        ("1/custom", "1/custom,"),
        (r#"2/,["a"]"#, r#"2["a"]"#),
        (r#"2/,7["a"]"#, r#"27["a"]"#),
        (r#"500-["a"]"#, r#"50-["a"]"#),
        (r#"2007["a"]"#, r#"2007["a"]"#),
    ];
    for (wire, canonical) in vectors {
        assert_eq!(
            strict(wire).map(|packet| packet.to_text()).as_deref(),
            Ok(canonical),
            "{wire}"
        );
    }
}

#[test]
fn what_breaks_a_rule_is_refused_where_it_breaks() {
    let vectors = [
        ("", 0, Kind::EmptyPacket),
        ("abc", 0, Kind::UnknownSocketType),
        ("7", 0, Kind::UnknownSocketType),
        (r#"9["x"]"#, 0, Kind::UnknownSocketType),
        (r#"４["x"]"#, 0, Kind::UnknownSocketType),
        (" ", 0, Kind::UnknownSocketType),
        ("999", 0, Kind::UnknownSocketType),
        ("5", 1, Kind::AttachmentCount),
        ("51", 1, Kind::AttachmentCount),
        ("5a-", 1, Kind::AttachmentCount),
        (r#"51["m"]"#, 1, Kind::AttachmentCount),
        (r#"51.23-["m"]"#, 1, Kind::AttachmentCount),
        (r#"5-1-["m"]"#, 1, Kind::AttachmentCount),
        (r#"51e0-["m"]"#, 1, Kind::AttachmentCount),
        (r#"50x1-["m"]"#, 1, Kind::AttachmentCount),
        (r#"5-["m"]"#, 1, Kind::AttachmentCount),
        (r#"5 1-["m"]"#, 1, Kind::AttachmentCount),
        (r#"5+1-["m"]"#, 1, Kind::AttachmentCount),
        (r#"5["a-b"]"#, 1, Kind::AttachmentCount),
        (r#"511-["m"]"#, 1, Kind::TooManyAttachments),
        (r#"51000000000000-["m"]"#, 1, Kind::TooManyAttachments),
        (
            r#"599999999999999999999999999999-["m"]"#,
            1,
            Kind::TooManyAttachments,
        ),
        ("2", 1, Kind::MissingPayload),
        ("212", 3, Kind::MissingPayload),
        ("2/custom,", 9, Kind::MissingPayload),
        ("51-", 3, Kind::MissingPayload),
        ("2{}", 1, Kind::EventNotArray),
        (r#"2"m""#, 1, Kind::EventNotArray),
        (
            r#"51-{"a":{"_placeholder":true,"num":0}}"#,
            3,
            Kind::EventNotArray,
        ),
        ("2[]", 2, Kind::EventEmpty),
        ("51-[ ]", 5, Kind::EventEmpty),
        (r#"2[null,"bar"]"#, 2, Kind::EventName),
        (r#"2[true,"foo"]"#, 2, Kind::EventName),
        (r#"2[{"toString":"foo"}]"#, 2, Kind::EventName),
        (r#"2[["foo"]]"#, 2, Kind::EventName),
        (r#"2["connect"]"#, 2, Kind::ReservedEventName),
        (r#"2["disconnect","123"]"#, 2, Kind::ReservedEventName),
        (r#"2[ "newListener"]"#, 3, Kind::ReservedEventName),
        (r#"2["\u0063onnect"]"#, 2, Kind::ReservedEventName),
        (r#"2["connec\u0074"]"#, 2, Kind::ReservedEventName),
        (r#"51-["removeListener"]"#, 4, Kind::ReservedEventName),
        (r#"2["some","data""#, 14, Kind::InvalidJson),
        ("2[", 1, Kind::InvalidJson),
        (r#"2["a",01]"#, 7, Kind::InvalidJson),
        ("2['a']", 2, Kind::InvalidJson),
        (r#"2["a",]"#, 6, Kind::InvalidJson),
        ("2[\"a\u{1e}\"]", 3, Kind::InvalidJson),
        (r#"2["a",NaN]"#, 6, Kind::InvalidJson),
        ("2\u{feff}[\"message\",1]", 1, Kind::InvalidJson),
        (r#"2abc["a"]"#, 1, Kind::InvalidJson),
        (r#"2-1["a"]"#, 3, Kind::TrailingData),
        (r#"21.5["a"]"#, 2, Kind::InvalidJson),
        (r#"21e3["a"]"#, 2, Kind::InvalidJson),
        (r#"2/["message","x"]"#, 16, Kind::TrailingData),
        (r#"2["a"]x"#, 6, Kind::TrailingData),
        (r#"2["a"]["b"]"#, 6, Kind::TrailingData),
        ("3[]", 1, Kind::MissingAckId),
        ("31", 2, Kind::AckNotArray),
        ("31{}", 2, Kind::AckNotArray),
        (
            r#"61-1{"a":{"_placeholder":true,"num":0}}"#,
            4,
            Kind::AckNotArray,
        ),
        ("0[]", 1, Kind::ConnectPayload),
        (r#"0/admin,"invalid""#, 8, Kind::ConnectPayload),
        ("0null", 1, Kind::ConnectPayload),
        ("0{bad", 2, Kind::InvalidJson),
        ("4", 1, Kind::ConnectErrorPayload),
        ("4[]", 1, Kind::ConnectErrorPayload),
        ("1{}", 1, Kind::DisconnectPayload),
        ("1/admin,{}", 8, Kind::DisconnectPayload),
        (
            r#"51-["m",{"_placeholder":true,"num":1}]"#,
            8,
            Kind::PlaceholderIndex,
        ),
        (
            r#"51-["m",{"_placeholder":true,"num":-1}]"#,
            8,
            Kind::PlaceholderIndex,
        ),
        (
            r#"51-["m",{"_placeholder":true,"num":"splice"}]"#,
            8,
            Kind::PlaceholderIndex,
        ),
        (
            r#"51-["m",{"_placeholder":true}]"#,
            8,
            Kind::PlaceholderIndex,
        ),
        (
            r#"51-["m",{"_placeholder":true,"num":0.5}]"#,
            8,
            Kind::PlaceholderIndex,
        ),
        (
            r#"50-["m",{"_placeholder":true,"num":0}]"#,
            8,
            Kind::PlaceholderIndex,
        ),
        (
            r#"51-["m",{"\u005fplaceholder":true,"num":7}]"#,
            8,
            Kind::PlaceholderIndex,
        ),
        (
            r#"61-1[[{"a":{"num":2,"_placeholder":true}}]]"#,
            11,
            Kind::PlaceholderIndex,
        ),
    ];
    let wrong: Vec<_> = vectors
        .into_iter()
        .filter(|&(wire, offset, kind)| strict(wire) != Err((offset, kind)))
        .map(|(wire, ..)| format!("{wire} {:?}\n", strict(wire)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn each_rule_can_be_let_pass_by_itself() {
    let vectors = [
        (r#"5a-["m"]"#, Kind::AttachmentCount),
        ("2", Kind::MissingPayload),
        ("2{}", Kind::EventNotArray),
        ("2[]", Kind::EventEmpty),
        ("2[null]", Kind::EventName),
        (r#"2["connect"]"#, Kind::ReservedEventName),
        (r#"2["a""#, Kind::InvalidJson),
        (r#"2["a"]x"#, Kind::TrailingData),
        ("3[]", Kind::MissingAckId),
        ("31{}", Kind::AckNotArray),
        ("31", Kind::AckNotArray),
        ("0[]", Kind::ConnectPayload),
        ("4[]", Kind::ConnectErrorPayload),
        ("1{}", Kind::DisconnectPayload),
        (
            r#"50-["m",{"_placeholder":true,"num":0}]"#,
            Kind::PlaceholderIndex,
        ),
    ];
    for (wire, kind) in vectors {
        assert_eq!(strict(wire).map_err(|(_, kind)| kind), Err(kind), "{wire}");
        assert!(lenient(wire, kind).is_some(), "{wire}");
    }
    let packet = lenient(r#"2["a"] x"#, Kind::TrailingData);
    assert_eq!(packet.and_then(|packet| packet.payload), Some(r#"["a"]"#));
}

#[test]
fn ids_are_integers_of_any_length() {
    let id = |digits| AckId::from_digits(digits).unwrap();
    assert_eq!(id("007"), id("7"));
    assert_eq!(id("000"), AckId::from(0));
    assert_eq!(id("9007199254740991").as_u64(), Some(9_007_199_254_740_991));
    assert_eq!(id("18446744073709551615").as_u64(), Some(u64::MAX));
    assert_eq!(id("18446744073709551616").as_u64(), None);
    assert_eq!(id("0018446744073709551616"), id("18446744073709551616"));
    assert!(id("99999999999999999999") < id("100000000000000000000"));
    assert!(id("9") < id("99999999999999999999"));
    for text in ["", "-1", "1.5", "１", " 1", "+1", "1e3"] {
        assert!(AckId::from_digits(text).is_none(), "{text}");
    }
    let digits = "1".repeat(400);
    let wire = format!("2{digits}[\"m\"]");
    let packet = strict(&wire).unwrap();
    assert_eq!(packet.id, AckId::from_digits(&digits));
    assert_eq!(packet.to_text(), wire);
}

#[test]
fn an_event_has_a_name_and_arguments_as_they_were_written() {
    let event = |wire| strict(wire).unwrap().event().unwrap();
    assert_eq!(event(r#"2["a b",1]"#).name(), "a b");
    assert_eq!(event(r#"2["\u00e9"]"#).name(), "é");
    assert_eq!(event(r#"2[""]"#).name(), "");
    assert_eq!(event("2[12.0]").name().to_string(), "12.0");
    let many = event(r#"2[ "m" , 1.0 , {"a" : [1,2]}, "x,]" ,null ] "#);
    assert_eq!(
        many.raw_args().collect::<Vec<_>>(),
        ["1.0", r#"{"a" : [1,2]}"#, r#""x,]""#, "null"]
    );
    assert_eq!(many.raw_args_text(), r#"1.0 , {"a" : [1,2]}, "x,]" ,null"#);
    assert_eq!(event(r#"2["m"]"#).raw_args_text(), "");
    let ack = strict(r#"31["a",2]"#).unwrap();
    assert_eq!(ack.raw_args().collect::<Vec<_>>(), [r#""a""#, "2"]);
    assert!(ack.event().is_none());
}

#[test]
fn any_nesting_is_walked_without_the_stack_and_bounded_by_the_limit() {
    let deep = |levels: usize| format!("2[\"m\",{}{}]", "[".repeat(levels), "]".repeat(levels));
    assert!(strict(&deep(126)).is_ok());
    assert_eq!(strict(&deep(127)), Err((6 + 126, Kind::NestingTooDeep)));
    assert_eq!(strict(&deep(100_000)), Err((6 + 126, Kind::NestingTooDeep)));
    let wire = deep(1_000_000);
    let packet = decode(&wire, &Limits::UNLIMITED, Leniency::STRICT).unwrap();
    assert_eq!(packet.raw_args().next().map(str::len), Some(2_000_000));
    let wire = wire.replacen('2', "51-", 1);
    assert!(decode(&wire, &Limits::UNLIMITED, Leniency::STRICT).is_ok());
    let open = format!("2[\"m\",{}", "[".repeat(1_000_000));
    assert!(matches!(strict(&open), Err((_, Kind::InvalidJson))));
}

#[test]
fn split_keeps_any_text_whole() {
    let vectors = [
        "",
        "2",
        r#"2["a"]"#,
        "9[",
        "51-/a,12[1]",
        "5a-[",
        "5-1-[",
        "51[\"a-b\"]",
        "5/a-b,",
        "0/",
        "0/,",
        "0/a",
        "éx",
        "42\u{feff}[",
        "2/é,٣[",
        "5é-",
    ];
    for wire in vectors {
        assert_eq!(Split::of(wire).to_string(), wire);
    }
    let split = Split::of(r#"5a-/n,12["x"] y"#);
    assert_eq!(
        (split.count, split.namespace, split.id, split.payload),
        (Some("a"), Some("/n"), Some("12"), r#"["x"] y"#)
    );
    assert_eq!(split.kind(), Some(PacketType::BinaryEvent));
}
