//! Faults of binary data (SIO-BI).

use super::{Fault, hooks};
use siospec_codec::DecodeErrorKind;

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "bi-stray-ignored",
    requirements: &["SIO-BI-14"],
    breaks: "a binary packet that no header announced is ignored",
    also: &[("SIO-BI-15", "a surplus attachment is such a packet")],
    make: || {
        hooks::config(|config| {
            config.leniency = config.leniency.allow(DecodeErrorKind::UnexpectedBinary);
        })
    },
}];
