//! A WebSocket that wants to take a polling session over.

use super::SocketId;
use siospec_codec::engine::{OwnedPacket, PacketType};
use std::time::Instant;

/// The upgrade in progress of one session; there is never a second one (EIO-UP-13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The WebSocket that asks.
    pub socket: SocketId,
    /// When it is given up (EIO-UP-16).
    pub deadline: Instant,
    /// Whether the probe has been answered: from then on every GET is completed at once (EIO-UP-03, EIO-UP-23).
    pub probed: bool,
}

/// What a packet on the new WebSocket means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Answer the probe on that WebSocket (EIO-UP-01).
    Answer,
    /// The session moves over (EIO-UP-05).
    Complete,
    /// Not a step of an upgrade: this WebSocket is closed, and the polling session lives on (EIO-UP-14).
    Refuse,
}

impl Upgrade {
    /// An upgrade that has until `deadline`.
    pub fn new(socket: SocketId, deadline: Instant) -> Self {
        Self {
            socket,
            deadline,
            probed: false,
        }
    }

    /// Takes a packet that came on the new WebSocket.
    ///
    /// `5` without a probe before it is refused (EIO-UP-20).
    pub fn step(&mut self, packet: &OwnedPacket) -> Step {
        match packet {
            OwnedPacket::Text {
                kind: PacketType::Ping,
                data,
            } if data == "probe" => {
                self.probed = true;
                Step::Answer
            }
            OwnedPacket::Text {
                kind: PacketType::Upgrade,
                ..
            } if self.probed => Step::Complete,
            _ => Step::Refuse,
        }
    }
}
