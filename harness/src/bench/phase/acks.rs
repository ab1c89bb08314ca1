//! Closed loop: each connection has one event under way.

use std::fmt::Write as _;
use std::time::Instant;

use siospec_codec::socket::{Packet, PacketType};

use super::{Count, Phase, Window, says};
use crate::bench::client::Outbox;
use crate::bench::outstanding::Outstanding;

/// `message-with-ack` from each connection, and again when the answer is there.
///
/// Each event carries its connection and its id as arguments, so that an answer to another event is told from its own.
#[derive(Debug)]
pub(crate) struct Acks {
    window: Window,
    /// Smaller ids are of earlier phases, and their answers are only late.
    first: u64,
    asked: Vec<Outstanding>,
    waiting: usize,
    begun: bool,
    count: Count,
    json: String,
}

/// What event number `id` of that client says: its name, if one is given, and its arguments.
pub(super) fn arguments(client: usize, id: u64, name: &str, json: &mut String) {
    json.clear();
    json.push('[');
    if !name.is_empty() {
        let _ = write!(json, "\"{name}\",");
    }
    let _ = write!(json, "\"hello world\",{client},{id}]");
}

impl Acks {
    /// For so many connections; `first` is the first id that no earlier phase has used.
    pub(crate) fn new(clients: usize, first: u64, window: Window) -> Self {
        Self {
            window,
            first,
            asked: (0..clients)
                .map(|_| Outstanding::starting_at(first))
                .collect(),
            waiting: 0,
            begun: false,
            count: Count::default(),
            json: String::new(),
        }
    }

    fn send(&mut self, client: usize, now: Instant, out: &mut Outbox) {
        let id = self.asked[client].ask(now);
        self.waiting += 1;
        arguments(client, id, "message-with-ack", &mut self.json);
        out.event(client, Some(id), &self.json);
    }
}

impl Phase for Acks {
    fn packet(&mut self, client: usize, packet: &Packet<'_>, now: Instant, out: &mut Outbox) {
        if packet.kind != PacketType::Ack {
            return;
        }
        let id = packet.id.and_then(|id| id.as_u64()).unwrap_or(u64::MAX);
        if id < self.first {
            return;
        }
        let Ok(at) = self.asked[client].answer(id) else {
            self.count.errors.unasked += 1;
            return;
        };
        self.waiting -= 1;
        self.count.times.record(now - at);
        arguments(client, id, "", &mut self.json);
        if !says(packet, &self.json) {
            self.count.errors.wrong += 1;
        } else if now < self.window.ends {
            self.count.done += 1;
        }
        if now < self.window.ends {
            self.send(client, now, out);
        }
    }

    fn tick(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        if !self.begun {
            self.begun = true;
            (0..self.asked.len()).for_each(|client| self.send(client, now, out));
        }
        None
    }

    fn lost(&mut self, _: usize) {
        self.count.errors.lost += 1;
    }

    fn is_done(&self, now: Instant) -> bool {
        now >= self.window.ends && self.waiting == 0
    }

    fn count(&self) -> &Count {
        &self.count
    }

    fn close(&mut self, now: Instant) {
        for at in self.asked.iter().flat_map(Outstanding::unanswered) {
            self.count.errors.missing += 1;
            self.count.times.record(now - at);
        }
        self.asked.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use siospec_codec::socket::decode;
    use siospec_codec::{Leniency, Limits};

    use super::*;

    fn window(now: Instant) -> Window {
        Window {
            begins: now,
            ends: now + Duration::from_secs(1),
        }
    }

    fn sent(out: &mut Outbox) -> Vec<(usize, String)> {
        let mut sent = Vec::new();
        out.drain(|client, text| sent.push((client, text.to_owned())));
        sent
    }

    fn answer(acks: &mut Acks, client: usize, text: &str, now: Instant, out: &mut Outbox) {
        let packet = decode(text, &Limits::default(), Leniency::STRICT).unwrap();
        acks.packet(client, &packet, now, out);
    }

    #[test]
    fn each_connection_sends_again_when_its_answer_is_there() {
        let (now, mut out) = (Instant::now(), Outbox::default());
        let mut acks = Acks::new(2, 5, window(now));
        acks.tick(now, &mut out);
        let event = |client: usize, id: u64| {
            (
                client,
                format!("42{id}[\"message-with-ack\",\"hello world\",{client},{id}]"),
            )
        };
        assert_eq!(sent(&mut out), [event(0, 5), event(1, 5)]);
        let later = now + Duration::from_micros(50);
        answer(&mut acks, 1, "35[\"hello world\", 1, 5]", later, &mut out);
        assert_eq!(sent(&mut out), [event(1, 6)]);
        assert_eq!((acks.count.done, acks.count.errors.sum()), (1, 0));
        assert!(!acks.is_done(later));
    }

    #[test]
    fn what_is_wrong_doubled_or_missing_is_no_speed() {
        let (now, mut out) = (Instant::now(), Outbox::default());
        let mut acks = Acks::new(2, 0, window(now));
        acks.tick(now, &mut out);
        answer(&mut acks, 0, "30[\"hello world\",1,0]", now, &mut out);
        answer(&mut acks, 0, "30[\"hello world\",0,0]", now, &mut out);
        let end = now + Duration::from_secs(3);
        acks.close(end);
        let errors = acks.count.errors;
        assert_eq!((errors.wrong, errors.unasked, errors.missing), (1, 1, 2));
        assert_eq!(acks.count.done, 0);
        let longest = acks.count.times.latency().max.unwrap();
        assert!(
            longest > 2.9e6,
            "the unanswered ones waited for 3 s: {longest}"
        );
    }

    #[test]
    fn what_comes_after_the_end_is_waited_for_and_not_counted() {
        let (now, mut out) = (Instant::now(), Outbox::default());
        let mut acks = Acks::new(1, 0, window(now));
        acks.tick(now, &mut out);
        let late = now + Duration::from_millis(1500);
        assert!(!acks.is_done(late));
        answer(&mut acks, 0, "30[\"hello world\",0,0]", late, &mut out);
        assert_eq!(acks.count.done, 0);
        assert_eq!(sent(&mut out).len(), 1);
        assert!(acks.is_done(late));
    }
}
