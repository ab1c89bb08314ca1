//! Faults of events (SIO-EV).

use super::{Fault, hooks};
use crate::seams::Tolerance;
use siospec_codec::DecodeErrorKind;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "ev-unknown-closes",
        requirements: &["SIO-EV-05"],
        breaks: "an event without handler closes the connection",
        also: &[("SIO-ACK-09", "its connection does not survive to be asked")],
        make: || {
            hooks::unhandled(|view, _, _| {
                let sid = view.sid().to_owned();
                view.later(move |server| server.close_session(&sid));
            })
        },
    },
    Fault {
        name: "ev-trailing-garbage",
        requirements: &["SIO-EV-13"],
        breaks: "what follows the JSON of a packet is ignored",
        also: &[("SIO-CE-12", "`40{}x` is such a packet")],
        make: || {
            hooks::config(|config| {
                config.leniency = config.leniency.allow(DecodeErrorKind::TrailingData);
            })
        },
    },
    Fault {
        name: "ev-throw-kills",
        requirements: &["SIO-EV-17"],
        breaks: "an error in a handler ends the connection",
        also: &[],
        make: || hooks::panicked(|| Tolerance::Close),
    },
];
