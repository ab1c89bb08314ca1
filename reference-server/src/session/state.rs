//! The rules of one session: which transport carries it, who may ask for what, how it ends.

use super::{
    Beat, CloseReason, Edge, Frame, Heartbeat, Input, Message, Outbox, Output, SocketId, Source,
    Step, Upgrade, close_code,
};
use crate::config::Config;
use crate::refusal::Refusal;
use siospec_codec::engine::{OwnedPacket, PacketType};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// How many frames may wait on a WebSocket before volatile ones are dropped.
const VOLATILE_BACKLOG: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Polling,
    WebSocket(SocketId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Closed by the application: what is queued goes out first, until this time.
    Draining(Instant),
    /// Over; a GET that is still pending hears this.
    Over(&'static str),
}

const CLOSE: &str = "1";
const NOOP: &str = "6";

/// One Engine.IO session.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    carrier: Carrier,
    phase: Phase,
    heartbeat: Heartbeat,
    upgrade: Option<Upgrade>,
    outbox: Outbox,
    inbox: VecDeque<Output>,
    polling: bool,
    posting: bool,
    /// What goes to WebSockets beside the outbox: answers to probes, and hang-ups.
    aside: Vec<(SocketId, Output)>,
}

impl Session {
    /// A session opened by a polling handshake.
    pub fn polling(config: Arc<Config>, now: Instant) -> Self {
        Self::new(config, Carrier::Polling, now)
    }

    /// A session opened by a WebSocket handshake.
    pub fn websocket(config: Arc<Config>, socket: SocketId, now: Instant) -> Self {
        Self::new(config, Carrier::WebSocket(socket), now)
    }

    fn new(config: Arc<Config>, carrier: Carrier, now: Instant) -> Self {
        Self {
            heartbeat: Heartbeat::new(config.ping_interval, config.ping_timeout, now),
            outbox: Outbox::new(config.outbox),
            config,
            carrier,
            phase: Phase::Open,
            upgrade: None,
            inbox: VecDeque::new(),
            polling: false,
            posting: false,
            aside: Vec::new(),
        }
    }

