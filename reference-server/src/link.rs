//! One client: its session and its namespaces behind one lock, and who is to be woken when they move.

use crate::args::Args;
use crate::engine::EngineApp;
use crate::handler::CallError;
use crate::namespace::{Action, Connection, Id, Incoming, Violation};
use crate::outgoing::{Encoded, Outgoing, Says};
use crate::refusal::Refusal;
use crate::seams::{Sending, Tolerance, Waits};
use crate::session::{CloseReason, Edge, Frame, Input, Message, Output, Session, SocketId};
use crate::shared::Core;
use crate::socket::Socket;
use crate::trace::Step;
use crate::wire::{self, Assembly};
use bytestring::ByteString;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

/// Who waits for the answer to a request of the server.
pub(crate) type Waiter = Box<dyn FnOnce(Result<Args, CallError>) + Send>;

/// What the client said of itself when it opened the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The path it asked for.
    pub path: String,
    /// The query, as it came.
    pub query: String,
}

/// One client.
pub(crate) struct Link {
    pub(crate) sid: String,
    pub(crate) core: Arc<Core>,
    pub(crate) handshake: Handshake,
    /// The number of the TCP connection that opened it.
    pub(crate) tcp: u64,
    state: Mutex<State>,
}

/// What a link's lock guards.
pub(crate) struct State {
    pub(crate) session: Session,
    app: App,
    /// Work that goes before anything newly received: admissions, and what waited for them.
    due: VecDeque<Work>,
    /// Whether a handler that waits holds up the next one; only a fault asks for that.
    paused: bool,
    /// Whether somebody runs handlers for this client: they run one after the other (SIO-OR-01).
    dispatching: bool,
    /// Whether the client broke a rule: nothing more from it is heard (SIO-SEC-16).
    deaf: bool,
    sockets: u32,
    pub(crate) wakers: Wakers,
}

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all clients are of the large kind"
)]
enum App {
    SocketIo {
        connection: Connection<Socket, Waiter>,
        assembly: Assembly,
    },
    Engine(Arc<dyn EngineApp>),
}

/// The tasks that wait for this client.
#[derive(Default)]
pub(crate) struct Wakers {
    /// The pending GET.
    pub(crate) poll: Option<Waker>,
    /// The task of a polling session that keeps its timers.
    pub(crate) driver: Option<Waker>,
    /// The WebSockets: the one that carries the session, or one that upgrades.
    pub(crate) sockets: Vec<(SocketId, Waker)>,
    /// When the driver has set its alarm to.
    pub(crate) alarm: Option<Instant>,
}

/// Something to do for this client, outside the lock.
pub(crate) enum Work {
    Packet(Incoming),
    Act(Action<Socket, Waiter>),
    Admitted(Socket),
    Raw(Arc<dyn EngineApp>, Message),
    Gone(Vec<(Socket, Vec<Waiter>)>, CloseReason),
    Expired(Vec<Waiter>),
}

