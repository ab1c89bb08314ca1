//! From a packet to the application: admission, handlers, and the end of a membership.

use crate::args::Args;
use crate::engine::EngineClient;
use crate::handler::{self, Ack, CallError, Event, Refused};
use crate::link::{Link, Waiter, Work};
use crate::namespace::{Action, Id};
use crate::outgoing::{Outgoing, Says};
use crate::recovery::{Lost, Recovery, Restored};
use crate::seams::{Tolerance, Waits};
use crate::session::CloseReason;
use crate::shared::Namespace;
use crate::sid;
use crate::socket::{Inner, Socket};
use crate::trace::Step;
use bytestring::ByteString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

impl Link {
    /// Does one thing for this client. Nobody else does another one meanwhile.
    pub(crate) fn perform(self: &Arc<Self>, work: Work) {
        match work {
            Work::Packet(_) => {}
            Work::Act(Action::Nothing) => {}
            Work::Act(Action::Connect { namespace, auth }) => self.connect(&namespace, auth),
            Work::Act(Action::Event {
                socket,
                name,
                args,
                id,
            }) => self.event(socket, name.as_ref(), args, id),
            Work::Act(Action::Answer { waiter, args }) => waiter(Ok(args)),
            Work::Act(Action::Left { socket, abandoned }) => {
                self.gone(&socket, abandoned, "client namespace disconnect", None);
            }
            Work::Admitted(socket) => self.admitted(socket),
            Work::Raw(app, message) => {
                let client = EngineClient(self.clone());
                // An application's panic is its own: neither the connection nor the server ends by it.
                let _ = catch_unwind(AssertUnwindSafe(|| app.message(&client, message)));
            }
            Work::Gone(members, reason) => {
                for (socket, abandoned) in members {
                    self.gone(&socket, abandoned, &reason.to_string(), Some(reason));
                }
            }
            Work::Expired(waiters) => waiters
                .into_iter()
                .for_each(|waiter| waiter(Err(CallError::Timeout))),
        }
    }

    fn connect(self: &Arc<Self>, name: &ByteString, auth: Option<ByteString>) {
        // What is kept of it shall not keep the whole frame.
        let auth = auth.map(|auth| ByteString::from(&*auth));
        let Some(namespace) = self.core.namespace(name) else {
            // SIO-CE-01 to SIO-CE-03
            self.turn_away(name, &Refused::new("Invalid namespace"));
            return;
        };
        // Nothing is broadcast while the lock is held: what is missed ends where the client's own stream begins.
        let mut recovery = namespace.recovery();
        if let Some(restored) = self.restore(recovery.as_deref_mut(), auth.as_ref()) {
            self.recover(&namespace, auth, restored);
            return;
        }
        drop(recovery);
        let socket = Socket(Arc::new(Inner {
            id: sid::public(),
            pid: namespace.recovery.is_some().then(sid::private),
            recovered: false,
            auth,
            namespace,
            link: self.clone(),
        }));
        let adapter = &socket.0.namespace.adapter;
        adapter.enter(socket.id(), socket.clone());
        if socket.0.namespace.handlers.middleware.is_empty() {
            self.admit(&socket);
            return;
        }
        let link = self.clone();
        self.start(Box::pin(async move {
            let handlers = socket.0.namespace.handlers.clone();
            for middleware in &handlers.middleware {
                if let Err(refused) = middleware(socket.clone()).await {
                    // SIO-CE-14
                    socket.0.namespace.adapter.remove(socket.id());
                    link.turn_away(&socket.namespace_name(), &refused);
                    return;
                }
            }
            link.admit(&socket);
            link.run();
        }));
    }

    fn admit(self: &Arc<Self>, socket: &Socket) {
        let mut reply = serde_json::json!({ "sid": socket.id() });
        if let (Some(pid), Some(object)) = (&socket.0.pid, reply.as_object_mut()) {
            object.insert("pid".to_owned(), pid.as_str().into());
        }
        let body = Says::Connect(reply.to_string());
        let reply = Outgoing {
            namespace: socket.namespace_name(),
            body,
        };
        // First: whoever has read the answer is owed every broadcast from then on (SIO-OR-08). One that comes earlier
        // does not get past the link, where the client is no member yet.
        socket.0.namespace.adapter.admit(socket.id());
        if !self.accept(socket, &reply, &[]) {
            // SIO-CN-29
            socket.0.namespace.adapter.remove(socket.id());
        }
    }

    fn turn_away(self: &Arc<Self>, namespace: &ByteString, refused: &Refused) {
        let body = Says::ConnectError(refused.json());
        self.refuse(&Outgoing {
            namespace: namespace.clone(),
            body,
        });
    }

    /// What is kept for the client, if it names it: both of its strings must be known (SIO-CSR-09, SIO-CSR-12).
    fn restore(
        &self,
        recovery: Option<&mut Recovery<crate::outgoing::Encoded>>,
        auth: Option<&ByteString>,
    ) -> Option<(String, Restored<crate::outgoing::Encoded>)> {
        let recovery = recovery?;
        let auth = siospec_codec::read_json(auth?).ok()?;
        let (pid, offset) = (auth.get("pid")?.as_str()?, auth.get("offset")?.as_str()?);
        let mut restored = recovery.restore(pid, offset, self.core.now());
        if let Some(seams) = &self.core.seams {
            seams.restored(self.view(), pid, &mut restored);
        }
        Some((pid.to_owned(), restored?))
    }

