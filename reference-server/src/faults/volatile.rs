//! Faults of volatile events (SIO-VO).

use super::{Fault, hooks};

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "vo-buffers-all",
    requirements: &["SIO-VO-03"],
    breaks: "volatile events are kept like any other",
    also: &[],
    make: || {
        hooks::outgoing(|_, packet, sending, packets| {
            sending.volatile = false;
            packets.push(packet);
        })
    },
}];
