//! One scripted client: its Engine.IO session, and the connections beside it that a scenario
//! speaks to by name.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::arrivals::{Arrivals, What};
use super::dial::Unreachable;
use super::frames::RawFrame;
use super::http::{Call, Exchange, NoAnswer};
use super::packet::head;
use super::polling::Polling;
use super::raw::Raw;
use super::reach::Reach;
use super::websocket::{Heartbeat, NoWebSocket, WebSocket};
use crate::judge::{Answer, Ending, Received};
use crate::scenario::literal::EndingKind;
use crate::scenario::model::{Layer, Loss, Transport};
use crate::transcript::Lane;

/// A client of a trial.
pub struct Client {
    /// `A`, or `W[3]`.
    pub name: String,
    /// Its name in the transcript.
    pub lane: Lane,
    /// How it gets to the server.
    pub reach: Reach,
    /// Who answers pings.
    pub heartbeat: Heartbeat,
    /// Whether the scenario polls by itself, so that no GET is issued for this client.
    pub polls_itself: bool,
    state: Mutex<State>,
    acks: AtomicU64,
    connections: AtomicU64,
}

#[derive(Default)]
struct State {
    main: Option<Connection>,
    polling: Option<Polling>,
    ws: Option<Arc<WebSocket>>,
    refused: Option<Arrivals>,
    tcp: Option<Arc<Raw>>,
    polls: VecDeque<Arc<Exchange>>,
    requests: VecDeque<Arc<Exchange>>,
    ended_by_us: bool,
}

/// A connection that carries Engine.IO packets.
#[derive(Clone)]
pub enum Connection {
    /// A WebSocket.
    WebSocket(Arc<WebSocket>),
    /// A polling session.
    Polling(Polling),
    /// A WebSocket that never was: its handshake was refused, which is all that arrived on it.
    Refused(Arrivals),
    /// Whatever a client that decides for itself makes of it.
    Own(Arc<dyn SelfWilled>),
}

/// A client that decides by itself when and how packets travel, such as the reconnecting one.
pub trait SelfWilled: Send + Sync {
    /// What has arrived, over all its connections.
    fn arrivals(&self) -> Arrivals;
    /// Takes a packet of the script; or says why it cannot.
    fn send(&self, packet: &Received) -> Result<(), String>;
    /// Ends it in good order.
    fn close(&self);
    /// Whether its namespace is connected just now.
    fn is_connected(&self) -> bool;
    /// Waits until the namespace is lost; each loss is told once.
    fn disconnected(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Why no session came about.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoSession {
    /// There is no connection.
    #[error("{0}")]
    Unreachable(String),
    /// The server answered, but otherwise than with a session.
    #[error("the handshake was answered {}", answer(.0))]
    Refused(Answer),
    /// The server broke a rule below Engine.IO.
    #[error("{0}")]
    Broken(String),
    /// The request as written cannot be sent through the library.
    #[error("{0}")]
    Request(String),
    /// There was an answer, which does not begin with an open packet.
    #[error("the handshake brought no open packet but {0}")]
    NotOpen(String),
    /// The open packet is no JSON object with a `sid` that is a string.
    #[error("the open packet has no session id: {0}")]
    NoSid(String),
}

fn answer(answer: &Answer) -> String {
    match answer.status {
        Some(status) => format!("{status}: {}", String::from_utf8_lossy(&answer.body)),
        None => "by the end of the connection".to_owned(),
    }
}

/// What arrives on a WebSocket whose handshake was refused: its end.
fn refusal(at: Duration, answer: &Answer) -> Arrivals {
    let arrivals = Arrivals::default();
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let ending = Ending {
        kind: EndingKind::Refused,
        frame: Some((answer.status, body)),
    };
    arrivals.push(at, What::Ended(ending));
    arrivals
}

impl From<NoAnswer> for NoSession {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Unreachable(_) => Self::Unreachable(error.to_string()),
            NoAnswer::Request(_) => Self::Request(error.to_string()),
            NoAnswer::Flood | NoAnswer::Broken(_) => Self::Broken(error.to_string()),
        }
    }
}

impl From<NoWebSocket> for NoSession {
    fn from(error: NoWebSocket) -> Self {
        match error {
            NoWebSocket::Unreachable(_) => Self::Unreachable(error.to_string()),
            NoWebSocket::Refused(answer) => Self::Refused(answer),
            NoWebSocket::Broken(_) => Self::Broken(error.to_string()),
            NoWebSocket::Request(_) => Self::Request(error.to_string()),
        }
    }
}

