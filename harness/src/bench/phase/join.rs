//! Everybody joins the room.

use std::time::Instant;

use siospec_codec::socket::{Packet, PacketType};

use super::{Count, Phase, says};
use crate::bench::client::Outbox;

/// The room of broadcasts.
pub(crate) const ROOM: &str = "bench";

/// `join` from each connection, acknowledged.
#[derive(Debug)]
pub(crate) struct Join {
    clients: usize,
    id: u64,
    waiting: usize,
    begun: bool,
    count: Count,
}

impl Join {
    /// For so many connections, with this id.
    pub(crate) fn new(clients: usize, id: u64) -> Self {
        Self {
            clients,
            id,
            waiting: clients,
            begun: false,
            count: Count::default(),
        }
    }
}

impl Phase for Join {
    fn packet(&mut self, _: usize, packet: &Packet<'_>, _: Instant, _: &mut Outbox) {
        if packet.kind == PacketType::Ack && packet.id.and_then(|id| id.as_u64()) == Some(self.id) {
            self.waiting = self.waiting.saturating_sub(1);
            if !says(packet, &format!("[[\"{ROOM}\"]]")) {
                self.count.errors.wrong += 1;
            }
        }
    }

    fn tick(&mut self, _: Instant, out: &mut Outbox) -> Option<Instant> {
        if !self.begun {
            self.begun = true;
            let payload = format!("[\"join\",[\"{ROOM}\"]]");
            (0..self.clients).for_each(|client| out.event(client, Some(self.id), &payload));
        }
        None
    }

    fn lost(&mut self, _: usize) {
        self.count.errors.lost += 1;
    }

    fn is_done(&self, _: Instant) -> bool {
        self.waiting == 0
    }

    fn count(&self) -> &Count {
        &self.count
    }

    fn close(&mut self, _: Instant) {
        self.count.errors.missing += self.waiting as u64;
        self.waiting = 0;
    }
}
