//! Each verb shown to pass and to fail, on the wire, against servers that say exactly what a test
//! tells them to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod scripted;

use std::time::Duration;

use scripted::{OPEN, Say, Server, say};
use siospec::play::{End, Endpoint, Failure, PlayOptions, Played, TOO_LONG, play};
use siospec::scenario::corpus::catalogue;
use siospec::scenario::load::load;
use siospec::scenario::trial::Trial;
use siospec_reference_server::fixture::{self, FixtureConfig};

/// The first trial of a scenario.
fn trial(yaml: &str) -> Trial {
    let loaded = load("test", "test.yaml", yaml.as_bytes(), &catalogue().unwrap());
    let scenario = loaded.unwrap_or_else(|errors| panic!("{errors:?}\n{yaml}"));
    Trial::of(&scenario).remove(0)
}

/// A scenario of these steps on one connected WebSocket client.
fn steps(steps: &str) -> String {
    format!("title: A test\nclients: {{A: websocket}}\nsteps:\n{steps}")
}

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::local(server.address).unwrap()
}

/// Long enough for a machine that does much else; what is to come in vain is awaited shortly.
const PATIENT: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);

async fn played_on(endpoint: &Endpoint, yaml: &str, wait: Duration) -> Played {
    let options = PlayOptions {
        wait,
        dead: wait,
        ..PlayOptions::default()
    };
    play(&trial(yaml), endpoint, &options, std::future::pending()).await
}

async fn passes_on(server: &Server, yaml: &str) {
    let played = played_on(&endpoint(server), yaml, PATIENT).await;
    assert!(
        matches!(played.end, End::Passed),
        "{yaml}\n{:#?}",
        played.end
    );
}

async fn failure_on(server: &Server, yaml: &str, wait: Duration) -> Failure {
    match played_on(&endpoint(server), yaml, wait).await.end {
        End::Failed(failure) => failure,
        end => panic!("{yaml}\n{end:#?}"),
    }
}

/// Steps that pass against a fixture server with these reactions.
async fn passes(react: fn(&str) -> Vec<Say>, text: &str) {
    passes_on(&Server::fixture(react).await, &steps(text)).await;
}

/// Steps that fail there, at this step, with these words in the summary.
async fn fails(react: fn(&str) -> Vec<Say>, text: &str, at: &str, summary: &str) -> Failure {
    let in_vain = ["in time", "still open"].contains(&summary);
    let wait = if in_vain { SHORT } else { PATIENT };
    let failure = failure_on(&Server::fixture(react).await, &steps(text), wait).await;
    assert_eq!(failure.at, at, "{text}\n{failure:#?}");
    assert!(failure.summary.contains(summary), "{text}\n{failure:#?}");
    failure
}

fn quiet(_: &str) -> Vec<Say> {
    Vec::new()
}

/// Answers `42["go"]` with these packets.
macro_rules! on_go {
    ($($say:expr),* $(,)?) => {
        |packet: &str| match packet {
            "42[\"go\"]" => vec![$($say),*],
            _ => Vec::new(),
        }
    };
}

const GO: &str = "  - send: 42[\"go\"]\n";
/// A scenario needs a step that can fail.
const ALIVE_GO: &str = "  - alive:\n  - send: 42[\"go\"]\n";

fn go(rest: &str) -> String {
    format!("{GO}{rest}")
}

#[tokio::test]
async fn expect_takes_the_next_packet() {
    passes(
        on_go![say("42[\"a\",{\"n\":1.0}]")],
        &go("  - expect: 42[\"a\",{\"n\":1}]\n"),
    )
    .await;
    let other = on_go![say("42[\"b\"]"), say("42[\"a\"]")];
    let failure = fails(
        other,
        &go("  - expect: 42[\"a\"]\n"),
        "step 2",
        "another packet",
    )
    .await;
    assert_eq!(failure.expected.as_deref(), Some("42[\"a\"]"));
    assert_eq!(failure.received.as_deref(), Some("42[\"b\"]"));
    assert_eq!(failure.notes.last().unwrap(), "unread: 42[\"a\"]");
    assert_eq!(
        (failure.path, failure.client.as_deref()),
        (vec![1], Some("A"))
    );
    let span = failure.span.unwrap();
    let text = steps(&go("  - expect: 42[\"a\"]\n"));
    assert!(text[span].contains("expect: 42[\"a\"]"));

    let failure = fails(quiet, &go("  - expect: 42[\"a\"]\n"), "step 2", "in time").await;
    assert!(failure.timing);
    let ends = on_go![Say::Fin];
    let failure = fails(
        ends,
        &go("  - expect: 42[\"a\"]\n"),
        "step 2",
        "ended instead",
    )
    .await;
    assert_eq!(failure.received.as_deref(), Some("the end of the stream"));
}