impl Connection {
    /// What has arrived on it.
    pub fn arrivals(&self) -> Arrivals {
        match self {
            Self::WebSocket(ws) => ws.arrivals.clone(),
            Self::Polling(polling) => polling.arrivals(),
            Self::Refused(arrivals) => arrivals.clone(),
            Self::Own(own) => own.arrivals(),
        }
    }

    /// Sends packets in order; by polling, as one payload.
    pub async fn send(&self, packets: &[Received]) -> Result<(), NoAnswer> {
        self.watch(packets);
        match self {
            Self::WebSocket(ws) => {
                for packet in packets {
                    ws.send(packet).await;
                }
                Ok(())
            }
            Self::Refused(_) => Ok(()),
            Self::Own(own) => packets
                .iter()
                .try_for_each(|packet| own.send(packet).map_err(NoAnswer::Request)),
            // Whether the server takes it shows in what follows; an error page is noted.
            Self::Polling(polling) => match polling.post(packets).await {
                Ok(_) | Err(NoAnswer::Unreachable(_)) => Ok(()),
                Err(error) => Err(error),
            },
        }
    }

    /// A namespace that the client leaves is left, whatever the server says.
    fn watch(&self, packets: &[Received]) {
        for packet in packets {
            let Received::Text(text) = packet else {
                continue;
            };
            for part in text.split('\u{1e}') {
                let part = Received::Text(part.to_owned());
                if let Some(head) = head(&part).filter(|head| head.kind == 1) {
                    self.arrivals().left(head.ns);
                }
            }
        }
    }
}

impl Client {
    /// A client that has done nothing yet.
    pub fn new(name: &str, reach: Reach, heartbeat: Heartbeat, polls_itself: bool) -> Self {
        Self {
            name: name.to_owned(),
            lane: Lane::client(name),
            reach,
            heartbeat,
            polls_itself,
            state: Mutex::default(),
            acks: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        }
    }

    /// From now on this client is what decides for it.
    pub fn adopt(&self, own: Arc<dyn SelfWilled>) {
        self.state().main = Some(Connection::Own(own));
    }

    /// The Engine.IO handshake, with `target` as path and query; returns the open packet. What
    /// came before of this client is gone.
    pub async fn open(
        &self,
        transport: Transport,
        target: &str,
        headers: &[(String, String)],
    ) -> Result<Opened, NoSession> {
        self.forget();
        match transport {
            Transport::WebSocket => {
                let ws = self.websocket(target, headers).await?;
                let connection = Connection::WebSocket(ws.clone());
                {
                    let mut state = self.state();
                    state.ws = Some(ws);
                    state.main = Some(connection.clone());
                }
                Ok(Opened::Pending(connection))
            }
            Transport::Polling => self.open_polling(target, headers).await,
        }
    }

    async fn open_polling(
        &self,
        target: &str,
        headers: &[(String, String)],
    ) -> Result<Opened, NoSession> {
        let call = Call {
            headers: headers.to_vec(),
            ..Call::get(target)
        };
        let exchange = Exchange::start(&self.reach, self.lane.of("handshake"), call);
        let (_, outcome) = exchange.outcome().await;
        let answer = outcome?;
        if answer.status != Some(200) {
            return Err(NoSession::Refused(answer));
        }
        let text = String::from_utf8(answer.body.to_vec())
            .map_err(|_| NoSession::NotOpen("bytes that are not UTF-8".to_owned()))?;
        let first = text.split('\u{1e}').next().unwrap_or_default().to_owned();
        let sid = sid(&first)?;
        let separator = if target.contains('?') { '&' } else { '?' };
        let polling = Polling::new(
            &self.reach,
            self.lane.clone(),
            format!("{target}{separator}sid={}", escape(&sid)),
            headers.to_vec(),
            self.heartbeat,
        );
        polling
            .deliver(text.as_bytes(), 1)
            .map_err(NoSession::Broken)?;
        if !self.polls_itself {
            polling.keep_polling();
        }
        {
            let mut state = self.state();
            state.polling = Some(polling.clone());
            state.main = Some(Connection::Polling(polling));
        }
        Ok(Opened::Done { open: first, sid })
    }