impl Link {
    pub(crate) fn new(
        core: Arc<Core>,
        sid: String,
        handshake: Handshake,
        tcp: u64,
        session: Session,
        engine: Option<Arc<dyn EngineApp>>,
        now: Instant,
    ) -> Arc<Self> {
        let config = &core.config;
        let app = match engine {
            Some(app) => App::Engine(app),
            None => App::SocketIo {
                connection: Connection::new(now + config.connect_timeout, config.max_held),
                assembly: Assembly::new(config),
            },
        };
        let state = State {
            session,
            app,
            due: VecDeque::new(),
            paused: false,
            dispatching: false,
            deaf: false,
            sockets: 0,
            wakers: Wakers::default(),
        };
        Arc::new(Self {
            sid,
            core,
            handshake,
            tcp,
            state: Mutex::new(state),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the session what happened, and does what follows from it.
    pub(crate) fn handle(self: &Arc<Self>, input: Input, now: Instant) -> Result<(), Refusal> {
        let outcome = self.state().session.handle(input, now);
        self.run();
        outcome
    }

    /// Tells the session and the namespaces that their time has come.
    pub(crate) fn tick(self: &Arc<Self>, now: Instant) {
        let mut state = self.state();
        // A tick leaves nothing to refuse.
        let _ = state.session.handle(Input::Tick, now);
        let outcome = match &mut state.app {
            App::SocketIo { connection, .. } => connection.tick(now),
            App::Engine(_) => Ok(Vec::new()),
        };
        match outcome {
            Ok(expired) if expired.is_empty() => {}
            Ok(expired) => state.due.push_back(Work::Expired(expired)),
            Err(violation) => self.violated(&mut state, violation, now),
        }
        drop(state);
        self.run();
    }

    /// Does all that is due for this client, one thing after the other; if somebody is at it already, it is theirs.
    pub(crate) fn run(self: &Arc<Self>) {
        let mut state = self.state();
        if !state.dispatching && !state.paused {
            state.dispatching = true;
            while !state.paused
                && let Some(work) = self.next(&mut state)
            {
                drop(state);
                self.perform(work);
                state = self.state();
            }
            state.dispatching = false;
        }
        state.wake();
    }

    fn next(&self, state: &mut State) -> Option<Work> {
        loop {
            match state.due.pop_front() {
                Some(Work::Packet(packet)) => {
                    if let Some(work) = self.act(state, packet) {
                        return Some(work);
                    }
                    continue;
                }
                // The answer to a CONNECT goes out by itself before the application adds to it.
                Some(Work::Admitted(socket))
                    if state.session.transport() == "websocket"
                        && state.session.backlog().0 > 0 =>
                {
                    state.due.push_front(Work::Admitted(socket));
                    return None;
                }
                Some(work) => return Some(work),
                None => {}
            }
            match state.session.poll_output(Edge::App)? {
                Output::Message(_) if state.deaf => {}
                Output::Message(message) => {
                    if let Some(work) = self.message(state, message) {
                        return Some(work);
                    }
                }
                Output::Closed(reason) => {
                    if let App::SocketIo { connection, .. } = &mut state.app {
                        return Some(Work::Gone(connection.close(), reason));
                    }
                }
                Output::Answer(_) | Output::Frame(_) | Output::Hangup(_) => {}
            }
        }
    }

    fn message(&self, state: &mut State, message: Message) -> Option<Work> {
        let App::SocketIo { assembly, .. } = &mut state.app else {
            let App::Engine(app) = &state.app else {
                return None;
            };
            return Some(Work::Raw(app.clone(), message));
        };
        match assembly.feed(message) {
            Ok(None) => None,
            Ok(Some(packet)) => {
                self.core
                    .trace(self, || Step::PacketIn(wire::show_incoming(&packet)));
                match &self.core.seams {
                    None => self.act(state, packet),
                    Some(seams) => {
                        let mut packets = Vec::new();
                        seams.incoming(self.view(), packet, &mut packets);
                        state.due.extend(packets.into_iter().map(Work::Packet));
                        None
                    }
                }
            }
            Err(error) => {
                self.core.trace(self, || Step::Violation(error.to_string()));
                let tolerance = self
                    .core
                    .seams
                    .as_ref()
                    .map(|seams| seams.undecodable(self.view(), &error));
                if tolerance != Some(Tolerance::Ignore) {
                    self.shut_out(state, CloseReason::ParseError);
                }
                None
            }
        }
    }

    fn act(&self, state: &mut State, packet: Incoming) -> Option<Work> {
        let App::SocketIo { connection, .. } = &mut state.app else {
            return None;
        };
        match connection.handle(packet) {
            Ok(Action::Nothing) => None,
            Ok(action) => Some(Work::Act(action)),
            Err(violation) => {
                self.violated(state, violation, self.core.now());
                None
            }
        }
    }

    fn violated(&self, state: &mut State, violation: Violation, _now: Instant) {
        self.core
            .trace(self, || Step::Violation(violation.to_string()));
        let tolerance = self
            .core
            .seams
            .as_ref()
            .map(|seams| seams.violation(self.view(), violation));
        if tolerance != Some(Tolerance::Ignore) {
            self.shut_out(state, CloseReason::ForcedClose);
        }
    }

    fn shut_out(&self, state: &mut State, reason: CloseReason) {
        state.deaf = true;
        // Closing leaves nothing to refuse.
        let _ = state.session.handle(Input::Close(reason), self.core.now());
    }

    /// Sends a packet, if its receiver is a member of the namespace still.
    pub(crate) fn send(&self, packet: &Outgoing, encoded: &Encoded, volatile: bool) {
        let mut state = self.state();
        if !state.is_joined(&packet.namespace) {
            return;
        }
        self.put(&mut state, packet, Some(encoded), volatile);
        state.wake();
    }

    /// Sends a packet that a member sends itself, and which nobody else shares.
    pub(crate) fn send_own(&self, packet: &Outgoing, volatile: bool) {
        let mut state = self.state();
        if !state.is_joined(&packet.namespace) {
            return;
        }
        self.put(&mut state, packet, None, volatile);
        state.wake();
    }

    /// Puts a packet into the outbox.
    pub(crate) fn put(
        &self,
        state: &mut State,
        packet: &Outgoing,
        encoded: Option<&Encoded>,
        volatile: bool,
    ) {
        let now = self.core.now();
        self.core
            .trace(self, || Step::PacketOut(wire::show_outgoing(packet)));
        if let Some(seams) = &self.core.seams {
            let mut packets = Vec::new();
            let mut sending = Sending {
                volatile,
                ready: state.session.is_writable(),
            };
            seams.outgoing(self.view(), packet.clone(), &mut sending, &mut packets);
            let volatile = sending.volatile;
            for packet in packets {
                let Encoded { first, rest } = wire::encode(&packet);
                let _ = state.session.handle(
                    Input::Send {
                        first,
                        rest,
                        volatile,
                    },
                    now,
                );
            }
            return;
        }
        let Encoded { first, rest } = encoded.cloned().unwrap_or_else(|| wire::encode(packet));
        // Sending leaves nothing to refuse: a session that is over drops it (SIO-CD-05).
        let _ = state.session.handle(
            Input::Send {
                first,
                rest,
                volatile,
            },
            now,
        );
    }

    /// Sends an event that wants an answer.
    pub(crate) fn ask(
        &self,
        namespace: &ByteString,
        name: &str,
        args: Args,
        deadline: Option<Instant>,
        waiter: Waiter,
    ) {
        let mut state = self.state();
        let App::SocketIo { connection, .. } = &mut state.app else {
            return;
        };
        match connection.ask(namespace, waiter, deadline) {
            Ok(id) => {
                let body = Says::Event {
                    name: name.to_owned(),
                    args,
                    id: Some(Id::Number(id)),
                };
                self.put(
                    &mut state,
                    &Outgoing {
                        namespace: namespace.clone(),
                        body,
                    },
                    None,
                    false,
                );
                state.wake();
            }
            Err(waiter) => {
                drop(state);
                waiter(Err(CallError::Disconnected));
            }
        }
    }

    /// Sends an Engine.IO message.
    pub(crate) fn send_message(&self, message: Message) {
        self.send_frame(wire::message_frame(message));
    }

    /// Sends an Engine.IO packet.
    pub(crate) fn send_frame(&self, first: Frame) {
        let mut state = self.state();
        let input = Input::Send {
            first,
            rest: Vec::new(),
            volatile: false,
        };
        let _ = state.session.handle(input, self.core.now());
        state.wake();
    }

    /// The middleware let the client in: it is told so, and what it sent meanwhile is due. False if it has gone.
    pub(crate) fn accept(
        self: &Arc<Self>,
        socket: &Socket,
        reply: &Outgoing,
        replay: &[Encoded],
    ) -> bool {
        let mut state = self.state();
        if !state.session.is_open() {
            return false;
        }
        let App::SocketIo { connection, .. } = &mut state.app else {
            return false;
        };
        let Some(held) = connection.accept(&reply.namespace, socket.clone()) else {
            return false;
        };
        self.put(&mut state, reply, None, false);
        for Encoded { first, rest } in replay.iter().cloned() {
            let _ = state.session.handle(
                Input::Send {
                    first,
                    rest,
                    volatile: false,
                },
                self.core.now(),
            );
        }
        // These go before whatever was received since.
        for packet in held.into_iter().rev() {
            state.due.push_front(Work::Packet(packet));
        }
        state.due.push_front(Work::Admitted(socket.clone()));
        true
    }

    /// The middleware turned the client away. False if it has gone.
    pub(crate) fn refuse(self: &Arc<Self>, reply: &Outgoing) -> bool {
        let mut state = self.state();
        let App::SocketIo { connection, .. } = &mut state.app else {
            return false;
        };
        let Some(outcome) = connection.refuse(&reply.namespace) else {
            return false;
        };
        self.put(&mut state, reply, None, false);
        if let Err(violation) = outcome {
            self.violated(&mut state, violation, self.core.now());
        }
        state.wake();
        true
    }

    /// The server puts the client out of a namespace.
    pub(crate) fn kick(self: &Arc<Self>, namespace: &ByteString) -> bool {
        let mut state = self.state();
        let App::SocketIo { connection, .. } = &mut state.app else {
            return false;
        };
        let Some((socket, abandoned)) = connection.leave(namespace) else {
            return false;
        };
        let packet = Outgoing {
            namespace: namespace.clone(),
            body: Says::Disconnect,
        };
        self.put(&mut state, &packet, None, false);
        state.wake();
        drop(state);
        self.gone(&socket, abandoned, "server namespace disconnect", None);
        true
    }

    /// The server puts the client out of all namespaces and closes its connection.
    pub(crate) fn kick_out(self: &Arc<Self>) {
        let sockets = match &self.state().app {
            App::SocketIo { connection, .. } => connection.sockets(),
            App::Engine(_) => Vec::new(),
        };
        for socket in sockets {
            self.kick(&socket.namespace_name());
        }
        self.close(CloseReason::ForcedClose);
    }

    /// Runs a handler to its end before the client's next event is handled.
    pub(crate) fn pause_for(self: &Arc<Self>, work: crate::handler::Work, waits: Waits) {
        let links = if waits == Waits::Everybody {
            self.core.links.all()
        } else {
            vec![self.clone()]
        };
        for link in &links {
            link.state().paused = true;
        }
        self.core.surroundings.spawn(Box::pin(async move {
            work.await;
            for link in &links {
                link.state().paused = false;
                link.run();
            }
        }));
    }

    /// Closes the session, after what was sent so far.
    pub(crate) fn close(&self, reason: CloseReason) {
        let mut state = self.state();
        let _ = state.session.handle(Input::Close(reason), self.core.now());
        state.wake();
    }

    /// A number for one more WebSocket of this client.
    pub(crate) fn next_socket(&self) -> SocketId {
        let mut state = self.state();
        state.sockets += 1;
        SocketId(state.sockets)
    }
}

impl State {
    fn is_joined(&self, namespace: &str) -> bool {
        matches!(&self.app, App::SocketIo { connection, .. } if connection.is_joined(namespace))
    }

    /// When this client's timers are due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let session = self.session.poll_timeout()?;
        let connection = match &self.app {
            App::SocketIo { connection, .. } => connection.poll_timeout(),
            App::Engine(_) => None,
        };
        Some(connection.map_or(session, |at| at.min(session)))
    }

    /// Whether there is something to do for this client that nobody is at.
    pub(crate) fn has_work(&self) -> bool {
        !self.dispatching
            && !self.paused
            && (self.session.has_output(Edge::App) || !self.due.is_empty())
    }

    /// Whether whoever keeps the timers has something to do before `alarm`.
    pub(crate) fn calls_for(&self, alarm: Instant) -> bool {
        self.has_work() || self.poll_timeout().is_none_or(|timeout| timeout < alarm)
    }

    /// Wakes those for whom there is something to do, and nobody else.
    pub(crate) fn wake(&mut self) {
        let received = self.has_work();
        if self.wakers.poll.is_some() && self.session.has_output(Edge::Poll) {
            wake(&mut self.wakers.poll);
        }
        let timeout = self.poll_timeout();
        let earlier = timeout.is_none() || timeout < self.wakers.alarm;
        if self.wakers.driver.is_some()
            && (received || earlier || self.session.transport() != "polling")
        {
            wake(&mut self.wakers.driver);
        }
        let mut at = 0;
        while at < self.wakers.sockets.len() {
            let socket = self.wakers.sockets[at].0;
            if received || earlier || self.session.has_output(Edge::Socket(socket)) {
                self.wakers.sockets.swap_remove(at).1.wake();
            } else {
                at += 1;
            }
        }
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// The JSON object of a CONNECT's payload as an argument; an empty one if there was none (SIO-CE-10).
pub(crate) fn auth_args(auth: Option<&ByteString>) -> Args {
    Args::from_json(
        auth.cloned()
            .unwrap_or_else(|| ByteString::from_static("{}")),
    )
}
