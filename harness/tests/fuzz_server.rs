//! Random conversations: what the model promises of them, and what a broken server comes to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use siospec::fuzz::server::{
    Campaign, Conversation, Ended, Usage, Vocabulary, campaign, hostile, stranger,
};
use siospec::fuzz::server::{
    act::{Act, Deed},
    feature,
    setup::Setup,
};
use siospec::known::Known;
use siospec::outcome::Verdict;
use siospec::run::plan::Plan;
use siospec::run::session::Session;
use siospec::run::stop::Stop;
use siospec::scenario::catalogue::Catalogue;
use siospec::scenario::corpus::{Corpus, catalogue};
use siospec::scenario::load::load;
use siospec::target::bundled::Bundled;
use siospec::target::server::Server;
use siospec_reference_server::faults;

fn everything() -> Vocabulary {
    Vocabulary::new(Bundled::capabilities(), true, &[], &[]).set_up(Setup::ALL.to_vec(), None)
}

fn known(scenario: &str) -> Known {
    let text =
        format!(r#"{{"scenario": "{scenario}", "expected": "x", "got": "y", "reason": "z"}}"#);
    serde_json::from_str(&text).unwrap()
}

/// The scenario loads, and each of its steps has the act that it belongs to.
fn is_sound(conversation: &Conversation, vocabulary: &Vocabulary) {
    let written = conversation.written(vocabulary, ("drawn", None));
    let loaded = load(
        "drawn",
        "drawn.yaml",
        written.text.as_bytes(),
        &Catalogue::default(),
    );
    let scenario = loaded.unwrap_or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(|error| error.render(false)).collect();
        panic!("seed {}:\n{}", conversation.seed, errors.join("\n"))
    });
    assert_eq!(scenario.cases[0].steps.len(), written.origins.len());
}

#[test]
fn a_seed_gives_the_same_scenario_each_time() {
    for seed in 0..20 {
        let text = |seed| {
            Conversation::drawn(seed, &everything())
                .written(&everything(), ("drawn", None))
                .text
        };
        assert_eq!(text(seed), text(seed));
        assert_ne!(text(seed), text(seed + 1));
    }
}

#[test]
fn every_drawn_conversation_is_a_scenario_and_all_its_acts_make_sense() {
    for seed in 0..200 {
        let conversation = Conversation::drawn(seed, &everything());
        is_sound(&conversation, &everything());
        let performed = conversation
            .written(&everything(), ("drawn", None))
            .performed;
        assert_eq!(performed.len(), conversation.acts.len(), "seed {seed}");
    }
}

#[test]
fn whatever_acts_are_taken_away_it_stays_a_scenario() {
    for seed in 0..15u64 {
        let whole = Conversation::drawn(seed, &everything());
        let mut rest = whole.clone();
        for round in 0..4u64 {
            let mut index = 0u64;
            rest.acts.retain(|_| {
                index += 1;
                !(seed * 31 + round * 7 + index * 13).is_multiple_of(3)
            });
            is_sound(&rest, &everything());
        }
        for act in &whole.acts {
            for deed in act.deed.simpler() {
                let mut simpler = whole.clone();
                let at = simpler.acts.iter().position(|other| other == act).unwrap();
                assert_ne!(deed, act.deed);
                simpler.acts[at].deed = deed;
                is_sound(&simpler, &everything());
            }
        }
    }
}

#[test]
fn a_conversation_says_how_its_server_is_started_and_about_half_of_them_are_plain() {
    let mut often: BTreeMap<Setup, u32> = BTreeMap::new();
    for seed in 0..400 {
        let conversation = Conversation::drawn(seed, &everything());
        let setup = conversation.cast.setup;
        let text = conversation.written(&everything(), ("drawn", None)).text;
        match setup.config() {
            Some(config) => assert!(text.contains(&format!("\nconfig: {config}\n")), "{text}"),
            None => assert!(!text.contains("\nconfig:"), "{text}"),
        }
        *often.entry(setup).or_default() += 1;
    }
    for setup in Setup::ALL {
        assert!(often[&setup] >= 30, "{setup}: {often:?}");
    }
    assert!((150..250).contains(&often[&Setup::Plain]), "{often:?}");
}

#[test]
fn a_server_that_cannot_be_started_so_is_never_asked_to() {
    let vocabulary = everything().set_up(vec![Setup::Plain, Setup::Limit], None);
    for seed in 0..200 {
        let setup = Conversation::drawn(seed, &vocabulary).cast.setup;
        assert!(matches!(setup, Setup::Plain | Setup::Limit), "{setup}");
    }
}