#[tokio::test]
async fn a_value_differs_at_a_path() {
    let react = on_go![say("42[\"a\",{\"n\":[1,2]}]")];
    let failure = fails(
        react,
        &go("  - expect: 42[\"a\",{\"n\":[1,3]}]\n"),
        "step 2",
        "another packet",
    )
    .await;
    assert_eq!(failure.json_path.as_deref(), Some("$[1].n[1]"));
}

#[tokio::test]
async fn a_binary_event_is_its_header_and_its_attachments() {
    const HEADER: &str = "451-[\"a\",{\"_placeholder\":true,\"num\":0}]";
    let expected = format!("  - expect:\n      - '{HEADER}'\n      - <01 02>\n");
    passes(on_go![say(HEADER), Say::Binary(vec![1, 2])], &go(&expected)).await;
    let wrong = on_go![say(HEADER), Say::Binary(vec![1, 3])];
    let failure = fails(wrong, &go(&expected), "step 2", "another packet").await;
    assert_eq!(failure.received.as_deref(), Some("<01 03>"));
}

#[tokio::test]
async fn raw_packets_are_compared_byte_for_byte() {
    let react = on_go![say("42[1, 2]")];
    passes(react, &go("  - expect.raw: '42[1, 2]'\n")).await;
    fails(
        react,
        &go("  - expect.raw: '42[1,2]'\n"),
        "step 2",
        "another packet",
    )
    .await;
}

#[tokio::test]
async fn any_order_takes_the_packets_as_they_come() {
    let both = "  - expect.any-order:\n      - 42[\"a\"]\n      - 42[\"b\"]\n";
    passes(on_go![say("42[\"b\"]"), say("42[\"a\"]")], &go(both)).await;
    let twice = on_go![say("42[\"b\"]"), say("42[\"b\"]")];
    fails(twice, &go(both), "step 2", "none of the expected").await;
    fails(on_go![say("42[\"b\"]")], &go(both), "step 2", "in time").await;
}

#[tokio::test]
async fn a_namespace_has_an_order_of_its_own() {
    let react = on_go![say("42[\"main\"]"), say("42/custom,[\"own\"]")];
    let text = "  - connect: /custom\n  - send: 42[\"go\"]\n  - expect: 42/custom,[\"own\"]\n    ns: /custom\n  - expect: 42[\"main\"]\n";
    passes(react, text).await;
    let text = "  - connect: /custom\n  - send: 42[\"go\"]\n  - expect: 42/custom,[\"own\"]\n";
    fails(react, text, "step 3", "another packet").await;
}

#[tokio::test]
async fn an_acknowledgement_is_taken_wherever_it_stands() {
    fn react(packet: &str) -> Vec<Say> {
        let Some(at) = packet.find("[\"ask\"") else {
            return Vec::new();
        };
        let id = &packet[2..at];
        vec![
            say("42[\"before\"]"),
            say(&format!("461-{id}[{{\"_placeholder\":true,\"num\":0}},7]")),
            Say::Binary(vec![9]),
        ]
    }
    let text = "  - emit: [ask]\n    ack: [!hex 09, 7]\n  - expect: 42[\"before\"]\n";
    passes(react, text).await;
    let text = "  - emit: [ask]\n    ack: [!hex 09, 8]\n";
    let failure = fails(react, text, "step 1", "carries something else").await;
    assert_eq!(failure.json_path.as_deref(), Some("$[1]"));
    let failure = fails(quiet, "  - emit: [ask]\n    ack: []\n", "step 1", "in time").await;
    assert!(failure.expected.unwrap().contains("acknowledgement"));
}

