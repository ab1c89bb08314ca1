//! Faults of acknowledgements (SIO-ACK).

use super::{Fault, hooks};
use crate::namespace::Id;
use crate::outgoing::Says;
use crate::seams::Waits;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "ack-wrong-id",
        requirements: &["SIO-ACK-01"],
        breaks: "an acknowledgement carries the id of the event plus one",
        also: &[],
        make: || {
            hooks::outgoing(|_, mut packet, _, packets| {
                if let Says::Ack {
                    id: Id::Number(id), ..
                } = &mut packet.body
                {
                    *id += 1;
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "ack-twice",
        requirements: &["SIO-ACK-08"],
        breaks: "an application that acknowledges twice is heard twice",
        also: &[],
        make: hooks::acknowledges_again,
    },
    Fault {
        name: "ack-serialised",
        requirements: &["SIO-ACK-11"],
        breaks: "a handler that waits holds up the client's next event",
        also: &[],
        make: || hooks::waits(|| Waits::InTurn),
    },
];
