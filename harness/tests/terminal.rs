//! What the program prints, on a terminal and elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "in a test, what is broken may end it"
)]
#![cfg(unix)]

#[allow(dead_code, reason = "other tests use the rest")]
mod bad;

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::process::{Command, Stdio};

use bad::Run;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

const FAILING: &str = "title: It fails\ntransports: [polling]\nsteps:\n  - wait: 1200ms\n    note: long enough for a line of progress\n  - emit: [message, hi]\n  - expect: 42[\"never\"]\n";
const PASSING: &str = "title: It passes\ntransports: [polling, websocket]\nsteps:\n  - alive:\n";
const ESCAPE: char = '\u{1b}';

/// A folder with a scenario that passes and one that fails.
fn folder() -> Run {
    let run = Run::new();
    run.write("failing.yaml", FAILING.as_bytes());
    run.write("passing.yaml", PASSING.as_bytes());
    run
}

fn command(run: &Run, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_siospec"));
    command
        .args(["run", "failing.yaml", "passing.yaml"])
        .args(arguments)
        .current_dir(run.folder())
        .env("SIOSPEC_CACHE", run.folder().join("cache"))
        .env("TERM", "xterm-256color");
    // A hosted build is taken for a place that shows colours.
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(variable);
    }
    command
}

/// What it prints through pipes: on stdout, on stderr.
fn piped(arguments: &[&str]) -> (String, String) {
    let output = command(&folder(), arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn repetitions_of_a_trial_do_not_stand_together() {
    let (stdout, _) = piped(&["--repeat", "2", "--jobs", "1"]);
    let is_play = |line: &&str| line.starts_with("test ") && line.contains(" of 2)");
    let played = stdout.lines().filter(is_play);
    let rounds: Vec<bool> = played.map(|line| line.contains("(2 of 2)")).collect();
    assert_eq!(rounds, [false, false, false, true, true, true], "{stdout}");
}

/// What it prints on a terminal.
fn on_a_terminal(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let run = folder();
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap();
    let terminal = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(path.to_str().unwrap())
            .unwrap()
    };
    let mut command = command(&run, arguments);
    let mut child = command
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(terminal())
        .stderr(terminal())
        .spawn()
        .unwrap();
    drop(command);
    let mut bytes = Vec::new();
    // Reading ends with an error once nobody holds the terminal's other side.
    let _ = File::from(master).read_to_end(&mut bytes);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    String::from_utf8(bytes).unwrap()
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let coloured = on_a_terminal(&[], &[]);
    assert!(
        coloured.contains(&format!("expected   {ESCAPE}[32m42[\"never\"]{ESCAPE}[0m")),
        "{coloured}"
    );
    for environment in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = on_a_terminal(&["--trace"], &[environment]);
        assert!(
            !plain.contains(ESCAPE) && plain.contains("expected   42[\"never\"]"),
            "{plain}"
        );
    }
    let (out, err) = piped(&["--trace"]);
    assert!(!out.contains(ESCAPE) && !err.contains(ESCAPE));
}

#[test]
fn how_far_the_run_is_is_said_where_it_is_asked_for() {
    let (out, err) = piped(&["--progress", "0.3"]);
    assert!(
        err.contains("siospec: ") && err.contains(" of 3 played, 0 red, "),
        "{err}"
    );
    assert!(err.contains("; longest at it: failing, "), "{err}");
    assert!(!out.contains("longest at it"), "stdout is for results");
    let (_, err) = piped(&[]);
    assert_eq!(err, "", "not in a pipe");
}

#[test]
fn a_failure_shows_its_place_its_evidence_and_how_to_see_it_again() {
    let (out, _) = piped(&[]);
    for words in [
        "test passing[A=polling]   ... ok\n",
        " --> failing.yaml:7:5\n",
        "7 |   - expect: 42[\"never\"]\n  |     ^^^^^^^^^^^^^^^^^^^ step 3\n",
        "  expected   42[\"never\"]\n",
        "  received   42[\"message-back\",\"hi\"]\n",
        "  transcript (milliseconds since the trial began",
        "  replay     siospec run failing.yaml passing.yaml --exact --filter 'failing'\n",
        "reference (siospec ",
        "does not conform (exit code 1), ",
    ] {
        assert!(out.contains(words), "`{words}` is missing in:\n{out}");
    }
    assert_eq!(
        out.matches("  transcript (").count(),
        1,
        "what passes shows none"
    );
}

#[test]
fn quiet_prints_a_character_for_each_trial_and_still_what_failed() {
    let (out, _) = piped(&["--quiet"]);
    assert!(!out.contains("... ok"), "{out}");
    let row = out.lines().find(|line| line.contains('F')).unwrap();
    assert_eq!(
        row.chars().filter(|c| ".F".contains(*c)).count(),
        3,
        "{row}"
    );
    assert!(
        out.contains("  expected   42[\"never\"]\n") && out.contains("does not conform"),
        "{out}"
    );
}

/// A scenario whose transcript is longer than what a failure shows of it.
fn long(arguments: &[&str]) -> String {
    let run = Run::new();
    let steps = "  - emit: [message, hi]\n    ack: [hi]\n".repeat(20);
    let scenario = format!(
        "title: x\ntransports: [websocket]\nsteps:\n{}  - expect: 42[\"never\"]\n",
        steps
    );
    run.write(
        "long.yaml",
        scenario
            .replace("message, hi", "message-with-ack, hi")
            .as_bytes(),
    );
    let run = run.siospec(&[&["run", "long.yaml"], arguments].concat());
    run.ends(1);
    run.text()
}

#[test]
fn verbose_shows_the_whole_transcript_of_a_failure() {
    let (short, whole) = (long(&[]), long(&["--verbose"]));
    assert!(
        short.contains("entries before, shown by --verbose"),
        "{short}"
    );
    assert!(!short.contains("GET /socket.io/"), "{short}");
    assert!(
        !whole.contains("entries before") && whole.contains("GET /socket.io/"),
        "{whole}"
    );
}

#[test]
fn trace_shows_the_transcript_of_every_trial() {
    let (_, err) = piped(&["--trace"]);
    for words in [
        "== passing[A=polling] on reference: passed\n",
        "== failing on reference: failed\n",
    ] {
        assert!(err.contains(words), "{err}");
    }
    assert_eq!(err.matches("  transcript (").count(), 3, "{err}");
}