/// The bytes of what a scenario's line sends, with what `$(a*4000)` stands for.
fn written_out(line: &str) -> usize {
    let Some((before, rest)) = line.split_once("$(a*") else {
        return line.len();
    };
    let (count, after) = rest.split_once(')').unwrap();
    before.len() + count.parse::<usize>().unwrap() + after.len()
}

#[test]
fn nothing_goes_beyond_a_small_limit_but_what_is_meant_to() {
    let vocabulary = everything().set_up(vec![Setup::Limit], None);
    let limit = usize::try_from(Setup::Limit.limit().unwrap()).unwrap();
    let (mut just, mut beyond) = (0, 0);
    for seed in 0..600 {
        let conversation = Conversation::drawn(seed, &vocabulary);
        if conversation.cast.setup != Setup::Limit {
            continue;
        }
        let text = conversation.written(&vocabulary, ("drawn", None)).text;
        let sending = text
            .lines()
            .filter(|line| line.contains(".emit: ") || line.contains(".send: "));
        for line in sending {
            let value = line.split_once(": ").unwrap().1;
            let quotes = if value.starts_with('\'') { 2 } else { 0 };
            match written_out(value) - quotes {
                size if line.contains("ignored") && size == limit => just += 1,
                size if line.contains("ignored") && size == limit + 1 => beyond += 1,
                size => assert!(size < limit, "seed {seed}: {size} bytes: {line}"),
            }
        }
    }
    assert!(just > 3 && beyond > 3, "{just} and {beyond}");
}

#[test]
fn the_monitors_of_others_are_told_nothing_that_they_could_take_for_their_own() {
    let mut alone = 0;
    for seed in 0..3000 {
        let conversation = Conversation::drawn(seed, &everything());
        let bytes = |act: &Act| matches!(&act.deed, Deed::Note(_, value) if value.is_binary());
        if conversation.acts.iter().any(bytes) {
            assert!(conversation.cast.alone, "seed {seed}");
            alone += 1;
        }
    }
    assert!(alone > 0);
}

#[test]
fn every_kind_of_act_is_drawn() {
    let mut drawn = BTreeSet::new();
    for seed in 0..2000 {
        let acts = Conversation::drawn(seed, &everything()).acts;
        drawn.extend(
            acts.iter()
                .flat_map(|act| feature::of(&act.deed))
                .map(|feature| feature.name),
        );
    }
    let tables = hostile::TABLE
        .iter()
        .map(|row| row.feature.name)
        .chain(stranger::TABLE.iter().map(|row| row.feature.name));
    for name in tables.chain([
        "binary-broadcast",
        "call-many",
        "kick-a-room",
        "upgrade",
        "lost-connection",
        "recovered-session",
        "sliced-bytes",
    ]) {
        assert!(drawn.contains(name), "{name} is never drawn");
    }
}

