//! `siospec bench` counts what comes back, of a right server and of one that loses acknowledgements. Nothing here looks
//! at how long anything took.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use siospec::bench::figures::{Figures, Row};
use siospec::bench::measure::Measure;

fn siospec(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_siospec"))
        .arg("bench")
        .args(arguments)
        .output()
        .unwrap()
}

/// In a window that is long enough for something to come back in each: at first a short one, which a machine that is busy
/// with something else may spend without giving either side a processor.
fn bench(folder: &Path, arguments: &[&str]) -> (Output, Option<Figures>) {
    let moved = |figures: &Figures| {
        let mut samples = figures.rows.iter().flat_map(|row| &row.samples);
        samples.all(|sample| sample.per_second != Some(0.0))
    };
    let mut last = bench_for("0.05", folder, arguments);
    for seconds in ["0.5", "2"] {
        if last.1.as_ref().is_none_or(moved) {
            break;
        }
        last = bench_for(seconds, folder, arguments);
    }
    last
}

fn bench_for(seconds: &str, folder: &Path, arguments: &[&str]) -> (Output, Option<Figures>) {
    let json = folder.join("figures.json");
    let report = format!("json={}", json.display());
    let mut all = vec![
        "--quiet",
        "--rounds",
        "2",
        "--seconds",
        seconds,
        "--hold",
        "0.05",
    ];
    all.extend([
        "--connections",
        "1,3",
        "--idle",
        "12",
        "--rate",
        "100",
        "--report",
        &report,
    ]);
    all.extend(arguments);
    let output = siospec(&all);
    let figures = std::fs::read_to_string(json)
        .ok()
        .map(|text| Figures::read(&text).unwrap());
    (output, figures)
}

fn said(output: &Output) -> String {
    let text = [&*output.stdout, &*output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// A target of the bundled server that breaks a rule.
fn broken(folder: &Path, fault: &str) -> String {
    let manifest = format!(
        "name: broken\nstart: [{:?}, serve, --fault, {fault}]\ncapabilities: [rooms]\n",
        env!("CARGO_BIN_EXE_siospec")
    );
    let file = folder.join("target.yaml");
    std::fs::write(&file, manifest).unwrap();
    file.to_str().unwrap().to_owned()
}

fn sent(row: &Row) -> f64 {
    row.samples
        .iter()
        .filter_map(|sample| sample.per_second)
        .sum()
}

#[test]
fn everything_is_measured_on_both_transports_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("a/page.html");
    let paper = folder.path().join("a/paper.md");
    let reports = [
        format!("html={}", page.display()),
        format!("md={}", paper.display()),
    ];
    let (output, figures) = bench(
        folder.path(),
        &[
            "--target",
            "reference",
            "--report",
            &reports[0],
            "--report",
            &reports[1],
        ],
    );
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let figures = figures.unwrap();
    assert_eq!(figures.errors().sum(), 0, "{said}");
    for measure in Measure::ALL {
        let rows: Vec<&Row> = figures
            .rows
            .iter()
            .filter(|row| row.measure == measure)
            .collect();
        let cells = if measure.is_traffic() { 4 } else { 2 };
        assert_eq!(rows.len(), cells, "{measure}: {said}");
        for row in rows {
            assert_eq!(row.samples.len(), 2, "{measure}: {said}");
            let trouble = row.samples.iter().find_map(|sample| sample.trouble.clone());
            assert_eq!(trouble, None, "{measure}");
            match measure {
                Measure::Memory => assert!(row.samples.iter().all(|sample| sample.bytes.is_some())),
                _ => assert!(sent(row) > 0.0, "{measure}: {said}"),
            }
        }
        assert!(said.contains(measure.title()), "{said}");
    }
    let (page, paper) = (
        std::fs::read_to_string(page).unwrap(),
        std::fs::read_to_string(paper).unwrap(),
    );
    assert!(page.contains("<svg") && !page.contains("{{") && !page.contains("src="));
    assert!(paper.contains("## Method") && paper.contains("| connections | target |"));
}

#[test]
fn targets_are_measured_in_turn_and_the_second_has_a_ratio_to_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let other = broken(folder.path(), "po-OK-uppercase");
    let (output, figures) = bench(
        folder.path(),
        &[
            "--target",
            "reference",
            "--target",
            &other,
            "--only",
            "acks",
            "--transport",
            "websocket",
        ],
    );
    let (said, figures) = (said(&output), figures.unwrap());
    assert_eq!(output.status.code(), Some(0), "{said}");
    let names: Vec<&str> = figures.targets.iter().map(|target| &*target.name).collect();
    assert_eq!(names, ["reference", "broken"]);
    for row in &figures.rows {
        let first = figures.first_of(row).unwrap();
        assert_eq!(first.target, "reference");
        assert!(
            row.ratio(first, |sample| sample.per_second).unwrap() > 0.0,
            "{said}"
        );
    }
}

#[test]
fn a_server_that_loses_acknowledgements_is_not_fast_but_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let lossy = broken(folder.path(), "ack-wrong-id");
    let (output, figures) = bench_for(
        "0.5",
        folder.path(),
        &[
            "--target",
            &lossy,
            "--only",
            "acks",
            "--transport",
            "websocket",
        ],
    );
    let (said, figures) = (said(&output), figures.unwrap());
    assert_eq!(output.status.code(), Some(1), "{said}");
    let errors = figures.errors();
    assert!(errors.missing > 0 && errors.unasked > 0, "{said}");
    assert_eq!(figures.rows.iter().map(sent).sum::<f64>(), 0.0, "{said}");
    assert!(said.contains("missing"), "{said}");
}

#[test]
fn a_server_that_somebody_else_runs_is_measured_and_tells_its_memory_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_siospec"))
        .args(["serve", "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut printed = BufReader::new(server.stdout.take().unwrap());
    printed.read_line(&mut line).unwrap();
    let port = line.trim().strip_prefix("READY ").unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let (output, figures) = bench(
        folder.path(),
        &[
            "--url",
            &url,
            "--only",
            "acks,memory",
            "--transport",
            "websocket",
        ],
    );
    server.kill().unwrap();
    server.wait().unwrap();
    let (said, figures) = (said(&output), figures.unwrap());
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(figures.targets[0].name, url);
    let of = |measure| {
        figures
            .rows
            .iter()
            .find(|row| row.measure == measure)
            .unwrap()
    };
    assert!(sent(of(Measure::Acks)) > 0.0, "{said}");
    let unknown = |row: &Row| {
        row.samples
            .iter()
            .all(|sample| sample.server_time.is_none())
    };
    assert!(
        unknown(of(Measure::Acks)),
        "nobody knows its processes: {said}"
    );
    let memory = &of(Measure::Memory).samples;
    assert!(memory.iter().all(|sample| sample.bytes.is_some()), "{said}");
}

#[test]
fn load_goes_to_this_machine_only_unless_told_otherwise_and_stays_within_bounds() {
    for (arguments, words) in [
        (
            &["--connections", "0"][..],
            "between 1 and 30000 connections",
        ),
        (
            &["--rate", "1000000"],
            "between 1 and 200000 events a second",
        ),
        (&["--seconds", "0"], "more than 0"),
        (
            &["--only", "speed"],
            "there is no measure `speed`; there are acks,",
        ),
        (&["--read", "no-such-file.json"], "no-such-file.json"),
        (&["--i-own-this-server"], "--url"),
    ] {
        let output = siospec(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = said(&output);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}
