//! Faults of CONNECT (SIO-CN).

use super::{Fault, hooks};
use crate::namespace::Violation;
use crate::seams::Tolerance;

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "cn-foreign-nsp-ignored",
    requirements: &["SIO-CN-21"],
    breaks: "an event for a namespace not joined is ignored, once another one has been joined",
    also: &[
        ("SIO-BI-23", "a binary event is an event"),
        ("SIO-DC-06", "a namespace that was left is one not joined"),
        ("SIO-DC-16", "so is it for a DISCONNECT"),
    ],
    make: || {
        hooks::violation(|_, violation| match violation {
            Violation::NotConnected => Tolerance::Ignore,
            _ => Tolerance::Close,
        })
    },
}];
