//! The language as its reference tells it: one example file for each verb, and every example of
//! the page loads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use siospec::scenario::corpus::{Corpus, catalogue};
use siospec::scenario::diagnostic::Diagnostic;
use siospec::scenario::grammar::{CAPABILITIES, HEADER, KNOBS, MODIFIERS, VERBS, written};
use siospec::scenario::load::load;

fn page() -> String {
    std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../scenarios/README.md"
    ))
    .unwrap()
}

fn shown(errors: &[Diagnostic]) -> String {
    errors
        .iter()
        .map(|error| error.render(false))
        .collect::<Vec<_>>()
        .join("\n\n")
}

#[test]
fn each_verb_has_an_example_file_that_loads_and_uses_it() {
    let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/language"));
    let corpus = Corpus::read(&[directory], &catalogue().unwrap()).unwrap();
    assert!(corpus.errors.is_empty(), "{}", shown(&corpus.errors));
    let files: BTreeSet<&str> = corpus.scenarios.iter().map(|s| s.name.as_str()).collect();
    let verbs: BTreeSet<&str> = VERBS.iter().map(|verb| verb.name).collect();
    assert_eq!(files, verbs);
    for scenario in &corpus.scenarios {
        let verb = VERBS
            .iter()
            .find(|verb| verb.name == scenario.name)
            .unwrap();
        let mut ways: Vec<String> = verb
            .layers
            .iter()
            .map(|layer| written(verb, *layer))
            .collect();
        ways.push(verb.name.to_owned());
        let used = |way: &String| {
            [format!("- {way}:"), format!(".{way}:")]
                .iter()
                .any(|key| scenario.source.text.contains(key))
        };
        assert!(
            ways.iter().any(used),
            "{} does not show its verb",
            scenario.name
        );
    }
}

#[test]
fn every_example_of_the_reference_loads() {
    let catalogue = catalogue().unwrap();
    let page = page();
    let mut examples = 0;
    for (i, block) in page.split("```yaml\n").skip(1).enumerate() {
        let example = block.split("```").next().unwrap();
        let whole = if example.contains("title:") {
            example.to_owned()
        } else if example.starts_with("- ") {
            // Names and clients that the surrounding text speaks of, and a header that allows all.
            let indented = example.replace('\n', "\n  ");
            format!(
                "title: T\nalone: true\nclients: {{A: websocket via proxy, B: polling, C: websocket, W*3: polling}}\n\
                 steps:\n  - A.expect: 42[\"x\",$x]\n    at: $t1\n  - A.alive:\n    at: $t2\n  {}\n",
                indented.trim_end()
            )
        } else {
            format!("title: T\n{example}\nsteps:\n  - A.connect: /\n")
        };
        if let Err(errors) = load("example", "README.md", whole.as_bytes(), &catalogue) {
            panic!("example {}:\n{}\n\nin\n{whole}", i + 1, shown(&errors));
        }
        examples += 1;
    }
    assert!(examples > 20, "{examples} examples");
}

#[test]
fn the_reference_tells_of_every_word() {
    let page = page();
    for verb in &VERBS {
        let way = verb
            .layers
            .first()
            .map_or(verb.name.to_owned(), |layer| written(verb, *layer));
        assert!(
            page.contains(&format!("### {way}\n")),
            "no section about `{way}`"
        );
    }
    for word in HEADER
        .iter()
        .chain(&MODIFIERS)
        .chain(&KNOBS)
        .chain(&CAPABILITIES)
    {
        assert!(
            page.contains(&format!("`{word}`")) || page.contains(&format!("`{word}:")),
            "nothing about `{word}`"
        );
    }
}
