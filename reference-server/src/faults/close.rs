//! Faults of the end of sessions (EIO-CL).

use super::{Fault, hooks};
use crate::seams::Tolerance;
use crate::session::close_code;
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "cl-ws-left-open",
        requirements: &["EIO-CL-07"],
        breaks: "a session that the server closes leaves its WebSocket open",
        also: &[("SIO-DC-08", "a kick that closes closes this way")],
        make: || {
            hooks::hangup(|_, _, code| match *code {
                close_code::NORMAL => Tolerance::Ignore,
                _ => Tolerance::Close,
            })
        },
    },
    Fault {
        name: "cl-shutdown-hangs",
        requirements: &["EIO-CL-11"],
        breaks: "a server that is told to stop does not hear it for a minute",
        also: &[],
        make: || hooks::stopping(|| Duration::from_secs(60)),
    },
];
