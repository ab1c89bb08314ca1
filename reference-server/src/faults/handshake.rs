//! Faults of handshakes (EIO-HS).

use super::{Fault, hooks};
use crate::session::{Edge, Frame};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "hs-extra-packet",
        requirements: &["EIO-HS-01"],
        breaks: "the answer to a polling handshake carries a noop behind the open packet",
        also: &[],
        make: || {
            hooks::outward(|_, edge, frames| {
                if edge == Edge::Poll
                    && matches!(&frames[0], Frame::Text(text) if text.starts_with('0'))
                {
                    frames.push(Frame::text("6"));
                }
            })
        },
    },
    Fault {
        name: "hs-seconds-not-ms",
        requirements: &["EIO-HS-04"],
        breaks: "the open packet gives `pingInterval` and `pingTimeout` in seconds",
        also: &[],
        make: || {
            hooks::open(|_, handshake| {
                handshake.ping_interval /= 1000;
                handshake.ping_timeout /= 1000;
            })
        },
    },
];
