//! Open loop: events at fixed times, whatever the server does.

use std::time::{Duration, Instant};

use siospec_codec::socket::{Packet, PacketType};

use super::acks::arguments;
use super::{Count, Phase, Window, says};
use crate::bench::client::Outbox;
use crate::bench::outstanding::Outstanding;

/// `message-with-ack`, a fixed number a second, the connections in turn.
///
/// Each time is taken from the moment at which the event was *to be* sent. A client that waits for a slow answer
/// before it sends the next event leaves out just the times that would have been bad; this one does not wait.
#[derive(Debug)]
pub(crate) struct Paced {
    window: Window,
    /// Smaller ids are of earlier phases, and their answers are only late.
    first: u64,
    /// Nanoseconds between two events.
    step: f64,
    sent: u64,
    asked: Vec<Outstanding>,
    waiting: usize,
    count: Count,
    json: String,
}

impl Paced {
    /// `rate` events a second over so many connections; ids from `first` on.
    pub(crate) fn new(clients: usize, first: u64, rate: u32, window: Window) -> Self {
        Self {
            window,
            first,
            step: 1e9 / f64::from(rate.max(1)),
            sent: 0,
            asked: (0..clients)
                .map(|_| Outstanding::starting_at(first))
                .collect(),
            waiting: 0,
            count: Count::default(),
            json: String::new(),
        }
    }

    fn due(&self) -> Instant {
        self.window.begins + Duration::from_nanos((self.sent as f64 * self.step) as u64)
    }
}

impl Phase for Paced {
    fn packet(&mut self, client: usize, packet: &Packet<'_>, now: Instant, _: &mut Outbox) {
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
        self.count.times.record(now.saturating_duration_since(at));
        arguments(client, id, "", &mut self.json);
        if !says(packet, &self.json) {
            self.count.errors.wrong += 1;
        } else if now < self.window.ends {
            self.count.done += 1;
        }
    }

    fn tick(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        loop {
            let due = self.due();
            if due >= self.window.ends {
                return None;
            }
            if due > now {
                return Some(due);
            }
            let client = usize::try_from(self.sent % self.asked.len().max(1) as u64).ok()?;
            let id = self.asked.get_mut(client)?.ask(due);
            self.sent += 1;
            self.waiting += 1;
            self.count.late.record(now - due);
            arguments(client, id, "message-with-ack", &mut self.json);
            out.event(client, Some(id), &self.json);
        }
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
            self.count.times.record(now.saturating_duration_since(at));
        }
        self.asked.clear();
    }
}

#[cfg(test)]
mod tests {
    use siospec_codec::socket::decode;
    use siospec_codec::{Leniency, Limits};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn paced(clients: usize, now: Instant) -> Paced {
        let window = Window {
            begins: now,
            ends: now + 100 * MS,
        };
        Paced::new(clients, 0, 1000, window)
    }

    #[test]
    fn a_stall_is_felt_by_every_event_that_was_due_in_it() {
        let (now, mut out) = (Instant::now(), Outbox::default());
        let mut paced = paced(1, now);
        // Time is looked at every millisecond; the server answers nothing for 100 ms, and then everything.
        for ms in 0..100 {
            let wake = paced.tick(now + ms * MS, &mut out);
            assert_eq!(wake, (ms < 99).then(|| now + (ms + 1) * MS));
        }
        let end = now + 100 * MS;
        for id in 0..100 {
            let text = format!("3{id}[\"hello world\",0,{id}]");
            let packet = decode(&text, &Limits::default(), Leniency::STRICT).unwrap();
            paced.packet(0, &packet, end, &mut out);
        }
        assert!(paced.is_done(end));
        let latency = paced.count.times.latency();
        let half = latency.p50.unwrap();
        assert!(
            (50_000.0..53_000.0).contains(&half),
            "a closed loop has seen one slow answer: {half}"
        );
        assert!(latency.max.unwrap() >= 99_900.0);
    }

    #[test]
    fn a_client_that_wakes_late_takes_the_time_from_when_it_should_have_sent() {
        let (now, mut out) = (Instant::now(), Outbox::default());
        let mut paced = paced(3, now);
        assert_eq!(paced.tick(now + 10 * MS, &mut out), Some(now + 11 * MS));
        let mut clients = Vec::new();
        out.drain(|client, _| clients.push(client));
        assert_eq!(clients, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]);
        let packet = decode(
            "30[\"hello world\",0,0]",
            &Limits::default(),
            Leniency::STRICT,
        )
        .unwrap();
        paced.packet(0, &packet, now + 11 * MS, &mut out);
        assert!(paced.count.times.latency().max.unwrap() >= 10_900.0);
        assert!(paced.count.late.latency().max.unwrap() >= 9_900.0);
    }

    #[test]
    fn what_is_never_answered_is_counted_with_the_time_it_was_waited_for() {
        let (now, mut out) = (Instant::now(), Outbox::default());
        let mut paced = paced(1, now);
        paced.tick(now, &mut out);
        paced.close(now + 2000 * MS);
        assert_eq!(paced.count.errors.missing, 1);
        assert!(paced.count.times.latency().max.unwrap() > 1.9e6);
    }
}
