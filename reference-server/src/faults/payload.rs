//! Faults of polling payloads (EIO-PL).

use super::{Fault, hooks};

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "pl-latin1",
    requirements: &["EIO-PL-05"],
    breaks: "a POST body is read as Latin-1",
    also: &[("SIO-EV-19", "events on polling are text of such bodies")],
    make: || {
        hooks::body(|_, _, body| {
            let text: String = body.iter().copied().map(char::from).collect();
            *body = text.into_bytes();
        })
    },
}];
