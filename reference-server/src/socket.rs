//! A client in a namespace, as handlers hold it, and the broadcasts that start from it.

use crate::adapter::Selection;
use crate::args::{ArgError, Args};
use crate::handler::CallError;
use crate::link::{Handshake, Link, auth_args};
use crate::outgoing::{Outgoing, Says};
use crate::reply::reply;
use crate::server::Server;
use crate::shared::{Core, Namespace};
use crate::trace::Step;
use bytestring::ByteString;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// One client in one namespace. Clones are the same client.
#[derive(Clone)]
pub struct Socket(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) id: String,
    /// The private id under which its state is kept, if recovery is on.
    pub(crate) pid: Option<String>,
    pub(crate) recovered: bool,
    pub(crate) auth: Option<ByteString>,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) link: Arc<Link>,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.0.id)
            .field("namespace", &self.0.namespace.name)
            .finish()
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Socket {
    /// The public id of the client in this namespace; not the engine's sid (SIO-CN-08).
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The name of the namespace.
    pub fn namespace(&self) -> &str {
        &self.0.namespace.name
    }

    pub(crate) fn namespace_name(&self) -> ByteString {
        self.0.namespace.name.clone()
    }

    /// The transport that carries it now: `polling` or `websocket`.
    pub fn transport(&self) -> &'static str {
        self.0.link.state().session.transport()
    }

    /// Whether its state was recovered after a loss.
    pub fn recovered(&self) -> bool {
        self.0.recovered
    }

    /// What it said of itself when it opened the connection.
    pub fn handshake(&self) -> &Handshake {
        &self.0.link.handshake
    }

    /// The payload of its CONNECT as an argument, `{}` if there was none (SIO-CE-09, SIO-CE-10).
    pub fn auth(&self) -> Args {
        auth_args(self.0.auth.as_ref())
    }

    /// Reads the payload of its CONNECT.
    pub fn auth_as<T: DeserializeOwned + 'static>(&self) -> Result<T, ArgError> {
        self.auth().get(0)
    }

    /// The server.
    pub fn server(&self) -> Server {
        Server(self.core().clone())
    }

    fn core(&self) -> &Arc<Core> {
        &self.0.link.core
    }

    /// Sends an event to this client.
    pub fn emit(&self, event: &str, args: Args) {
        let namespace = &self.0.namespace;
        self.trace_emit(event);
        if namespace.recovery.is_some() {
            namespace.broadcast(self.core(), event, args, self.alone(), false);
            return;
        }
        self.send_event(event, args, false);
    }

    /// Sends an event to this client if it is ready for it now, or not at all (SIO-VO-02).
    pub fn emit_volatile(&self, event: &str, args: Args) {
        self.trace_emit(event);
        self.send_event(event, args, true);
    }

    /// Sends a `message` event to this client.
    pub fn send(&self, args: Args) {
        self.emit("message", args);
    }

    fn trace_emit(&self, event: &str) {
        let link = &self.0.link;
        link.core.trace(link, || {
            Step::Emit(format!("{event:?} in {}", self.namespace()))
        });
    }

    fn send_event(&self, event: &str, args: Args, volatile: bool) {
        let body = Says::Event {
            name: event.to_owned(),
            args,
            id: None,
        };
        let packet = Outgoing {
            namespace: self.namespace_name(),
            body,
        };
        self.0.link.send_own(&packet, volatile);
    }

    fn alone(&self) -> Selection {
        Selection {
            rooms: vec![self.0.id.clone()],
            except: Vec::new(),
        }
    }

    /// Sends an event and waits for the client's acknowledgement, at most so long.
    pub async fn call(
        &self,
        event: &str,
        args: Args,
        timeout: Duration,
    ) -> Result<Args, CallError> {
        let (waiter, answer) = reply();
        self.trace_emit(event);
        let deadline = self.core().now() + timeout;
        self.0
            .link
            .ask(&self.0.namespace.name, event, args, Some(deadline), waiter);
        answer.await
    }

    /// Joins a room. Without effect once the client has gone (SIO-RM-19).
    pub fn join_room(&self, room: impl Into<String>) {
        self.join_rooms(&[room.into()]);
    }

    /// Joins several rooms at once (SIO-RM-18).
    pub fn join_rooms(&self, rooms: &[String]) {
        self.0.namespace.adapter.join(&self.0.id, rooms);
    }

    /// Leaves a room, from now on (SIO-RM-10).
    pub fn leave_room(&self, room: &str) {
        self.0.namespace.adapter.leave(&self.0.id, room);
    }

    /// The rooms it is in, sorted, without its own.
    pub fn rooms(&self) -> Vec<String> {
        self.0.namespace.adapter.rooms(&self.0.id)
    }

    /// Whether it is in its own room, named by its id (SIO-RM-09).
    pub fn in_own_room(&self) -> bool {
        self.0.namespace.adapter.in_own_room(&self.0.id)
    }

    /// A broadcast to the members of a room but this client (SIO-RM-04).
    pub fn to(&self, room: impl Into<String>) -> Broadcast {
        self.broadcast().to(room)
    }

    /// A broadcast to everybody in the namespace but this client (SIO-RM-16).
    pub fn broadcast(&self) -> Broadcast {
        let selection = Selection {
            rooms: Vec::new(),
            except: vec![self.0.id.clone()],
        };
        Broadcast {
            core: self.core().clone(),
            namespace: self.0.namespace.clone(),
            selection,
            volatile: false,
        }
    }

    /// Puts the client out of this namespace; it hears of it (SIO-DC-07), the others of its namespaces go on.
    pub fn disconnect(&self) {
        self.0.link.kick(&self.0.namespace.name);
    }

    /// Puts the client out of all namespaces and closes its connection (SIO-DC-08).
    pub fn disconnect_all(&self) {
        self.0.link.kick_out();
    }
}

