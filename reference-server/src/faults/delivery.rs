//! Faults of delivery over reconnects (SIO-CD).

use super::{Fault, hooks};
use crate::namespace::Body;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "cd-server-dedups",
    requirements: &["SIO-CD-03"],
    breaks: "an event that a client sends again is dropped",
    also: &[(
        "SIO-ACK-10",
        "the same event twice with one id is such an event",
    )],
    make: || {
        let seen = Mutex::new(HashSet::new());
        hooks::incoming(move |view, packet, packets| {
            let again = match &packet.body {
                Body::Event {
                    name,
                    args,
                    id: Some(_),
                } => {
                    let key = (view.sid().to_owned(), name.clone(), args.json().to_owned());
                    !seen
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(key)
                }
                _ => false,
            };
            if !again {
                packets.push(packet);
            }
        })
    },
}];
