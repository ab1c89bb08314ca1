//! What a run leaves behind, asked of the program itself: reports of runs that go wrong, parts that are put together,
//! comparisons, known deviations.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "in a test, what is broken may end it"
)]

#[allow(dead_code, reason = "other tests use the rest")]
mod bad;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use bad::Run;
use serde_json::Value;

const HANDSHAKE: &str =
    "title: A handshake\ntransports: [polling, websocket]\nsteps:\n  - alive:\n";
const REFUSED: &str = "title: An echo of something else\ntransports: [polling]\nsteps:\n  - emit: [message, hi]\n  - expect: 42[\"message-back\",\"ho\"]\n";
const KINDS: [(&str, &str); 6] = [
    ("json", "\"outcomes\":["),
    ("junit", "<testsuites"),
    ("html", "<!doctype html>"),
    ("md", "## "),
    ("tap", "TAP version 13"),
    ("ctrf", "\"reportFormat\":\"CTRF\""),
];

fn siospec() -> Command {
    Command::new(env!("CARGO_BIN_EXE_siospec"))
}

/// `--report KIND=FILE` for every kind, in the folder in which the program runs.
fn reports() -> Vec<String> {
    KINDS
        .iter()
        .flat_map(|(kind, _)| ["--report".to_owned(), format!("{kind}=out/run.{kind}")])
        .collect()
}

#[track_caller]
fn all_are_written(run: &Run) {
    for (kind, begins) in KINDS {
        let text = run.read(&format!("out/run.{kind}")).to_lowercase();
        assert!(
            text.contains(&begins.to_lowercase()),
            "{kind}: {}",
            &text[..text.len().min(300)]
        );
    }
}

fn json(run: &Run, name: &str) -> Value {
    serde_json::from_str(&run.read(name)).unwrap()
}

mod runs_that_go_wrong {
    use super::*;

    #[test]
    fn every_report_is_written_when_the_target_dies_in_the_middle() {
        let run = Run::new();
        let siospec = env!("CARGO_BIN_EXE_siospec");
        let start = format!("[sh, -c, '\"{siospec}\" serve & sleep 0.3; kill $!; exit 7']");
        run.write(
            "target.yaml",
            format!("name: dying\nstart: {start}\n").as_bytes(),
        );
        run.write(
            "staying.yaml",
            b"title: A server that stays\ntransports: [polling]\nsteps:\n  - silence: 700ms\n  - alive:\n",
        );
        run.write("handshake.yaml", HANDSHAKE.as_bytes());
        let reports = reports();
        let mut arguments = vec!["run", "staying.yaml", "handshake.yaml", "--target", "."];
        arguments.extend(reports.iter().map(String::as_str));
        let run = run.siospec(&arguments);
        run.ends(1);
        all_are_written(&run);
        let report = json(&run, "out/run.json");
        assert_eq!(
            report["outcomes"].as_array().unwrap().len(),
            3,
            "what else was judged is there"
        );
        let notes = report["outcomes"][2]["verdict"]["failure"]["notes"].to_string();
        assert!(
            notes.contains("the server's process ended with exit code 7"),
            "{notes}"
        );
    }

