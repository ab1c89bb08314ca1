//! The ten cases.

use std::pin::Pin;
use std::time::Duration;

use serde_json::json;
use siospec::network::Action;

use crate::stage::{DELAY, POLLING_FIRST, Policy, Stage, WEBSOCKET};

/// A case, given its name.
pub(crate) type Case = Box<dyn FnOnce(&'static str) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Plays a case with both, and compares.
async fn agree(name: &str, policy: Policy, case: impl AsyncFn(&mut Stage)) {
    let mut traces = Vec::new();
    for ours in [false, true] {
        let mut stage = Stage::set(ours, &policy).await;
        case(&mut stage).await;
        traces.push(stage.strike().await);
    }
    let (theirs, ours) = (&traces[0], &traces[1]);
    assert!(!theirs.decisions.is_empty());
    assert_eq!(ours, theirs, "{name}: ours, then the official client's");
}

macro_rules! cases {
    ($($name:ident: $policy:expr, $case:expr;)*) => {
        /// All of them, by name.
        pub(crate) fn all() -> Vec<(&'static str, Case)> {
            vec![$((
                stringify!($name),
                Box::new(|name| Box::pin(agree(name, $policy, $case))),
            )),*]
        }
    };
}

cases! {
    polling_is_upgraded: POLLING_FIRST, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.heard("upgrade").await;
        a.fence("a").await;
    };
    websocket_alone: WEBSOCKET, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.fence("a").await;
    };
    first_connections_fail: WEBSOCKET, async |a: &mut Stage| {
        a.fail(2).await;
        a.open().await;
        a.wait("connect").await;
        a.fence("a").await;
    };
    buffered_while_away_and_volatile_dropped: WEBSOCKET, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.fence("before").await;
        a.network(Action::Refuse).await;
        // From their first new attempt on both drop what is volatile; before, both ask the transport that they lost.
        a.wait("connect_error").await;
        a.ask("one").await;
        a.wish(json!({"args": ["message", "dropped"], "volatile": true})).await;
        a.ask("two").await;
        // Another attempt has failed, so that both have the wishes when they come back.
        a.wait("connect_error").await;
        a.wait("connect_error").await;
        a.network(Action::Restore).await;
        a.wait("ack two ok").await;
        a.forget_attempts();
    };
    acknowledgement_times_out_while_away: WEBSOCKET, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.fence("before").await;
        a.network(Action::Refuse).await;
        a.wait("disconnect (transport close)").await;
        a.wish(json!({"args": ["message-with-ack", 1], "label": "late", "timeout": 20})).await;
        a.wait("ack late failed").await;
        a.network(Action::Restore).await;
        a.wait("connect").await;
        a.fence("next").await;
        a.forget_attempts();
    };
    retries_keep_one_in_flight: Policy { retries: Some(3), ..WEBSOCKET }, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        for label in ["a", "b", "c"] {
            a.ask(label).await;
        }
        a.wait("ack c ok").await;
        a.network(Action::Reset).await;
        a.wait("disconnect (transport close)").await;
        a.ask("d").await;
        a.wait("ack d ok").await;
    };
    session_is_recovered: Policy { recovery: true, ..WEBSOCKET }, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.fence("a").await;
        a.network(Action::Refuse).await;
        a.wait("disconnect (transport close)").await;
        // What is not known to be lost cannot be recovered.
        a.lost().await;
        a.network(Action::Restore).await;
        a.wait("connect (recovered)").await;
        a.fence("b").await;
        a.forget_attempts();
    };
    websocket_falls_back_to_polling: Policy { transports: &["websocket", "polling"], try_all: true, ..WEBSOCKET }, async |a: &mut Stage| {
        a.fail(1).await;
        a.open().await;
        a.wait("connect").await;
        a.fence("a").await;
    };
    attempts_come_to_an_end: Policy { attempts: Some(2), ..POLLING_FIRST }, async |a: &mut Stage| {
        a.network(Action::Refuse).await;
        a.open().await;
        a.wait("reconnect_failed").await;
    };
    server_that_dismisses_is_not_asked_again: WEBSOCKET, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.fence("a").await;
        a.wish(json!({"args": ["kick", false]})).await;
        a.wait("disconnect (io server disconnect)").await;
        // Long enough for an attempt, if there were one.
        tokio::time::sleep(Duration::from_millis(4 * DELAY)).await;
        assert!(a.rests(), "nothing follows");
    };
}
