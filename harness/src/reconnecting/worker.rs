//! What a reconnecting client does at each moment: it opens sessions when its [`Attempts`] say so, hands packets to its
//! [`Socket`], does what that decides, and tells every decision.

use std::pin::Pin;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::attempts::{Attempts, Order};
use super::client::{Connected, Decisions, ReconnectingOptions, Wish};
use super::session::{Session, Told};
use super::socket::{Socket, Step};
use crate::client::packet::head;
use crate::client::{Arrivals, Reach, What};
use crate::judge::Received;
use crate::transcript::Lane;

/// How long a session may take to say its last words.
const FAREWELL: Duration = Duration::from_secs(2);

type Opening = Pin<Box<dyn Future<Output = Result<Box<Session>, String>> + Send>>;

/// The task behind a reconnecting client.
pub(super) struct Worker {
    attempts: Attempts,
    socket: Socket,
    session: Option<Box<Session>>,
    opening: Option<Opening>,
    /// Whether the last transport could take a packet when it was lost. Until its next attempt the official client asks
    /// that one, and so buffers volatile events which it drops from then on.
    left_writable: bool,
    arrivals: Arrivals,
    connected: watch::Sender<Connected>,
    reach: Reach,
    lane: Lane,
    options: ReconnectingOptions,
    decisions: Decisions,
}

enum Happened {
    Wished(Option<Wish>),
    Opened(Result<Box<Session>, String>),
    Told(Told),
    Time,
}

impl Worker {
    /// One that has not opened anything yet.
    pub(super) fn new(
        reach: Reach,
        lane: Lane,
        options: ReconnectingOptions,
        decisions: Decisions,
        arrivals: Arrivals,
        connected: watch::Sender<Connected>,
    ) -> Self {
        Self {
            attempts: Attempts::new(options.attempts.clone()),
            socket: Socket::new(&options.namespace, options.socket.clone()),
            session: None,
            opening: None,
            left_writable: false,
            arrivals,
            connected,
            reach,
            lane,
            options,
            decisions,
        }
    }

    /// Works until the client is dropped.
    pub(super) async fn run(mut self, mut wishes: mpsc::UnboundedReceiver<Wish>) {
        loop {
            let deadline = [self.attempts.deadline(), self.socket.deadline()]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            self.connected.send_if_modified(|connected| {
                let now = self.socket.is_connected();
                let changed = connected.now != now;
                connected.losses += u64::from(changed && !now);
                connected.now = now;
                changed
            });
            let happened = tokio::select! {
                wish = wishes.recv() => Happened::Wished(wish),
                opened = present(&mut self.opening) => Happened::Opened(opened),
                told = next(&mut self.session) => Happened::Told(told),
                () = tokio::time::sleep_until(deadline.into()) => Happened::Time,
            };
            match happened {
                Happened::Wished(None) => return,
                Happened::Wished(Some(wish)) => self.wished(wish).await,
                Happened::Opened(opened) => self.opened(opened),
                Happened::Told(told) => self.told(told).await,
                Happened::Time => self.time(),
            }
        }
    }

    async fn wished(&mut self, wish: Wish) {
        let now = Instant::now();
        match wish {
            Wish::Open => {
                let order = self.attempts.open(now);
                self.obey(order);
            }
            Wish::Close => self.close("io client disconnect").await,
            Wish::Emit(emit) => {
                let writable = match &self.session {
                    Some(session) => session.is_writable(),
                    None => self.opening.is_none() && self.left_writable,
                };
                let steps = self.socket.emit(emit, writable, now);
                self.act(steps).await;
            }
            Wish::Write(packet) => match &mut self.session {
                Some(session) => session.write([packet]),
                None => self.say(format!("not sent, there is no connection: {packet}")),
            },
        }
    }

    fn opened(&mut self, opened: Result<Box<Session>, String>) {
        self.opening = None;
        self.left_writable = false;
        match opened {
            Ok(mut session) => {
                self.attempts.opened();
                self.say("open");
                for step in self.socket.opened() {
                    if let Step::Write(packet) = step {
                        session.write([message(&packet)]);
                    }
                }
                self.session = Some(session);
            }
            Err(why) => {
                self.say(format!("connect_error ({why})"));
                let order = self.attempts.failed(Instant::now());
                self.obey(order);
            }
        }
    }

    async fn told(&mut self, told: Told) {
        match told {
            Told::Note(text) => self.say(text),
            Told::Message(packet) => self.received(packet).await,
            Told::Closed(reason) => self.lost(reason).await,
        }
    }

    async fn lost(&mut self, reason: &'static str) {
        if let Some(session) = self.session.take() {
            self.left_writable = session.is_writable();
            let _ = tokio::time::timeout(FAREWELL, session.abandon()).await;
        }
        self.say(format!("connection lost ({reason})"));
        let now = Instant::now();
        let steps = self.socket.closed(reason, now);
        self.act(steps).await;
        let order = self.attempts.lost(now);
        self.obey(order);
    }