    #[test]
    fn every_report_is_written_when_the_run_is_stopped() {
        let run = Run::new();
        run.write("a-handshake.yaml", HANDSHAKE.as_bytes());
        run.write(
            "staying.yaml",
            b"title: A long wait\ntransports: [polling]\nsteps:\n  - silence: 60s\n  - alive:\n",
        );
        let mut child = siospec()
            .args(["run", "a-handshake.yaml", "staying.yaml"])
            .args(reports())
            .current_dir(run.folder())
            .env("SIOSPEC_CACHE", run.folder().join("cache"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let judged = lines
            .by_ref()
            .map(Result::unwrap)
            .filter(|line| line.contains("a-handshake[") && line.ends_with("ok"));
        assert_eq!(judged.take(2).count(), 2);
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
        assert!(
            rest.iter()
                .any(|line| line.contains("stopped; only what was judged so far is shown")),
            "{rest:?}"
        );
        all_are_written(&run);
        let report = json(&run, "out/run.json");
        assert_eq!(
            (
                &report["interrupted"],
                report["outcomes"].as_array().unwrap().len()
            ),
            (&true.into(), 2)
        );
        let (code, _) = run.then(&["report", "out/run.json"]);
        assert_eq!(code, 130, "it ends as the run did");
    }
}

mod runs_that_are_killed {
    use super::*;

    #[test]
    fn the_old_report_stays_and_a_new_one_is_not_begun() {
        let run = Run::new();
        run.write("handshake.yaml", HANDSHAKE.as_bytes());
        run.write(
            "staying.yaml",
            b"title: A long wait\ntransports: [polling]\nsteps:\n  - silence: 60s\n  - alive:\n",
        );
        run.write("old.json", b"old");
        let mut child = siospec()
            .args(["run", "handshake.yaml", "staying.yaml"])
            .args(["--report", "json=old.json", "--report", "junit=new.xml"])
            .current_dir(run.folder())
            .env("SIOSPEC_CACHE", run.folder().join("cache"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("handshake[")));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(run.read("old.json"), "old");
        let entries = std::fs::read_dir(run.folder()).unwrap();
        let begun = |name: &str| name.starts_with('.') || name.contains("new");
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert_eq!(
            names.filter(|name| begun(name)).collect::<Vec<_>>(),
            [""; 0]
        );
    }
}

mod rendered_again {
    use super::*;

    #[test]
    fn a_run_renders_to_the_same_files() {
        let run = Run::new();
        run.write("handshake.yaml", HANDSHAKE.as_bytes());
        run.write("refused.yaml", REFUSED.as_bytes());
        let reports = reports();
        let mut arguments = vec!["run", "handshake.yaml", "refused.yaml"];
        arguments.extend(reports.iter().map(String::as_str));
        let run = run.siospec(&arguments);
        run.ends(1);
        let before: Vec<String> = KINDS
            .iter()
            .map(|(kind, _)| run.read(&format!("out/run.{kind}")))
            .collect();
        std::fs::rename(
            run.folder().join("out/run.json"),
            run.folder().join("kept.json"),
        )
        .unwrap();
        let mut arguments = vec!["report", "kept.json"];
        arguments.extend(reports.iter().map(String::as_str));
        assert_eq!(run.then(&arguments).0, 1);
        for ((kind, _), before) in KINDS.iter().zip(before) {
            assert!(
                run.read(&format!("out/run.{kind}")) == before,
                "{kind} is not the same"
            );
        }
    }

    #[test]
    fn what_is_no_run_is_refused() {
        let run = Run::new();
        run.write("no.json", b"{}");
        run.write("new.json", br#"{"format":99}"#);
        for (file, words) in [
            ("no.json", "no.json: it is not a run of siospec"),
            ("new.json", "new.json: it has format 99"),
            ("nowhere.json", "nowhere.json: "),
        ] {
            let (code, text) = run.then(&["report", file]);
            assert!(code == 2 && text.contains(words), "{code} {text}");
        }
    }
}

mod shards {
    use super::*;

    const TARGET: &str = "name: t\nversions: {t: '2.0'}\n";

    /// A target with these known deviations, and two scenarios: one that holds and one that does not.
    fn target(known: &str) -> Run {
        let run = Run::new();
        let start = format!("start: ['{}', serve]\n", env!("CARGO_BIN_EXE_siospec"));
        run.write("target.yaml", format!("{TARGET}{start}").as_bytes());
        run.write("known.yaml", known.as_bytes());
        run.write("handshake.yaml", HANDSHAKE.as_bytes());
        let more = REFUSED
            .replace("title", "cases: {case: {a: a, b: b, c: c, d: d}}\ntitle")
            .replace("[message, hi]", "[message, $(case)]");
        run.write("refused.yaml", more.as_bytes());
        run
    }

    fn play(run: &Run, more: &[&str]) -> (i32, String) {
        let arguments = ["run", "handshake.yaml", "refused.yaml", "--target", "."];
        run.then(&[&arguments, more].concat())
    }

    fn trials(run: &Run, file: &str) -> Vec<String> {
        let report = json(run, file);
        let outcomes = report["outcomes"].as_array().unwrap();
        outcomes
            .iter()
            .map(|o| format!("{} {}", o["trial"], o["verdict"]["kind"]))
            .collect()
    }

    const KNOWN: &str = "- {scenario: refused, expected: '42[\"message-back\",\"ho\"]', got: '42[\"message-back\",\"$_\"]', \
                         reason: it says something else}\n";

    #[test]
    fn parts_are_put_together_to_what_the_whole_run_is() {
        let run = target(KNOWN);
        assert_eq!(play(&run, &["--report", "json=whole.json"]).0, 0);
        for part in ["1/3", "2/3", "3/3"] {
            let report = format!("json={}.json", &part[..1]);
            assert_eq!(
                play(&run, &["--shard", part, "--report", &report]).0,
                0,
                "{part}"
            );
        }
        let (code, text) = run.then(&[
            "report",
            "3.json",
            "1.json",
            "2.json",
            "--report",
            "json=merged.json",
        ]);
        assert_eq!(code, 0, "{text}");
        assert!(
            text.contains("t (t 2.0): 6 judged of 6 offered of 6"),
            "{text}"
        );
        assert_eq!(trials(&run, "merged.json"), trials(&run, "whole.json"));
        let (code, text) = run.then(&["report", "1.json", "2.json"]);
        assert!(
            code == 2 && text.contains("of t, the part 3/3 is missing"),
            "{code} {text}"
        );
        assert_eq!(run.then(&["report", "1.json", "2.json", "--partial"]).0, 0);
        let (code, text) = run.then(&["report", "1.json", "whole.json"]);
        assert!(
            code == 2 && text.contains("do not belong together: --shard is of n"),
            "{code} {text}"
        );
    }

    #[test]
    fn an_entry_that_matches_nothing_is_red_in_the_whole_and_in_no_part() {
        // Two entries for one scenario: a part in which only the first shows itself says nothing against the second.
        let known = format!("{KNOWN}- {{scenario: refused, expected: x, got: y, reason: never}}\n");
        let run = target(&known);
        for part in ["1/2", "2/2"] {
            let report = format!("json={}.json", &part[..1]);
            let (code, text) = play(&run, &["--shard", part, "--report", &report]);
            assert!(code == 0 && !text.contains("stale"), "{part}: {text}");
        }
        let (code, text) = play(&run, &["--filter", "refused[case=a]"]);
        assert!(!text.contains("stale"), "a filter: {code} {text}");
        let (code, text) = run.then(&["report", "1.json", "2.json"]);
        assert_eq!(code, 1, "{text}");
        assert!(
            text.contains("stale entry in `known.yaml`: refused: it matched none of 4 plays"),
            "{text}"
        );
        assert_eq!(play(&run, &[]).0, 1);
    }

    #[test]
    fn an_entry_that_expired_is_red_in_every_part() {
        let run = target(&KNOWN.replace("reason:", "until: 2020-02-02, reason:"));
        let (code, text) = play(&run, &["--shard", "1/2"]);
        assert_eq!(code, 1);
        assert!(
            text.contains("refused: it expired on 2020-02-02: look at it again, then move `until`"),
            "{text}"
        );
    }

    #[test]
    fn an_entry_of_another_version_says_so_and_is_not_red() {
        let run = target(&KNOWN.replace("reason:", "version: t 1.0, issue: '#7', reason:"));
        let (code, text) = play(&run, &[]);
        assert_eq!(code, 0);
        assert!(
            text.contains("1 known deviation was (refused) seen on t 1.0, and this is t 2.0"),
            "{text}"
        );
    }

    #[test]
    fn entries_and_filters_follow_a_renamed_scenario() {
        let run = target(KNOWN);
        let text = run
            .read("refused.yaml")
            .replace("title", "aka: [refused]\ntitle");
        std::fs::remove_file(run.folder().join("refused.yaml")).unwrap();
        run.write("renamed.yaml", text.as_bytes());
        let arguments = [
            "run",
            "renamed.yaml",
            "--target",
            ".",
            "--exact",
            "--filter",
            "refused",
        ];
        let (code, text) = run.then(&arguments);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("4 known deviations"), "{text}");
    }

    #[test]
    fn a_part_that_is_none_is_refused() {
        let (code, text) = target("").then(&["run", "handshake.yaml", "--shard", "3/2"]);
        assert!(
            code == 2 && text.contains("write i/n, such as 1/3"),
            "{code} {text}"
        );
    }
}

mod comparisons {
    use super::*;

    #[test]
    fn what_got_worse_is_told_with_an_exit_code() {
        let run = Run::new();
        run.write("echo.yaml", REFUSED.replace("\"ho\"", "\"hi\"").as_bytes());
        assert_eq!(
            run.then(&["run", "echo.yaml", "--report", "json=good.json"])
                .0,
            0
        );
        run.write("echo.yaml", REFUSED.as_bytes());
        assert_eq!(
            run.then(&["run", "echo.yaml", "--report", "json=bad.json"])
                .0,
            1
        );
        let (code, text) = run.then(&["diff", "good.json", "bad.json"]);
        assert_eq!(code, 1);
        assert!(
            text.starts_with(
                "newly failing (1)\n  reference: echo\n    was passed\n    is  failed, step 2: "
            ),
            "{text}"
        );
        let (code, text) = run.then(&["diff", "bad.json", "good.json"]);
        assert!(
            code == 0 && text.contains("newly passing (1)") && text.contains("nothing got worse"),
            "{text}"
        );
        let (code, text) = run.then(&["diff", "good.json", "good.json"]);
        assert_eq!(
            (code, text.as_str()),
            (0, "nothing changed; 1 trials are as they were\n")
        );
        let (code, text) = run.then(&["diff", "--json", "good.json", "bad.json"]);
        let diff: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (code, &diff["worse"], &diff["changes"][0]["kind"]),
            (1, &true.into(), &"newly-failing".into())
        );
        assert_eq!(run.then(&["diff", "good.json", "echo.yaml"]).0, 2);
    }
}

mod releases {
    use super::*;

