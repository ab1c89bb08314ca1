//! The scenarios that come with the program.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use siospec::scenario::corpus::{Corpus, catalogue};
use siospec_reference_server::faults;

#[test]
fn every_scenario_of_the_corpus_loads_and_names_its_requirement() {
    let corpus = Corpus::embedded(&catalogue().unwrap());
    let errors: Vec<String> = corpus
        .errors
        .iter()
        .map(|error| error.render(false))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n\n"));
    assert!(!corpus.scenarios.is_empty());
    for scenario in &corpus.scenarios {
        assert!(
            !scenario.requirements.is_empty(),
            "{} names no requirement",
            scenario.name
        );
    }
}

#[test]
fn a_request_written_as_bytes_is_addressed_as_the_player_readdresses_it() {
    let corpus = Corpus::embedded(&catalogue().unwrap());
    let mut seen = 0;
    for scenario in &corpus.scenarios {
        let requests = scenario
            .source
            .text
            .lines()
            .filter(|line| line.contains("tcp.bytes:") && line.contains(r"HTTP/1.1\r\n"));
        for request in requests {
            seen += 1;
            let path = request.contains(" /socket.io/") || request.contains(" /engine.io/");
            assert!(
                path && request.contains(r"\r\nHost: localhost\r\n"),
                "{}: {request}",
                scenario.name
            );
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn a_scenario_has_its_name_however_it_is_given() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
    let file = "engine.io/polling/post-is-answered-ok";
    for given in [
        "",
        "engine.io",
        "engine.io/polling",
        &format!("{file}.yaml"),
    ] {
        let path = std::path::Path::new(corpus).join(given);
        let read = Corpus::read(&[path], &catalogue().unwrap()).unwrap();
        assert!(
            read.scenarios.iter().any(|scenario| scenario.name == file),
            "{given}"
        );
    }
}

/// Run with `SIOSPEC_WRITE_SCHEMA=1` to write the file anew.
#[test]
fn the_committed_schema_is_the_one_that_the_program_prints() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/schema.json");
    let schema = siospec::scenario::schema::schema();
    if std::env::var_os("SIOSPEC_WRITE_SCHEMA").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == schema,
        "scenarios/schema.json is out of date: write it with SIOSPEC_WRITE_SCHEMA=1"
    );
}

/// A bug that a released server really had.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RealBug {
    id: String,
    project: String,
    symptom: String,
    scenarios: Vec<String>,
}

#[test]
fn every_real_bug_has_scenarios_that_would_have_caught_it_and_a_fault_proves_each_of_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/real-bugs.yaml");
    let bugs: Vec<RealBug> = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let corpus = Corpus::embedded(&catalogue().unwrap());
    let scenarios: BTreeMap<&str, _> = corpus
        .scenarios
        .iter()
        .map(|scenario| (scenario.name.as_str(), scenario))
        .collect();
    let proven: BTreeSet<&str> = faults::all()
        .flat_map(|fault| fault.requirements)
        .copied()
        .collect();
    let mut ids = BTreeSet::new();
    for bug in &bugs {
        assert!(ids.insert(&bug.id), "{} stands there twice", bug.id);
        assert!(
            !bug.project.is_empty() && !bug.symptom.is_empty(),
            "{}",
            bug.id
        );
        assert!(!bug.scenarios.is_empty(), "{} has no scenario", bug.id);
        for name in &bug.scenarios {
            let scenario = scenarios
                .get(name.as_str())
                .unwrap_or_else(|| panic!("{}: there is no scenario `{name}`", bug.id));
            assert!(
                scenario
                    .requirements
                    .iter()
                    .any(|id| proven.contains(id.as_str())),
                "{}: no fault breaks a requirement of `{name}`",
                bug.id
            );
        }
    }
    let expected: Vec<String> = (1..=50).map(|number| format!("R{number:02}")).collect();
    assert!(
        expected.iter().all(|id| ids.contains(id)),
        "a row is missing"
    );
}

/// A row of the findings: what is in its columns `server`, `requirement` and `show it`.
fn findings() -> Vec<[String; 3]> {
    let text = include_str!("../../reports/findings.md");
    // Behind the head of the table.
    let rows = text.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = rows.map(|row| row.trim_matches(['|', ' ']).split(" | ").collect());
    cells
        .map(|cells: Vec<&str>| [cells[1], cells[2], cells[3].trim_matches('`')].map(str::to_owned))
        .collect()
}

#[test]
fn every_finding_is_shown_by_a_scenario_of_its_requirement_that_its_target_is_known_to_fail() {
    let catalogue = catalogue().unwrap();
    let corpus = Corpus::embedded(&catalogue);
    let findings = findings();
    assert!(findings.len() > 30, "{} rows", findings.len());
    for [target, requirement, command] in findings {
        let start = format!("siospec run --target {target} --exact --filter ");
        let rest = command.strip_prefix(&start).unwrap_or_else(|| {
            panic!("`{command}` does not begin with `{start}`");
        });
        let name = rest.split(' ').next().unwrap();
        let scenario = corpus
            .scenarios
            .iter()
            .find(|scenario| scenario.name == name);
        let scenario = scenario.unwrap_or_else(|| panic!("there is no scenario {name}"));
        let (id, level) = requirement.split_once(' ').unwrap();
        assert!(
            scenario.requirements.iter().any(|of| of == id),
            "{name} is not about {id}"
        );
        let wanted = catalogue.get(id).unwrap().level;
        assert_eq!(level, format!("({wanted})"), "of {id}");
        let known = format!(
            "{}/../targets/{target}/known.yaml",
            env!("CARGO_MANIFEST_DIR")
        );
        let known = siospec::target::manifest::known(known.as_ref()).unwrap();
        assert!(
            known.iter().any(|entry| entry.scenario_name() == name),
            "{target} is not known for {name}"
        );
    }
}
