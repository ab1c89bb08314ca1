//! Faults of limits (EIO-LM).

use super::{Fault, hooks};

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "lm-ws-off-by-one",
    requirements: &["EIO-LM-08"],
    breaks: "a WebSocket message of exactly `maxPayload` bytes is refused",
    also: &[],
    make: || {
        hooks::websocket_limits(|(frame, message)| (*frame, *message) = (*frame - 1, *message - 1))
    },
}];