#[tokio::test]
async fn a_fence_finds_what_nobody_foresaw() {
    passes(quiet, &go("  - nothing:\n")).await;
    let stray = on_go![say("42[\"stray\"]")];
    let failure = fails(stray, &go("  - nothing:\n"), "step 2", "nobody foresaw").await;
    assert_eq!(failure.received.as_deref(), Some("42[\"stray\"]"));
    fails(
        on_go![Say::Fin],
        &go("  - nothing:\n"),
        "step 2",
        "ended instead",
    )
    .await;
}

#[tokio::test]
async fn a_noop_is_nothing_to_a_fence_and_something_to_an_expectation() {
    let react = on_go![say("6"), say("42[\"a\"]")];
    fails(
        react,
        &go("  - expect: 42[\"a\"]\n"),
        "step 2",
        "another packet",
    )
    .await;
    passes(on_go![say("6")], &go("  - nothing:\n")).await;
}

#[tokio::test]
async fn a_trial_ends_with_a_fence() {
    fails(
        on_go![say("42[\"stray\"]")],
        ALIVE_GO,
        "final fence",
        "nobody foresaw",
    )
    .await;
    fails(on_go![Say::Reset], ALIVE_GO, "final fence", "ended").await;
    let drain = steps(ALIVE_GO).replace("steps:", "drain: true\nnote: A test.\nsteps:");
    passes_on(&Server::fixture(on_go![say("42[\"stray\"]")]).await, &drain).await;
}

#[tokio::test]
async fn silence_is_broken_by_a_packet() {
    passes(quiet, &go("  - silence: 100ms\n")).await;
    fails(
        on_go![say("42[\"a\"]")],
        &go("  - silence: 100ms\n"),
        "step 2",
        "broken",
    )
    .await;
}

#[tokio::test]
async fn alive_asks_and_dead_waits() {
    passes(
        on_go![say("42[\"a\"]")],
        &go("  - alive:\n  - expect: 42[\"a\"]\n"),
    )
    .await;
    fails(on_go![Say::Fin], &go("  - alive:\n"), "step 2", "ended").await;
    passes(on_go![Say::Fin], &go("  - dead:\n")).await;
    passes(on_go![Say::Reset], &go("  - dead:\n")).await;
    passes(on_go![say("1"), say("41"), Say::Fin], &go("  - dead:\n")).await;
    let failure = fails(quiet, &go("  - dead: 100ms\n"), "step 2", "still open").await;
    assert!(failure.timing);
    let echo = on_go![say("42[\"a\"]"), Say::Fin];
    fails(echo, &go("  - dead:\n"), "step 2", "instead of the end").await;
}

#[tokio::test]
async fn closed_says_how() {
    const CLOSE: &[u8] = b"\x88\x02\x03\xf1";
    let react = on_go![Say::Raw(CLOSE.to_vec())];
    passes(react, &go("  - closed: {code: 1009}\n")).await;
    passes(react, &go("  - closed: {}\n")).await;
    fails(
        react,
        &go("  - closed: {code: 1000}\n"),
        "step 2",
        "another way",
    )
    .await;
    fails(quiet, &go("  - closed: {}\n"), "step 2", "still open").await;
    let text = "  - A.ws.close: 1000\n  - A.ws.closed: {code: 1000}\n";
    passes(quiet, text).await;
}

#[tokio::test]
async fn what_breaks_websocket_fails_whoever_looks() {
    let masked = on_go![Say::Raw(b"\x81\x81abcd4".to_vec())];
    fails(masked, &go("  - expect: 42[\"a\"]\n"), "step 2", "masked").await;
    fails(masked, &go("  - closed: {}\n"), "step 2", "masked").await;
    // A client fails such a connection (RFC 6455, section 7.1.7), which is all that `dead` asks.
    passes(masked, &go("  - dead:\n")).await;
}

#[tokio::test]
async fn the_next_event_decides_between_branches() {
    let text = "  - send: 42[\"go\"]\n  - either:\n      - - expect: 42[\"a\"]\n        - expect: 42[\"b\"]\n      - - dead:\n      - - nothing:\n";
    passes(on_go![say("42[\"a\"]"), say("42[\"b\"]")], text).await;
    passes(on_go![Say::Fin], text).await;
    passes(quiet, text).await;
    let half = on_go![say("42[\"a\"]"), say("42[\"c\"]")];
    let failure = fails(half, text, "step 2.1.2", "another packet").await;
    assert_eq!(failure.path, [1, 0, 1]);
    let other = on_go![say("42[\"c\"]")];
    let failure = fails(other, text, "step 2", "fits none").await;
    assert_eq!(failure.received.as_deref(), Some("42[\"c\"]"));
}

