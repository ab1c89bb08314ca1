//! Faults that need several hooks over one state, and what faults of Socket.IO say and read.

use super::hooks::{Altered, Around};
use crate::adapter::{Adapter, Selection};
use crate::args::Args;
use crate::exchange::{Request, Response};
use crate::namespace::{Body, Incoming};
use crate::outgoing::{Encoded, Outgoing, Says};
use crate::recovery::Restored;
use crate::seams::{Dropped, Seams, Sending, Tolerance, View};
use crate::server::Server;
use crate::session::{Edge, Frame, Source};
use crate::socket::Socket;
use crate::wire;
use serde_json::Value;
use siospec_codec::engine::{Handshake, OwnedPacket};
use siospec_codec::{DecodeError, read_json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Hooks over one state. Each is what a right server does, until it is given; `adapter` hooks get the state unlocked,
/// since what they call may come back to it.
pub(super) struct Script<S> {
    pub(super) state: Arc<Mutex<S>>,
    pub(super) request: fn(&mut S, &Server, &mut Request) -> Option<Response>,
    pub(super) response: fn(&mut S, &Request, &mut Response),
    pub(super) open: fn(&mut S, View<'_>),
    pub(super) inward: fn(&mut S, View<'_>, OwnedPacket, &mut Vec<OwnedPacket>),
    pub(super) outward: fn(&mut S, View<'_>, Edge, &mut Vec<Frame>),
    pub(super) incoming: fn(&mut S, View<'_>, Incoming, &mut Vec<Incoming>),
    pub(super) outgoing: fn(&mut S, View<'_>, Outgoing, Sending, &mut Vec<Outgoing>),
    pub(super) undecodable: fn(&mut S, View<'_>, &DecodeError) -> Tolerance,
    pub(super) dropped: fn(&mut S, View<'_>, Dropped) -> Tolerance,
    pub(super) lost: fn(&mut S, View<'_>, &str),
    pub(super) restored: fn(&mut S, &str, &mut Option<Restored<Encoded>>),
    pub(super) admit: fn(&Mutex<S>, &dyn Adapter<Socket>, &str),
    pub(super) remove: fn(&Mutex<S>, &dyn Adapter<Socket>, &str) -> Vec<String>,
    pub(super) join: fn(&Mutex<S>, &dyn Adapter<Socket>, &str, &[String]),
    pub(super) leave: fn(&Mutex<S>, &dyn Adapter<Socket>, &str, &str),
    pub(super) select: Select<S>,
}

type Select<S> = fn(&Mutex<S>, &dyn Adapter<Socket>, &Selection, &mut dyn FnMut(&str, &Socket));

impl<S: Send + 'static> Script<S> {
    /// A right server.
    pub(super) fn new(state: S) -> Self {
        Self {
            state: Arc::new(Mutex::new(state)),
            request: |_, _, _| None,
            response: |_, _, _| {},
            open: |_, _| {},
            inward: |_, _, packet, packets| packets.push(packet),
            outward: |_, _, _, _| {},
            incoming: |_, _, packet, packets| packets.push(packet),
            outgoing: |_, _, packet, _, packets| packets.push(packet),
            undecodable: |_, _, _| Tolerance::Close,
            dropped: |_, _, _| Tolerance::Close,
            lost: |_, _, _| {},
            restored: |_, _, _| {},
            admit: |_, inner, id| inner.admit(id),
            remove: |_, inner, id| inner.remove(id),
            join: |_, inner, id, rooms| inner.join(id, rooms),
            leave: |_, inner, id, room| inner.leave(id, room),
            select: |_, inner, selection, visit| inner.select(selection, visit),
        }
    }

    /// As the seams of a server.
    pub(super) fn seams(self) -> Arc<dyn Seams> {
        Arc::new(self)
    }
}

/// A state that nobody else holds.
pub(super) fn lock<S>(state: &Mutex<S>) -> MutexGuard<'_, S> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Send + 'static> Seams for Script<S> {
    fn request(&self, server: &Server, request: &mut Request) -> Option<Response> {
        (self.request)(&mut lock(&self.state), server, request)
    }

    fn response(&self, _: &Server, request: &Request, response: &mut Response) {
        (self.response)(&mut lock(&self.state), request, response);
    }

    fn open(&self, view: View<'_>, _: &mut Handshake) {
        (self.open)(&mut lock(&self.state), view);
    }

    fn inward(
        &self,
        view: View<'_>,
        _: Source,
        packet: OwnedPacket,
        packets: &mut Vec<OwnedPacket>,
    ) {
        (self.inward)(&mut lock(&self.state), view, packet, packets);
    }

    fn outward(&self, view: View<'_>, edge: Edge, frames: &mut Vec<Frame>) {
        (self.outward)(&mut lock(&self.state), view, edge, frames);
    }

    fn incoming(&self, view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
        (self.incoming)(&mut lock(&self.state), view, packet, packets);
    }

    fn outgoing(
        &self,
        view: View<'_>,
        packet: Outgoing,
        sending: &mut Sending,
        packets: &mut Vec<Outgoing>,
    ) {
        (self.outgoing)(&mut lock(&self.state), view, packet, *sending, packets);
    }

    fn undecodable(&self, view: View<'_>, error: &DecodeError) -> Tolerance {
        (self.undecodable)(&mut lock(&self.state), view, error)
    }

    fn dropped(&self, view: View<'_>, what: Dropped) -> Tolerance {
        (self.dropped)(&mut lock(&self.state), view, what)
    }

    fn lost(&self, view: View<'_>, reason: &str, _: &mut bool) {
        (self.lost)(&mut lock(&self.state), view, reason);
    }

    fn restored(&self, _: View<'_>, pid: &str, restored: &mut Option<Restored<Encoded>>) {
        (self.restored)(&mut lock(&self.state), pid, restored);
    }

    fn adapter(&self, _: &str, inner: Box<dyn Adapter<Socket>>) -> Box<dyn Adapter<Socket>> {
        Box::new(Altered(Scripted {
            inner,
            state: self.state.clone(),
            admit: self.admit,
            remove: self.remove,
            join: self.join,
            leave: self.leave,
            select: self.select,
        }))
    }
}

struct Scripted<S> {
    inner: Box<dyn Adapter<Socket>>,
    state: Arc<Mutex<S>>,
    admit: fn(&Mutex<S>, &dyn Adapter<Socket>, &str),
    remove: fn(&Mutex<S>, &dyn Adapter<Socket>, &str) -> Vec<String>,
    join: fn(&Mutex<S>, &dyn Adapter<Socket>, &str, &[String]),
    leave: fn(&Mutex<S>, &dyn Adapter<Socket>, &str, &str),
    select: Select<S>,
}

impl<S: Send + 'static> Around for Scripted<S> {
    fn inner(&self) -> &dyn Adapter<Socket> {
        &*self.inner
    }

    fn admit(&self, id: &str) {
        (self.admit)(&self.state, &*self.inner, id);
    }

    fn remove(&self, id: &str) -> Vec<String> {
        (self.remove)(&self.state, &*self.inner, id)
    }

    fn join(&self, id: &str, rooms: &[String]) {
        (self.join)(&self.state, &*self.inner, id, rooms);
    }

    fn leave(&self, id: &str, room: &str) {
        (self.leave)(&self.state, &*self.inner, id, room);
    }

    fn select(&self, selection: &Selection, visit: &mut dyn FnMut(&str, &Socket)) {
        (self.select)(&self.state, &*self.inner, selection, visit);
    }
}

/// The name and the arguments of an event from a client.
pub(super) fn heard(packet: &Incoming) -> Option<(&str, &Args)> {
    match &packet.body {
        Body::Event {
            name: Some(name),
            args,
            ..
        } => Some((name, args)),
        _ => None,
    }
}

/// The name and the arguments of an event for a client.
pub(super) fn said(packet: &Outgoing) -> Option<(&str, &Args)> {
    match &packet.body {
        Says::Event { name, args, .. } => Some((name, args)),
        _ => None,
    }
}

/// What the answer to a CONNECT says under `key`.
pub(super) fn granted(packet: &Outgoing, key: &str) -> Option<String> {
    let Says::Connect(json) = &packet.body else {
        return None;
    };
    let object = read_json(json).ok()?;
    Some(object.get(key)?.as_str()?.to_owned())
}

/// Arguments without binary data, as values.
pub(super) fn values(args: &Args) -> Vec<Value> {
    if !args.attachments().is_empty() {
        return Vec::new();
    }
    match read_json(&format!("[{}]", args.json())) {
        Ok(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}

/// Values as arguments.
pub(super) fn args(values: Vec<Value>) -> Args {
    let array = Value::from(values).to_string();
    Args::from_json(array[1..array.len() - 1].to_owned())
}

/// Whom an `emit-to` or a `call-many` of the fixture addresses, or excepts.
pub(super) fn option(args: &Args, key: &str) -> Vec<String> {
    let options: Value = args.first().unwrap_or_default();
    serde_json::from_value(options[key].clone()).unwrap_or_default()
}

/// Whether an `emit-to` of the fixture is the server's own, not the client's.
pub(super) fn from_io(args: &Args) -> bool {
    args.first()
        .is_some_and(|options: Value| options["from"] == "io")
}

/// Whether the client opened its session by polling.
pub(super) fn polls(view: View<'_>) -> bool {
    view.query().contains("transport=polling")
}

/// Whether the client opened its session on WebSocket.
pub(super) fn begun_on_websocket(view: View<'_>) -> bool {
    view.query().contains("transport=websocket")
}

/// Sends a packet as text to a session, beside what it is sent otherwise.
pub(super) fn say(view: View<'_>, sid: &str, text: impl Into<String>) {
    send(
        view,
        sid,
        Duration::ZERO,
        vec![Frame::Text(text.into().into())],
    );
}

/// Sends a packet to this client after a while.
pub(super) fn delay(view: View<'_>, while_: Duration, packet: &Outgoing) {
    let Encoded { first, rest } = wire::encode(packet);
    let frames = std::iter::once(first).chain(rest).collect();
    send(view, view.sid(), while_, frames);
}

/// Sends frames to a session after a while.
pub(super) fn send(view: View<'_>, sid: &str, while_: Duration, frames: Vec<Frame>) {
    let sid = sid.to_owned();
    let deliver = move |server: &Server| {
        for frame in frames {
            server.send_frame(&sid, frame);
        }
    };
    view.later(move |server| {
        if while_.is_zero() {
            deliver(&server);
            return;
        }
        let later = server.clone();
        server.start_background_task(async move {
            later.sleep(while_).await;
            deliver(&later);
        });
    });
}

/// Closes the client's session.
pub(super) fn close(view: View<'_>) {
    let sid = view.sid().to_owned();
    view.later(move |server| server.close_session(&sid));
}

/// The member of this id, once it is admitted.
pub(super) fn member(adapter: &dyn Adapter<Socket>, id: &str) -> Option<Socket> {
    let alone = Selection {
        rooms: vec![id.to_owned()],
        except: Vec::new(),
    };
    let mut found = None;
    adapter.select(&alone, &mut |member, socket| {
        if member == id {
            found = Some(socket.clone());
        }
    });
    found
}

/// Changes the text of the messages that come.
pub(super) fn reading(change: fn(&str) -> Option<String>) -> Arc<dyn Seams> {
    super::hooks::inward(move |_, _, packet, packets| {
        let changed = match &packet {
            OwnedPacket::Text {
                kind: siospec_codec::engine::PacketType::Message,
                data,
            } => change(data),
            _ => None,
        };
        packets.push(changed.map_or(packet, OwnedPacket::message));
    })
}

/// Changes the text of the frames that go.
pub(super) fn writing(change: fn(&str) -> Option<String>) -> Arc<dyn Seams> {
    super::hooks::outward(move |_, _, frames| {
        for frame in frames {
            super::hooks::rewrite(frame, change);
        }
    })
}

/// Which namespaces each session has joined.
pub(super) type Joined = std::collections::HashMap<String, std::collections::HashSet<String>>;

/// Changes what comes, knowing who has joined what.
pub(super) fn knowing_joined(
    incoming: fn(&mut Joined, View<'_>, Incoming, &mut Vec<Incoming>),
) -> Arc<dyn Seams> {
    Script {
        incoming,
        outgoing: |joined: &mut Joined, view, packet, _, packets| {
            if matches!(packet.body, Says::Connect(_)) {
                let namespaces = joined.entry(view.sid().to_owned()).or_default();
                namespaces.insert(packet.namespace.to_string());
            } else if packet.body == Says::Disconnect {
                leaves(joined, view, &packet.namespace);
            }
            packets.push(packet);
        },
        ..Script::new(Joined::new())
    }
    .seams()
}

/// The client leaves a namespace; whether it had joined it.
pub(super) fn leaves(joined: &mut Joined, view: View<'_>, namespace: &str) -> bool {
    joined
        .get_mut(view.sid())
        .is_some_and(|namespaces| namespaces.remove(namespace))
}

/// Whether this is the answer to a CONNECT.
pub(super) fn connects(packet: &Outgoing) -> bool {
    matches!(packet.body, Says::Connect(_))
}
