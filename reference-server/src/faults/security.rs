//! Faults of hostile clients (SIO-SEC).

use super::{Fault, hooks};
use siospec_codec::Limits;

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "sec-unlimited-attachments",
    requirements: &["SIO-SEC-01"],
    breaks: "any number of attachments may be announced",
    also: &[("SIO-SEC-02", "a huge number is any number")],
    make: || hooks::config(|config| config.limits = Limits::UNLIMITED),
}];
