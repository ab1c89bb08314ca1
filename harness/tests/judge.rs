//! The judge, spoken to in wire text: what a scenario writes against what a server sends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use bytes::Bytes;
use siospec::judge::{
    Answer, Captures, CheckError, Ending, Head, Mismatch, Received, Value, acknowledgement,
    acknowledges, any_order, timing,
};
use siospec::scenario::catalogue::Catalogue;
use siospec::scenario::expression::Check;
use siospec::scenario::json::Json;
use siospec::scenario::literal::{EndingKind, Name, PacketLiteral, PacketPattern};
use siospec::scenario::load::load;
use siospec::scenario::packet::Flavour;
use siospec::scenario::verb::Verb;

fn text(packet: &str) -> Received {
    Received::Text(packet.to_owned())
}

fn judged(wanted: &str, came: &str, captures: &mut Captures) -> Result<(), Mismatch> {
    PacketPattern::parse(wanted, Flavour::SocketIo)
        .unwrap()
        .matches(&text(came), captures)
}

#[track_caller]
fn same(wanted: &str, came: &str) {
    if let Err(mismatch) = judged(wanted, came, &mut Captures::new()) {
        panic!("{wanted} is {came}, but: {mismatch}");
    }
}

#[track_caller]
fn differ(wanted: &str, came: &str) -> Mismatch {
    judged(wanted, came, &mut Captures::new()).expect_err(&format!("{wanted} is not {came}"))
}