#[tokio::test]
async fn branches_share_one_get() {
    let running = fixture::serve(FixtureConfig::default()).await.unwrap();
    let endpoint = Endpoint::local(running.address()).unwrap();
    let yaml = r#"
title: A test
steps:
  - A.open: polling
  - A.send: '40'
  - A.send: 420["slow",200]
  - A.poll:
  - A.poll.expect: 40{...}␞42["auth",{}]
  - either:
      - - A.closed: {}
      - - A.expect: 430[200]
  - A.alive:
"#;
    // A second GET beside the first one would be refused, and end the session.
    let played = played_on(&endpoint, yaml, PATIENT).await;
    assert!(matches!(played.end, End::Passed), "{:#?}", played.end);
}

#[tokio::test]
async fn blocks_repeat_and_run_at_once() {
    fn echo(packet: &str) -> Vec<Say> {
        match packet.strip_prefix("42[\"message\",") {
            Some(rest) => vec![say(&format!("42[\"message-back\",{rest}"))],
            None => Vec::new(),
        }
    }
    let text = "  - repeat:\n      times: 3\n      as: i\n      steps:\n        - emit: [message, $i]\n        - expect: 42[\"message-back\",$n]\n        - check: $n == $i\n";
    passes(echo, text).await;
    let text = "  - repeat:\n      times: 3\n      as: i\n      steps:\n        - emit: [message, $i]\n        - expect: 42[\"message-back\",1]\n";
    let failure = fails(echo, text, "step 1.2", "another packet").await;
    assert!(failure.notes.contains(&"in turn 1 of 3".to_owned()));
    let text = "  - together:\n      - emit: [message-with-ack, 1]\n        ack: [1]\n      - emit: [message-with-ack, 2]\n        ack: [2]\n";
    passes(echo, text).await;
    let text = "  - together:\n      - emit: [message-with-ack, 1]\n        ack: [1]\n      - emit: [message-with-ack, 2]\n        ack: [3]\n";
    fails(echo, text, "step 1.2", "something else").await;
}

#[tokio::test]
async fn a_group_acts_as_one() {
    let yaml = "title: A test\nclients: {W*5: websocket}\nsteps:\n  - W.emit: [message-with-ack, $W.n]\n    ack: [$W.n]\n  - W[3].emit: [message-with-ack, x]\n    ack: [x]\n  - check: len($W.sid) == 5\n";
    let server = Server::fixture(quiet).await;
    passes_on(&server, yaml).await;
    assert_eq!(server.connections(), 5);
    let yaml = yaml.replace("ack: [$W.n]", "ack: [3]");
    let failure = failure_on(&server, &yaml, PATIENT).await;
    assert!(failure.client.unwrap().starts_with("W["));
}

#[tokio::test]
async fn times_are_bound_and_bounded() {
    let react = on_go![say("42[\"a\"]")];
    let text = "  - emit: [message-with-ack, 1]\n    ack: [1]\n    at: $t\n  - send: 42[\"go\"]\n  - expect: 42[\"a\"]\n    at: $u\n  - check: $u >= $t\n  - check: $u - $t <= 5s\n";
    passes(react, text).await;
    let text = "  - send: 42[\"go\"]\n  - expect: 42[\"a\"]\n    not-before: 5s\n";
    let failure = fails(react, text, "step 2", "too early").await;
    assert!(failure.timing);
    fails(quiet, "  - check: 1 > 2\n", "step 1", "does not hold").await;
}

#[tokio::test]
async fn a_refused_connect_fails_the_step() {
    fn react(packet: &str) -> Vec<Say> {
        match packet {
            "40/auth," => vec![say("44/auth,{\"message\":\"no\"}")],
            _ => Vec::new(),
        }
    }
    let failure = fails(react, "  - connect: /auth\n", "step 1", "refused").await;
    assert_eq!(
        failure.received.as_deref(),
        Some("44/auth,{\"message\":\"no\"}")
    );
    passes(
        react,
        "  - send: 40/auth,\n  - expect: 44/auth,{\"message\":\"no\"}\n",
    )
    .await;
}

