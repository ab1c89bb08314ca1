//! Faults of order (SIO-OR).

use super::{Fault, hooks};
use crate::session::Frame;

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "or-ack-first",
    requirements: &["SIO-OR-05"],
    breaks: "an acknowledgement overtakes the events that its handler emitted before it",
    also: &[],
    make: || {
        hooks::outward(|_, _, frames| {
            let acknowledges =
                |frame: &Frame| matches!(frame, Frame::Text(text) if text.starts_with("43"));
            frames.sort_by_key(|frame| !acknowledges(frame));
        })
    },
}];
