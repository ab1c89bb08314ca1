//! Broadcasts to a room of all connections.

use std::collections::VecDeque;
use std::time::Instant;

use siospec_codec::socket::Packet;

use super::join::ROOM;
use super::{Count, Phase, Window, numbered};
use crate::bench::client::Outbox;

/// Broadcasts under way at once: the server has the next one at hand while the last of the one before are on their way.
const UNDER_WAY: usize = 2;

/// `emit-to` from the first connection, to everybody in the room; the next when everybody has it.
#[derive(Debug)]
pub(crate) struct FanOut {
    window: Window,
    clients: usize,
    under_way: VecDeque<Broadcast>,
    next: u64,
    begun: bool,
    count: Count,
}

#[derive(Debug)]
struct Broadcast {
    number: u64,
    at: Instant,
    has: Vec<bool>,
    left: usize,
}

impl FanOut {
    /// For so many members of the room; numbers from `first` on.
    pub(crate) fn new(clients: usize, first: u64, window: Window) -> Self {
        Self {
            window,
            clients,
            under_way: VecDeque::with_capacity(UNDER_WAY),
            next: first,
            begun: false,
            count: Count::default(),
        }
    }

    fn send(&mut self, now: Instant, out: &mut Outbox) {
        let number = self.next;
        self.next += 1;
        self.under_way.push_back(Broadcast {
            number,
            at: now,
            has: vec![false; self.clients],
            left: self.clients,
        });
        let payload = format!(
            "[\"emit-to\",{{\"from\":\"io\",\"to\":[\"{ROOM}\"]}},\"news\",\"hello world\",{number}]"
        );
        out.event(0, None, &payload);
    }
}

impl Phase for FanOut {
    fn packet(&mut self, client: usize, packet: &Packet<'_>, now: Instant, out: &mut Outbox) {
        let Some(number) = numbered(packet, "news") else {
            return;
        };
        let mut under_way = self.under_way.iter();
        let place = under_way.position(|one| Some(one.number) == number);
        let Some((place, one)) = place.and_then(|at| Some((at, self.under_way.get_mut(at)?)))
        else {
            self.count.errors.unasked += 1;
            return;
        };
        if std::mem::replace(&mut one.has[client], true) {
            self.count.errors.unasked += 1;
            return;
        }
        one.left -= 1;
        let left = one.left;
        self.count.times.record(now - one.at);
        if now < self.window.ends {
            self.count.done += 1;
        }
        if left == 0 {
            self.under_way.remove(place);
            if now < self.window.ends {
                self.send(now, out);
            }
        }
    }

    fn tick(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        if !self.begun {
            self.begun = true;
            (0..UNDER_WAY).for_each(|_| self.send(now, out));
        }
        None
    }

    fn lost(&mut self, _: usize) {
        self.count.errors.lost += 1;
    }

    fn is_done(&self, now: Instant) -> bool {
        now >= self.window.ends && self.under_way.is_empty()
    }

    fn count(&self) -> &Count {
        &self.count
    }

    fn close(&mut self, _: Instant) {
        let missing = self.under_way.drain(..).map(|one| one.left as u64);
        self.count.errors.missing += missing.sum::<u64>();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use siospec_codec::socket::decode;
    use siospec_codec::{Leniency, Limits};

    use super::*;

    #[test]
    fn every_member_must_have_each_broadcast_once() {
        let (now, mut out) = (Instant::now(), Outbox::default());
        let window = Window {
            begins: now,
            ends: now + Duration::from_secs(1),
        };
        let mut fan_out = FanOut::new(2, 7, window);
        fan_out.tick(now, &mut out);
        let mut sent = Vec::new();
        out.drain(|client, text| sent.push((client, text.to_owned())));
        assert_eq!(sent.len(), UNDER_WAY);
        let text =
            "42[\"emit-to\",{\"from\":\"io\",\"to\":[\"bench\"]},\"news\",\"hello world\",7]";
        assert_eq!(sent[0], (0, text.to_owned()));
        let mut hear = |fan_out: &mut FanOut, client: usize, number: u64| {
            let text = format!("2[\"news\",\"hello world\",{number}]");
            let packet = decode(&text, &Limits::default(), Leniency::STRICT).unwrap();
            fan_out.packet(client, &packet, now, &mut out);
            let mut sent = 0;
            out.drain(|_, _| sent += 1);
            sent
        };
        assert_eq!(hear(&mut fan_out, 1, 8), 0);
        assert_eq!(hear(&mut fan_out, 0, 7), 0);
        assert_eq!(
            hear(&mut fan_out, 0, 7),
            0,
            "the second one counts as unasked"
        );
        assert_eq!(hear(&mut fan_out, 1, 7), 1, "everybody has 7, so 9 is sent");
        assert_eq!((fan_out.count.done, fan_out.count.errors.unasked), (3, 1));
        fan_out.close(now);
        assert_eq!(fan_out.count.errors.missing, 1 + 2);
    }
}