    /// Lets a client in as who it was, with what it missed; middleware has seen it before (SIO-CSR-10). The caller holds
    /// the namespace's recovery.
    fn recover(
        self: &Arc<Self>,
        namespace: &Arc<Namespace>,
        auth: Option<ByteString>,
        (pid, restored): (String, Restored<crate::outgoing::Encoded>),
    ) {
        let Restored {
            lost: Lost { id, rooms },
            missed,
        } = restored;
        let socket = Socket(Arc::new(Inner {
            id,
            pid: Some(pid.clone()),
            recovered: true,
            auth,
            namespace: namespace.clone(),
            link: self.clone(),
        }));
        let seams = self.core.seams.as_ref();
        if seams.is_some_and(|seams| seams.middleware_again()) {
            for middleware in &namespace.handlers.middleware {
                let verdict = middleware(socket.clone());
                self.start(Box::pin(async move { drop(verdict.await) }));
            }
        }
        namespace.adapter.enter(socket.id(), socket.clone());
        namespace.adapter.join(socket.id(), &rooms);
        let body = Says::Connect(serde_json::json!({ "sid": socket.id(), "pid": pid }).to_string());
        let reply = Outgoing {
            namespace: socket.namespace_name(),
            body,
        };
        namespace.adapter.admit(socket.id());
        if !self.accept(&socket, &reply, &missed) {
            namespace.adapter.remove(socket.id());
        }
    }

    fn admitted(self: &Arc<Self>, socket: Socket) {
        let handlers = socket.0.namespace.handlers.clone();
        if let Some(connect) = &handlers.connect {
            self.core.trace(self, || {
                Step::Handler(format!("connect in {}", socket.namespace()))
            });
            self.call_handler(|| connect(socket));
        }
    }

    fn event(
        self: &Arc<Self>,
        socket: Socket,
        name: Option<&ByteString>,
        args: Args,
        id: Option<Id>,
    ) {
        let handlers = socket.0.namespace.handlers.clone();
        let handler = name.and_then(|name| handlers.events.get(&**name));
        let (Some(handler), Some(name)) = (handler, name) else {
            // SIO-EV-05, SIO-ACK-09
            if let Some(seams) = &self.core.seams {
                seams.unhandled(self.view(), name.map(|name| &**name), id);
            }
            return;
        };
        self.core.trace(self, || {
            Step::Handler(format!("{name:?} in {}", socket.namespace()))
        });
        let ack = id.map(|id| Ack::new(self.clone(), socket.namespace_name(), id));
        let event = Event {
            name: name.to_owned(),
            args,
            ack,
        };
        self.call_handler(|| handler(socket, event));
    }

    /// A member is gone: its handler hears of it, then its rooms are left (SIO-DC-14).
    pub(crate) fn gone(
        self: &Arc<Self>,
        socket: &Socket,
        abandoned: Vec<Waiter>,
        reason: &str,
        lost: Option<CloseReason>,
    ) {
        abandoned
            .into_iter()
            .for_each(|waiter| waiter(Err(CallError::Disconnected)));
        let namespace = &socket.0.namespace;
        if let Some(disconnect) = &namespace.handlers.disconnect {
            self.core.trace(self, || {
                Step::Handler(format!("disconnect in {} ({reason})", socket.namespace()))
            });
            self.call_handler(|| disconnect(socket.clone(), reason.to_owned()));
        }
        // Whoever left or was put out does not come back as the same (SIO-CSR-11).
        let mut recoverable = lost.is_some_and(|reason| reason != CloseReason::ParseError);
        if let Some(seams) = &self.core.seams {
            seams.lost(self.view(), reason, &mut recoverable);
        }
        let mut recovery = namespace.recovery();
        let mut rooms = namespace.adapter.remove(socket.id());
        if let (true, Some(recovery), Some(pid)) = (recoverable, &mut recovery, &socket.0.pid) {
            rooms.push(socket.id().to_owned());
            recovery.lose(
                pid.clone(),
                Lost {
                    id: socket.id().to_owned(),
                    rooms,
                },
                self.core.now(),
            );
        }
    }

    fn call_handler(self: &Arc<Self>, handler: impl FnOnce() -> handler::Work) {
        // A handler may panic before it is a future; that, too, is its own affair (SIO-EV-17).
        match catch_unwind(AssertUnwindSafe(handler)) {
            Ok(work) => self.start(work),
            Err(_) => self.panicked(),
        }
    }

    /// Runs a handler as far as it comes. If it waits, it goes on as a task of its own, and holds up nobody
    /// (SIO-ACK-11, SIO-CC-03).
    fn start(self: &Arc<Self>, mut work: handler::Work) {
        let waits = self
            .core
            .seams
            .as_ref()
            .map_or(Waits::Apart, |seams| seams.waits());
        let mut context = Context::from_waker(Waker::noop());
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut context))) {
            Ok(Poll::Ready(())) => {}
            Ok(Poll::Pending) if waits == Waits::Apart => self.core.surroundings.spawn(work),
            Ok(Poll::Pending) => self.pause_for(work, waits),
            Err(_) => self.panicked(),
        }
    }

    fn panicked(self: &Arc<Self>) {
        let tolerance = self.core.seams.as_ref().map(|seams| seams.panicked());
        if tolerance == Some(Tolerance::Close) {
            self.close(CloseReason::ForcedClose);
        }
    }
}
