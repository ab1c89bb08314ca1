//! One client, ours or the official one, behind a proxy in front of a reference server.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use siospec::client::{Ids, Reach};
use siospec::network::{Action, Command, Proxy};
use siospec::play::Endpoint;
use siospec::reconnecting::{
    AttemptsOptions, Emit, EngineOptions, Reconnecting, ReconnectingOptions, SocketOptions,
};
use siospec::scenario::model::Transport;
use siospec::transcript::{Lane, Recorder};
use siospec_reference_server::Running;
use siospec_reference_server::config::{Config, Recovery};
use siospec_reference_server::fixture::{self, FixtureConfig};
use siospec_reference_server::trace::Record;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command as Program};
use tokio::sync::mpsc;

use crate::trace::{Trace, decision};

/// What both clients are asked to be.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) transports: &'static [&'static str],
    pub(crate) try_all: bool,
    pub(crate) attempts: Option<u32>,
    pub(crate) retries: Option<u32>,
    pub(crate) recovery: bool,
}

pub(crate) const POLLING_FIRST: Policy = Policy {
    transports: &["polling", "websocket"],
    try_all: false,
    attempts: None,
    retries: None,
    recovery: false,
};
pub(crate) const WEBSOCKET: Policy = Policy {
    transports: &["websocket"],
    ..POLLING_FIRST
};

/// The first and the longest wait of both, in milliseconds.
pub(crate) const DELAY: u64 = 50;
const DELAY_MAX: u64 = 200;
/// Longer than anything here takes on a machine that does much else: a retry must not come of slowness.
const ACK_TIMEOUT: u64 = 60_000;
/// How long anything is awaited.
const PATIENCE: Duration = Duration::from_secs(60);

/// One of the two.
enum Who {
    Ours(Reconnecting),
    Theirs(
        ChildStdin,
        #[expect(dead_code, reason = "it is killed when dropped")] Child,
    ),
}

/// A client on its way through a case.
pub(crate) struct Stage {
    who: Who,
    proxy: Proxy,
    server: Running,
    decisions: mpsc::UnboundedReceiver<String>,
    trace: Arc<Mutex<Trace>>,
}

impl Stage {
    /// A server, a proxy and a client that has not opened yet.
    pub(crate) async fn set(ours: bool, policy: &Policy) -> Self {
        let trace = Arc::new(Mutex::new(Trace::default()));
        let tracer = {
            let trace = trace.clone();
            Arc::new(move |record: &Record| trace.lock().unwrap().see(record))
        };
        let config = Config {
            recovery: policy.recovery.then(Recovery::default),
            // No heartbeat comes between.
            ping_interval: PATIENCE,
            ..Config::default()
        };
        let server = fixture::serve(FixtureConfig {
            server: config,
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
        Self {
            who,
            proxy,
            server,
            decisions,
            trace,
        }
    }

    /// What was seen so far; the client ends.
    pub(crate) async fn strike(self) -> Trace {
        let trace = std::mem::take(&mut *self.trace.lock().unwrap());
        drop(self.who);
        drop(self.proxy);
        self.server.stop().await;
        trace
    }

    /// Tells the client to do something.
    pub(crate) async fn wish(&mut self, wish: Value) {
        match &mut self.who {
            Who::Theirs(stdin, _) => {
                let line = format!("{wish}\n");
                stdin.write_all(line.as_bytes()).await.unwrap();
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

    /// Opens it.
    pub(crate) async fn open(&mut self) {
        self.wish(json!({"open": true})).await;
    }

    /// Emits `message-with-ack`, under a label.
    pub(crate) async fn ask(&mut self, label: &str) {
        self.wish(json!({"args": ["message-with-ack", label], "label": label}))
            .await;
    }

    /// Emits it and waits for its acknowledgement: whatever was sent before has arrived then, both ways.
    pub(crate) async fn fence(&mut self, label: &str) {
        self.ask(label).await;
        self.wait(&format!("ack {label} ok")).await;
    }

    /// Waits for a decision.
    pub(crate) async fn wait(&mut self, wanted: &str) {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.decisions.recv());
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
    pub(crate) async fn heard(&self, wanted: &str) {
        let trace = &self.trace;
        let heard = || {
            let requests = &trace.lock().unwrap().requests;
            requests.iter().any(|heard| heard == wanted)
        };
        self.until(wanted, heard).await;
    }

    /// Waits until the server knows that the connection is lost.
    pub(crate) async fn lost(&self) {
        let server = self.server.server();
        self.until("the loss", || server.sessions() == 0).await;
    }

    async fn until(&self, wanted: &str, is_so: impl Fn() -> bool) {
        let polled = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, polled).await.is_err() {
            let trace = self.trace.lock().unwrap();
            panic!("the server did not hear of `{wanted}`: {trace:?}");
        }
    }

    /// Whether the client has decided anything since it was last waited for.
    pub(crate) fn rests(&mut self) -> bool {
        self.decisions.try_recv().is_err()
    }

    /// What the network does now.
    pub(crate) async fn network(&self, action: Action) {
        self.proxy.command(Command::Now(action)).await;
    }

    /// How many connections fail before one passes.
    pub(crate) async fn fail(&self, connections: u64) {
        self.proxy.command(Command::Fail { connections }).await;
    }

    /// Forgets the attempts: how many fall into a time that the network was down is a matter of time.
    pub(crate) fn forget_attempts(&self) {
        let attempt = |text: &String| text.contains("attempt") || text == "connect_error";
        let decisions = &mut self.trace.lock().unwrap().decisions;
        decisions.retain(|text| !attempt(text));
    }
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
        attempts: AttemptsOptions {
            attempts: policy.attempts,
            delay: Duration::from_millis(DELAY),
            delay_max: Duration::from_millis(DELAY_MAX),
            randomization: 0.0,
            ..AttemptsOptions::default()
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
