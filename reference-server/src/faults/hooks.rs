//! One hook of one seam from a closure, for faults that need no more; and an adapter that changes one thing.

use crate::adapter::{Adapter, Selection};
use crate::config::Config;
use crate::exchange::{Request, Response};
use crate::namespace::{Id, Incoming, Violation};
use crate::outgoing::{Encoded, Outgoing};
use crate::recovery::Restored;
use crate::refusal::Refusal;
use crate::seams::{Dropped, Seams, Sending, Tolerance, View, Way};
use crate::server::Server;
use crate::session::{Edge, Frame, Input, Session, Source};
use crate::socket::Socket;
use hyper::http::header::HeaderName;
use siospec_codec::DecodeError;
use siospec_codec::engine::{Handshake, OwnedPacket};
use std::sync::Arc;

macro_rules! hooks {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {$(
        #[doc = concat!("Overrides [`Seams::", stringify!($name), "`] and nothing else.")]
        pub fn $name(hook: impl Fn($($type),*) $(-> $out)? + Send + Sync + 'static) -> Arc<dyn Seams> {
            struct Hook<F>(F);
            impl<F: Fn($($type),*) $(-> $out)? + Send + Sync> Seams for Hook<F> {
                fn $name(&self, $($arg: $type),*) $(-> $out)? {
                    (self.0)($($arg),*)
                }
            }
            Arc::new(Hook(hook))
        }
    )*};
}