    fn time(&mut self) {
        let now = Instant::now();
        if self.attempts.deadline().is_some_and(|at| at <= now) {
            if self.opening.take().is_some() {
                self.say("connect_error (timeout)");
            }
            let order = self.attempts.timeout(now);
            self.obey(order);
        }
        let steps = self.socket.timeout(now);
        self.act_now(steps);
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Open { attempt } => {
                if attempt > 0 {
                    self.say(format!("reconnect_attempt {attempt}"));
                }
                let (reach, lane) = (self.reach.clone(), self.lane.clone());
                let (engine, decisions) = (self.options.engine.clone(), self.decisions.clone());
                self.opening = Some(Box::pin(async move {
                    let note = |text: &str| decisions(text.to_owned());
                    let session = Session::open(reach, lane, engine, note).await?;
                    Ok(Box::new(session))
                }));
            }
            Order::Wait(time) => self.say(format!("next attempt in {} ms", time.as_millis())),
            Order::GiveUp => self.say("reconnect_failed"),
            Order::Rest => {}
        }
    }

    async fn received(&mut self, packet: Received) {
        let now = Instant::now();
        let Some(head) = head(&packet).filter(|head| head.ns == self.options.namespace) else {
            self.arrived(packet);
            return;
        };
        match (head.kind, siospec_codec::read_json(head.payload)) {
            (0, payload) => {
                let payload = payload.unwrap_or_default();
                let sid = payload["sid"].as_str().unwrap_or_default().to_owned();
                let steps = self.socket.connected(&sid, payload["pid"].as_str(), now);
                self.arrived(packet.clone());
                self.act(steps).await;
            }
            (1, _) => {
                let steps = self.socket.dismissed(now);
                self.arrived(packet.clone());
                self.act(steps).await;
            }
            (2, Ok(Value::Array(arguments))) if head.ack.is_none() => {
                let steps = self.socket.event_received(arguments);
                self.act(steps).await;
            }
            (3, Ok(Value::Array(arguments))) => {
                let id = head.ack.and_then(|id| id.parse().ok()).unwrap_or(u64::MAX);
                let steps = self.socket.ack_received(id, arguments, now);
                self.act(steps).await;
            }
            (4, payload) => {
                let steps = self.socket.refused(payload.unwrap_or_default());
                self.arrived(packet.clone());
                self.act(steps).await;
            }
            // Events that want an answer, binary ones, and what is not what its type says are the script's to read.
            _ => self.arrived(packet),
        }
    }

    async fn act(&mut self, steps: Vec<Step>) {
        let destroyed = steps.contains(&Step::Destroyed);
        self.act_now(steps);
        if destroyed {
            self.hang_up().await;
        }
    }

    fn act_now(&mut self, steps: Vec<Step>) {
        let mut packets = Vec::new();
        for step in steps {
            match step {
                Step::Write(packet) => packets.push(message(&packet)),
                Step::Note(text) => self.say(text),
                Step::Event(arguments) => {
                    let ns = self.prefix();
                    let arguments = Value::Array(arguments);
                    self.arrived(Received::Text(format!("42{ns}{arguments}")));
                }
                Step::Acked(label, Ok(arguments)) => {
                    let ns = self.prefix();
                    let arguments = Value::Array(arguments);
                    self.say(format!("ack {label} ok"));
                    self.arrived(Received::Text(format!("43{ns}{label}{arguments}")));
                }
                Step::Acked(label, Err(why)) => {
                    self.say(format!("ack {label} failed ({why})"));
                    self.arrived(Received::Text(format!("ack-failed {label} {why}")));
                }
                Step::Connected { recovered, .. } => self.say(match recovered {
                    true => "connect (recovered)",
                    false => "connect",
                }),
                Step::Refused(payload) => self.say(format!("connect_error ({payload})")),
                Step::Disconnected(reason) => self.say(format!("disconnect ({reason})")),
                Step::Destroyed => {}
            }
        }
        if let Some(session) = &mut self.session {
            session.write(packets);
        }
    }

    /// `socket.disconnect()`: the DISCONNECT packet, then the end of a connection without namespaces.
    async fn close(&mut self, reason: &'static str) {
        if self.socket.is_connected()
            && let Some(session) = &mut self.session
        {
            session.write([message(&format!("1{}", prefix(&self.options.namespace)))]);
        }
        self.hang_up().await;
        let steps = self.socket.closed(reason, Instant::now());
        self.act_now(steps);
    }

    async fn hang_up(&mut self) {
        self.attempts.close();
        self.opening = None;
        if let Some(session) = self.session.take() {
            // A network that swallows what is said last must not hold up what comes next.
            let _ = tokio::time::timeout(FAREWELL, session.close()).await;
        }
    }

    fn arrived(&self, packet: Received) {
        let now = self.reach.recorder.now();
        self.arrivals.push(now, What::Packet(packet));
    }

    fn prefix(&self) -> String {
        prefix(&self.options.namespace)
    }

    fn say(&self, text: impl Into<String>) {
        (self.decisions)(text.into());
    }
}

fn prefix(namespace: &str) -> String {
    match namespace {
        "/" => String::new(),
        other => format!("{other},"),
    }
}

fn message(packet: &str) -> Received {
    Received::Text(format!("4{packet}"))
}

async fn present(opening: &mut Option<Opening>) -> Result<Box<Session>, String> {
    match opening {
        Some(opening) => opening.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn next(session: &mut Option<Box<Session>>) -> Told {
    match session {
        Some(session) => session.next().await,
        None => std::future::pending().await,
    }
}
