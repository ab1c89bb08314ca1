//! What clients say, changed before the server hears it, and what faults remember of clients.

use crate::namespace::{Body, Incoming};
use crate::outgoing::{Outgoing, Says};
use crate::seams::{Seams, Sending, View};
use crate::session::Source;
use bytestring::ByteString;
use siospec_codec::engine::{OwnedPacket, PacketType};
use siospec_codec::read_json;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What the server hears in place of a message.
pub(super) enum Hears {
    /// The message.
    It,
    /// Nothing.
    Nothing,
    /// Another one.
    Instead(String),
    /// Something that is no packet, so that the connection is closed.
    Garbage,
}

/// Changes the text messages of clients on their way in: `hears` gets a Socket.IO packet without the `4` before it.
pub(super) fn heard(
    hears: impl Fn(View<'_>, Source, &str) -> Hears + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    super::hooks::inward(move |view, source, packet, packets| {
        packets.extend(match &packet {
            OwnedPacket::Text {
                kind: PacketType::Message,
                data,
            } => match hears(view, source, data) {
                Hears::It => Some(packet),
                Hears::Nothing => None,
                Hears::Instead(text) => Some(OwnedPacket::message(text)),
                Hears::Garbage => Some(OwnedPacket::message("garbage".to_owned())),
            },
            _ => Some(packet),
        });
    })
}

/// Does not hear the messages that `deaf` names.
pub(super) fn deaf_to(deaf: impl Fn(&str) -> bool + Send + Sync + 'static) -> Arc<dyn Seams> {
    heard(move |_, _, text| match deaf(text) {
        true => Hears::Nothing,
        false => Hears::It,
    })
}

/// Hears some messages as others.
pub(super) fn mishears(
    change: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    heard(move |_, _, text| change(text).map_or(Hears::It, Hears::Instead))
}

/// Takes the messages that `wrong` names for garbage.
pub(super) fn refuses(wrong: impl Fn(&str) -> bool + Send + Sync + 'static) -> Arc<dyn Seams> {
    heard(move |_, _, text| match wrong(text) {
        true => Hears::Garbage,
        false => Hears::It,
    })
}

/// What a fault remembers.
#[derive(Debug, Default)]
pub(super) struct Memory<T>(Mutex<T>);

impl<T> Memory<T> {
    /// Looks at it, or changes it.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Which namespaces each client is in, as far as the packets tell.
#[derive(Debug, Default)]
pub(super) struct Members(Memory<HashMap<String, HashSet<ByteString>>>);

impl Members {
    /// Takes note of what a client says.
    pub(super) fn hear(&self, view: View<'_>, packet: &Incoming) {
        if packet.body == Body::Disconnect {
            self.leave(view, &packet.namespace);
        }
    }

    /// Takes note of what a client is told.
    pub(super) fn tell(&self, view: View<'_>, packet: &Outgoing) {
        match &packet.body {
            Says::Connect(_) => self.0.with(|members| {
                members
                    .entry(view.sid().to_owned())
                    .or_default()
                    .insert(packet.namespace.clone());
            }),
            Says::Disconnect => self.leave(view, &packet.namespace),
            _ => {}
        }
    }

    fn leave(&self, view: View<'_>, namespace: &str) {
        self.0.with(|members| {
            if let Some(joined) = members.get_mut(view.sid()) {
                joined.remove(namespace);
            }
        });
    }

    /// Whether the client is in the namespace.
    pub(super) fn contain(&self, view: View<'_>, namespace: &str) -> bool {
        self.0.with(|members| {
            members
                .get(view.sid())
                .is_some_and(|joined| joined.contains(namespace))
        })
    }

    /// In how many namespaces the client is; none if it never was in any.
    pub(super) fn count(&self, view: View<'_>) -> Option<usize> {
        self.0
            .with(|members| members.get(view.sid()).map(HashSet::len))
    }
}

/// Changes the packets of clients on their way in, with a view of who has joined what.
pub(super) fn incoming_of_members(
    hook: impl Fn(&Members, View<'_>, Incoming, &mut Vec<Incoming>) + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    struct Knowing<F> {
        members: Members,
        hook: F,
    }
    impl<F> Seams for Knowing<F>
    where
        F: Fn(&Members, View<'_>, Incoming, &mut Vec<Incoming>) + Send + Sync,
    {
        fn incoming(&self, view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
            (self.hook)(&self.members, view, packet, packets);
            for packet in packets {
                self.members.hear(view, packet);
            }
        }

        fn outgoing(
            &self,
            view: View<'_>,
            packet: Outgoing,
            _: &mut Sending,
            packets: &mut Vec<Outgoing>,
        ) {
            self.members.tell(view, &packet);
            packets.push(packet);
        }
    }
    Arc::new(Knowing {
        members: Members::default(),
        hook,
    })
}

/// Changes the events that the application emits.
pub(super) fn emitted(
    change: impl Fn(&str, &mut crate::Args) + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    super::hooks::outgoing(move |_, mut packet, _, packets| {
        if let Says::Event { name, args, .. } = &mut packet.body {
            change(name, args);
        }
        packets.push(packet);
    })
}

/// Changes the arguments of events before their handlers get them.
pub(super) fn handled(
    change: impl Fn(&str, &mut crate::Args) + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    super::hooks::incoming(move |_, mut packet, packets| {
        if let Body::Event {
            name: Some(name),
            args,
            ..
        } = &mut packet.body
        {
            change(name, args);
        }
        packets.push(packet);
    })
}

/// A JSON object, changed.
pub(super) fn object(
    json: &mut String,
    change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>),
) {
    if let Ok(serde_json::Value::Object(mut object)) = read_json(json) {
        change(&mut object);
        *json = serde_json::Value::Object(object).to_string();
    }
}

/// The arguments as values, changed. Attachments stay as they are.
pub(super) fn values(args: &mut crate::Args, change: impl FnOnce(&mut Vec<serde_json::Value>)) {
    if !args.attachments().is_empty() {
        return;
    }
    if let Ok(serde_json::Value::Array(mut values)) = read_json(&format!("[{}]", args.json())) {
        change(&mut values);
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        *args = crate::Args::from_json(texts.join(","));
    }
}
