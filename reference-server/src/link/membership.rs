//! A client's way into a namespace, and the server's ways to put it out.

use super::state::App;
use super::{Link, Work};
use crate::outgoing::{Encoded, Outgoing, Says};
use crate::session::{CloseReason, Input};
use crate::socket::Socket;
use bytestring::ByteString;
use std::sync::Arc;

impl Link {
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
}
