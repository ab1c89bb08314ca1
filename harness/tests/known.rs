//! Known deviations of a server that has no folder: `--known FILE` in a run, and written by `siospec bless`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "in a test, what is broken may end it"
)]

#[allow(dead_code, reason = "other tests use the rest")]
mod bad;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use bad::Run;

const ECHO: &str = "title: An echo of something else\ntransports: [polling]\nsteps:\n  - emit: [message, hi]\n  # what it \
                    says\n  - expect: 42[\"message-back\",\"ho\"]\n";
const HANDSHAKE: &str = "title: A handshake\ntransports: [polling]\nsteps:\n  - alive:\n";

/// A server that somebody else runs; it ends with the test.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_siospec"))
            .args(["serve", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("READY ").unwrap();
        let url = format!("http://127.0.0.1:{port}");
        Self { process, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn scenarios() -> Run {
    let run = Run::new();
    run.write("echo.yaml", ECHO.as_bytes());
    run.write("handshake.yaml", HANDSHAKE.as_bytes());
    run
}

fn play(run: &Run, server: &Served, more: &[&str]) -> (i32, String) {
    let arguments = ["run", "echo.yaml", "handshake.yaml", "--url", &server.url];
    run.then(&[&arguments, more].concat())
}

const KNOWN: [&str; 2] = ["--known", "known/mine.yaml"];

#[test]
fn what_a_url_is_known_for_is_written_by_bless_and_read_by_a_run() {
    let (run, server) = (scenarios(), Served::start());
    assert_eq!(play(&run, &server, &["--report", "json=run.json"]).0, 1);
    let bless = |more: &[&str]| {
        let scenarios = ["--scenarios", "echo.yaml", "--scenarios", "handshake.yaml"];
        run.then(&[&["bless", "run.json"], &scenarios[..], more].concat())
    };
    let (code, text) = bless(&[]);
    assert!(
        code == 2 && text.contains("say with --known FILE"),
        "{text}"
    );
    let (code, text) = bless(&[&KNOWN[..], &["--reason", "it echoes"]].concat());
    assert_eq!(code, 0, "{text}");
    assert_eq!(
        run.read(KNOWN[1]).lines().skip(2).collect::<Vec<_>>(),
        [
            "- scenario: echo",
            "  expected: 42[\"message-back\",\"ho\"]",
            "  got: 42[\"message-back\",\"hi\"]",
            "  reason: it echoes",
            concat!("  version: fixture ", env!("CARGO_PKG_VERSION")),
        ]
    );
    let (code, text) = play(&run, &server, &KNOWN);
    assert!(
        code == 0 && text.contains("1 known deviation"),
        "{code} {text}"
    );
    // The same rules as for a target's: what passes, has expired, or is not there, is red.
    let entry = run.read(KNOWN[1]);
    run.write(
        KNOWN[1],
        entry
            .replace("reason", "until: 2020-02-02\n  reason")
            .as_bytes(),
    );
    let (code, text) = play(&run, &server, &KNOWN);
    assert!(
        code == 1 && text.contains("echo: it expired on 2020-02-02"),
        "{code} {text}"
    );
    run.write(KNOWN[1], entry.replace("echo\n", "handshake\n").as_bytes());
    let (code, text) = play(&run, &server, &KNOWN);
    assert!(
        code == 1 && text.contains("unexpected pass"),
        "{code} {text}"
    );
    run.write(KNOWN[1], entry.replace("echo\n", "nowhere\n").as_bytes());
    let (code, text) = play(&run, &server, &KNOWN);
    assert!(
        code == 1 && text.contains("nowhere: there is no scenario"),
        "{code} {text}"
    );
}

#[test]
fn an_entry_names_its_step_as_the_failure_does() {
    let (run, server) = (scenarios(), Served::start());
    let entry = |step: &str| {
        let evidence =
            "expected: '42[\"message-back\",\"ho\"]', got: '42[\"message-back\",\"hi\"]'";
        let entry = format!("- {{scenario: echo, step: {step}, {evidence}, reason: so}}\n");
        run.write("known.yaml", entry.as_bytes());
        play(&run, &server, &["--known", "known.yaml"])
    };
    let (code, text) = entry("2");
    assert_eq!(code, 0, "{text}");
    let (code, text) = entry("1");
    assert!(code == 1 && text.contains("has other evidence"), "{text}");
    let (code, text) = entry("6");
    assert!(
        code == 1 && text.contains("echo: there is no step 6 in it"),
        "{text}"
    );
    let (code, text) = entry("second");
    assert!(
        code == 2 && text.contains("`step: second` is none"),
        "{text}"
    );
}

#[test]
fn a_file_is_about_one_server_which_is_somebodys() {
    let (run, server) = (scenarios(), Served::start());
    run.write("known.yaml", b"");
    let file = ["--known", "known.yaml"];
    let (code, text) = run.then(&[&["run", "echo.yaml"], &file[..]].concat());
    assert!(
        code == 2 && text.contains("the bundled one has no deviations"),
        "{text}"
    );
    let (code, text) = play(
        &run,
        &server,
        &[&["--target", "reference"], &file[..]].concat(),
    );
    assert!(
        code == 2 && text.contains("--known is about one server"),
        "{text}"
    );
    let (code, text) = play(&run, &server, &["--known", "nowhere.yaml"]);
    assert!(
        code == 2 && text.contains("cannot read nowhere.yaml"),
        "{text}"
    );
}
