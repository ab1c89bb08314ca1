//! A server that offers one transport is judged on what it offers, and on nothing else.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its server or its run does"
)]

use std::path::Path;
use std::process::Command;

use siospec_reference_server::fixture::{self, FixtureConfig};
use siospec_reference_server::{Config, Transports};

/// Plays the whole corpus against the right server with these transports; its exit code, the summary, and the run.
async fn judged(name: &str, transports: Transports) -> (Option<i32>, String, serde_json::Value) {
    let server = Config {
        transports,
        ..Config::default()
    };
    let config = FixtureConfig {
        server,
        ..FixtureConfig::default()
    };
    let running = fixture::serve(config).await.unwrap();
    let url = format!("http://{}", running.address());
    let json = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    let report = format!("json={}", json.display());
    let play = move || {
        Command::new(env!("CARGO_BIN_EXE_siospec"))
            .args(["run", "--quiet", "--exclusive", "--url", &url])
            .args(["--gate", "all", "--report", &report])
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(play).await.unwrap();
    running.stop().await;
    let run = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), said, run)
}

/// How many trials of a family came to a verdict.
fn count(run: &serde_json::Value, family: &str, verdict: &str) -> usize {
    let outcomes = run["outcomes"].as_array().unwrap();
    let of_it = outcomes.iter().filter(|outcome| {
        outcome["trial"].as_str().unwrap().starts_with(family)
            && outcome["verdict"]["kind"] == verdict
    });
    of_it.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_server_with_polling_alone_conforms() {
    let polling = Transports {
        polling: true,
        websocket: false,
    };
    let (code, said, run) = judged("polling", polling).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("needs the transport websocket, which the server does not offer"),
        "{said}"
    );
    assert!(count(&run, "", "passed") > 400, "{said}");
    assert!(count(&run, "socket.io/rooms/", "passed") > 0, "{said}");
    assert_eq!(count(&run, "engine.io/upgrade/", "passed"), 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_server_with_websocket_alone_conforms() {
    let websocket = Transports {
        polling: false,
        websocket: true,
    };
    let (code, said, run) = judged("websocket", websocket).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("needs the transport polling, which the server does not offer"),
        "{said}"
    );
    assert!(count(&run, "", "passed") > 400, "{said}");
    assert!(count(&run, "engine.io/websocket/", "passed") > 0, "{said}");
    assert_eq!(count(&run, "engine.io/polling/", "passed"), 0, "{said}");
}
