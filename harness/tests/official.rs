//! The reconnecting client beside the official one: both play the same cases through the proxy against the reference
//! server, and their traces agree: the order of requests, of packets each way, and of the decisions.
//!
//! Needs Node.js and `npm ci` in `harness/tests/official-client`, which `.ci/run` sees to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use siospec::client::{Ids, Reach};
use siospec::network::{Action, Command, Proxy};
use siospec::play::Endpoint;
use siospec::reconnecting::{
    Emit, EngineOptions, ManagerOptions, Reconnecting, ReconnectingOptions, SocketOptions,
};
use siospec::scenario::model::Transport;
use siospec::transcript::{Lane, Recorder};
use siospec_reference_server::config::{Config, Recovery};
use siospec_reference_server::fixture::{self, FixtureConfig};
use siospec_reference_server::trace::{Record, Step};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command as Program};
use tokio::sync::mpsc;

/// What both clients are asked to be.
#[derive(Clone)]
struct Policy {
    transports: &'static [&'static str],
    try_all: bool,
    attempts: Option<u32>,
    retries: Option<u32>,
    recovery: bool,
}

const POLLING_FIRST: Policy = Policy {
    transports: &["polling", "websocket"],
    try_all: false,
    attempts: None,
    retries: None,
    recovery: false,
};
const WEBSOCKET: Policy = Policy {
    transports: &["websocket"],
    ..POLLING_FIRST
};
const DELAY: u64 = 50;
const DELAY_MAX: u64 = 200;
const ACK_TIMEOUT: u64 = 2000;

/// One of the two.
enum Who {
    Ours(Reconnecting),
    Theirs(
        ChildStdin,
        #[expect(dead_code, reason = "it is killed when dropped")] Child,
    ),
}

#[derive(Default, Debug, PartialEq)]
struct Trace {
    requests: Vec<String>,
    up: Vec<String>,
    down: Vec<String>,
    decisions: Vec<String>,
}

struct Stage {
    who: Who,
    proxy: Proxy,
    decisions: mpsc::UnboundedReceiver<String>,
    trace: Arc<Mutex<Trace>>,
}

impl Stage {
    async fn wish(&mut self, wish: Value) {
        match &mut self.who {
            Who::Theirs(stdin, _) => {
                stdin
                    .write_all(format!("{wish}\n").as_bytes())
                    .await
                    .unwrap();
                stdin.flush().await.unwrap();
            }
            Who::Ours(client) if wish["open"] == true => client.open(),
            Who::Ours(client) => client.emit(Emit {
                args: wish["args"].as_array().unwrap().clone(),
                volatile: wish["volatile"] == true,
                ack: wish["label"].as_str().map(str::to_owned),
                timeout: wish["timeout"].as_u64().map(Duration::from_millis),
            }),
        }
    }

    async fn open(&mut self) {
        self.wish(json!({"open": true})).await;
    }

    /// Emits `message-with-ack`, under a label.
    async fn ask(&mut self, label: &str) {
        self.wish(json!({"args": ["message-with-ack", label], "label": label}))
            .await;
    }

    /// Waits for a decision.
    async fn wait(&mut self, wanted: &str) {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(8), self.decisions.recv());
            let Ok(Some(text)) = next.await else {
                panic!("`{wanted}` did not come: {:?}", self.trace.lock().unwrap());
            };
            self.trace.lock().unwrap().decisions.push(text.clone());
            if text == wanted {
                return;
            }
        }
    }

    /// Waits until the server has heard a request or an Engine.IO packet.
    async fn heard(&self, wanted: &str) {
        for _ in 0..800 {
            if self
                .trace
                .lock()
                .unwrap()
                .requests
                .iter()
                .any(|heard| heard == wanted)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server did not hear `{wanted}`");
    }

    async fn network(&self, action: Action) {
        self.proxy.command(Command::Now(action)).await;
    }
}

