//! The cut sweep finds nothing on a right server, and finds a server that doubles what was sent once.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use siospec::scenario::corpus::{Corpus, catalogue};
use siospec::scenario::trial::Trial;
use siospec::sweep::{Figures, Sweep, sweep};
use siospec::target::bundled::Bundled;
use siospec::target::server::Server;
use siospec_reference_server::faults;

async fn swept(conversation: &str, every: u64, fault: Option<&str>) -> Figures {
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
    };
    sweep(order, &server).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_server_keeps_its_promises_wherever_the_connection_is_cut() {
    for (conversation, every) in [
        ("websocket.yaml", 5),
        ("polling.yaml", 61),
        ("recovery.yaml", 11),
        ("upgrade.yaml", 61),
        ("retries.yaml", 17),
    ] {
        let figures = swept(conversation, every, None).await;
        assert!(figures.cuts > 15, "{conversation}: {} cuts", figures.cuts);
        assert_eq!(figures.violations, [], "{conversation}");
        assert_eq!(figures.sessions_left, Some(0), "{conversation}");
        assert_eq!(figures.smallest, None, "{conversation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_handles_an_event_twice_after_a_loss_is_found_and_written_out() {
    let figures = swept("upgrade.yaml", 97, Some("rc-first-event-twice")).await;
    let doubled = figures
        .violations
        .iter()
        .any(|violation| violation.what.contains("duplicated"));
    assert!(doubled, "{figures:?}");
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
