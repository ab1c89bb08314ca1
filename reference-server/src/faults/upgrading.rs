//! What faults of upgrades are made of.

use super::marks::Marks;
use super::script::polls;
use crate::exchange::{Request, Response};
use crate::refusal::Refusal;
use crate::seams::{Seams, Tolerance, View};
use crate::server::Server;
use crate::session::{Edge, Frame, Input, Session, SocketId, Source};
use siospec_codec::engine::{OwnedPacket, PacketType};
use std::sync::Arc;
use std::time::Duration;

/// Longer than scenarios of its own wait for the noop, and shorter than others do.
const LATE: Duration = Duration::from_millis(1300);

pub(super) fn is_probe(packet: &OwnedPacket) -> bool {
    *packet == OwnedPacket::text(PacketType::Ping, "probe")
}

pub(super) fn is_upgrade(packet: &OwnedPacket) -> bool {
    matches!(packet, OwnedPacket::Text { kind, .. } if *kind == PacketType::Upgrade)
}

pub(super) fn is_message(packet: &OwnedPacket) -> bool {
    !matches!(packet, OwnedPacket::Text { kind, .. } if *kind != PacketType::Message)
}

/// The WebSocket that asks with this to carry the session.
pub(super) fn completes(session: &Session, input: &Input) -> Option<SocketId> {
    match input {
        Input::Received(Source::Socket(socket), packet)
            if session.is_upgrading() && is_upgrade(packet) =>
        {
            Some(*socket)
        }
        _ => None,
    }
}

pub(super) fn is_upgraded(view: View<'_>, session: &Session) -> bool {
    session.transport() == "websocket" && polls(view)
}

/// WebSockets that come to a session in such a state are refused like any other, but stay open.
pub(super) fn left_open(
    which: impl Fn(View<'_>, &Session) -> bool + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    struct LeftOpen<F> {
        which: F,
        sockets: Marks<Vec<SocketId>>,
    }
    impl<F: Fn(View<'_>, &Session) -> bool + Send + Sync> Seams for LeftOpen<F> {
        fn input(
            &self,
            view: View<'_>,
            session: &Session,
            input: Input,
            inputs: &mut Vec<Input>,
        ) -> Result<(), Refusal> {
            if let Input::SocketOpened(socket) = input
                && (self.which)(view, session)
            {
                let mut sockets = self.sockets.take(view.sid()).unwrap_or_default();
                sockets.push(socket);
                self.sockets.set(view.sid(), sockets);
            }
            inputs.push(input);
            Ok(())
        }

        fn hangup(&self, view: View<'_>, edge: Edge, _: &mut u16) -> Tolerance {
            match (edge, self.sockets.get(view.sid())) {
                (Edge::Socket(socket), Some(sockets)) if sockets.contains(&socket) => {
                    Tolerance::Ignore
                }
                _ => Tolerance::Close,
            }
        }
    }
    let sockets = Marks::default();
    Arc::new(LeftOpen { which, sockets })
}

/// Holds a noop back that answers such a GET: the one before the probe is number 0.
pub(super) fn late_noop(which: fn(u32) -> bool) -> Arc<dyn Seams> {
    struct Late {
        which: fn(u32) -> bool,
        /// How many GETs have come since the probe.
        gets: Marks<u32>,
    }
    impl Seams for Late {
        fn inward(
            &self,
            view: View<'_>,
            _: Source,
            packet: OwnedPacket,
            packets: &mut Vec<OwnedPacket>,
        ) {
            if is_probe(&packet) {
                self.gets.set(view.sid(), 0);
            }
            packets.push(packet);
        }

        fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
            let sid = request.query.get("sid")?;
            if request.method == "GET" {
                let before = self.gets.get(sid)?;
                self.gets.set(sid, before + 1);
            }
            None
        }

        fn response(&self, _: &Server, request: &Request, response: &mut Response) {
            let nth = request.query.get("sid").and_then(|sid| self.gets.get(sid));
            if &response.body[..] == b"6" && nth.is_some_and(self.which) {
                response.delay = LATE;
            }
        }
    }
    let gets = Marks::default();
    Arc::new(Late { which, gets })
}

/// What the WebSocket gets of that which was queued before the upgrade; `change` is told how much of it was queued
/// before the probe.
pub(super) fn backlog(change: fn(&mut Vec<Frame>, usize)) -> Arc<dyn Seams> {
    struct Backlog {
        change: fn(&mut Vec<Frame>, usize),
        probed: Marks<usize>,
        /// Frames from before the probe, and all.
        queued: Marks<(usize, usize)>,
    }
    impl Seams for Backlog {
        fn input(
            &self,
            view: View<'_>,
            session: &Session,
            input: Input,
            inputs: &mut Vec<Input>,
        ) -> Result<(), Refusal> {
            let (waiting, _) = session.backlog();
            if matches!(&input, Input::Received(_, packet) if is_probe(packet)) {
                self.probed.set(view.sid(), waiting);
            }
            if completes(session, &input).is_some() && waiting > 0 {
                let early = self.probed.take(view.sid()).unwrap_or(0).min(waiting);
                self.queued.set(view.sid(), (early, waiting));
            }
            inputs.push(input);
            Ok(())
        }

        fn outward(&self, view: View<'_>, edge: Edge, frames: &mut Vec<Frame>) {
            if let Edge::Socket(_) = edge
                && let Some((early, all)) = self.queued.take(view.sid())
                && frames.len() >= all
            {
                let rest = frames.split_off(all);
                (self.change)(frames, early);
                frames.extend(rest);
            }
        }
    }
    Arc::new(Backlog {
        change,
        probed: Marks::default(),
        queued: Marks::default(),
    })
}