    /// A WebSocket beside the session, such as for an upgrade; it reads no open packet. One that
    /// is refused is there, too, as a connection that has ended.
    pub async fn open_websocket(
        &self,
        target: &str,
        headers: &[(String, String)],
    ) -> Result<(), NoSession> {
        let opened = self.websocket(target, headers).await;
        let mut state = self.state();
        state.refused = None;
        let ws = match opened {
            Ok(ws) => ws,
            Err(NoWebSocket::Refused(answer)) => {
                state.ws = None;
                state.refused = Some(refusal(self.reach.recorder.now(), &answer));
                return Err(NoSession::Refused(answer));
            }
            Err(error) => return Err(error.into()),
        };
        match &state.main {
            Some(Connection::Polling(polling)) => polling.expect_upgrade(),
            Some(Connection::WebSocket(_) | Connection::Refused(_) | Connection::Own(_)) => {}
            None => state.main = Some(Connection::WebSocket(ws.clone())),
        }
        state.ws = Some(ws);
        Ok(())
    }

    async fn websocket(
        &self,
        target: &str,
        headers: &[(String, String)],
    ) -> Result<Arc<WebSocket>, NoWebSocket> {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let lane = match number {
            0 => self.lane.of("ws"),
            _ => self.lane.of(format!("ws {}", number + 1)),
        };
        let ws = WebSocket::open(&self.reach, lane, target, headers, self.heartbeat).await?;
        Ok(Arc::new(ws))
    }

    /// The connection that a layer speaks of.
    pub fn connection(&self, layer: Layer) -> Option<Connection> {
        let state = self.state();
        match layer {
            Layer::Ws => {
                let refused = || state.refused.clone().map(Connection::Refused);
                state.ws.clone().map(Connection::WebSocket).or_else(refused)
            }
            _ => state.main.clone(),
        }
    }

    /// Sends packets on a layer's connection. The upgrade packet makes the WebSocket the session's
    /// own (EIO-UP-05).
    pub async fn send(&self, layer: Layer, packets: &[Received]) -> Result<bool, NoAnswer> {
        let Some(connection) = self.connection(layer) else {
            return Ok(false);
        };
        if let Connection::WebSocket(ws) = &connection
            && packets
                .iter()
                .any(|p| matches!(p, Received::Text(text) if text == "5"))
        {
            let main = self.state().main.clone();
            if let Some(Connection::Polling(polling)) = main {
                polling.pause().await;
                polling.upgraded_to(&ws.arrivals);
                self.state().main = Some(connection.clone());
            }
        }
        if packets
            .iter()
            .any(|p| matches!(p, Received::Text(text) if text == "1"))
        {
            self.expect_end();
        }
        connection.send(packets).await?;
        Ok(true)
    }

    /// The polling session, also after its upgrade.
    pub fn polling(&self) -> Option<Polling> {
        self.state().polling.clone()
    }

    /// One GET of the polling session, also after its upgrade.
    pub fn poll(&self) -> Option<Arc<Exchange>> {
        let mut state = self.state();
        let exchange = Arc::new(state.polling.as_ref()?.get());
        state.polls.push_back(exchange.clone());
        Some(exchange)
    }

    /// The oldest GET whose answer was not looked at, and it counts as looked at from now on.
    pub fn oldest_poll(&self) -> Option<Arc<Exchange>> {
        self.state().polls.pop_front()
    }

    /// Gives the oldest GET back, its answer still to be looked at.
    pub fn put_back_poll(&self, exchange: Arc<Exchange>) {
        self.state().polls.push_front(exchange);
    }

    /// One HTTP request.
    pub fn request(&self, call: Call) -> Arc<Exchange> {
        let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let lane = self.lane.of(format!("http {number}"));
        let exchange = Arc::new(Exchange::start(&self.reach, lane, call));
        self.state().requests.push_back(exchange.clone());
        exchange
    }

    /// The oldest request whose answer was not looked at, and it counts as looked at from now on.
    pub fn oldest_request(&self) -> Option<Arc<Exchange>> {
        self.state().requests.pop_front()
    }

    /// Gives the oldest request back, its answer still to be looked at.
    pub fn put_back_request(&self, exchange: Arc<Exchange>) {
        self.state().requests.push_front(exchange);
    }

    /// The raw TCP connection, if there is one.
    pub fn tcp(&self) -> Option<Arc<Raw>> {
        self.state().tcp.clone()
    }

