//! Faults of DISCONNECT (SIO-DC).

use super::{Fault, hooks};
use crate::outgoing::Says;

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "dc-server-silent",
    requirements: &["SIO-DC-07"],
    breaks: "a client is put out of a namespace without being told",
    also: &[
        ("SIO-DC-08", "the packets it waits for are these"),
        ("SIO-DC-09", "there is no packet to look at"),
        ("SIO-DC-15", "the members of a room wait for it, too"),
        ("SIO-CD-09", "a kick is known by it"),
    ],
    make: || {
        hooks::outgoing(|_, packet, _, packets| {
            if packet.body != Says::Disconnect {
                packets.push(packet);
            }
        })
    },
}];
