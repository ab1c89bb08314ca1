//! What is too large, too long or too deep, and what is just not.

use super::Outcome::{Closes, Either, Ignores};
use super::Sent::{Packet, Sized};
use super::{Hostile, JOINED, on_websocket, packets};

pub(super) static ROWS: &[Hostile] = &[
    packets(
        "thousand-brackets",
        &[Packet("42[\"ignored\",$([*1000)$(]*1000)]")],
        Either,
        JOINED,
        &["socket.io/robustness/deep-json"],
    ),
    packets(
        "long-name",
        &[Packet("42[\"$(x*100000)\"]")],
        Either,
        JOINED,
        &["socket.io/robustness/long-event-name"],
    ),
    on_websocket(packets(
        "above-the-limit",
        &[Sized(1)],
        Closes,
        JOINED,
        &["engine.io/limits/websocket-message-above-the-limit"],
    )),
    packets(
        "just-within-the-limit",
        &[Sized(0)],
        Ignores,
        JOINED,
        &[
            "engine.io/limits/websocket-message-of-the-largest-size",
            "engine.io/limits/post-of-the-largest-size",
            "socket.io/events/without-a-handler",
        ],
    ),
];