#[test]
fn every_scenario_that_an_act_is_like_is_one_of_the_corpus() {
    let corpus = Corpus::embedded(&catalogue().unwrap());
    let names: BTreeSet<&str> = corpus
        .scenarios
        .iter()
        .map(|scenario| scenario.name.as_str())
        .collect();
    let mut like: BTreeSet<&str> = BTreeSet::new();
    for seed in 0..2000 {
        let acts = Conversation::drawn(seed, &everything()).acts;
        like.extend(
            acts.iter()
                .flat_map(|act| feature::of(&act.deed))
                .flat_map(|feature| feature.like),
        );
    }
    like.extend(hostile::TABLE.iter().flat_map(|row| row.feature.like));
    like.extend(stranger::TABLE.iter().flat_map(|row| row.feature.like));
    let missing: Vec<_> = like
        .iter()
        .filter(|scenario| !names.contains(**scenario))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_a_target_is_known_for_is_not_held_against_it_again() {
    let entries = [
        known("socket.io/events/empty-array-closes[A=polling]"),
        known("engine.io/upgrade/session-is-kept"),
    ];
    let vocabulary = Vocabulary::new(Bundled::capabilities(), true, &[], &entries);
    let row = hostile::TABLE
        .iter()
        .position(|row| row.feature.name == "empty-array")
        .unwrap();
    assert_eq!(vocabulary.of(&Deed::Hostile(row)), Usage::Endured);
    assert_eq!(vocabulary.of(&Deed::Upgrade), Usage::LeftOut);
    assert_eq!(vocabulary.of(&Deed::Fence), Usage::Asked);
    for seed in 0..100 {
        let conversation = Conversation::drawn(seed, &vocabulary);
        is_sound(&conversation, &vocabulary);
    }
}

#[test]
fn a_server_without_the_app_is_asked_for_nothing_that_is_the_apps() {
    let bare = Vocabulary::new([], false, &[], &[]);
    for seed in 0..200 {
        let text = Conversation::drawn(seed, &bare)
            .written(&bare, ("drawn", None))
            .text;
        for word in ["emit:", "/custom", "/monitor", "needs:"] {
            assert!(!text.contains(word), "{word} in\n{text}");
        }
    }
}

fn fuzzed(fault: Option<&str>, count: u64, folder: &Path) -> Ended {
    let fault = fault.map(|name| faults::find(name).unwrap());
    let server = Arc::new(Server::Bundled(Bundled::broken(None, fault)));
    let order = Campaign {
        seed: 1,
        time: Duration::from_secs(120),
        count: Some(count),
        rate: 1000.0,
        jobs: 8,
        known: false,
        time_scale: 1.0,
        folder: folder.to_owned(),
        flags: "--target reference".to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime
        .block_on(campaign(order, server, Stop::default(), |_| {}))
        .unwrap()
}

#[test]
fn the_unbroken_server_is_right_in_two_hundred_conversations() {
    let folder = tempfile::tempdir().unwrap();
    let ended = fuzzed(None, 200, folder.path());
    assert_eq!(ended.findings, [], "{:#?}", ended.findings);
    assert_eq!(ended.errored, (0, None));
    assert_eq!(ended.conversations, 200);
}

#[test]
fn what_shows_only_where_a_server_is_started_otherwise_is_found_and_the_scenario_says_how() {
    let folder = tempfile::tempdir().unwrap();
    let ended = fuzzed(Some("csr-no-offset"), 60, folder.path());
    let finding = ended.findings.first().expect("a finding");
    assert!(finding.repeats.stable(), "{finding:?}");
    assert!(
        finding.text.contains("\nconfig: {recovery: true}\n"),
        "{}",
        finding.text
    );
}

#[test]
fn a_broken_server_is_found_and_the_scenario_that_is_written_fails_on_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ended = fuzzed(Some("rm-includes-sender"), 40, folder.path());
    let finding = ended
        .findings
        .iter()
        .find(|finding| finding.culprit().starts_with("broadcast"))
        .expect("a finding");
    assert!(finding.repeats.stable(), "{finding:?}");
    assert!(finding.acts.1 <= 3, "{}", finding.text);
    let file = finding.file.clone().unwrap();
    let verdict = verdict(&file, Some("rm-includes-sender"));
    assert!(matches!(verdict, Verdict::Failed { .. }));
    assert_eq!(self::verdict(&file, None), Verdict::Passed);
}

/// How a scenario ends on the reference server.
fn verdict(file: &Path, fault: Option<&str>) -> Verdict {
    let fault = fault.map(|name| faults::find(name).unwrap());
    let corpus = Corpus::read(&[file.to_owned()], &catalogue().unwrap()).unwrap();
    assert!(corpus.errors.is_empty());
    let server = Server::Bundled(Bundled::broken(None, fault));
    let session =
        Session::begin(Plan::new(corpus.scenarios, vec![server]), Stop::default()).unwrap();
    // What a broken server fails is no failure of this test, and not to look like one.
    let log = tempfile::NamedTempFile::new().unwrap();
    session.play(&libtest_mimic::Arguments {
        logfile: Some(log.path().to_str().unwrap().to_owned()),
        ..libtest_mimic::Arguments::default()
    });
    session.finish().outcomes.remove(0).verdict
}

#[test]
fn whoever_comes_back_to_a_session_that_was_kept_is_told_what_it_missed() {
    let vocabulary = everything().set_up(vec![Setup::Recovery], None);
    let folder = tempfile::tempdir().unwrap();
    let comes_back = |conversation: &Conversation| {
        let back = |act: &Act| matches!(act.deed, Deed::Return(_));
        conversation.acts.iter().any(back)
    };
    let drawn = (0..2000).map(|seed| Conversation::drawn(seed, &vocabulary));
    for conversation in drawn.filter(comes_back).take(5) {
        let file = folder.path().join(format!("{}.yaml", conversation.seed));
        let text = conversation.written(&vocabulary, ("drawn", None)).text;
        std::fs::write(&file, &text).unwrap();
        assert_eq!(verdict(&file, None), Verdict::Passed, "{text}");
        let broken = verdict(&file, Some("csr-replay-lost"));
        assert!(matches!(broken, Verdict::Failed { .. }), "{text}");
    }
    let often = (0..400).map(|seed| Conversation::drawn(seed, &vocabulary));
    let often = often.filter(comes_back).count();
    assert!(often >= 5, "{often} of 400");
}
