//! The places at which a server can be made to differ from a right one.
//!
//! A right server has no [`Seams`] at all, and pays one test of an `Option` at each of these places. Each method's
//! default is what a right server does, so that a fault overrides one method and says no more than what it breaks.
//!
//! Hooks below [`Seams::response`] run while the client's lock is held: they answer from what they are given and from
//! state of their own, and leave everything else to [`View::later`].

use crate::adapter::Adapter;
use crate::config::Config;
use crate::exchange::{Request, Response};
use crate::link::Link;
use crate::namespace::{Incoming, Violation};
use crate::outgoing::Outgoing;
use crate::server::Server;
use crate::namespace::Id;
use crate::session::{Edge, Frame, Source};
use crate::socket::Socket;
use siospec_codec::DecodeError;
use siospec_codec::engine::{Handshake, OwnedPacket};

/// Whether a broken rule has its consequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// The connection is closed.
    Close,
    /// Nothing happens.
    Ignore,
}

/// How a handler that awaits goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// On its own; the client's next event is handled meanwhile.
    Apart,
    /// The client's next event waits for it.
    InTurn,
}

/// Which way bytes of a WebSocket go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client.
    In,
    /// To the client.
    Out,
}

/// One client, as a seam sees it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    link: &'a Link,
}

impl View<'_> {
    /// The engine's sid.
    pub fn sid(&self) -> &str {
        &self.link.sid
    }

    /// The path of its handshake: `/socket.io/` or the one of an Engine.IO application.
    pub fn path(&self) -> &str {
        &self.link.handshake.path
    }

    /// The raw query of its handshake.
    pub fn query(&self) -> &str {
        &self.link.handshake.query
    }

    /// The configuration of the server.
    pub fn config(&self) -> &Config {
        &self.link.core.config
    }

    /// Does something to the server as soon as no client's lock is held.
    pub fn later(&self, act: impl FnOnce(Server) + Send + 'static) {
        let server = Server(self.link.core.clone());
        self.link
            .core
            .surroundings
            .spawn(Box::pin(async move { act(server) }));
    }
}

impl Link {
    pub(crate) fn view(&self) -> View<'_> {
        View { link: self }
    }
}

/// The seams of a server.
#[expect(
    unused_variables,
    reason = "the names of the arguments are their documentation"
)]
pub trait Seams: Send + Sync {
    /// Timers, limits and headers, before the server starts. What the handshake says follows them, unless
    /// [`Seams::open`] says otherwise.
    fn config(&self, config: &mut Config) {}

    /// An HTTP request before it is routed, and before its body is read. An answer given here is the answer.
    fn request(&self, server: &Server, request: &mut Request) -> Option<Response> {
        None
    }

    /// The body of a POST before it is decoded.
    fn body(&self, view: View<'_>, body: &mut Vec<u8>) {}

    /// An HTTP answer before it goes out, a 101 included.
    fn response(&self, server: &Server, request: &Request, response: &mut Response) {}

    /// What an open packet says.
    fn open(&self, view: View<'_>, handshake: &mut Handshake) {}

    /// An Engine.IO packet between decoder and session; what is put into `packets` is what the session hears.
    fn inward(
        &self,
        view: View<'_>,
        source: Source,
        packet: OwnedPacket,
        packets: &mut Vec<OwnedPacket>,
    ) {
        packets.push(packet);
    }

    /// What came is no Engine.IO packet.
    fn malformed(&self, view: View<'_>, source: Source, raw: &[u8]) -> Tolerance {
        Tolerance::Close
    }

    /// Engine.IO packets between session and edge: all of one polling answer, or the next one of a WebSocket.
    fn outward(&self, view: View<'_>, edge: Edge, frames: &mut Vec<Frame>) {}

    /// A Socket.IO packet between decoder and namespaces; what is put into `packets` is what they hear.
    fn incoming(&self, view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
        packets.push(packet);
    }

    /// What came is no Socket.IO packet.
    fn undecodable(&self, view: View<'_>, error: &DecodeError) -> Tolerance {
        Tolerance::Close
    }

    /// The client broke a rule of the namespaces.
    fn violation(&self, view: View<'_>, violation: Violation) -> Tolerance {
        Tolerance::Close
    }

    /// A Socket.IO packet between namespaces and encoder; what is put into `packets` is what goes out.
    fn outgoing(&self, view: View<'_>, packet: Outgoing, packets: &mut Vec<Outgoing>) {
        packets.push(packet);
    }

    /// Who is in which room and who gets a broadcast, of one namespace.
    fn adapter(
        &self,
        namespace: &str,
        adapter: Box<dyn Adapter<Socket>>,
    ) -> Box<dyn Adapter<Socket>> {
        adapter
    }

    /// An event without handler, and its ack id.
    fn unhandled(&self, view: View<'_>, event: Option<&str>, id: Option<Id>) {}

    /// A handler panicked.
    fn panicked(&self) -> Tolerance {
        Tolerance::Ignore
    }

    /// A handler awaits.
    fn waits(&self) -> Waits {
        Waits::Apart
    }

    /// Whether a second acknowledgement of the same event goes out.
    fn acknowledges_again(&self) -> bool {
        false
    }

    /// Whether [`Seams::wire`] wants to see the bytes of WebSockets.
    fn sees_wire(&self) -> bool {
        false
    }

    /// Bytes of a WebSocket as they pass; what is left in `bytes` goes on. Pieces end where the transport cut them.
    fn wire(&self, view: View<'_>, way: Way, bytes: &mut Vec<u8>) {}
}
