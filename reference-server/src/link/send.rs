//! What goes out to one client.

use super::state::App;
use super::{Link, State, Waiter};
use crate::args::Args;
use crate::handler::CallError;
use crate::namespace::Id;
use crate::outgoing::{Encoded, Outgoing, Says};
use crate::seams::Sending;
use crate::session::{Frame, Message};
use crate::trace::Step;
use crate::wire;
use bytestring::ByteString;
use std::time::Instant;

impl Link {
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
                state.session.send(first, rest, volatile);
            }
            return;
        }
        let Encoded { first, rest } = encoded.cloned().unwrap_or_else(|| wire::encode(packet));
        // A session that is over drops it (SIO-CD-05).
        state.session.send(first, rest, volatile);
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
        state.session.send(first, Vec::new(), false);
        state.wake();
    }
}
