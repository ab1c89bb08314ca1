//! WebSocket frames that are wrong.

use super::Outcome::{Closes, Waits};
use super::Sent::Frame;
use super::{Hostile, frames};

pub(super) static ROWS: &[Hostile] = &[
    frames(
        "no-packet",
        &[Frame("{opcode: text, payload: abc}")],
        Closes,
        &[
            "engine.io/websocket/no-packet-ends-the-connection",
            "socket.io/disconnect/one-event-after-a-frame-that-is-no-packet",
        ],
    ),
    frames(
        "reserved-bit",
        &[Frame("{opcode: text, rsv: 4, payload: '3'}")],
        Closes,
        &["engine.io/websocket/reserved-bit"],
    ),
    frames(
        "reserved-opcode",
        &[Frame("{opcode: 3, payload: ''}")],
        Closes,
        &["engine.io/websocket/reserved-opcode"],
    ),
    frames(
        "unmasked-frame",
        &[Frame("{opcode: text, masked: false, payload: '3'}")],
        Closes,
        &["engine.io/websocket/unmasked-frame"],
    ),
    frames(
        "no-utf-8",
        &[Frame(
            "{opcode: text, payload: !hex 34325b226e6f7465222c22ff225d}",
        )],
        Closes,
        &["engine.io/websocket/invalid-utf-8"],
    ),
    frames(
        "half-a-fragmented-message",
        &[
            Frame("{opcode: text, fin: false, payload: '42[\"mess'}"),
            Frame("{opcode: text, payload: '3'}"),
        ],
        Closes,
        &["engine.io/websocket/fragments"],
    ),
    frames(
        "continuation-of-nothing",
        &[Frame("{opcode: continuation, payload: 'x'}")],
        Closes,
        &["engine.io/websocket/fragments"],
    ),
    frames(
        "announced-exabyte",
        &[Frame(
            "{opcode: binary, payload: 'x', length: 1152921504606846976}",
        )],
        Waits,
        &["engine.io/limits/websocket-message-above-the-limit"],
    ),
];
