//! What a link's lock guards, and the tasks that wait for it.

use super::{Waiter, Work};
use crate::engine::EngineApp;
use crate::namespace::Connection;
use crate::session::{Edge, Session, SocketId};
use crate::socket::Socket;
use crate::wire::Assembly;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

/// What a link's lock guards.
pub(crate) struct State {
    pub(crate) session: Session,
    pub(super) app: App,
    /// Work that goes before anything newly received: admissions, and what waited for them.
    pub(super) due: VecDeque<Work>,
    /// Whether a handler that waits holds up the next one; only a fault asks for that.
    pub(super) paused: bool,
    /// Whether somebody runs handlers for this client: they run one after the other (SIO-OR-01).
    pub(super) dispatching: bool,
    /// Whether the client broke a rule: nothing more from it is heard (SIO-SEC-16).
    pub(super) deaf: bool,
    pub(super) sockets: u32,
    pub(crate) wakers: Wakers,
}

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all clients are of the large kind"
)]
pub(super) enum App {
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
    sockets: Vec<Sleeper>,
    /// When the driver has set its alarm to.
    pub(crate) alarm: Option<Instant>,
}

/// The task of one WebSocket.
struct Sleeper {
    socket: SocketId,
    waker: Waker,
    asleep: bool,
}

impl Wakers {
    /// The task of that WebSocket is at work, and looks around itself before it rests.
    pub(crate) fn rise(&mut self, socket: SocketId) {
        for sleeper in &mut self.sockets {
            sleeper.asleep &= sleeper.socket != socket;
        }
    }

    /// The task of that WebSocket wants to be woken from now on.
    pub(crate) fn rest(&mut self, socket: SocketId, waker: &Waker) {
        let known = self.sockets.iter_mut().find(|known| known.socket == socket);
        match known {
            Some(sleeper) => {
                sleeper.waker.clone_from(waker);
                sleeper.asleep = true;
            }
            None => self.sockets.push(Sleeper {
                socket,
                waker: waker.clone(),
                asleep: true,
            }),
        }
    }

    /// The WebSocket is gone.
    pub(crate) fn forget(&mut self, socket: SocketId) {
        self.sockets.retain(|sleeper| sleeper.socket != socket);
    }

    fn is_anybody_asleep(&self) -> bool {
        self.poll.is_some()
            || self.driver.is_some()
            || self.sockets.iter().any(|sleeper| sleeper.asleep)
    }
}

impl State {
    pub(super) fn is_joined(&self, namespace: &str) -> bool {
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
        if !self.wakers.is_anybody_asleep() {
            return;
        }
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
        for sleeper in &mut self.wakers.sockets {
            let due = received || earlier || self.session.has_output(Edge::Socket(sleeper.socket));
            if sleeper.asleep && due {
                sleeper.asleep = false;
                sleeper.waker.wake_by_ref();
            }
        }
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
