//! What is said while one thing is measured: who sends when, and what every answer must be.
//!
//! A phase knows no socket and no clock: packets and `now` are arguments, what is to be sent goes into the outbox.

mod acks;
mod events;
mod fan_out;
mod join;
mod paced;

use std::time::Instant;

use serde::{Deserialize, Serialize};
use siospec_codec::socket::{Packet, PacketType};

pub(super) use acks::Acks;
pub(super) use events::{BURST, Bursts};
pub(super) use fan_out::FanOut;
pub(super) use join::Join;
pub(super) use paced::Paced;

use super::client::Outbox;
use super::latency::Times;

/// One conversation of all connections.
pub(crate) trait Phase {
    /// A packet came in.
    fn packet(&mut self, client: usize, packet: &Packet<'_>, now: Instant, out: &mut Outbox);

    /// Time goes by; called before each wait. Says when it wants to be called again at the latest.
    fn tick(&mut self, _now: Instant, _out: &mut Outbox) -> Option<Instant> {
        None
    }

    /// A connection is gone.
    fn lost(&mut self, _client: usize) {}

    /// Whether nothing is left to wait for.
    fn is_done(&self, now: Instant) -> bool;

    /// What was counted so far.
    fn count(&self) -> &Count;

    /// Nothing more will be waited for: what is missing is counted as missing.
    fn close(&mut self, now: Instant);
}

/// What a phase has counted.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// What came back right and in time to be counted for the rate.
    pub(crate) done: u64,
    /// How long each took.
    pub(crate) times: Times,
    /// How late the client itself was in sending.
    pub(crate) late: Times,
    /// What went wrong.
    pub(crate) errors: Errors,
}

/// What went wrong while it was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    /// Asked for and never come: nothing at all had come for two seconds when waiting was given up, or 30 had gone by.
    pub missing: u64,
    /// Come with other contents than asked for, or out of order.
    pub wrong: u64,
    /// Come twice, or never asked for.
    pub unasked: u64,
    /// Connections that were lost.
    pub lost: u64,
}

impl Errors {
    /// All together.
    pub fn sum(&self) -> u64 {
        self.missing + self.wrong + self.unasked + self.lost
    }

    /// Both.
    pub fn and(self, other: Self) -> Self {
        Self {
            missing: self.missing + other.missing,
            wrong: self.wrong + other.wrong,
            unasked: self.unasked + other.unasked,
            lost: self.lost + other.lost,
        }
    }
}

/// The time in which something is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Nothing is sent before it.
    pub(crate) begins: Instant,
    /// Nothing is sent after it, and what comes after it does not count for the rate.
    pub(crate) ends: Instant,
}

/// The phase in which nothing is said.
#[derive(Debug)]
pub(crate) struct Silence;

impl Phase for Silence {
    fn packet(&mut self, _: usize, _: &Packet<'_>, _: Instant, _: &mut Outbox) {}

    fn is_done(&self, _: Instant) -> bool {
        false
    }

    fn count(&self) -> &Count {
        static NOTHING: std::sync::OnceLock<Count> = std::sync::OnceLock::new();
        NOTHING.get_or_init(Count::default)
    }

    fn close(&mut self, _: Instant) {}
}

/// Whether an acknowledgement or event says exactly this JSON, white space aside.
fn says(packet: &Packet<'_>, json: &str) -> bool {
    let Some(payload) = packet.payload else {
        return false;
    };
    payload == json || {
        let tree = |text: &str| siospec_codec::read_json(text).ok();
        tree(payload).is_some_and(|payload| Some(payload) == tree(json))
    }
}

/// The whole number that is the last argument of the event of that name; `None` if it is another event.
fn numbered(packet: &Packet<'_>, name: &str) -> Option<Option<u64>> {
    if packet.kind != PacketType::Event {
        return None;
    }
    let event = packet.event().filter(|event| event.name() == *name)?;
    Some(event.raw_args().last().and_then(|raw| raw.parse().ok()))
}