hooks! {
    config(config: &mut Config);
    request(server: &Server, request: &mut Request) -> Option<Response>;
    body(view: View<'_>, request: &Request, body: &mut Vec<u8>);
    partial_body(view: View<'_>, request: &Request, body: &mut Vec<u8>) -> bool;
    response(server: &Server, request: &Request, response: &mut Response);
    websocket_limits(limits: &mut (usize, usize));
    open(view: View<'_>, handshake: &mut Handshake);
    inward(view: View<'_>, source: Source, packet: OwnedPacket, packets: &mut Vec<OwnedPacket>);
    malformed(view: View<'_>, source: Source, raw: &[u8]) -> Tolerance;
    input(view: View<'_>, session: &Session, input: Input, inputs: &mut Vec<Input>) -> Result<(), Refusal>;
    outward(view: View<'_>, edge: Edge, frames: &mut Vec<Frame>);
    hangup(view: View<'_>, edge: Edge, code: &mut u16) -> Tolerance;
    dropped(view: View<'_>, what: Dropped) -> Tolerance;
    incoming(view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>);
    undecodable(view: View<'_>, error: &DecodeError) -> Tolerance;
    violation(view: View<'_>, violation: Violation) -> Tolerance;
    outgoing(view: View<'_>, packet: Outgoing, sending: &mut Sending, packets: &mut Vec<Outgoing>);
    unhandled(view: View<'_>, event: Option<&str>, id: Option<Id>);
    panicked() -> Tolerance;
    waits() -> crate::seams::Waits;
    adapter(namespace: &str, adapter: Box<dyn Adapter<Socket>>) -> Box<dyn Adapter<Socket>>;
    lost(view: View<'_>, reason: &str, recoverable: &mut bool);
    restored(view: View<'_>, pid: &str, restored: &mut Option<Restored<Encoded>>);
    stopping() -> std::time::Duration;
}

/// Sees the bytes of WebSockets; overrides [`Seams::wire`] and [`Seams::sees_wire`].
pub fn wire(hook: impl Fn(View<'_>, Way, &mut Vec<u8>) + Send + Sync + 'static) -> Arc<dyn Seams> {
    struct Hook<F>(F);
    impl<F: Fn(View<'_>, Way, &mut Vec<u8>) + Send + Sync> Seams for Hook<F> {
        fn sees_wire(&self) -> bool {
            true
        }

        fn wire(&self, view: View<'_>, way: Way, bytes: &mut Vec<u8>) {
            (self.0)(view, way, bytes);
        }
    }
    Arc::new(Hook(hook))
}

/// An adapter around another one, which does what is not overridden.
pub trait Around: Send + Sync {
    /// The one that it stands around.
    fn inner(&self) -> &dyn Adapter<Socket>;

    /// See [`Adapter::admit`].
    fn admit(&self, id: &str) {
        self.inner().admit(id);
    }

    /// See [`Adapter::remove`].
    fn remove(&self, id: &str) -> Vec<String> {
        self.inner().remove(id)
    }

    /// See [`Adapter::join`].
    fn join(&self, id: &str, rooms: &[String]) {
        self.inner().join(id, rooms);
    }

    /// See [`Adapter::leave`].
    fn leave(&self, id: &str, room: &str) {
        self.inner().leave(id, room);
    }

    /// See [`Adapter::rooms`].
    fn rooms(&self, id: &str) -> Vec<String> {
        self.inner().rooms(id)
    }

    /// See [`Adapter::in_own_room`].
    fn in_own_room(&self, id: &str) -> bool {
        self.inner().in_own_room(id)
    }

    /// See [`Adapter::select`].
    fn select(&self, selection: &Selection, visit: &mut dyn FnMut(&str, &Socket)) {
        self.inner().select(selection, visit);
    }
}

/// Makes an adapter of what stands around one.
pub struct Altered<T>(pub T);

impl<T: Around> Adapter<Socket> for Altered<T> {
    fn enter(&self, id: &str, member: Socket) {
        self.0.inner().enter(id, member);
    }

    fn admit(&self, id: &str) {
        self.0.admit(id);
    }

    fn remove(&self, id: &str) -> Vec<String> {
        self.0.remove(id)
    }

    fn join(&self, id: &str, rooms: &[String]) {
        self.0.join(id, rooms);
    }

    fn leave(&self, id: &str, room: &str) {
        self.0.leave(id, room);
    }

    fn clear(&self) {
        self.0.inner().clear();
    }

    fn close_room(&self, room: &str) {
        self.0.inner().close_room(room);
    }

    fn rooms(&self, id: &str) -> Vec<String> {
        self.0.rooms(id)
    }

    fn in_own_room(&self, id: &str) -> bool {
        self.0.in_own_room(id)
    }

    fn select(&self, selection: &Selection, visit: &mut dyn FnMut(&str, &Socket)) {
        self.0.select(selection, visit);
    }

    fn len(&self) -> usize {
        self.0.inner().len()
    }

    fn count(&self) -> usize {
        self.0.inner().count()
    }
}

/// An adapter whose broadcasts go to whom `select` says; everything else is right.
pub fn select(
    select: impl Fn(&Selection) -> Selection + Clone + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    struct Selecting<F> {
        inner: Box<dyn Adapter<Socket>>,
        change: F,
    }
    impl<F: Fn(&Selection) -> Selection + Send + Sync> Around for Selecting<F> {
        fn inner(&self) -> &dyn Adapter<Socket> {
            &*self.inner
        }

        fn select(&self, selection: &Selection, visit: &mut dyn FnMut(&str, &Socket)) {
            self.inner.select(&(self.change)(selection), visit);
        }
    }
    adapter(move |_, inner| {
        Box::new(Altered(Selecting {
            inner,
            change: select.clone(),
        }))
    })
}

/// Overrides [`Seams::acknowledges_again`] and nothing else.
pub fn acknowledges_again() -> Arc<dyn Seams> {
    struct Again;
    impl Seams for Again {
        fn acknowledges_again(&self) -> bool {
            true
        }
    }
    Arc::new(Again)
}

/// Every answer lacks this header.
pub fn without(name: HeaderName) -> Arc<dyn Seams> {
    response(move |_, _, response| drop(response.headers.remove(&name)))
}

/// The text of a frame, changed; binary frames and what `change` gives nothing for stay as they are.
pub fn rewrite(frame: &mut Frame, change: impl FnOnce(&str) -> Option<String>) {
    if let Frame::Text(text) = frame
        && let Some(changed) = change(text)
    {
        *frame = Frame::Text(changed.into());
    }
}

/// The status and body of an answer, changed.
pub fn answer(response: &mut Response, status: u16, body: &str) {
    response.status = status;
    response.body = body.to_owned().into();
}

/// The answer of a right server that turns a request down.
pub fn refuse(refusal: &Refusal) -> Response {
    Response::new(refusal.status(), "application/json", refusal.body())
}
