//! Events that are none.

use super::Outcome::{Closes, Either, Ignores};
use super::Sent::Packet;
use super::{Hostile, JOINED, packets, to_the_app};

const NO_ARRAY: &[&str] = &["socket.io/events/payload-that-is-no-array-closes"];
const BROKEN: &[&str] = &["socket.io/events/broken-json-closes"];
const NAME: &[&str] = &["socket.io/events/name-of-another-type-closes"];
const TYPE: &[&str] = &[
    "socket.io/events/unknown-type-closes",
    "engine.io/websocket/unknown-type-ends-the-connection",
    "engine.io/payload/unknown-type-closes-the-session",
    "socket.io/codec/other-digits-are-no-type",
];
const GARBAGE: &[&str] = &["socket.io/robustness/garbage"];

pub(super) static ROWS: &[Hostile] = &[
    packets(
        "empty-array",
        &[Packet("42[]")],
        Closes,
        JOINED,
        &["socket.io/events/empty-array-closes"],
    ),
    packets(
        "no-payload",
        &[Packet("42")],
        Closes,
        JOINED,
        &["socket.io/events/missing-payload-closes"],
    ),
    packets(
        "no-payload-behind-an-id",
        &[Packet("4212")],
        Closes,
        JOINED,
        &["socket.io/events/missing-payload-closes"],
    ),
    packets(
        "object-as-payload",
        &[Packet("42{}")],
        Closes,
        JOINED,
        NO_ARRAY,
    ),
    packets(
        "string-as-payload",
        &[Packet("42\"x\"")],
        Closes,
        JOINED,
        NO_ARRAY,
    ),
    packets(
        "null-as-payload",
        &[Packet("42null")],
        Closes,
        JOINED,
        NO_ARRAY,
    ),
    packets(
        "open-bracket",
        &[Packet("42[\"message\"")],
        Closes,
        JOINED,
        BROKEN,
    ),
    packets(
        "trailing-comma",
        &[Packet("42[\"a\",]")],
        Closes,
        JOINED,
        BROKEN,
    ),
    packets(
        "not-a-number",
        &[Packet("42[\"message\",NaN]")],
        Closes,
        JOINED,
        BROKEN,
    ),
    packets(
        "null-as-name",
        &[Packet("42[null,\"x\"]")],
        Closes,
        JOINED,
        NAME,
    ),
    packets(
        "object-as-name",
        &[Packet("42[{\"toString\":\"foo\"},\"x\"]")],
        Closes,
        JOINED,
        NAME,
    ),
    packets(
        "number-as-name",
        &[Packet("42[1,\"x\"]")],
        Ignores,
        JOINED,
        &["socket.io/events/number-as-name"],
    ),
    packets(
        "reserved-name",
        &[Packet("42[\"disconnect\",\"x\"]")],
        Closes,
        JOINED,
        &[
            "socket.io/events/reserved-name-closes",
            "socket.io/events/reserved-name-triggers-no-handler",
        ],
    ),
    to_the_app(packets(
        "text-behind-the-payload",
        &[Packet("42[\"message\",\"x\"]y")],
        Closes,
        JOINED,
        &["socket.io/events/text-behind-the-payload-closes"],
    )),
    packets(
        "unknown-socket-type",
        &[Packet("49[\"x\"]")],
        Closes,
        JOINED,
        TYPE,
    ),
    packets("letters-as-type", &[Packet("4abc")], Closes, JOINED, TYPE),
    packets("unknown-engine-type", &[Packet("9")], Closes, None, TYPE),
    packets(
        "unhandled-name",
        &[Packet("42[\"__proto__\",\"x\"]")],
        Ignores,
        JOINED,
        &[
            "socket.io/robustness/prototype-names",
            "socket.io/events/without-a-handler",
        ],
    ),
    packets("braces", &[Packet("4{{{{")], Either, JOINED, GARBAGE),
    packets("slashes", &[Packet("42////////")], Either, JOINED, GARBAGE),
];
