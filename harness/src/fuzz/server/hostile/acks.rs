//! Acknowledgements, and ids of them, that are wrong.

use super::Outcome::{Closes, Ignores};
use super::Sent::Packet;
use super::{Hostile, JOINED, packets, to_the_app};

const ACK_ID: &[&str] = &["socket.io/acks/id-that-is-no-number-closes"];

pub(super) static ROWS: &[Hostile] = &[
    to_the_app(packets(
        "negative-id",
        &[Packet("42-1[\"message-with-ack\",1]")],
        Closes,
        JOINED,
        ACK_ID,
    )),
    to_the_app(packets(
        "fraction-as-id",
        &[Packet("421.5[\"message-with-ack\",1]")],
        Closes,
        JOINED,
        ACK_ID,
    )),
    packets(
        "ack-of-an-object",
        &[Packet("431{}")],
        Closes,
        JOINED,
        &["socket.io/acks/payload-that-is-no-array-closes"],
    ),
    packets(
        "ack-of-nothing-asked",
        &[Packet("4399999[1]")],
        Ignores,
        JOINED,
        &["socket.io/acks/unknown-id-is-ignored"],
    ),
];