/// A broadcast that is being put together. Each step gives a new one, so that nothing leaks into the next (SIO-RM-22).
#[derive(Clone)]
#[must_use = "a broadcast does nothing until it emits"]
pub struct Broadcast {
    pub(crate) core: Arc<Core>,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) selection: Selection,
    pub(crate) volatile: bool,
}

impl Broadcast {
    /// Also to the members of this room; without any room, it goes to the whole namespace.
    pub fn to(mut self, room: impl Into<String>) -> Self {
        self.selection.rooms.push(room.into());
        self
    }

    /// But not to the members of this room, or the client with this id (SIO-RM-06, SIO-RM-08).
    pub fn except(mut self, room: impl Into<String>) -> Self {
        self.selection.except.push(room.into());
        self
    }

    /// Only to those who are ready for it now (SIO-VO-06).
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Sends an event to everybody meant.
    pub fn emit(&self, event: &str, args: Args) {
        self.core.trace_tcp(0, || {
            Step::Emit(format!("{event:?} to several in {}", self.namespace.name))
        });
        self.namespace.broadcast(
            &self.core,
            event,
            args,
            self.selection.clone(),
            self.volatile,
        );
    }

    /// Sends a `message` event to everybody meant.
    pub fn send(&self, args: Args) {
        self.emit("message", args);
    }

    /// Sends an event and collects the acknowledgements, at most so long.
    ///
    /// With nobody meant, there is nothing to wait for (SIO-BA-04).
    pub async fn call(&self, event: &str, args: Args, timeout: Duration) -> Answers {
        let deadline = self.core.now() + timeout;
        let mut waiting = Vec::new();
        self.namespace
            .adapter
            .select(&self.selection, &mut |_, socket| {
                let (waiter, answer) = reply();
                socket.0.link.ask(
                    &self.namespace.name,
                    event,
                    args.clone(),
                    Some(deadline),
                    waiter,
                );
                waiting.push(answer);
            });
        let mut answers = Answers {
            answers: Vec::new(),
            missing: 0,
        };
        for answer in waiting {
            match answer.await {
                Ok(args) => answers.answers.push(args),
                Err(_) => answers.missing += 1,
            }
        }
        answers
    }

    /// Puts everybody meant out of the namespace (SIO-DC-15).
    pub fn disconnect(&self) {
        for socket in self.sockets() {
            socket.disconnect();
        }
    }

    /// Puts everybody meant out of all namespaces and closes their connections.
    pub fn disconnect_all(&self) {
        for socket in self.sockets() {
            socket.disconnect_all();
        }
    }

    /// Everybody meant.
    pub fn sockets(&self) -> Vec<Socket> {
        let mut sockets = Vec::new();
        self.namespace
            .adapter
            .select(&self.selection, &mut |_, socket| {
                sockets.push(socket.clone());
            });
        sockets
    }
}

/// What came of a broadcast that wanted acknowledgements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// One entry for each client that answered (SIO-BA-07).
    pub answers: Vec<Args>,
    /// How many did not, before the time was over or they left (SIO-BA-03).
    pub missing: usize,
}
