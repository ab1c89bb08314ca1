//! What can be pasted into `siospec explain`, and how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "in a test, what is broken may end it"
)]

use std::io::Write as _;
use std::process::{Command, Stdio};

fn explained(flags: &[&str], pasted: &str) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_siospec"))
        .arg("explain")
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(pasted.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[track_caller]
fn says(pasted: &str, code: i32, lines: &[&str]) {
    let (ended, said) = explained(&[], pasted);
    for line in lines {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert_eq!(ended, Some(code), "{said}");
}

const TRANSCRIPT: &str = r#"{"started":0,"entries":[
    {"at":1000,"client":"A","lane":"ws","layer":"frame","direction":"sent","raw":{"text":"420[\"a\"]"},"annotations":["text frame"]},
    {"at":3500,"client":"A","lane":"ws","layer":"frame","direction":"received","raw":{"text":"430[]"},"annotations":["text frame"]}]}"#;

#[test]
fn a_packet_and_a_payload() {
    says(
        "452-[\"echo\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":1}]\n",
        0,
        &[
            "attachments  2-",
            "\"echo\"",
            "2 binary packet(s) must follow",
        ],
    );
    says(
        "2\u{1e}40",
        0,
        &["packet 1 of 2", "packet 2 of 2", "CONNECT"],
    );
    says("42[\"a\",]", 1, &["wrong", "payload is not JSON"]);
}

#[test]
fn a_har_file_is_known_by_what_is_in_it() {
    let har = r#"{"log":{"entries":[{"request":{"method":"POST","url":"http://h/socket.io/?EIO=4","postData":{"text":"41"}},"response":{"status":200,"content":{"text":"ok"}}}]}}"#;
    says(har, 0, &["→ POST http://h/socket.io/?EIO=4", "DISCONNECT"]);
    says(r#"{"log":{"entries":[]}}"#, 2, &["no request with EIO"]);
}

#[test]
fn a_transcript_as_json_and_as_a_failure_prints_it() {
    says(
        TRANSCRIPT,
        0,
        &[
            "1.0  A ws     → 420[\"a\"]",
            "id           0",
            "answers      what was said at 1.0 ms, after 2.5 ms",
        ],
    );
    says(
        "    1.2  A ws     → 42[\"a\"]   [message, EVENT /]\n    2.0  A ws     ← 43x   [message]\n",
        1,
        &["event        \"a\"", "wrong"],
    );
}

#[test]
fn a_run_shows_the_trials_that_are_asked_for() {
    let outcome = |trial: &str| {
        format!(
            r#"{{"target":"t","trial":"{trial}","scenario":"{trial}","file":"f","title":"x","requirements":[],"level":null,"group":"","repetition":1,"gates":true,"verdict":{{"kind":"passed"}},"replay":"","transcript":{TRANSCRIPT},"started_ms":0,"duration_ms":0}}"#
        )
    };
    let run = format!(
        r#"{{"format":1,"siospec":"0","started":"2026-01-01T00:00:00Z","duration_ms":0,"selection":{{"repeat":1,"time_scale":1.0,"of_all":2}},"targets":[],"outcomes":[{},{}]}}"#,
        outcome("a/one"),
        outcome("a/two")
    );
    says(
        &run,
        0,
        &[
            "---- a/one on t: passed ----",
            "---- a/two on t",
            "event        \"a\"",
        ],
    );
    let (_, two) = explained(&["--filter", "two"], &run);
    assert!(!two.contains("a/one") && two.contains("a/two"), "{two}");
    assert_eq!(explained(&["--target", "other"], &run).0, Some(2));
}

#[test]
fn other_json_is_refused() {
    says("{\"a\":1}", 2, &["no HAR file, no run and no transcript"]);
    says("{\"a\":", 2, &["begins like JSON"]);
}
