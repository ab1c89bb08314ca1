//! The scenarios that come with the program.

use siospec::scenario::corpus::{Corpus, catalogue};

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