#[tokio::test]
async fn requests_are_answered_cut_or_late() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        match request.line() {
            "GET /ok HTTP/1.1" => wire.answer("200 OK", "{\"a\":1}").await,
            "GET /late HTTP/1.1" => {
                wire.ended().await;
            }
            _ => {}
        }
    })
    .await;
    let yaml = |request: &str, answer: &str| {
        format!(
            "title: A test\nsteps:\n  - A.http: {{request: GET {request}}}\n  - A.http.expect: {answer}\n"
        )
    };
    passes_on(&server, &yaml("/ok", "{status: 200, json: {\"a\": 1}}")).await;
    passes_on(&server, &yaml("/cut", "{status: [400, cut]}")).await;
    let failure = failure_on(&server, &yaml("/ok", "{status: 400}"), PATIENT).await;
    assert_eq!(
        (failure.at.as_str(), failure.received.as_deref()),
        ("step 2", Some("200"))
    );
    let failure = failure_on(&server, &yaml("/cut", "{status: 200}"), PATIENT).await;
    assert_eq!(failure.received.as_deref(), Some("cut"));
    let failure = failure_on(&server, &yaml("/late", "{status: 200}"), SHORT).await;
    assert!(failure.timing, "{failure:#?}");
}

#[tokio::test]
async fn raw_bytes_are_answered_on_their_connection() {
    let server = Server::start(|mut wire| async move {
        wire.request().await;
        wire.answer("400 Bad Request", "no").await;
    })
    .await;
    let yaml = "title: A test\nsteps:\n  - A.tcp.bytes: \"GET / HTT\"\n  - A.tcp.bytes: \"P/1.1\\r\\n\\r\\n\"\n  - A.tcp.http.expect: {status: 400, body: 'no'}\n  - A.tcp.closed: {how: fin}\n";
    passes_on(&server, yaml).await;
    let failure = failure_on(
        &server,
        &yaml.replace("status: 400", "status: 200"),
        PATIENT,
    )
    .await;
    assert_eq!(failure.at, "step 3");
}

