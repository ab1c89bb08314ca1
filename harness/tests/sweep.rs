//! The cut sweep finds nothing on a right server, and finds a server that doubles what was sent once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use siospec::run::stop::Stop;
use siospec::scenario::corpus::{Corpus, catalogue};
use siospec::scenario::trial::Trial;
use siospec::sweep::{Figures, Sweep, Swept, sweep};
use siospec::target::bundled::Bundled;
use siospec::target::server::Server;
use siospec_reference_server::faults;

const LONG: Duration = Duration::from_secs(600);

async fn swept(conversation: &str, every: u64, fault: Option<&str>, time: Duration) -> Figures {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sweep"));
    let corpus = Corpus::read(&[path.join(conversation)], &catalogue().unwrap()).unwrap();
    assert!(corpus.errors.is_empty(), "{:?}", corpus.errors);
    let fault = fault.map(|name| faults::find(name).unwrap());
    let server = Server::Bundled(Bundled::broken(None, fault));
    let order = Sweep {
        trial: Arc::new(Trial::of(&corpus.scenarios[0]).pop().unwrap()),
        jobs: 8,
        every,
        wait: Duration::from_millis(400),
        time,
    };
    match sweep(order, &server, &Stop::default(), |_| {})
        .await
        .unwrap()
    {
        Swept::Cut(figures) => *figures,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_server_keeps_its_promises_wherever_the_connection_is_cut() {
    for (conversation, every) in [
        ("websocket.yaml", 5),
        ("polling.yaml", 61),
        ("recovery.yaml", 11),
        ("upgrade.yaml", 61),
        ("retries.yaml", 17),
        ("turns.yaml", 61),
    ] {
        let figures = swept(conversation, every, None, LONG).await;
        assert!(figures.cuts > 15, "{conversation}: {} cuts", figures.cuts);
        assert_eq!(figures.violations, [], "{conversation}");
        let over = figures.left.over;
        let (sessions, sockets, rooms) = (over.sessions, over.sockets, over.rooms);
        assert_eq!(
            (sessions, sockets, rooms),
            (Some(0), Some(0), Some(0)),
            "{conversation}"
        );
        assert_eq!(figures.cuts, figures.places, "{conversation}");
        assert!(figures.is_sound(), "{conversation}");
        assert_eq!(
            (figures.smallest, figures.again),
            (None, None),
            "{conversation}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_handles_an_event_twice_after_a_loss_is_found_and_written_out() {
    let figures = swept("upgrade.yaml", 97, Some("rc-first-event-twice"), LONG).await;
    let doubled = figures
        .violations
        .iter()
        .any(|violation| violation.what.contains("duplicated"));
    assert!(doubled, "{figures:?}");
    // How often it comes again is the fault's own affair: it needs an earlier loss on the same server.
    let again = figures.again.map(|(_, of)| of);
    assert_eq!(again, Some(5));
    let written = figures.smallest.unwrap();
    let path = "smallest.yaml";
    let scenario =
        siospec::scenario::load::load(path, path, written.as_bytes(), &catalogue().unwrap());
    assert!(scenario.is_ok(), "{written}\n{scenario:?}");
    assert!(
        written.contains("A.network: {cut: {after: {bytes: "),
        "{written}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_whose_members_are_gone_and_stay_in_it_is_left_over() {
    let figures = swept("websocket.yaml", 97, Some("rm-ghost-members"), LONG).await;
    assert_eq!(figures.left.over.sessions, Some(0), "{figures:?}");
    assert!(figures.left.over.rooms > Some(0), "{figures:?}");
    assert!(figures.left.over.sockets > Some(0), "{figures:?}");
    assert!(!figures.is_sound());
    assert!(
        figures.left.to_string().contains("rooms left"),
        "{}",
        figures.left
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_ends_when_its_time_is_over_and_says_how_far_it_came() {
    let figures = swept("websocket.yaml", 1, None, Duration::from_millis(300)).await;
    assert!(figures.cuts < figures.places, "{figures:?}");
    assert!(!figures.interrupted);
    assert_eq!(figures.violations, []);
}