    #[test]
    fn a_release_can_be_pinned_and_one_that_is_not_there_cannot() {
        let filter = [
            "run",
            "--filter",
            "engine.io/handshake",
            "--report",
            "json=run.json",
            "--requirements",
        ];
        let run = Run::new();
        assert_eq!(run.then(&[&filter[..], &["0.1"]].concat()).0, 0);
        assert_eq!(json(&run, "run.json")["selection"]["requirements"], "0.1");
        let (code, text) = run.then(&[&filter[..], &["0.0"]].concat());
        assert!(
            code == 2 && text.contains("--requirements: there is no release `0.0`; there are 0.1"),
            "{code} {text}"
        );
    }
}

mod what_a_step_was_met_by {
    use super::*;

    /// Step, text, and whether it was something else than expected, of every entry that a step has judged.
    fn taken(run: &Run, file: &str, arguments: &[&str]) -> Vec<Vec<(String, String, bool)>> {
        let report = format!("json={file}");
        run.then(&[arguments, &["--report", &report]].concat());
        let outcomes = json(run, file)["outcomes"].take();
        let of = |outcome: &Value| {
            let entries = outcome["transcript"]["entries"].as_array().unwrap();
            let taken = entries.iter().filter_map(|entry| {
                let step = entry["taken_by"].as_str()?.to_owned();
                assert_eq!(entry["direction"], "received", "{entry}");
                let text = entry["raw"]["text"].as_str().unwrap_or_default();
                Some((step, text.to_owned(), entry["unlike"] == true))
            });
            taken.collect()
        };
        outcomes.as_array().unwrap().iter().map(of).collect()
    }