    /// The raw TCP connection, made now if there is none.
    pub async fn tcp_or_connect(&self) -> Result<Arc<Raw>, Unreachable> {
        if let Some(tcp) = self.tcp() {
            return Ok(tcp);
        }
        let tcp = Arc::new(Raw::open(&self.reach, self.lane.of("tcp")).await?);
        self.state().tcp = Some(tcp.clone());
        Ok(tcp)
    }

    /// Ends the raw TCP connection; the next bytes go on a new one.
    pub async fn close_tcp(&self) {
        let tcp = self.state().tcp.take();
        if let Some(tcp) = tcp {
            tcp.lose(Loss::Fin).await;
        }
    }

    /// Closes as a client library does: by a close frame, or by the close packet.
    pub async fn close(&self, layer: Layer) -> Result<(), NoAnswer> {
        let connection = self.connection(layer);
        self.state().ended_by_us = true;
        match connection {
            Some(Connection::WebSocket(ws)) => {
                ws.frame(&RawFrame::close(1000, ""), Vec::new()).await;
                Ok(())
            }
            Some(Connection::Own(own)) => {
                own.close();
                Ok(())
            }
            Some(connection) => connection.send(&[Received::Text("1".to_owned())]).await,
            None => Ok(()),
        }
    }

    /// Loses the TCP connections of a layer: the client's every one, or that of one layer alone.
    pub async fn lose(&self, layer: Layer, loss: Loss) {
        let (main, ws, tcp, exchanges) = {
            let mut state = self.state();
            let all = layer == Layer::Client;
            let is_main = matches!(state.main, Some(Connection::WebSocket(_)));
            if all || (layer == Layer::Ws && is_main) {
                state.ended_by_us = true;
            }
            let mut exchanges: Vec<Arc<Exchange>> = Vec::new();
            if all || layer == Layer::Poll {
                exchanges.extend(state.polls.drain(..));
            }
            if all || layer == Layer::Http {
                exchanges.extend(state.requests.drain(..));
            }
            (
                state.main.clone().filter(|_| all),
                state.ws.clone().filter(|_| all || layer == Layer::Ws),
                state.tcp.take_if(|_| all || layer == Layer::Tcp),
                exchanges,
            )
        };
        for exchange in exchanges {
            exchange.abandon().await;
        }
        if let Some(ws) = ws {
            ws.lose(loss).await;
        }
        match main {
            Some(Connection::WebSocket(ws)) => ws.lose(loss).await,
            Some(Connection::Polling(polling)) => polling.stop().await,
            Some(Connection::Refused(_) | Connection::Own(_)) | None => {}
        }
        if let Some(tcp) = tcp {
            tcp.lose(loss).await;
        }
    }

    /// Whether the client itself has ended its session.
    pub fn ended_by_itself(&self) -> bool {
        self.state().ended_by_us
    }

    /// From now on the end of the session is no surprise.
    pub fn expect_end(&self) {
        self.state().ended_by_us = true;
    }

    /// An ack id that this client has not used.
    pub fn next_ack(&self) -> u64 {
        // Far from the small ids that scenarios write by hand.
        1000 + self.acks.fetch_add(1, Ordering::Relaxed)
    }

    fn forget(&self) {
        let mut state = self.state();
        let old = std::mem::take(&mut *state);
        state.tcp = old.tcp;
        state.requests = old.requests;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handshake that the server has begun to answer.
pub enum Opened {
    /// The open packet, and the session id in it.
    Done {
        /// The whole packet, such as `0{"sid":…}`.
        open: String,
        /// The session id.
        sid: String,
    },
    /// The open packet is the first to arrive on this connection.
    Pending(Connection),
}

/// The session id in an open packet (EIO-HS-03).
pub fn sid(open: &str) -> Result<String, NoSession> {
    let Some(json) = open.strip_prefix('0') else {
        return Err(NoSession::NotOpen(open.to_owned()));
    };
    siospec_codec::read_json(json)
        .ok()
        .and_then(|open| Some(open.get("sid")?.as_str()?.to_owned()))
        .ok_or_else(|| NoSession::NoSid(open.to_owned()))
}

/// A session id in a query; those of real servers need no escapes.
fn escape(sid: &str) -> String {
    let mut text = String::with_capacity(sid.len());
    for byte in sid.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text += &format!("%{byte:02X}");
        }
    }
    text
}
