//! Faults of the wire format (SIO-CO).

use super::{Fault, hooks};
use siospec_codec::engine::{OwnedPacket, PacketType};

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "co-space-is-zero",
    requirements: &["SIO-CO-06"],
    breaks: "white space before the payload of an event is read as id 0",
    also: &[],
    make: || {
        hooks::inward(|_, _, packet, packets| {
            packets.push(match packet {
                OwnedPacket::Text {
                    kind: PacketType::Message,
                    data,
                } if data.starts_with("2 ") => OwnedPacket::message(data.replacen("2 ", "20", 1)),
                packet => packet,
            });
        })
    },
}];
