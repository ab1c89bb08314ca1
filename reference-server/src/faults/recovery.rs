//! Faults of connection state recovery (SIO-CSR).

use super::{Fault, hooks};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "csr-rooms-lost",
        requirements: &["SIO-CSR-07"],
        breaks: "a client that comes back is in its own room only",
        also: &[],
        make: || {
            hooks::restored(|_, _, restored| {
                if let Some(restored) = restored {
                    restored.lost.rooms.retain(|room| *room == restored.lost.id);
                }
            })
        },
    },
    Fault {
        name: "csr-recovers-after-leave",
        requirements: &["SIO-CSR-11"],
        breaks: "a client that left comes back as the same",
        also: &[],
        make: || hooks::lost(|_, _, recoverable| *recoverable = true),
    },
];
