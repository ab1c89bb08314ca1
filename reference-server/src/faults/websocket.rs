//! Faults of WebSockets (EIO-WS).

use super::{Fault, hooks};
use crate::seams::{Tolerance, Way};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "ws-no-pong",
        requirements: &["EIO-WS-11"],
        breaks: "a WebSocket ping is not answered",
        also: &[],
        make: || {
            hooks::wire(|_, way, bytes| {
                const PONG: u8 = 0x8a;
                if way == Way::Out && bytes.first() == Some(&PONG) {
                    let length = usize::from(bytes.get(1).copied().unwrap_or(0));
                    bytes.drain(..(2 + length).min(bytes.len()));
                }
            })
        },
    },
    Fault {
        name: "ws-invalid-ignored",
        requirements: &["EIO-WS-06"],
        breaks: "a text frame that is no packet is ignored",
        also: &[("EIO-WS-07", "without the error the session goes on")],
        make: || hooks::malformed(|_, _, _| Tolerance::Ignore),
    },
];