/// A polling server: the first GET of a session brings this, the second is held.
async fn polling_server(first: &'static str) -> Server {
    let gets = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    Server::start(move |mut wire| {
        let gets = gets.clone();
        async move {
            let request = wire.request().await.unwrap();
            if request.line().starts_with("POST") {
                return wire.answer("200 OK", "ok").await;
            }
            if !request.line().contains("sid=") {
                return wire.answer("200 OK", OPEN).await;
            }
            match gets.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 => wire.answer("200 OK", first).await,
                _ => {
                    wire.ended().await;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_scenario_may_poll_by_itself() {
    let yaml = "title: A test\npath: /engine.io/\nneeds: [engine-echo]\nsteps:\n  - A.open: polling\n  - A.poll:\n  - A.poll.expect: 4a␞4b\n  - A.poll: hang\n";
    passes_on(&polling_server("4a\u{1e}4b").await, yaml).await;
    let failure = failure_on(&polling_server("4a").await, yaml, PATIENT).await;
    assert_eq!(failure.at, "step 3");
    let yaml = "title: A test\npath: /engine.io/\nneeds: [engine-echo]\nsteps:\n  - A.open: polling\n  - A.poll: hang\n";
    let failure = failure_on(&polling_server("4a").await, yaml, PATIENT).await;
    assert!(failure.summary.contains("at once"), "{failure:#?}");
}

#[tokio::test]
async fn a_polling_session_is_dead_when_get_and_post_say_so() {
    async fn server(post: &'static str) -> Server {
        Server::start(move |mut wire| async move {
            let request = wire.request().await.unwrap();
            let handshake = !request.line().contains("sid=");
            match request.line().starts_with("POST") {
                true => wire.answer(post, "ok").await,
                false if handshake => wire.answer("200 OK", OPEN).await,
                false => wire.answer("400 Bad Request", "{}").await,
            }
        })
        .await
    }
    let yaml = "title: A test\nsteps:\n  - A.open: polling\n  - A.dead:\n";
    passes_on(&server("400 Bad Request").await, yaml).await;
    let failure = failure_on(&server("200 OK").await, yaml, PATIENT).await;
    assert!(failure.summary.contains("POST still finds"), "{failure:#?}");
}

#[tokio::test]
async fn nobody_there_is_no_verdict() {
    // Bound and not listening: connections are refused, and no other test can be given the port.
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = bound.local_addr().unwrap();
    let endpoint = Endpoint::local(address).unwrap();
    let end = played_on(&endpoint, &steps(ALIVE_GO), SHORT).await.end;
    let End::Errored(failure) = end else {
        panic!("{end:#?}");
    };
    assert_eq!(failure.at, "setup");
    assert!(
        failure.summary.starts_with("no connection to"),
        "{failure:#?}"
    );
}

#[tokio::test]
async fn servers_that_are_something_else_fail_in_the_setup() {
    let http = Server::start(|mut wire| async move {
        wire.request().await;
        wire.answer("404 Not Found", "no").await;
    })
    .await;
    let failure = failure_on(&http, &steps(ALIVE_GO), PATIENT).await;
    assert_eq!(failure.summary, "the handshake was answered 404: no");

    let plain = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        wire.accept(&request, b"").await;
        wire.text("welcome").await;
        wire.ended().await;
    })
    .await;
    let failure = failure_on(&plain, &steps(ALIVE_GO), PATIENT).await;
    assert!(
        failure.summary.contains("no open packet but welcome"),
        "{failure:#?}"
    );

    let silent = Server::start(|mut wire| async move {
        wire.ended().await;
    })
    .await;
    let failure = failure_on(&silent, &steps(ALIVE_GO), PATIENT).await;
    assert!(failure.timing && failure.at == "setup", "{failure:#?}");

    let garbage =
        Server::start(|mut wire| async move { wire.write(b"220 mail\r\n\r\n").await }).await;
    assert_eq!(
        failure_on(&garbage, &steps(ALIVE_GO), PATIENT).await.at,
        "setup"
    );
}

#[tokio::test]
async fn a_bare_server_may_say_welcome() {
    let server = Server::start(|mut wire| async move {
        let request = wire.request().await.unwrap();
        wire.accept(&request, b"").await;
        wire.text(OPEN).await;
        while let Some((1, packet)) = wire.frame().await {
            let text = String::from_utf8(packet).unwrap();
            match text.strip_prefix("40/none-") {
                Some(rest) => {
                    let number = rest.trim_end_matches(',');
                    wire.text(&format!("44/none-{number},{{\"message\":\"no\"}}"))
                        .await;
                }
                None => {
                    wire.text("40{\"sid\":\"x\"}").await;
                    wire.text("42[\"welcome\"]").await;
                }
            }
        }
    })
    .await;
    let mut endpoint = endpoint(&server);
    let yaml = steps("  - nothing:\n  - alive:\n");
    assert!(!matches!(
        played_on(&endpoint, &yaml, SHORT).await.end,
        End::Passed
    ));
    endpoint.fixture = false;
    let end = played_on(&endpoint, &yaml, SHORT).await.end;
    assert!(matches!(end, End::Passed), "{end:#?}");
}

#[tokio::test]
async fn rooms_are_named_apart_on_a_shared_server_in_each_play() {
    fn react(packet: &str) -> Vec<Say> {
        let Some((id, rest)) = packet.split_once("[\"join\",") else {
            return Vec::new();
        };
        vec![say(&format!("43{}[{rest}", &id[2..]))]
    }
    let server = Server::fixture(react).await;
    let mut endpoint = endpoint(&server);
    endpoint.shared = true;
    let yaml = steps("  - emit: [join, [red]]\n    ack: [[red]]\n");
    let mut rooms = Vec::new();
    for _ in 0..2 {
        let played = played_on(&endpoint, &yaml, PATIENT).await;
        assert!(matches!(played.end, End::Passed), "{:#?}", played.end);
        let wire = serde_json::to_string(&played.transcript).unwrap();
        let (_, room) = wire
            .split_once("[\\\"red~")
            .expect("the transcript shows the wire as it was");
        rooms.push(room.split_once('\\').unwrap().0.to_owned());
    }
    assert_ne!(
        rooms[0], rooms[1],
        "who is still there from before is not met again"
    );
}

#[tokio::test]
async fn an_object_with_a_private_key_of_serde_json_is_echoed_and_judged_as_an_object() {
    let running = fixture::serve(FixtureConfig::default()).await.unwrap();
    let mut endpoint = Endpoint::local(running.address()).unwrap();
    endpoint.shared = true;
    let object = r#"{"$serde_json::private::Number":"1"}"#;
    for client in ["websocket", "{client: reconnecting}"] {
        for (came, passes) in [(object, true), ("1", false)] {
            let yaml = format!(
                "title: A test\nclients: {{A: {client}}}\nsteps:\n  - emit: ['message', {object}]\n  \
                 - expect: 42[\"message-back\",{came}]\n"
            );
            let played = played_on(&endpoint, &yaml, PATIENT).await;
            let passed = matches!(played.end, End::Passed);
            assert_eq!(passed, passes, "{yaml}\n{:#?}", played.end);
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn an_event_that_a_reconnecting_client_cannot_read_is_shown_as_it_came() {
    fn react(packet: &str) -> Vec<Say> {
        match packet {
            "42[\"go\"]" => vec![say("42[\"a\",]")],
            _ => Vec::new(),
        }
    }
    let server = Server::fixture(react).await;
    let yaml = "title: A test\nclients: {A: {client: reconnecting, transports: [websocket]}}\nsteps:\n  \
                - emit: [go]\n  - expect: ~/^42\\[\"a\",\\]$/\n";
    passes_on(&server, yaml).await;
}

#[tokio::test]
async fn a_play_can_be_stopped_and_has_an_end() {
    let server = Server::fixture(quiet).await;
    let yaml = steps("  - alive:\n  - wait: 20s\n    note: A test.\n");
    let options = PlayOptions::default();
    let soon = tokio::time::sleep(Duration::from_millis(100));
    let played = play(&trial(&yaml), &endpoint(&server), &options, soon).await;
    assert!(matches!(played.end, End::Cancelled));
    let options = PlayOptions {
        whole: Duration::from_millis(200),
        ..PlayOptions::default()
    };
    let played = play(
        &trial(&yaml),
        &endpoint(&server),
        &options,
        std::future::pending(),
    )
    .await;
    let End::Failed(failure) = played.end else {
        panic!("{:#?}", played.end);
    };
    assert!(failure.timing, "{failure:#?}");
    assert!(failure.summary.starts_with(TOO_LONG), "{failure:#?}");
}

#[tokio::test]
async fn a_late_scheduler_is_said() {
    fn react(packet: &str) -> Vec<Say> {
        if packet == "42[\"go\"]" {
            // The server shares this runtime: what holds it up holds up the harness.
            std::thread::sleep(Duration::from_millis(300));
        }
        Vec::new()
    }
    let server = Server::fixture(react).await;
    let played = played_on(
        &endpoint(&server),
        &steps(&go("  - expect: 42[\"a\"]\n")),
        SHORT,
    )
    .await;
    assert!(matches!(played.end, End::Failed(ref failure) if failure.timing));
    assert!(
        played.late.unwrap() >= Duration::from_millis(200),
        "{:?}",
        played.late
    );
    // A pass is as doubtful where it was not expected.
    let passed = played_on(&endpoint(&server), &steps(&go("  - nothing:\n")), PATIENT).await;
    assert!(matches!(passed.end, End::Passed), "{:?}", passed.end);
    assert!(
        passed.late.unwrap() >= Duration::from_millis(200),
        "{:?}",
        passed.late
    );
}

#[tokio::test]
async fn what_this_run_cannot_do_is_errored() {
    let server = Server::fixture(quiet).await;
    let yaml = steps("  - alive:\n  - target: restart\n").replace("steps:", "alone: true\nsteps:");
    let end = played_on(&endpoint(&server), &yaml, SHORT).await.end;
    assert!(matches!(end, End::Errored(_)), "{end:#?}");
}

#[tokio::test]
async fn a_cut_network_ends_the_connection_and_a_restored_one_carries_again() {
    let yaml = "title: A test\nclients: {A: websocket via proxy}\nsteps:\n  - A.network: reset\n  - A.dead:\n  - A.network: restore\n  - A.connect: /\n  - A.alive:\n";
    passes_on(&Server::fixture(quiet).await, yaml).await;
}