    fn is(step: &str, text: &str, unlike: bool) -> (String, String, bool) {
        (step.to_owned(), text.to_owned(), unlike)
    }

    #[test]
    fn a_packet_names_the_step_that_expected_it_on_each_transport() {
        let run = Run::new();
        let steps = "  - emit: [message, hi]\n  - expect: 42[\"message-back\",\"hi\"]\n  - emit: [message-with-ack, 1]\n    \
                     ack: [1]\n  - either:\n      - - expect: 40\n      - - nothing:\n";
        let text = format!("title: x\ntransports: [polling, websocket]\nsteps:\n{steps}");
        run.write("echo.yaml", text.as_bytes());
        for taken in taken(&run, "run.json", &["run", "echo.yaml"]) {
            assert_eq!(
                taken,
                [
                    is("2", "42[\"message-back\",\"hi\"]", false),
                    is("3", "431000[1]", false)
                ]
            );
        }
    }

    #[test]
    fn what_was_not_expected_says_so() {
        let run = Run::new();
        run.write("echo.yaml", REFUSED.as_bytes());
        assert_eq!(
            taken(&run, "run.json", &["run", "echo.yaml"]),
            [[is("2", "42[\"message-back\",\"hi\"]", true)]]
        );
    }

    #[test]
    fn an_answer_and_the_end_of_a_connection_name_theirs() {
        let run = Run::new();
        run.write(
            "get.yaml",
            b"title: x\nsteps:\n  - A.http: {request: GET /socket.io/?EIO=3&transport=polling}\n  - A.http.expect: {status: 400}\n  \
              - B.open: websocket\n  - B.send: '1'\n  - B.closed: {}\n",
        );
        let taken = taken(&run, "run.json", &["run", "get.yaml"]);
        let steps: Vec<_> = taken[0]
            .iter()
            .map(|(step, text, unlike)| (step.as_str(), text.starts_with("HTTP/1.1 400"), *unlike))
            .collect();
        assert_eq!(steps, [("2", true, false), ("5", false, false)]);
    }
}
