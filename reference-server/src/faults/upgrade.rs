//! Faults of upgrades (EIO-UP).

use super::{Fault, hooks};
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "up-pong-without-probe",
        requirements: &["EIO-UP-01"],
        breaks: "a probe is answered `3` instead of `3probe`",
        also: &[],
        make: || {
            hooks::outward(|_, _, frames| {
                for frame in frames {
                    hooks::rewrite(frame, |text| (text == "3probe").then(|| "3".to_owned()));
                }
            })
        },
    },
    Fault {
        name: "up-no-timeout",
        requirements: &["EIO-UP-16"],
        breaks: "an upgrade that is never completed stays open",
        also: &[],
        make: || hooks::config(|config| config.upgrade_timeout = Duration::from_secs(3600)),
    },
];
