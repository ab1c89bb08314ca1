//! The places at which a server can be made to differ from a right one.
//!
//! A right server has no [`Seams`] at all, and pays one test of an `Option` at each of these places. Each method's
//! default is what a right server does, so that a fault overrides one method and says no more than what it breaks.
//!
//! | where | hooks |
//! |---|---|
//! | before the server starts | [`config`](Seams::config): timers, limits, headers, leniency of the decoder |
//! | HTTP around the router | [`request`](Seams::request), [`body`](Seams::body), [`partial_body`](Seams::partial_body), [`response`](Seams::response) |
//! | bytes of a WebSocket | [`wire`](Seams::wire), [`websocket_limits`](Seams::websocket_limits) |
//! | codec and session | [`open`](Seams::open), [`inward`](Seams::inward), [`malformed`](Seams::malformed), [`input`](Seams::input), [`outward`](Seams::outward), [`hangup`](Seams::hangup), [`dropped`](Seams::dropped) |
//! | session and namespaces | [`incoming`](Seams::incoming), [`undecodable`](Seams::undecodable), [`violation`](Seams::violation), [`outgoing`](Seams::outgoing) |
//! | namespaces and handlers | [`unhandled`](Seams::unhandled), [`panicked`](Seams::panicked), [`waits`](Seams::waits), [`acknowledges_again`](Seams::acknowledges_again), [`middleware_again`](Seams::middleware_again) |
//! | rooms and recovery | [`adapter`](Seams::adapter), [`lost`](Seams::lost), [`restored`](Seams::restored) |
//! | the end | [`stopping`](Seams::stopping) |
//!
//! Hooks that get a [`View`] may run while that client's lock is held: they answer from what they are given and from
//! state of their own, and leave everything else to [`View::later`].

use crate::adapter::Adapter;
use crate::config::Config;
use crate::exchange::{Request, Response};
use crate::link::Link;
use crate::namespace::{Id, Incoming, Violation};
use crate::outgoing::{Encoded, Outgoing};
use crate::recovery::Restored;
use crate::refusal::Refusal;
use crate::server::Server;
use crate::session::{Edge, Frame, Input, Session, Source};
use crate::socket::Socket;
use siospec_codec::DecodeError;
use siospec_codec::engine::{Handshake, OwnedPacket};
use std::time::Duration;

/// What follows from something that should not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// The session is closed.
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
    /// The next event of every client waits for it.
    Everybody,
}

/// Which way bytes of a WebSocket go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client.
    In,
    /// To the client.
    Out,
}

/// What broke off without a word of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// The TCP connection of the pending GET.
    Poll,
    /// The TCP connection of a POST, in the middle of its body.
    Post,
    /// A WebSocket, by a close frame of the client or by the end of TCP.
    Socket {
        /// Whether there was a close frame.
        closed: bool,
    },
}

/// How a packet is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sending {
    /// Whether it may be dropped.
    pub volatile: bool,
    /// Whether the client is ready for it now. Changing it changes nothing.
    pub ready: bool,
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

    /// Does something to the server as soon as no client's lock is held. It may start background tasks.
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
    /// Timers, limits, headers and the decoder's leniency, before the server starts. What the handshake says follows
    /// them, unless [`Seams::open`] says otherwise.
    fn config(&self, config: &mut Config) {}

    /// An HTTP request before it is routed, and before its body is read. An answer given here is the answer, CORS
    /// headers and all; it goes through [`Seams::response`].
    fn request(&self, server: &Server, request: &mut Request) -> Option<Response> {
        None
    }

    /// The whole body of a POST before it is decoded.
    fn body(&self, view: View<'_>, request: &Request, body: &mut Vec<u8>) {}

    /// What came of the body of a POST whose connection broke; true if it counts as if it were whole.
    fn partial_body(&self, view: View<'_>, request: &Request, body: &mut Vec<u8>) -> bool {
        false
    }

    /// An HTTP answer before it goes out, a 101 included. It can also be held back, or never given.
    fn response(&self, server: &Server, request: &Request, response: &mut Response) {}

    /// The largest frame and the largest message of a WebSocket, in bytes.
    fn websocket_limits(&self, limits: &mut (usize, usize)) {}

    /// Whether [`Seams::wire`] wants to see the bytes of WebSockets.
    fn sees_wire(&self) -> bool {
        false
    }

    /// Bytes of a WebSocket as they pass; what is left in `bytes` goes on. Pieces end where the transport cut them.
    fn wire(&self, view: View<'_>, way: Way, bytes: &mut Vec<u8>) {}

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

    /// What happens to a session, its own messages apart, before it hears of it; what is put into `inputs` is what it
    /// hears, and the last of them has the outcome. Refused here, it is refused to whoever brought it.
    fn input(
        &self,
        view: View<'_>,
        session: &Session,
        input: Input,
        inputs: &mut Vec<Input>,
    ) -> Result<(), Refusal> {
        inputs.push(input);
        Ok(())
    }

    /// Engine.IO packets between session and edge: all of one polling answer, or all that a WebSocket has to write
    /// now.
    fn outward(&self, view: View<'_>, edge: Edge, frames: &mut Vec<Frame>) {}

    /// The session ends a WebSocket. The code of the close frame can be changed; ignored, the WebSocket stays open,
    /// and what comes on it is heard no more.
    fn hangup(&self, view: View<'_>, edge: Edge, code: &mut u16) -> Tolerance {
        Tolerance::Close
    }

    /// A connection of the client has gone; ignored, the session does not hear of it.
    fn dropped(&self, view: View<'_>, what: Dropped) -> Tolerance {
        Tolerance::Close
    }

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
    fn outgoing(
        &self,
        view: View<'_>,
        packet: Outgoing,
        sending: &mut Sending,
        packets: &mut Vec<Outgoing>,
    ) {
        packets.push(packet);
    }

    /// An event without handler, and its ack id.
    fn unhandled(&self, view: View<'_>, event: Option<&str>, id: Option<Id>) {}

    /// A handler panicked.
    fn panicked(&self) -> Tolerance {
        Tolerance::Ignore
    }

    /// A handler or a middleware awaits.
    fn waits(&self) -> Waits {
        Waits::Apart
    }

    /// Whether middleware sees a client once more whose state is recovered.
    fn middleware_again(&self) -> bool {
        false
    }

    /// Whether a second acknowledgement of the same event goes out.
    fn acknowledges_again(&self) -> bool {
        false
    }

    /// Who is in which room and who gets a broadcast, of one namespace.
    fn adapter(
        &self,
        namespace: &str,
        adapter: Box<dyn Adapter<Socket>>,
    ) -> Box<dyn Adapter<Socket>> {
        adapter
    }

    /// A member is gone for this reason, and may or may not come back as the same.
    fn lost(&self, view: View<'_>, reason: &str, recoverable: &mut bool) {}

    /// What a client that asks for its state is to get back, if anything.
    fn restored(&self, view: View<'_>, pid: &str, restored: &mut Option<Restored<Encoded>>) {}

    /// The server was told to stop; how long it does as if it had not heard.
    fn stopping(&self) -> Duration {
        Duration::ZERO
    }
}
