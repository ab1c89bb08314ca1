//! One client: its session and its namespaces behind one lock, and who is to be woken when they move.

mod membership;
mod send;
mod state;

pub(crate) use self::state::State;
use self::state::{App, Wakers};
use crate::args::Args;
use crate::engine::EngineApp;
use crate::handler::CallError;
use crate::namespace::{Action, Connection, Incoming, Violation};
use crate::refusal::Refusal;
use crate::seams::{Tolerance, Waits};
use crate::session::{CloseReason, Edge, Input, Message, Output, Session, SocketId};
use crate::shared::Core;
use crate::socket::Socket;
use crate::trace::Step;
use crate::wire::{self, Assembly};
use bytestring::ByteString;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Who waits for the answer to a request of the server.
pub(crate) type Waiter = Box<dyn FnOnce(Result<Args, CallError>) + Send>;

/// What the client said of itself when it opened the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The path it asked for.
    pub path: String,
    /// The query, as it came.
    pub query: ByteString,
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

    /// Lets go of the client's sockets, of what is to be done for it, and of whoever waits.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        let due = std::mem::take(&mut state.due);
        let wakers = std::mem::take(&mut state.wakers);
        let memberships = match &mut state.app {
            App::SocketIo { connection, .. } => connection.close(),
            App::Engine(_) => Vec::new(),
        };
        drop(state);
        drop((due, wakers, memberships));
    }

    #[inline]
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the session what happened, and does what follows from it.
    pub(crate) fn handle(self: &Arc<Self>, input: Input, now: Instant) -> Result<(), Refusal> {
        let mut state = self.state();
        let outcome = self.hear(&mut state, input, now);
        self.run_from(state);
        outcome
    }

    /// Gives the session what happened, or what a fault makes of it.
    fn hear(&self, state: &mut State, input: Input, now: Instant) -> Result<(), Refusal> {
        let Some(seams) = &self.core.seams else {
            return state.session.handle(input, now);
        };
        let mut inputs = Vec::new();
        seams.input(self.view(), &state.session, input, &mut inputs)?;
        let mut outcome = Ok(());
        for input in inputs {
            outcome = state.session.handle(input, now);
        }
        outcome
    }

    /// Tells the session and the namespaces that their time has come.
    pub(crate) fn tick(self: &Arc<Self>, now: Instant) {
        let mut state = self.state();
        // A tick leaves nothing to refuse.
        let _ = self.hear(&mut state, Input::Tick, now);
        let outcome = match &mut state.app {
            App::SocketIo { connection, .. } => connection.tick(now),
            App::Engine(_) => Ok(Vec::new()),
        };
        match outcome {
            Ok(expired) if expired.is_empty() => {}
            Ok(expired) => state.due.push_back(Work::Expired(expired)),
            Err(violation) => self.violated(&mut state, violation, now),
        }
        self.run_from(state);
    }

    /// Does all that is due for this client, one thing after the other; if somebody is at it already, it is theirs.
    pub(crate) fn run(self: &Arc<Self>) {
        self.run_from(self.state());
    }

    fn run_from<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State>) {
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
        let _ = self.hear(state, Input::Close(reason), self.core.now());
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
        let _ = self.hear(&mut state, Input::Close(reason), self.core.now());
        state.wake();
    }

    /// A number for one more WebSocket of this client.
    pub(crate) fn next_socket(&self) -> SocketId {
        let mut state = self.state();
        state.sockets += 1;
        SocketId(state.sockets)
    }
}

/// The JSON object of a CONNECT's payload as an argument; an empty one if there was none (SIO-CE-10).
pub(crate) fn auth_args(auth: Option<&ByteString>) -> Args {
    Args::from_json(
        auth.cloned()
            .unwrap_or_else(|| ByteString::from_static("{}")),
    )
}
