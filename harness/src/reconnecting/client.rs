//! The reconnecting client at work: it opens sessions when its [`Manager`] says so, hands packets to
//! its [`Socket`], does what that decides, and tells every decision.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::manager::{Manager, ManagerOptions, Order};
use super::session::{EngineOptions, Session, Told};
use super::socket::{Emit, Socket, SocketOptions, Step};
use crate::client::packet::head;
use crate::client::{Arrivals, Reach, SelfWilled, What};
use crate::judge::Received;
use crate::transcript::Lane;

/// How a reconnecting client behaves; the defaults are the official client's.
#[derive(Debug, Clone)]
pub struct ReconnectingOptions {
    /// The namespace that it joins.
    pub namespace: String,
    /// Transports, upgrade and fallback.
    pub engine: EngineOptions,
    /// When it tries again.
    pub manager: ManagerOptions,
    /// What it does with events.
    pub socket: SocketOptions,
}

/// Where its decisions go, in words.
pub type Decisions = Arc<dyn Fn(String) + Send + Sync>;

/// A client that reconnects by itself. Dropping it ends its connection without a word.
pub struct Reconnecting {
    /// What the server sent, over all connections: CONNECT replies, events, acknowledgements. The ids of
    /// acknowledgements are the labels of [`Emit::ack`]; one that failed is `ack-failed <label> <why>`.
    pub arrivals: Arrivals,
    orders: mpsc::UnboundedSender<Wish>,
    connected: watch::Receiver<Connected>,
    /// Losses that the script has been told of.
    told: AtomicU64,
    task: AbortHandle,
}

/// Whether the namespace is connected, and how often it was lost.
#[derive(Debug, Clone, Copy, Default)]
struct Connected {
    now: bool,
    losses: u64,
}

enum Wish {
    Open,
    Close,
    Emit(Emit),
    /// A Socket.IO packet as written, such as the acknowledgement of a server's call.
    Write(Received),
}

impl Reconnecting {
    /// A client that does nothing before [`Reconnecting::open`].
    pub fn start(
        reach: Reach,
        lane: Lane,
        options: ReconnectingOptions,
        decisions: Decisions,
    ) -> Self {
        let arrivals = Arrivals::default();
        let (connected, seen) = watch::channel(Connected::default());
        let (orders, wishes) = mpsc::unbounded_channel();
        let worker = Worker {
            manager: Manager::new(options.manager.clone()),
            socket: Socket::new(&options.namespace, options.socket.clone()),
            session: None,
            opening: None,
            left_writable: false,
            arrivals: arrivals.clone(),
            connected,
            reach,
            lane,
            options,
            decisions,
        };
        Self {
            arrivals,
            orders,
            connected: seen,
            told: AtomicU64::new(0),
            task: tokio::spawn(worker.run(wishes)).abort_handle(),
        }
    }

    /// Connects, and from then on reconnects by itself.
    pub fn open(&self) {
        self.wish(Wish::Open);
    }

    /// Emits an event: now, after the next CONNECT, or never, as the official client would.
    pub fn emit(&self, emit: Emit) {
        self.wish(Wish::Emit(emit));
    }

    /// Sends a packet as it is, where there is a connection.
    pub fn write(&self, packet: Received) {
        self.wish(Wish::Write(packet));
    }

    fn wish(&self, wish: Wish) {
        // The worker ends with this client only.
        let _ = self.orders.send(wish);
    }
}

impl SelfWilled for Reconnecting {
    fn arrivals(&self) -> Arrivals {
        self.arrivals.clone()
    }

    fn send(&self, packet: &Received) -> Result<(), String> {
        match head(packet) {
            Some(head) if head.kind == 2 => {
                let args = serde_json::from_str(head.payload).map_err(|e| e.to_string())?;
                self.emit(Emit {
                    args,
                    ack: head.ack.map(str::to_owned),
                    ..Emit::default()
                });
                Ok(())
            }
            Some(head) if head.kind == 3 => {
                self.write(packet.clone());
                Ok(())
            }
            _ => Err(format!(
                "a reconnecting client emits events and answers calls; it cannot send {packet}"
            )),
        }
    }

    fn close(&self) {
        self.wish(Wish::Close);
    }

    fn is_connected(&self) -> bool {
        self.connected.borrow().now
    }

    fn disconnected(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let told = self.told.fetch_add(1, Ordering::Relaxed);
        let mut connected = self.connected.clone();
        Box::pin(async move {
            // The worker ends with this client only.
            let _ = connected
                .wait_for(|connected| connected.losses > told)
                .await;
        })
    }
}

impl Drop for Reconnecting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Opening = Pin<Box<dyn Future<Output = Result<Box<Session>, String>> + Send>>;

struct Worker {
    manager: Manager,
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
    async fn run(mut self, mut wishes: mpsc::UnboundedReceiver<Wish>) {
        loop {
            let deadline = [self.manager.deadline(), self.socket.deadline()]
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
                let order = self.manager.open(now);
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
                self.manager.opened();
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
                let order = self.manager.failed(Instant::now());
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
            session.abandon().await;
        }
        self.say(format!("connection lost ({reason})"));
        let now = Instant::now();
        let steps = self.socket.closed(reason, now);
        self.act(steps).await;
        let order = self.manager.lost(now);
        self.obey(order);
    }

    fn time(&mut self) {
        let now = Instant::now();
        if self.manager.deadline().is_some_and(|at| at <= now) {
            if self.opening.take().is_some() {
                self.say("connect_error (timeout)");
            }
            let order = self.manager.timeout(now);
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
        let payload = || serde_json::from_str::<Value>(head.payload).unwrap_or_default();
        let arguments = || match payload() {
            Value::Array(arguments) => arguments,
            _ => Vec::new(),
        };
        match head.kind {
            0 => {
                let payload = payload();
                let sid = payload["sid"].as_str().unwrap_or_default().to_owned();
                let steps = self.socket.connected(&sid, payload["pid"].as_str(), now);
                self.arrived(packet.clone());
                self.act(steps).await;
            }
            1 => {
                let steps = self.socket.dismissed(now);
                self.arrived(packet.clone());
                self.act(steps).await;
            }
            2 if head.ack.is_none() => {
                let steps = self.socket.event_received(arguments());
                self.act(steps).await;
            }
            3 => {
                let id = head.ack.and_then(|id| id.parse().ok()).unwrap_or(u64::MAX);
                let steps = self.socket.ack_received(id, arguments(), now);
                self.act(steps).await;
            }
            4 => {
                let steps = self.socket.refused(payload());
                self.arrived(packet.clone());
                self.act(steps).await;
            }
            // Events that want an answer, and binary ones, are the script's to read and answer.
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
        self.manager.close();
        self.opening = None;
        if let Some(session) = self.session.take() {
            session.close().await;
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