    /// The name of the transport that carries the session now.
    pub fn transport(&self) -> &'static str {
        match self.carrier {
            Carrier::Polling => "polling",
            Carrier::WebSocket(_) => "websocket",
        }
    }

    /// Whether the session takes messages.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether the sid is unknown from now on. A GET or a WebSocket may still have something to fetch.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// Whether a WebSocket asks to carry the session.
    pub fn is_upgrading(&self) -> bool {
        self.upgrade.is_some()
    }

    /// Whether a POST may come by before what the client sent ahead of it: its next GET, or the upgrade of a WebSocket.
    pub fn may_be_overtaken(&self) -> bool {
        !self.polling || self.is_upgrading()
    }

    /// What waits for the client: frames and bytes.
    pub fn backlog(&self) -> (usize, usize) {
        (self.outbox.len(), self.outbox.bytes())
    }

    /// When to come back with [`Input::Tick`]; never, once the session is over.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open => {
                let beat = self.heartbeat.poll_timeout();
                Some(
                    self.upgrade
                        .as_ref()
                        .map_or(beat, |upgrade| beat.min(upgrade.deadline)),
                )
            }
            Phase::Draining(deadline) => Some(deadline),
            Phase::Over(_) => None,
        }
    }

    /// Takes what happened. The error is for whoever brought it; the session has drawn its own conclusions.
    pub fn handle(&mut self, input: Input, now: Instant) -> Result<(), Refusal> {
        match input {
            Input::PollStarted => self.poll_started(),
            Input::PollDropped => {
                // EIO-PO-17
                if std::mem::take(&mut self.polling) {
                    self.end(CloseReason::TransportError, CLOSE, close_code::NORMAL);
                }
                Ok(())
            }
            Input::PostStarted => self.post_started(),
            Input::PostFinished => {
                self.posting = false;
                Ok(())
            }
            Input::PostDropped => {
                // EIO-PO-18
                self.posting = false;
                self.end(CloseReason::TransportError, CLOSE, close_code::NORMAL);
                Ok(())
            }
            Input::SocketOpened(socket) => self.socket_opened(socket, now),
            Input::SocketClosed(socket) => {
                self.socket_closed(socket);
                Ok(())
            }
            Input::Received(source, packet) => self.received(source, packet),
            Input::Malformed(source, code) => self.malformed(source, code),
            Input::Send {
                first,
                rest,
                volatile,
            } => {
                self.send(first, rest, volatile);
                Ok(())
            }
            Input::Close(reason) => {
                self.close(reason, now);
                Ok(())
            }
            Input::Tick => {
                self.tick(now);
                Ok(())
            }
        }
    }

    /// The next thing for that edge.
    pub fn poll_output(&mut self, edge: Edge) -> Option<Output> {
        match edge {
            Edge::App => self.inbox.pop_front(),
            Edge::Poll => self.answer(),
            Edge::Socket(socket) => self.line(socket),
        }
    }

    /// Whether [`Session::poll_output`] has something for that edge.
    pub fn has_output(&self, edge: Edge) -> bool {
        match edge {
            Edge::App => !self.inbox.is_empty(),
            Edge::Poll => {
                self.polling
                    && (self.phase != Phase::Open
                        || self.carrier != Carrier::Polling
                        || !self.outbox.is_empty()
                        || self.upgrade.as_ref().is_some_and(|upgrade| upgrade.probed))
            }
            Edge::Socket(socket) => {
                self.aside.iter().any(|(id, _)| *id == socket)
                    || self.carrier == Carrier::WebSocket(socket)
                        && (!self.outbox.is_empty() || matches!(self.phase, Phase::Draining(_)))
            }
        }
    }

    fn poll_started(&mut self) -> Result<(), Refusal> {
        if self.is_over() {
            return Err(Refusal::SessionUnknown);
        }
        if self.carrier != Carrier::Polling {
            // EIO-QE-17, EIO-UP-10
            return Err(Refusal::BadRequest);
        }
        if self.polling {
            // EIO-PO-06 to EIO-PO-08: the first GET hears of the close, the second is refused.
            self.end(CloseReason::TransportError, CLOSE, close_code::NORMAL);
            return Err(Refusal::BadRequest);
        }
        self.polling = true;
        Ok(())
    }

    fn post_started(&mut self) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::SessionUnknown);
        }
        if self.carrier != Carrier::Polling {
            // EIO-QE-17, EIO-UP-11
            return Err(Refusal::BadRequest);
        }
        if self.posting {
            // EIO-PO-09, EIO-PO-10
            self.end(CloseReason::TransportError, CLOSE, close_code::NORMAL);
            return Err(Refusal::BadRequest);
        }
        self.posting = true;
        Ok(())
    }

    fn socket_opened(&mut self, socket: SocketId, now: Instant) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::SessionUnknown);
        }
        // EIO-WS-16, EIO-UP-12, EIO-UP-13, EIO-UP-21
        if self.carrier != Carrier::Polling || self.upgrade.is_some() || !self.config.upgrades {
            // Clients take this WebSocket for theirs until it is closed, so it is opened first.
            self.aside
                .push((socket, Output::Hangup(close_code::POLICY)));
            return Err(Refusal::BadRequest);
        }
        self.upgrade = Some(Upgrade::new(socket, now + self.config.upgrade_timeout));
        Ok(())
    }

    fn socket_closed(&mut self, socket: SocketId) {
        self.aside.retain(|(id, _)| *id != socket);
        if self.carrier == Carrier::WebSocket(socket) {
            // EIO-WS-15, EIO-WS-21
            self.end(CloseReason::TransportClose, CLOSE, close_code::NORMAL);
            self.aside.clear();
        } else if self
            .upgrade
            .as_ref()
            .is_some_and(|upgrade| upgrade.socket == socket)
        {
            // EIO-UP-15
            self.upgrade = None;
        }
    }

    fn received(&mut self, source: Source, packet: OwnedPacket) -> Result<(), Refusal> {
        if let Source::Socket(socket) = source
            && let Some(upgrade) = &mut self.upgrade
            && upgrade.socket == socket
        {
            match upgrade.step(&packet) {
                Step::Answer => {
                    self.aside
                        .push((socket, Output::Frame(Frame::text("3probe"))));
                }
                Step::Complete => {
                    self.upgrade = None;
                    self.carrier = Carrier::WebSocket(socket);
                }
                Step::Refuse => self.give_up_upgrade(close_code::PROTOCOL),
            }
            return Ok(());
        }
        let current = match source {
            // A POST that began before the upgrade is heard to its end (EIO-UP-09).
            Source::Post => self.posting,
            Source::Socket(socket) => self.carrier == Carrier::WebSocket(socket),
        };
        if !current || !self.is_open() {
            return Err(Refusal::SessionUnknown);
        }
        let (kind, data) = match packet {
            OwnedPacket::Binary(data) => {
                self.inbox.push_back(Output::Message(Message::Binary(data)));
                return Ok(());
            }
            OwnedPacket::Text { kind, data } => (kind, data),
        };
        match kind {
            PacketType::Message => self.inbox.push_back(Output::Message(Message::Text(data))),
            // Whatever stands behind it (EIO-HB-13).
            PacketType::Pong => self.heartbeat.pong(),
            PacketType::Close => {
                // EIO-CL-01, EIO-CL-03, EIO-CL-04
                self.end(CloseReason::TransportClose, NOOP, close_code::NORMAL);
            }
            PacketType::Ping => {
                // EIO-HB-12
                self.end(CloseReason::TransportError, CLOSE, close_code::PROTOCOL);
                return Err(Refusal::BadRequest);
            }
            // EIO-PL-17, EIO-WS-19
            PacketType::Open | PacketType::Upgrade | PacketType::Noop => {}
        }
        Ok(())
    }

    fn malformed(&mut self, source: Source, code: u16) -> Result<(), Refusal> {
        match source {
            Source::Socket(socket)
                if self
                    .upgrade
                    .as_ref()
                    .is_some_and(|upgrade| upgrade.socket == socket) =>
            {
                self.give_up_upgrade(code);
            }
            Source::Socket(socket) if self.carrier != Carrier::WebSocket(socket) => {}
            // EIO-PL-09, EIO-WS-06, EIO-WS-07
            _ => self.end(CloseReason::ParseError, CLOSE, code),
        }
        Err(Refusal::BadRequest)
    }

    /// Whether the client is ready for more: a GET waits, or the WebSocket keeps up.
    pub fn is_writable(&self) -> bool {
        match self.carrier {
            Carrier::Polling => self.polling && self.outbox.is_empty(),
            Carrier::WebSocket(_) => self.outbox.len() < VOLATILE_BACKLOG,
        }
    }

    /// Takes what [`Input::Send`] brings.
    pub(crate) fn send(&mut self, first: Frame, rest: Vec<Frame>, volatile: bool) {
        if !self.is_open() || volatile && !self.is_writable() {
            return;
        }
        for frame in std::iter::once(first).chain(rest) {
            if self.outbox.push(frame).is_err() {
                // Never drop in silence (EIO-LM-10): a client that does not read is closed.
                self.end(CloseReason::TransportError, CLOSE, close_code::POLICY);
                return;
            }
        }
    }

    fn close(&mut self, reason: CloseReason, now: Instant) {
        if !self.is_open() {
            return;
        }
        self.phase = Phase::Draining(now + self.config.ping_timeout);
        self.inbox.push_back(Output::Closed(reason));
        // EIO-UP-17
        self.give_up_upgrade(close_code::NORMAL);
    }

    fn give_up_upgrade(&mut self, code: u16) {
        if let Some(upgrade) = self.upgrade.take() {
            self.aside.push((upgrade.socket, Output::Hangup(code)));
        }
    }

    /// Ends the session at once; what is queued is dropped, and a pending GET hears `word`.
    fn end(&mut self, reason: CloseReason, word: &'static str, code: u16) {
        if self.is_over() {
            return;
        }
        if self.is_open() {
            self.inbox.push_back(Output::Closed(reason));
        }
        self.phase = Phase::Over(word);
        self.outbox.clear();
        self.give_up_upgrade(code);
        if let Carrier::WebSocket(socket) = self.carrier {
            self.aside.push((socket, Output::Hangup(code)));
        }
    }

    fn tick(&mut self, now: Instant) {
        match self.phase {
            Phase::Over(_) => {}
            Phase::Draining(deadline) => {
                if now >= deadline {
                    self.end(CloseReason::ForcedClose, CLOSE, close_code::POLICY);
                }
            }
            Phase::Open => {
                if self
                    .upgrade
                    .as_ref()
                    .is_some_and(|upgrade| now >= upgrade.deadline)
                {
                    self.give_up_upgrade(close_code::POLICY);
                }
                match self.heartbeat.beat(now) {
                    Some(Beat::Ping) => self.send(Frame::text("2"), Vec::new(), false),
                    Some(Beat::Dead) => {
                        self.end(CloseReason::PingTimeout, CLOSE, close_code::POLICY);
                    }
                    None => {}
                }
            }
        }
    }

    fn answer(&mut self) -> Option<Output> {
        if !self.has_output(Edge::Poll) {
            return None;
        }
        self.polling = false;
        let frames = match self.phase {
            Phase::Over(word) => vec![Frame::text(word)],
            Phase::Draining(_) => {
                // EIO-CL-06
                let mut frames = self.outbox.drain();
                frames.push(Frame::text(CLOSE));
                self.phase = Phase::Over(CLOSE);
                frames
            }
            Phase::Open if self.carrier == Carrier::Polling && !self.outbox.is_empty() => {
                self.outbox.drain()
            }
            // EIO-UP-03, EIO-UP-04, EIO-UP-18: noop is for polling alone, so it never stands in the outbox.
            Phase::Open => vec![Frame::text(NOOP)],
        };
        Some(Output::Answer(frames))
    }

    fn line(&mut self, socket: SocketId) -> Option<Output> {
        if let Some(at) = self.aside.iter().position(|(id, _)| *id == socket) {
            return Some(self.aside.remove(at).1);
        }
        if self.carrier != Carrier::WebSocket(socket) {
            return None;
        }
        if let Some(frame) = self.outbox.pop() {
            return Some(Output::Frame(frame));
        }
        if matches!(self.phase, Phase::Draining(_)) {
            // EIO-CL-07
            self.phase = Phase::Over(CLOSE);
            return Some(Output::Hangup(close_code::NORMAL));
        }
        None
    }
}
