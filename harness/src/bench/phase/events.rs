//! Events one way: the server sends bursts, and each event is counted by its number.

use std::time::Instant;

use siospec_codec::socket::Packet;

use super::{Count, Phase, Window, numbered};
use crate::bench::client::Outbox;

/// Events of one burst. Some servers hold 128 packets for a client and throw away what is more.
pub(crate) const BURST: u64 = 100;

/// `burst` from each connection, and again when its last event is there.
#[derive(Debug)]
pub(crate) struct Bursts {
    window: Window,
    clients: Vec<Place>,
    open: usize,
    begun: bool,
    count: Count,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    /// When the burst was asked for.
    at: Instant,
    /// The number that the next event must have; [`BURST`] where none is awaited.
    next: u64,
}

impl Bursts {
    /// For so many connections.
    pub(crate) fn new(clients: usize, window: Window) -> Self {
        let place = Place {
            at: window.begins,
            next: BURST,
        };
        Self {
            window,
            clients: vec![place; clients],
            open: 0,
            begun: false,
            count: Count::default(),
        }
    }

    fn send(&mut self, client: usize, now: Instant, out: &mut Outbox) {
        self.clients[client] = Place { at: now, next: 0 };
        self.open += 1;
        out.event(client, None, &format!("[\"burst\",{BURST}]"));
    }
}

impl Phase for Bursts {
    fn packet(&mut self, client: usize, packet: &Packet<'_>, now: Instant, out: &mut Outbox) {
        let Some(number) = numbered(packet, "burst") else {
            return;
        };
        let place = &mut self.clients[client];
        if place.next == BURST {
            self.count.errors.unasked += 1;
            return;
        }
        match number {
            Some(number) if number == place.next => place.next += 1,
            // Those in between may be lost or late; if they come yet, they are out of order.
            Some(number) if (place.next..BURST).contains(&number) => {
                self.count.errors.missing += number - place.next;
                place.next = number + 1;
            }
            _ => {
                self.count.errors.wrong += 1;
                return;
            }
        }
        let (at, next) = (place.at, place.next);
        self.count.times.record(now - at);
        if now < self.window.ends {
            self.count.done += 1;
        }
        if next == BURST {
            self.open -= 1;
            if now < self.window.ends {
                self.send(client, now, out);
            }
        }
    }

    fn tick(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        if !self.begun {
            self.begun = true;
            (0..self.clients.len()).for_each(|client| self.send(client, now, out));
        }
        None
    }

    fn lost(&mut self, _: usize) {
        self.count.errors.lost += 1;
    }

    fn is_done(&self, now: Instant) -> bool {
        now >= self.window.ends && self.open == 0
    }

    fn count(&self) -> &Count {
        &self.count
    }

    fn close(&mut self, _: Instant) {
        let missing = self.clients.iter().map(|place| BURST - place.next);
        self.count.errors.missing += missing.sum::<u64>();
        self.clients.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use siospec_codec::socket::decode;
    use siospec_codec::{Leniency, Limits};

    use super::*;

    fn hear(bursts: &mut Bursts, numbers: impl IntoIterator<Item = u64>, out: &mut Outbox) {
        for number in numbers {
            let text = format!("2[\"burst\",{number}]");
            let packet = decode(&text, &Limits::default(), Leniency::STRICT).unwrap();
            bursts.packet(0, &packet, Instant::now(), out);
        }
    }

    fn begun(out: &mut Outbox) -> Bursts {
        let now = Instant::now();
        let window = Window {
            begins: now,
            ends: now + Duration::from_secs(600),
        };
        let mut bursts = Bursts::new(1, window);
        bursts.tick(now, out);
        out.drain(|_, text| assert_eq!(text, "42[\"burst\",100]"));
        bursts
    }

    #[test]
    fn the_last_of_a_burst_asks_for_the_next() {
        let mut out = Outbox::default();
        let mut bursts = begun(&mut out);
        hear(&mut bursts, 0..99, &mut out);
        assert!(out.is_empty());
        hear(&mut bursts, [99], &mut out);
        assert!(!out.is_empty());
        assert_eq!((bursts.count.done, bursts.count.errors.sum()), (100, 0));
    }

    #[test]
    fn a_gap_is_missing_and_what_comes_out_of_order_is_wrong() {
        let mut out = Outbox::default();
        let mut bursts = begun(&mut out);
        hear(&mut bursts, [0, 1, 5, 3], &mut out);
        assert_eq!(
            (bursts.count.errors.missing, bursts.count.errors.wrong),
            (3, 1)
        );
        bursts.close(Instant::now());
        assert_eq!(bursts.count.errors.missing, 3 + 94);
    }
}
