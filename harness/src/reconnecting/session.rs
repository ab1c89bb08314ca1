//! One Engine.IO session as the official client holds it: the first transport that opens, a write
//! buffer, the heartbeat's deadline, and the upgrade through a probe.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::carrier::{Carrier, Happened, Open, Written, first, target};
use crate::client::{Call, Exchange, Heartbeat, Polling, Reach, WebSocket};
use crate::judge::Received;
use crate::scenario::model::{Loss, Transport};
use crate::transcript::Lane;

/// Which transports a session may use, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// The transports, the first of which opens the session.
    pub transports: Vec<Transport>,
    /// Whether a polling session is upgraded where the server offers it.
    pub upgrade: bool,
    /// Whether the next transport is tried where one cannot be opened (`tryAllTransports`).
    pub try_all: bool,
    /// The path of the server, such as `/socket.io/`.
    pub path: String,
}

/// What a session has to tell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// An Engine.IO message, as it came.
    Message(Received),
    /// A decision, for the transcript.
    Note(String),
    /// The session is over, and why, in the official client's words.
    Closed(&'static str),
}

/// An open session.
pub(super) struct Session {
    reach: Reach,
    lane: Lane,
    target: String,
    carrier: Carrier,
    /// Packets that wait for the transport.
    buffer: Vec<Received>,
    /// The packets on their way; there is one batch at a time.
    flight: Option<JoinHandle<Written>>,
    /// The session id, where an upgrade is to be tried; the official client begins it behind its CONNECT.
    upgrade: Option<String>,
    probe: Option<JoinHandle<Result<Arc<WebSocket>, String>>>,
    /// The WebSocket that answered the probe, waiting for the polling transport to pause.
    next: Option<Arc<WebSocket>>,
    told: VecDeque<Told>,
    /// Interval and timeout of the server's heartbeat together.
    heartbeat: Duration,
    /// Until when the server's next ping must come.
    pub(super) alive_until: Instant,
}

impl Session {
    /// Opens a session with the first transport, or the first that works. What it decides goes to `note`.
    pub(super) async fn open(
        reach: Reach,
        lane: Lane,
        options: EngineOptions,
        note: impl Fn(&str),
    ) -> Result<Self, String> {
        let mut refused = "no transport is allowed".to_owned();
        for (number, transport) in options.transports.iter().enumerate() {
            if number > 0 {
                note(&format!("{refused}; trying {transport}"));
            }
            // A transport that failed is not tried again by an upgrade.
            let options = EngineOptions {
                transports: options.transports[number..].to_vec(),
                ..options.clone()
            };
            let opened = match transport {
                Transport::Polling => Self::by_polling(&reach, &lane, &options).await,
                Transport::WebSocket => Self::by_websocket(&reach, &lane, &options).await,
            };
            match opened {
                Ok(session) => return Ok(session),
                Err(why) => refused = format!("{transport}: {why}"),
            }
            if !options.try_all {
                break;
            }
        }
        Err(refused)
    }

    async fn by_polling(
        reach: &Reach,
        lane: &Lane,
        options: &EngineOptions,
    ) -> Result<Self, String> {
        let target = target(reach, &options.path, Transport::Polling);
        let exchange = Exchange::start(reach, lane.of("handshake"), Call::get(&target));
        let answer = exchange.outcome().await.1.map_err(|e| e.to_string())?;
        if answer.status != Some(200) {
            return Err(match answer.status {
                Some(status) => format!("the handshake was answered {status}"),
                None => "the handshake was cut".to_owned(),
            });
        }
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let (open, rest) = body.split_once('\u{1e}').unwrap_or((&body, ""));
        let open = Open::parse(open)?;
        let with_sid = format!("{target}&sid={}", open.sid);
        let polling = Polling::new(reach, lane.clone(), with_sid, Vec::new(), Heartbeat::Manual);
        let upgrades =
            options.upgrade && open.websocket && options.transports.contains(&Transport::WebSocket);
        let sid = open.sid.clone();
        let carrier = Carrier::Polling {
            polling: polling.clone(),
            get: None,
        };
        let mut session = Self::new(reach, lane, options, &open, carrier);
        if !rest.is_empty() {
            session.payload(polling.read(rest.as_bytes())?);
        }
        session.upgrade = upgrades.then_some(sid);
        Ok(session)
    }

