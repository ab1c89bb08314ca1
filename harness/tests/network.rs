//! Every form of `network:` that the reference of the language shows, played against the reference server: it does what
//! it says, and says so in the transcript.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use siospec::play::{End, Endpoint, PlayOptions, Played, play};
use siospec::scenario::corpus::catalogue;
use siospec::scenario::load::load;
use siospec::scenario::trial::Trial;
use siospec_reference_server::fixture::{self, FixtureConfig};

/// One form, the steps that show what it does, and what the transcript says of it.
struct Form {
    step: &'static str,
    /// Whether A is connected before the step.
    connected: bool,
    then: &'static [&'static str],
    told: &'static str,
}

const fn standing(step: &'static str, then: &'static [&'static str], told: &'static str) -> Form {
    Form {
        step,
        connected: true,
        then,
        told,
    }
}

const fn armed(step: &'static str, then: &'static [&'static str], told: &'static str) -> Form {
    Form {
        connected: false,
        ..standing(step, then, told)
    }
}

const ASK: &str = "A.emit: [message, 1]";
const ANSWER: &str = "A.expect: 42[\"message-back\",1]";
const REFUSED: &str = "A.open: websocket\n    refused: cut";
const RESTORE: &str = "A.network: restore";
const CONNECT: &str = "A.connect: /";
const ALIVE: &str = "A.alive:";

const FORMS: &[Form] = &[
    standing(
        "A.network: reset",
        &["A.closed: {how: reset}", "A.connect: /", "A.alive:"],
        "connection 1: reset",
    ),
    standing(
        "A.network: close",
        &["A.closed: {how: fin}", "A.connect: /", "A.alive:"],
        "connection 1: closed",
    ),
    standing("A.network: {half-close: up}", &["A.dead:"], "half-close up"),
    standing(
        "A.network: blackhole",
        &[ASK, "A.silence: 100ms", "A.network: restore", ANSWER],
        "blackhole both ways",
    ),
    standing(
        "A.network: {blackhole: down}",
        &[
            ASK,
            "A.emit: [note, heard]",
            "M.expect: 42/monitor,[\"noted\",$A.id,\"heard\"]",
            "A.silence: 100ms",
            "A.network: restore",
            ANSWER,
        ],
        "blackhole down",
    ),
    standing(
        "A.network: refuse",
        &["A.closed: {how: reset}", REFUSED, RESTORE, CONNECT, ALIVE],
        "new connection reset",
    ),
    armed(
        "A.network: {refuse: 3}",
        &[REFUSED, REFUSED, REFUSED, "A.connect: /", "A.alive:"],
        "refuse the next 3",
    ),
    standing(
        "A.network: {delay: 100ms}",
        &[
            ASK,
            "A.expect: 42[\"message-back\",1]\n    not-before: 150ms",
        ],
        "bytes down wait 100ms",
    ),
    standing(
        "A.network: {delay: {time: 20ms, jitter: 50ms, seed: 7, direction: up}}",
        &[ASK, ANSWER],
        "up: 20ms later, and up to 50ms more (seed 7)",
    ),
    standing(
        "A.network: {bandwidth: 10000}",
        &[
            "A.emit: [message, $(x*2000)]",
            "A.expect: 42[\"message-back\",\"$(x*2000)\"]\n    not-before: 300ms",
        ],
        "both ways: 10000 bytes a second",
    ),
    standing(
        "A.network: {bandwidth: {rate: 10000, direction: down}}",
        &[
            "A.emit: [message, $(x*2000)]",
            "A.expect: 42[\"message-back\",\"$(x*2000)\"]\n    not-before: 150ms",
        ],
        "down: 10000 bytes a second",
    ),
    standing(
        "A.network: {slice: 1}",
        &[ASK, ANSWER],
        "both ways: in segments of 1 bytes",
    ),
    standing(
        "A.network: {slice: {size: 3, direction: up}}",
        &[ASK, ANSWER],
        "up: in segments of 3 bytes",
    ),
    standing("A.network: restore", &["A.alive:"], "restore"),
    armed(
        "A.network: {cut: {after: {packets: 2, direction: down}, how: fin}}",
        &[
            "A.open: websocket",
            "A.send: 40",
            "A.expect: 40{\"sid\":$_}",
            "A.closed: {how: fin}",
        ],
        "connection 1: close",
    ),
    armed(
        "A.network: {reset: {after: {bytes: 20, direction: down}}}",
        &[REFUSED, "A.connect: /", "A.alive:"],
        "reset (after",
    ),
    armed(
        "A.network: {close: {after: {requests: 1, direction: up}}}",
        &[REFUSED, "A.connect: /", "A.alive:"],
        "armed: close behind request 1 up",
    ),
    standing(
        "A.network: {half-close: {direction: up, after: {frames: 1, direction: up}}}",
        &[
            "A.emit: [note, heard]",
            "M.expect: 42/monitor,[\"noted\",$A.id,\"heard\"]",
            "A.dead:",
        ],
        "connection 1: half-close up",
    ),
    armed(
        "A.network: {blackhole: {direction: down, after: {packets: 2, direction: down}}}",
        &[
            "A.open: websocket",
            "A.send: 40",
            "A.expect: 40{\"sid\":$_}",
            "A.silence: 100ms",
            "A.network: restore",
            "A.expect: 42[\"auth\",{}]",
            "A.alive:",
        ],
        "connection 1: blackhole down",
    ),
    armed(
        "A.network: {refuse: {after: {frames: 1, direction: up}}}",
        &[
            "A.open: websocket",
            "A.send: 40",
            "A.dead:",
            REFUSED,
            RESTORE,
            CONNECT,
            ALIVE,
        ],
        "connection 1: refuse",
    ),
];

/// The examples of the page.
fn shown() -> BTreeSet<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/README.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page.split("### network\n").nth(1).unwrap();
    let section = section.split("\n### ").next().unwrap();
    let examples = section.lines().filter_map(|line| line.strip_prefix("- "));
    examples.map(str::to_owned).collect()
}

async fn played(form: &Form) -> Played {
    let server = fixture::serve(FixtureConfig::default()).await.unwrap();
    let endpoint = Endpoint::local(server.address()).unwrap();
    let mut yaml = format!(
        "title: A form\nclients: {{A: {{transport: websocket, via: proxy, opened: {}}}}}\nsteps:\n  - M.connect: /monitor\n",
        form.connected
    );
    for step in [form.step].iter().chain(form.then) {
        yaml += &format!("  - {step}\n");
    }
    yaml += "  - F.connect: /\n  - F.alive:\n";
    // What `/monitor` tells beside is not the matter.
    yaml = yaml.replace("steps:\n", "drain: true\nnote: of M\nsteps:\n");
    let scenario = load("form", "form.yaml", yaml.as_bytes(), &catalogue().unwrap());
    let scenario = scenario.unwrap_or_else(|errors| panic!("{errors:?}\n{yaml}"));
    let options = PlayOptions {
        wait: Duration::from_secs(10),
        dead: Duration::from_secs(10),
        ..PlayOptions::default()
    };
    let trial = Trial::of(&scenario).remove(0);
    let played = play(&trial, &endpoint, &options, std::future::pending()).await;
    server.stop().await;
    played
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_that_the_reference_shows_does_what_it_says() {
    let forms: BTreeSet<String> = FORMS.iter().map(|form| form.step.to_owned()).collect();
    assert_eq!(forms, shown());
    for form in FORMS {
        let played = played(form).await;
        assert!(
            matches!(played.end, End::Passed),
            "{}\n{:#?}",
            form.step,
            played.end
        );
        let told: Vec<_> = played
            .transcript
            .entries
            .iter()
            .filter(|entry| &*entry.lane == "proxy")
            .filter_map(|entry| entry.annotations.first())
            .collect();
        assert!(
            told.iter()
                .any(|text| text.contains(form.told) && text.contains(" bytes up, ")),
            "{}\n{told:#?}",
            form.step
        );
    }
}
