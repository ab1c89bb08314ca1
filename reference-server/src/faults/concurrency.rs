//! Faults of many clients (SIO-CC).

use super::{Fault, hooks};
use crate::seams::Waits;

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "cc-handler-blocks-loop",
    requirements: &["SIO-CC-03"],
    breaks: "a handler that waits holds up all clients",
    also: &[("SIO-ACK-11", "its own client is one of them")],
    make: || hooks::waits(|| Waits::Everybody),
}];