    async fn by_websocket(
        reach: &Reach,
        lane: &Lane,
        options: &EngineOptions,
    ) -> Result<Self, String> {
        let target = target(reach, &options.path, Transport::WebSocket);
        let ws = WebSocket::open(reach, lane.of("ws"), &target, &[], Heartbeat::Manual)
            .await
            .map_err(|error| error.to_string())?;
        let open = match first(&ws).await? {
            Received::Text(text) => Open::parse(&text)?,
            Received::Binary(_) => return Err("the first packet is binary".to_owned()),
        };
        Ok(Self::new(
            reach,
            lane,
            options,
            &open,
            Carrier::WebSocket(Arc::new(ws)),
        ))
    }

    fn new(
        reach: &Reach,
        lane: &Lane,
        options: &EngineOptions,
        open: &Open,
        carrier: Carrier,
    ) -> Self {
        Self {
            reach: reach.clone(),
            lane: lane.clone(),
            target: target(reach, &options.path, Transport::WebSocket),
            carrier,
            buffer: Vec::new(),
            flight: None,
            upgrade: None,
            probe: None,
            next: None,
            told: VecDeque::new(),
            heartbeat: open.heartbeat,
            alive_until: Instant::now() + open.heartbeat,
        }
    }

    /// Whether the transport can take a packet just now; volatile events are dropped where it cannot.
    pub(super) fn is_writable(&self) -> bool {
        self.flight.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Sends packets, or buffers them until the transport can take them.
    pub(super) fn write(&mut self, packets: impl IntoIterator<Item = Received>) {
        self.buffer.extend(packets);
        self.flush();
    }

    fn flush(&mut self) {
        if self.buffer.is_empty() || self.flight.is_some() || self.next.is_some() {
            return;
        }
        let packets = std::mem::take(&mut self.buffer);
        self.flight = Some(match &self.carrier {
            Carrier::Polling { polling, .. } => {
                let polling = polling.clone();
                tokio::spawn(async move {
                    match polling.post(&packets).await {
                        Ok(answer) if answer.status == Some(200) => Ok(()),
                        _ => Err("transport error"),
                    }
                })
            }
            Carrier::WebSocket(ws) => {
                let ws = ws.clone();
                tokio::spawn(async move {
                    for packet in &packets {
                        ws.send(packet).await;
                    }
                    // What the connection did not take any more shows as its end.
                    Ok(())
                })
            }
        });
    }

    /// The next thing that happens. May be dropped and asked again.
    pub(super) async fn next(&mut self) -> Told {
        loop {
            if let Some(told) = self.told.pop_front() {
                return told;
            }
            self.pause_over();
            if let Some(sid) = self.upgrade.take() {
                self.probe = Some(self.probing(&sid));
            }
            let heartbeat = tokio::time::sleep_until(self.alive_until.into());
            let happened = tokio::select! {
                written = join(&mut self.flight) => Happened::Written(written.unwrap_or(Err("transport error"))),
                probed = join(&mut self.probe) => Happened::Probed(probed.unwrap_or(Err("given up".to_owned()))),
                happened = self.carrier.next(self.next.is_none()) => happened,
                () = heartbeat => Happened::Silent,
            };
            if let Some(told) = self.take(happened) {
                return told;
            }
        }
    }

    fn take(&mut self, happened: Happened) -> Option<Told> {
        match happened {
            Happened::Written(Ok(())) => {
                self.flight = None;
                self.flush();
                None
            }
            Happened::Written(Err(why)) => {
                self.flight = None;
                Some(Told::Closed(why))
            }
            Happened::Probed(probed) => {
                self.probe = None;
                Some(Told::Note(match probed {
                    Ok(ws) => {
                        self.next = Some(ws);
                        "the probe was answered; polling pauses".to_owned()
                    }
                    Err(why) => format!("no upgrade: {why}"),
                }))
            }
            Happened::Packets(packets) => {
                self.payload(packets);
                None
            }
            Happened::Ended(why) => Some(Told::Closed(why)),
            Happened::Silent => Some(Told::Closed("ping timeout")),
        }
    }

    /// Polling has paused: neither a GET nor a POST is under way. The WebSocket takes over.
    fn pause_over(&mut self) {
        let busy = matches!(&self.carrier, Carrier::Polling { get: Some(_), .. });
        if busy || self.flight.is_some() {
            return;
        }
        let Some(ws) = self.next.take() else { return };
        self.carrier = Carrier::WebSocket(ws);
        self.told
            .push_back(Told::Note("upgraded to websocket".to_owned()));
        // The upgrade packet stands before whatever waited for it.
        self.buffer.insert(0, Received::Text("5".to_owned()));
        self.flush();
    }

    fn payload(&mut self, packets: Vec<Received>) {
        for packet in packets {
            match &packet {
                Received::Text(text) => match text.as_bytes().first() {
                    Some(b'1') => {
                        self.told.push_back(Told::Closed("transport close"));
                        return;
                    }
                    Some(b'2') => {
                        self.alive_until = Instant::now() + self.heartbeat;
                        self.write([Received::Text("3".to_owned())]);
                    }
                    Some(b'4') => self.told.push_back(Told::Message(packet)),
                    _ => {}
                },
                Received::Binary(_) => self.told.push_back(Told::Message(packet)),
            }
        }
    }

    fn probing(&self, sid: &str) -> JoinHandle<Result<Arc<WebSocket>, String>> {
        let (reach, lane) = (self.reach.clone(), self.lane.of("ws"));
        let target = format!("{}&sid={sid}", self.target);
        tokio::spawn(async move {
            let ws = WebSocket::open(&reach, lane, &target, &[], Heartbeat::Manual)
                .await
                .map_err(|error| error.to_string())?;
            ws.send(&Received::Text("2probe".to_owned())).await;
            match first(&ws).await? {
                Received::Text(text) if text == "3probe" => Ok(Arc::new(ws)),
                other => Err(format!("the probe was answered {other}")),
            }
        })
    }

    /// Ends it as the official client's `close` does: by a close frame, or by the close packet.
    pub(super) async fn close(mut self) {
        if let Some(flight) = self.flight.take() {
            let _ = flight.await;
        }
        match &self.carrier {
            Carrier::Polling { polling, get } => {
                let mut packets = std::mem::take(&mut self.buffer);
                packets.push(Received::Text("1".to_owned()));
                let _ = polling.post(&packets).await;
                if let Some(get) = get {
                    get.abandon().await;
                }
            }
            Carrier::WebSocket(ws) => {
                for packet in &self.buffer {
                    ws.send(packet).await;
                }
                ws.frame(&crate::client::RawFrame::close(1000, ""), Vec::new())
                    .await;
            }
        }
    }

    /// Ends it without a word to the server, as after a ping timeout on a connection that is gone.
    pub(super) async fn abandon(self) {
        match &self.carrier {
            Carrier::Polling { get: Some(get), .. } => get.abandon().await,
            Carrier::Polling { get: None, .. } => {}
            Carrier::WebSocket(ws) => ws.lose(Loss::Fin).await,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            flight.abort();
        }
        if let Some(probe) = self.probe.take() {
            probe.abort();
        }
    }
}

/// The result of a task, if there is one; else never. The task is left in its place.
async fn join<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, tokio::task::JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}