/// What the server sees, without what is drawn by lot and without the polls, whose number is a matter of time.
fn seen(record: &Record, trace: &mut Trace) {
    match &record.step {
        Step::HttpRequest(text) => {
            let kind = |name: &str| text.contains(&format!("transport={name}"));
            match (kind("websocket"), text.contains("sid=")) {
                (true, true) => trace.requests.push("WebSocket for the session".to_owned()),
                (true, false) => trace.requests.push("WebSocket handshake".to_owned()),
                (false, false) => trace.requests.push("polling handshake".to_owned()),
                (false, true) => {}
            }
        }
        Step::EngineIn(text) if !text.starts_with("message") => trace.requests.push(text.clone()),
        Step::PacketIn(text) => trace.up.push(plain(text)),
        Step::PacketOut(text) => trace.down.push(plain(text)),
        _ => {}
    }
}

/// Ids are drawn by lot; they are the only words of twenty letters.
fn plain(text: &str) -> String {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut out = String::new();
    for piece in text.split_inclusive(|c| !letter(c)) {
        let word = piece.trim_end_matches(|c| !letter(c));
        out += if word.len() == 20 { "id" } else { word };
        out += &piece[word.len()..];
    }
    out
}

/// The decisions that the official client tells, too.
fn decision(text: &str) -> Option<String> {
    let first = |count: usize| text.split(' ').take(count).collect::<Vec<_>>().join(" ");
    match text.split(' ').next()? {
        "connect" | "disconnect" | "reconnect_attempt" | "reconnect_failed" => {
            Some(text.to_owned())
        }
        "connect_error" => Some(first(1)),
        "ack" => Some(first(3)),
        _ => None,
    }
}

async fn stage(ours: bool, policy: &Policy) -> (Stage, siospec_reference_server::Running) {
    let trace = Arc::new(Mutex::new(Trace::default()));
    let tracer = {
        let trace = trace.clone();
        Arc::new(move |record: &Record| seen(record, &mut trace.lock().unwrap()))
    };
    let server = fixture::serve(FixtureConfig {
        server: Config {
            recovery: policy.recovery.then(Recovery::default),
            ..Config::default()
        },
        tracer: Some(tracer),
        ..FixtureConfig::default()
    })
    .await
    .unwrap();
    let address = server.address();
    let target = (address.ip().to_string(), address.port());
    let proxy = Proxy::start(target, Arc::new(|_| {})).await.unwrap();
    let (tell, decisions) = mpsc::unbounded_channel();
    let who = match ours {
        true => Who::Ours(our(&proxy, policy, tell)),
        false => their(&proxy, policy, tell),
    };
    (
        Stage {
            who,
            proxy,
            decisions,
            trace,
        },
        server,
    )
}

fn our(proxy: &Proxy, policy: &Policy, tell: mpsc::UnboundedSender<String>) -> Reconnecting {
    let endpoint = Arc::new(Endpoint::local(proxy.address()).unwrap());
    let reach = Reach::new(endpoint, Recorder::start(), Ids::default()).unwrap();
    let transport = |name: &&str| match *name {
        "polling" => Transport::Polling,
        _ => Transport::WebSocket,
    };
    let options = ReconnectingOptions {
        namespace: "/".to_owned(),
        engine: EngineOptions {
            transports: policy.transports.iter().map(transport).collect(),
            upgrade: true,
            try_all: policy.try_all,
            path: "/socket.io/".to_owned(),
        },
        manager: ManagerOptions {
            attempts: policy.attempts,
            delay: Duration::from_millis(DELAY),
            delay_max: Duration::from_millis(DELAY_MAX),
            randomization: 0.0,
            ..ManagerOptions::default()
        },
        socket: SocketOptions {
            auth: None,
            ack_timeout: policy.retries.map(|_| Duration::from_millis(ACK_TIMEOUT)),
            retries: policy.retries,
        },
    };
    let decisions = Arc::new(move |text: String| {
        if let Some(text) = decision(&text) {
            let _ = tell.send(text);
        }
    });
    Reconnecting::start(reach, Lane::client("A"), options, decisions)
}

