//! What `siospec check` says about files that are wrong: where, what, and what to do.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;
use siospec::scenario::catalogue::Catalogue;
use siospec::scenario::diagnostic::Diagnostic;
use siospec::scenario::load::load;
use siospec::scenario::model::Scenario;
use std::sync::Arc;

fn catalogue() -> Catalogue {
    let row = |id: &str, level: &str| {
        format!(
            "- {{id: {id}, level: {level}, group: G, statement: s, source: s, check: c, fault: f}}\n"
        )
    };
    let text = row("EIO-HS-01", "MUST") + &row("EIO-HS-02", "MUST") + &row("SIO-RM-04", "DE-FACTO");
    Catalogue::parse(&text).unwrap()
}

fn read(text: impl AsRef<[u8]>) -> Result<Arc<Scenario>, Vec<Diagnostic>> {
    load("x", "x.yaml", text.as_ref(), &catalogue())
}

/// A scenario of one client with these steps.
fn steps(steps: &str) -> String {
    format!("title: T\nrequirement: [EIO-HS-01]\ntransports: [polling]\nsteps:\n{steps}")
}

/// Says in one line what is wrong with a file.
fn said(text: impl AsRef<[u8]>) -> String {
    let errors = read(text).expect_err("the file must be refused");
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Checks that a file is refused at this place with these words.
#[track_caller]
fn refused(text: impl AsRef<[u8]>, at: &str, words: &str) {
    let said = said(text);
    assert!(said.contains(&format!("x.yaml:{at}: ")), "at {at}:\n{said}");
    assert!(said.contains(words), "{words:?} in:\n{said}");
}

#[test]
fn a_caret_stands_under_the_word_that_is_meant() {
    let errors = read(steps("  - A.expct: 40\n")).unwrap_err();
    let shown = errors[0].render(false);
    insta::assert_snapshot!(shown, @r"
    error: `expct` is no verb
     --> x.yaml:5:5
      |
    5 |   - A.expct: 40
      |     ^^^^^^^
      |
      = help: did you mean `expect`?
    ");
}

#[test]
fn all_errors_of_a_file_are_told_at_once() {
    let text = "title: T\nrequirement: [EIO-HS-1]\nneds: [rooms]\nclients: {A: websoket}\nsteps:\n  - A.expect: 42[\n  - A.wait: 3\n";
    let said = said(text);
    assert_eq!(said.lines().count(), 5, "{said}");
}

#[test]
fn an_unknown_word_names_the_nearest_known_one() {
    refused("titel: T\nsteps: []\n", "1:1", "did you mean `title`?");
    refused(
        "title: T\nrequirement: [EIO-HS-03]\nsteps:\n  - nothing:\n",
        "2:15",
        "did you mean `EIO-HS-0",
    );
    refused(
        "title: T\nneeds: [room]\nsteps:\n  - nothing:\n",
        "2:9",
        "did you mean `rooms`?",
    );
    refused(
        "title: T\nconfig: {pingIntervall: 1s}\nsteps: []\n",
        "2:10",
        "did you mean `pingInterval`?",
    );
    refused(
        steps("  - A.emit: [x]\n    ak: [1]\n"),
        "6:5",
        "did you mean `ack`?",
    );
    refused(steps("  - A.poll: hangs\n"), "5:13", "did you mean `hang`?");
    refused(
        steps("  - A.frame: {opcode: 1}\n"),
        "5:5",
        "write `ws.frame`",
    );
    refused(steps("  - B.expect: 1\n"), "5:5", "nobody has opened `B`");
}

#[test]
fn times_need_a_unit() {
    refused(steps("  - A.silence: 300\n"), "5:16", "write `300ms`");
    refused(
        steps("  - A.expect: 6\n    within: 5 s\n"),
        "6:13",
        "`5 s` is no time",
    );
    refused(
        steps("  - A.expect: 6\n    within: -5s\n"),
        "6:13",
        "`-5s` is no time",
    );
    refused(
        steps("  - A.silence: 99999999999999999999999999s\n"),
        "5:16",
        "is no time",
    );
}

#[test]
fn what_yaml_would_hide_is_refused() {
    refused(
        steps("  - A.send: &x 2\n"),
        "5:13",
        "the anchor `&x` is not allowed",
    );
    refused(
        steps("  - &s {A.nothing: }\n"),
        "5:5",
        "the anchor `&s` is not allowed",
    );
    refused(
        steps("  - A.send: &x 2\n  - A.send: *x\n"),
        "5:13",
        "the anchor `&x` is not allowed",
    );
    refused(
        steps("  - A.send: *x\n"),
        "5:13",
        "anchors and aliases are not allowed",
    );
    refused(
        steps("  - <<: {A.send: 2}\n"),
        "5:5",
        "merge keys are not allowed",
    );
    refused(
        steps("  - A.emit: [!bin 01]\n"),
        "5:14",
        "the tag `!bin` is not known",
    );
    refused(
        steps("  - A.emit: [!!str 01]\n"),
        "5:14",
        "the tag `!!str` is not known",
    );
    refused(
        "title: T\ntitle: U\nsteps: []\n",
        "2:1",
        "the key `title` stands here twice",
    );
    refused(
        steps("  - A.emit: [x, {a: 1, a: 2}]\n"),
        "5:24",
        "the key `a` stands here twice",
    );
    refused(
        steps("  - A.expect: 42[\"a\",{\"b\":1,\"b\":2}]\n"),
        "5:29",
        "stands here twice",
    );
    refused(
        steps("  - A.nothing:\n---\ntitle: U\n"),
        "6:1",
        "a second document begins here",
    );
    refused("\u{feff}title: T\n", "1:1", "byte-order mark");
    refused(
        b"title: T\nsteps: \xff\n",
        "2:8",
        "byte 16 of the file is not UTF-8",
    );
    refused(
        "title: T\nsteps:\n\t- A.nothing:\n",
        "3:1",
        "a tab stands here",
    );
    refused(steps("  - A.send: \"2\u{1e}3\"\n"), "5:15", "U+001E");
}

#[test]
fn what_yaml_would_change_is_refused() {
    refused(
        steps("  - A.expect: 42[\"a\", \"x #1\"]\n"),
        "5:26",
        "a comment begins here",
    );
    refused(
        steps("  - A.emit: [x, {b:1}]\n"),
        "5:18",
        "a space must follow the colon: `b: 1`",
    );
    refused(
        steps("  - A.expect:6\n"),
        "5:5",
        "a space must follow the colon: `A.expect: 6`",
    );
    refused(
        steps("  - A.expect: 6\n    within:500ms\n"),
        "6:5",
        "a space must follow the colon: `within: 500ms`",
    );
    refused(
        steps("  - A.expect: 6\n   within: 1s\n"),
        "6:4",
        "this is no YAML",
    );
    for number in ["0x1F", "0o17", ".inf", "-.inf", ".nan", "+1", ".5"] {
        refused(
            steps(&format!("  - A.emit: [x, {number}]\n")),
            "5:17",
            &format!("JSON has no number `{number}`"),
        );
    }
}

#[test]
fn a_packet_that_nothing_can_match_is_refused_where_it_breaks() {
    refused(
        steps("  - A.expect: 42[\"a\",]\n"),
        "5:22",
        "no JSON value starts like this",
    );
    refused(
        steps("  - A.expect: 4x\n"),
        "5:16",
        "a Socket.IO packet type, 0 to 6",
    );
    refused(
        steps("  - A.expect: 45[1]\n"),
        "5:17",
        "its number of attachments",
    );
    refused(
        steps("  - A.expect: 42[...,1]\n"),
        "5:21",
        "the last thing in its brackets",
    );
    refused(
        steps("  - A.expect: ~/(/\n"),
        "5:15",
        "this regular expression is broken",
    );
    refused(
        steps("  - A.expect: 42[$A]\n"),
        "5:18",
        "`$A` needs a field",
    );
    refused(steps("  - A.expect:\n"), "5:14", "a packet must stand here");
}

#[test]
fn a_name_must_be_bound_before_it_is_used() {
    refused(
        steps("  - A.expect: 42[\"q\",$answer]\n  - A.send: 42[\"r\",$answr]\n"),
        "6:20",
        "did you mean `$answer`?",
    );
    refused(
        steps("  - A.send: 42[\"r\",$B.sid]\n"),
        "5:20",
        "there is no client `B`",
    );
    refused(
        steps("  - A.expect: $config.pingInterva\n"),
        "5:15",
        "did you mean `pingInterval`?",
    );
    refused(steps("  - A.send: 4$_\n"), "5:14", "`$_` has no value");
    refused(
        steps("  - check: $t >= 3\n"),
        "5:12",
        "nothing has bound `$t`",
    );
    assert!(read(steps("  - A.expect: 2\n    at: $t\n  - check: $t >= 3\n")).is_ok());
    assert!(
        read(steps("  - A.send: 42[\"x\",\"$y\"]\n  - alive:\n")).is_ok(),
        "in quotes it is text"
    );
}

#[test]
fn a_scenario_that_others_would_feel_must_be_alone() {
    for step in [
        "target: restart",
        "A.emit: [throw]",
        "A.send: 42[\"throw\"]",
        "A.emit: [emit-to, {from: io, to: []}, x]",
        "A.emit: [emit-to, {from: io}, x]",
        "A.send: 421[\"emit-to\",{\"to\":[]},\"x\"]",
        "A.emit: [call-many, {to: []}, 100, x]",
        "A.http: GET /fixture",
    ] {
        refused(
            steps(&format!("  - {step}\n  - A.nothing:\n")),
            "5:5",
            "needs `alone: true`",
        );
        let alone = format!(
            "alone: true\n{}",
            steps(&format!("  - {step}\n  - A.nothing:\n"))
        );
        assert!(read(&alone).is_ok(), "{}", said(&alone));
    }
    assert!(
        read(steps(
            "  - A.emit: [emit-to, {to: [red]}, x]\n  - A.nothing:\n"
        ))
        .is_ok()
    );
}

#[test]
fn a_scenario_must_be_able_to_fail() {
    refused(
        steps("  - A.send: 2\n"),
        "4:1",
        "no step of this scenario can fail",
    );
    refused(steps("  []\n"), "4:1", "no step of this scenario can fail");
    refused(
        steps("  - wait: 1s\n  - A.nothing:\n"),
        "5:5",
        "`wait` needs a note",
    );
    refused(
        format!("drain: true\n{}", steps("  - A.nothing:\n")),
        "1:8",
        "`drain` needs a note",
    );
    refused(
        "title: T\nrequirement: [EIO-HS-01, SIO-RM-04]\nsteps: []\n",
        "2:26",
        "is DE-FACTO",
    );
}

#[test]
fn blocks_have_their_rules() {
    refused(
        steps("  - either:\n      - - A.expect: 6\n"),
        "5:5",
        "two branches or more",
    );
    refused(
        steps("  - either:\n      - - A.send: 6\n      - - A.closed:\n"),
        "6:11",
        "begins with a step that observes",
    );
    refused(
        steps("  - repeat: {times: 3}\n"),
        "5:5",
        "`repeat` needs `times` and `steps`",
    );
    refused(
        steps("  - A.network: reset\n  - A.nothing:\n"),
        "5:5",
        "not connected through the proxy",
    );
    refused(
        steps("  - $(x): 1\n"),
        "5:5",
        "there are no cases of that name",
    );
}

proptest! {
    #[test]
    fn no_text_makes_the_loader_panic_and_every_error_lies_in_the_file(text in r#"[ \n\t:#\[\]{}"'$~/&*!<>.,0-9A-Wa-z()|\-]{0,200}"#) {
        every_error_lies_in_the_file(text.as_bytes());
    }

    #[test]
    fn no_bytes_make_the_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        every_error_lies_in_the_file(&bytes);
    }

    #[test]
    fn no_broken_scenario_makes_the_loader_panic(
        at in 0.0..1.0_f64,
        length in 0_usize..8,
        put in r#"[ \n:#\[\]{}"'$~/&*!<>.,0-9a-z()|é␞\-]{0,6}"#,
    ) {
        let text = include_str!("diagnostics.yaml");
        let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap();
        let start = boundary((at * text.len() as f64) as usize);
        let end = boundary((start + length).max(start)).max(start);
        every_error_lies_in_the_file(format!("{}{put}{}", &text[..start], &text[end..]).as_bytes());
    }
}

fn every_error_lies_in_the_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for error in read(bytes).err().into_iter().flatten() {
        let position = error.position();
        let lines = text.split('\n').count();
        assert!(position.line <= lines, "{position} of {lines} lines");
        let line = text.split('\n').nth(position.line - 1).unwrap();
        assert!(
            position.column <= line.chars().count() + 1,
            "{position} in {line:?}"
        );
        assert!(!error.message.is_empty());
        let _ = error.render(false);
    }
}
