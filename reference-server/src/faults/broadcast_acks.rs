//! Faults of broadcasts with acknowledgements (SIO-BA).

use super::Fault;
use crate::namespace::{Body, Incoming};
use crate::outgoing::{Outgoing, Says};
use crate::seams::{Seams, Sending, View};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "ba-no-id",
    requirements: &["SIO-BA-01"],
    breaks: "a broadcast that wants acknowledgements asks for none",
    also: &[
        ("SIO-BA-02", "nobody can answer"),
        ("SIO-BA-03", "nobody can answer"),
        ("SIO-BA-06", "nobody can answer"),
        ("SIO-BA-07", "nobody can answer"),
    ],
    make: || {
        struct Mute(Mutex<bool>);
        impl Seams for Mute {
            fn incoming(&self, _: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
                let event = match &packet.body {
                    Body::Event { name, .. } => name.as_deref(),
                    _ => None,
                };
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = event == Some("call-many");
                packets.push(packet);
            }

            fn outgoing(
                &self,
                _: View<'_>,
                mut packet: Outgoing,
                _: &mut Sending,
                packets: &mut Vec<Outgoing>,
            ) {
                let many = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if let (true, Says::Event { id, .. }) = (many, &mut packet.body) {
                    *id = None;
                }
                packets.push(packet);
            }
        }
        Arc::new(Mute(Mutex::new(false)))
    },
}];