#[test]
fn payloads_compare_as_json_values() {
    same(r#"42["a",{"x":1,"y":2}]"#, r#"42["a", {"y":2.0,"x":1e0}]"#);
    same(r#"42["é"]"#, r#"42["\u00e9"]"#);
    same(r#"42["\ud83d\ude00"]"#, r#"42["😀"]"#);
    differ(r#"42["a",9007199254740993]"#, r#"42["a",9007199254740992]"#);
    differ(r#"42["a","1"]"#, r#"42["a",1]"#);
    differ(r#"42["a",null]"#, r#"42["a",false]"#);
    differ(r#"42["\ud800"]"#, "42[\"\u{fffd}\"]");
}

#[test]
fn a_mismatch_says_where_and_what() {
    let found = differ(
        r#"42["a",{"user":{"name":"x"}}]"#,
        r#"42["a",{"user":{"name":"y"}}]"#,
    );
    assert_eq!(
        found.to_string(),
        r#"at $[1].user.name: expected "x", received "y""#
    );
    let found = differ(r#"42["a",{}]"#, r#"42["a",{"k":1}]"#);
    assert_eq!(
        found.reason.as_deref(),
        Some("the key \"k\" is not expected")
    );
    assert_eq!(differ("427[]", "428[]").path, "ack id");
    assert_eq!(differ("42/a,[]", "42/b,[]").path, "namespace");
    assert!(
        differ(r#"42["a"]"#, r#"42["a""#)
            .reason
            .unwrap()
            .contains("not JSON")
    );
}

#[test]
fn packets_of_another_kind_never_match() {
    differ(r#"42["a"]"#, r#"43["a"]"#);
    differ(r#"42["a"]"#, r#"427["a"]"#);
    differ(r#"42["a"]"#, r#"42/x,["a"]"#);
    differ(r#"451-["a"]"#, r#"452-["a"]"#);
    differ(r#"42["a"]"#, "2");
    differ("3probe", "3");
    differ("<01>", "b01");
    same(r#"42/x?y=1,["a"]"#, r#"42/x?y=1,["a"]"#);
}

#[test]
fn ack_ids_compare_by_value_and_bind() {
    let mut captures = Captures::new();
    same(r#"437["ok"]"#, r#"4307["ok"]"#);
    judged(
        r#"42$id["q"]"#,
        r#"4299999999999999999999["q"]"#,
        &mut captures,
    )
    .unwrap();
    let answer = PacketLiteral::parse(r#"43$id["yes"]"#)
        .unwrap()
        .render(&captures)
        .unwrap();
    assert_eq!(answer, text(r#"4399999999999999999999["yes"]"#));
}

#[test]
fn a_hole_binds_once_and_only_if_all_of_the_packet_is_right() {
    let mut captures = Captures::new();
    assert!(judged(r#"42["a",$x,1]"#, r#"42["a","v",2]"#, &mut captures).is_err());
    assert_eq!(captures.get(&Name::Plain("x".into())), None);
    judged(
        r#"42["a",$x,$x]"#,
        r#"42["a",{"k":1},{"k":1.0}]"#,
        &mut captures,
    )
    .unwrap();
    let twice = judged(r#"42["b",$x]"#, r#"42["b",{"k":2}]"#, &mut captures).unwrap_err();
    assert_eq!(twice.reason.as_deref(), Some("$x is bound to it"));
}

#[test]
fn holes_have_types_and_rests_and_regular_expressions() {
    same(
        r#"42["a",$n:number,$s:string,...]"#,
        r#"42["a",1,"x",true]"#,
    );
    differ(r#"42["a",$n:number]"#, r#"42["a","1"]"#);
    same(r#"42["a",{"k":$_,...}]"#, r#"42["a",{"k":null,"l":1}]"#);
    differ(r#"42["a",{"k":$_,...}]"#, r#"42["a",{"l":1}]"#);
    same(r#"42["a",~/^\d+$/]"#, r#"42["a","123"]"#);
    same("~/^4[0-6]/", "42[]");
    same("$_", "anything");
    same("42$_", r#"42["x"]"#);
    same(r#"42["$x"]"#, r#"42["$x"]"#);
}

#[test]
fn the_open_packet_compares_as_json_and_everything_raw_by_bytes() {
    same(
        r#"0{"sid":$_,"upgrades":[],...}"#,
        r#"0{"upgrades":[],"sid":"x","pingInterval":1}"#,
    );
    let raw = PacketPattern::parse(r#"42["a", 1]"#, Flavour::Raw).unwrap();
    assert!(
        raw.matches(&text(r#"42["a", 1]"#), &mut Captures::new())
            .is_ok()
    );
    assert!(
        raw.matches(&text(r#"42["a",1]"#), &mut Captures::new())
            .is_err()
    );
    let echo = PacketPattern::parse("4<$x>", Flavour::EngineIo).unwrap();
    let mut captures = Captures::new();
    echo.matches(&text("4<a>b>"), &mut captures).unwrap();
    assert_eq!(
        captures.get(&Name::Plain("x".into())),
        Some(Value::Text("a>b".into()))
    );
}

#[test]
fn no_depth_of_nesting_overflows_the_stack() {
    let deep = format!("42[\"x\",{}{}]", "[".repeat(200_000), "]".repeat(200_000));
    same(&deep, &deep);
    differ(&deep, &deep.replacen("[[[", "[[{", 1));
    let objects = format!("42[{}1{}]", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    same(&objects, &objects);
}

#[test]
fn what_is_sent_is_written_as_its_place_asks() {
    let mut captures = Captures::new();
    captures.bind_field("A", None, "sid", Value::Text("s\"1".into()));
    captures.bind_plain("n", Value::Number(3.0));
    let sent = |literal: &str| {
        PacketLiteral::parse(literal)
            .unwrap()
            .render(&captures)
            .unwrap()
    };
    assert_eq!(sent("/?sid=$A.sid&x=$$1"), text("/?sid=s\"1&x=$1"));
    assert_eq!(
        sent(r#"42["x",$A.sid,$n,"$n"]"#),
        text(r#"42["x","s\"1",3,"$n"]"#)
    );
    assert_eq!(sent("4a␞4b"), text("4a\u{1e}4b"));
    assert_eq!(
        sent("<00 ff>"),
        Received::Binary(Bytes::from_static(&[0, 255]))
    );
    let unbound = PacketLiteral::parse("4$x")
        .unwrap()
        .render(&captures)
        .unwrap_err();
    assert_eq!(unbound.to_string(), "nothing is bound to $x");
}

#[test]
fn a_member_of_a_group_means_itself_and_the_others_mean_all() {
    let mut captures = Captures::new();
    captures.bind_field("W", Some(1), "sid", Value::Text("b".into()));
    captures.bind_field("W", Some(0), "sid", Value::Text("a".into()));
    let own = captures.for_member("W", 1);
    let sid = |captures: &Captures| {
        PacketLiteral::parse("$W.sid")
            .unwrap()
            .render(captures)
            .unwrap()
    };
    assert_eq!(sid(&own), text("b"));
    assert_eq!(sid(&captures), text(r#"["a","b"]"#));
    assert!(
        Check::parse("distinct($W.sid)")
            .unwrap()
            .judge(&captures, 1.0)
            .is_ok()
    );
}

#[test]
fn packets_in_any_order_keep_their_attachments() {
    let pattern = |text: &str| PacketPattern::parse(text, Flavour::SocketIo).unwrap();
    let wanted = [
        pattern(r#"42["a",$x]"#),
        pattern(r#"451-["b",$_]"#),
        pattern("<01>"),
        pattern(r#"42["a",1]"#),
    ];
    let header = text(r#"451-["b",{"_placeholder":true,"num":0}]"#);
    let bytes = Received::Binary(Bytes::from_static(&[1]));
    let came = [
        header.clone(),
        bytes.clone(),
        text(r#"42["a",1]"#),
        text(r#"42["a",2]"#),
    ];
    let mut captures = Captures::new();
    assert_eq!(
        any_order(&wanted, &came[..3], &mut captures),
        Ok(1),
        "one is still missing"
    );
    assert_eq!(
        any_order(&wanted, &came, &mut captures),
        Ok(0),
        "$x must be the other one"
    );
    assert!(
        captures
            .get(&Name::Plain("x".into()))
            .unwrap()
            .same(&Value::Number(2.0))
    );
    let apart = [header, text(r#"42["a",1]"#), bytes, text(r#"42["a",2]"#)];
    assert!(
        any_order(&wanted, &apart, &mut Captures::new()).is_err(),
        "an attachment away from its header"
    );
}

#[test]
fn an_acknowledgement_carries_its_bytes_in_their_places() {
    let packet = r#"461-/x,7[{"b":{"_placeholder":true,"num":0}}]"#;
    assert!(
        acknowledges(packet, "/x", 7)
            && !acknowledges(packet, "/", 7)
            && !acknowledges(packet, "/x", 8)
    );
    let scenario =
        "title: T\nsteps:\n  - A.connect:\n  - A.emit: [x, !hex 0102]\n    ack: [{b: !hex ff}]\n";
    let scenario = load("x", "x.yaml", scenario.as_bytes(), &Catalogue::default()).unwrap();
    let Verb::Emit(emit) = &scenario.cases[0].steps[1].verb else {
        panic!("an emit")
    };
    let sent = emit.packets("/x", Some(7), &Captures::new()).unwrap();
    assert_eq!(
        sent[0],
        text(r#"451-/x,7["x",{"_placeholder":true,"num":0}]"#)
    );
    assert_eq!(sent[1], Received::Binary(Bytes::from_static(&[1, 2])));
    let ack = emit.ack.as_ref().unwrap();
    let bytes = |byte| [Bytes::copy_from_slice(&[byte])];
    assert!(acknowledgement(ack, packet, &bytes(0xff), &mut Captures::new()).is_ok());
    let other = acknowledgement(ack, packet, &bytes(0xfe), &mut Captures::new()).unwrap_err();
    assert_eq!(other.path, "$[0].b");
}

/// Judges an answer by the `http.expect` of a scenario.
fn answered(expect: &str, status: Option<u16>, body: &str) -> Result<(), Mismatch> {
    let scenario = format!("title: T\nsteps:\n  - A.http: GET /\n  - A.http.expect: {expect}\n");
    let scenario = load("x", "x.yaml", scenario.as_bytes(), &Catalogue::default()).unwrap();
    let Verb::HttpExpect(pattern) = &scenario.cases[0].steps[1].verb else {
        panic!("an answer")
    };
    let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
    let answer = Answer {
        status,
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    pattern.matches(&answer, &mut Captures::new())
}

#[test]
fn an_answer_has_a_status_headers_and_a_body() {
    assert!(answered("ok", Some(200), "ok").is_ok());
    assert_eq!(answered("ok", Some(201), "ok").unwrap_err().path, "status");
    assert!(answered("{status: [4xx, cut]}", Some(413), "x").is_ok());
    assert!(answered("{status: [4xx, cut], body: x}", None, "").is_ok());
    assert_eq!(
        answered("{status: 4xx}", None, "").unwrap_err().received,
        "cut"
    );
    assert!(
        answered(
            "{headers: {Content-Type: ~/^text/, etag: null}}",
            Some(200),
            ""
        )
        .is_ok()
    );
    assert_eq!(
        answered("{headers: {content-type: null}}", Some(200), "")
            .unwrap_err()
            .path,
        "header content-type"
    );
    assert!(
        answered(
            "{json: {code: 1, ...}}",
            Some(200),
            r#"{"code":1.0,"message":"x"}"#
        )
        .is_ok()
    );
    assert!(
        answered("{json: {code: 1}}", Some(200), "{")
            .unwrap_err()
            .reason
            .is_some()
    );
    assert!(answered("{packets: [2, <01 02>]}", Some(200), "2\u{1e}bAQI=").is_ok());
    assert_eq!(
        answered("{packets: [2]}", Some(200), "2\u{1e}3")
            .unwrap_err()
            .path,
        "packet 2"
    );
}

#[test]
fn an_end_has_a_kind_and_perhaps_a_code() {
    let judged = |expect: &str, ending: Ending| {
        let scenario =
            format!("title: T\nclients: {{A: websocket}}\nsteps:\n  - A.closed: {expect}\n");
        let scenario = load("x", "x.yaml", scenario.as_bytes(), &Catalogue::default()).unwrap();
        let Verb::Closed(pattern) = &scenario.cases[0].steps[0].verb else {
            panic!("an end")
        };
        pattern.matches(&ending, &mut Captures::new())
    };
    let frame = |code| Ending {
        kind: EndingKind::Frame,
        frame: Some((Some(code), String::new())),
    };
    let fin = Ending {
        kind: EndingKind::Fin,
        frame: None,
    };
    assert!(judged("", fin.clone()).is_ok());
    assert!(judged("1009", frame(1009)).is_ok());
    assert!(judged("{code: [1002, 1007], how: [frame, fin]}", frame(1007)).is_ok());
    assert_eq!(
        judged("1009", frame(1000)).unwrap_err().received,
        "a close frame with 1000"
    );
    assert_eq!(judged("{how: reset}", fin).unwrap_err().expected, "a reset");
}

#[test]
fn checks_compare_numbers_times_and_lists() {
    let mut captures = Captures::new();
    captures.bind_plain("a", Value::Number(100.0));
    captures.bind_plain("b", Value::Number(330.0));
    captures.bind_plain("s", Value::Json(Json::text("abc")));
    let holds = |check: &str| Check::parse(check).unwrap().judge(&captures, 1.0);
    assert!(
        holds("$b - $a >= 240ms").is_ok(),
        "230 ms lie within the tolerance of 240 ms"
    );
    assert!(holds("$b - $a >= 300ms").is_err());
    let beyond = |check: &str| match holds(check) {
        Err(CheckError::False(_, beyond)) => beyond,
        other => panic!("{other:?}"),
    };
    let ms = Duration::from_millis;
    assert_eq!(beyond("$b - $a >= 300ms"), Some(ms(20)));
    assert_eq!(beyond("$b - $a <= 100ms"), Some(ms(80)));
    assert_eq!(beyond("$b - $a == 99"), None);
    assert!(holds("$b - $a <= 200ms").is_ok() && holds("$b - $a <= 150ms").is_err());
    assert!(
        holds("$b - $a >= 231").is_err(),
        "without a unit there is no tolerance"
    );
    assert!(holds("$a + 2 * 10 == 120").is_ok() && holds("($a + 2) * 10 == 1020").is_ok());
    assert!(
        holds("len($s) == 3").is_ok()
            && holds("$s == \"abc\"").is_ok()
            && holds("$s != \"abd\"").is_ok()
    );
    assert!(holds("distinct($a, $b)").is_ok() && holds("distinct($a, $b, $a)").is_err());
    assert_eq!(
        holds("$s - 1 == 2").unwrap_err().to_string(),
        "abc - 1: both sides must be numbers".replace("abc", "\"abc\"")
    );
}

#[test]
fn time_has_one_tolerance_that_grows_with_the_scale() {
    let ms = Duration::from_millis;
    assert_eq!(timing::short_of(ms(251), ms(300), 1.0), ms(0));
    assert_eq!(timing::short_of(ms(249), ms(300), 1.0), ms(1));
    assert!(timing::at_most(ms(349), ms(300), 1.0) && !timing::at_most(ms(351), ms(300), 1.0));
    assert!(timing::at_most(ms(390), ms(300), 2.0));
}

#[test]
fn a_head_is_read_as_far_as_it_goes() {
    let head = Head::read("451-/custom?x=1,12[1]").unwrap();
    assert_eq!(
        (head.kind, head.attachments, head.ns, head.ack, head.payload),
        ('5', Some(1), "/custom?x=1", "12", "[1]")
    );
    assert_eq!(
        Head::read("44404"),
        Some(Head {
            kind: '4',
            attachments: None,
            ns: "/",
            ack: "",
            payload: "404"
        })
    );
    assert_eq!(Head::read("47[]"), None);
    assert_eq!(Head::read("45[]"), None);
    assert_eq!(Head::read("2"), None);
}
