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