fn their(proxy: &Proxy, policy: &Policy, tell: mpsc::UnboundedSender<String>) -> Who {
    let mut options = json!({
        "transports": policy.transports,
        "tryAllTransports": policy.try_all,
        "reconnectionDelay": DELAY,
        "reconnectionDelayMax": DELAY_MAX,
        "randomizationFactor": 0,
    });
    if let Some(attempts) = policy.attempts {
        options["reconnectionAttempts"] = json!(attempts);
    }
    if let Some(retries) = policy.retries {
        options["retries"] = json!(retries);
        options["ackTimeout"] = json!(ACK_TIMEOUT);
    }
    let mut child = Program::new("node")
        .current_dir(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/official-client"
        ))
        .arg("play.js")
        .arg(format!("http://{}", proxy.address()))
        .arg(options.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    Who::Theirs(child.stdin.take().unwrap(), child)
}

/// Plays a case with both, and compares.
async fn agree(name: &str, policy: Policy, case: impl AsyncFn(&mut Stage)) {
    let mut traces = Vec::new();
    for ours in [false, true] {
        let (mut stage, server) = stage(ours, &policy).await;
        case(&mut stage).await;
        server.stop().await;
        traces.push(std::mem::take(&mut *stage.trace.lock().unwrap()));
    }
    let (theirs, ours) = (&traces[0], &traces[1]);
    assert!(!theirs.decisions.is_empty());
    assert_eq!(ours, theirs, "{name}: ours, then the official client's");
}

macro_rules! cases {
    ($($name:ident: $policy:expr, $case:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "needs Node.js and npm ci; .ci/run plays it"]
        async fn $name() {
            agree(stringify!($name), $policy, $case).await;
        }
    )*};
}

cases! {
    polling_is_upgraded: POLLING_FIRST, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.heard("WebSocket for the session").await;
        a.ask("a").await;
        a.wait("ack a ok").await;
    };
    websocket_alone: WEBSOCKET, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.ask("a").await;
        a.wait("ack a ok").await;
    };
    first_connections_fail: WEBSOCKET, async |a: &mut Stage| {
        a.proxy.command(Command::Fail { connections: 2 }).await;
        a.open().await;
        a.wait("connect").await;
    };
    buffered_while_away_and_volatile_dropped: WEBSOCKET, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.network(Action::Refuse).await;
        a.wait("disconnect (transport close)").await;
        a.ask("one").await;
        a.wish(json!({"args": ["message", "dropped"], "volatile": true})).await;
        a.ask("two").await;
        // One attempt fails at least, so that both have the wishes when they come back.
        a.wait("connect_error").await;
        a.network(Action::Restore).await;
        a.wait("ack two ok").await;
        a.trace.lock().unwrap().decisions.retain(|text| !text.contains("attempt") && text != "connect_error");
    };
    acknowledgement_times_out_while_away: WEBSOCKET, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.network(Action::Refuse).await;
        a.wait("disconnect (transport close)").await;
        a.wish(json!({"args": ["message-with-ack", 1], "label": "late", "timeout": 20})).await;
        a.wait("ack late failed").await;
        a.network(Action::Restore).await;
        a.wait("connect").await;
        a.ask("next").await;
        a.wait("ack next ok").await;
        a.trace.lock().unwrap().decisions.retain(|text| !text.contains("attempt") && text != "connect_error");
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
        a.ask("a").await;
        a.wait("ack a ok").await;
        a.network(Action::Reset).await;
        a.wait("connect (recovered)").await;
        a.ask("b").await;
        a.wait("ack b ok").await;
    };
    websocket_falls_back_to_polling: Policy { transports: &["websocket", "polling"], try_all: true, ..WEBSOCKET }, async |a: &mut Stage| {
        a.proxy.command(Command::Fail { connections: 1 }).await;
        a.open().await;
        a.wait("connect").await;
        a.ask("a").await;
        a.wait("ack a ok").await;
    };
    attempts_come_to_an_end: Policy { attempts: Some(2), ..POLLING_FIRST }, async |a: &mut Stage| {
        a.network(Action::Refuse).await;
        a.open().await;
        a.wait("reconnect_failed").await;
    };
    server_that_dismisses_is_not_asked_again: WEBSOCKET, async |a: &mut Stage| {
        a.open().await;
        a.wait("connect").await;
        a.wish(json!({"args": ["kick", false]})).await;
        a.wait("disconnect (io server disconnect)").await;
        tokio::time::sleep(Duration::from_millis(4 * DELAY)).await;
        assert!(a.decisions.try_recv().is_err(), "nothing follows");
    };
}
