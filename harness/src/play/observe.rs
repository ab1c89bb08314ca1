//! What a client awaits: packets, nothing, silence, life.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::fence::Fence;
use super::player::{Actor, Player};
use super::queue::{NoPacket, held};
use super::trouble::{Trouble, shown};
use crate::client::packet::head;
use crate::client::{Arrival, Connection, What};
use crate::judge::{Received, any_order};
use crate::scenario::literal::{FramePattern, PacketPattern};
use crate::scenario::model::Layer;

impl Player<'_> {
    /// The packets that the patterns describe are the next ones of the connection, or of the
    /// namespace; returns when the last one arrived.
    pub(super) async fn expect(
        &self,
        actor: &Actor,
        layer: Layer,
        patterns: &[PacketPattern],
        ns: Option<&str>,
        deadline: Instant,
    ) -> Result<Duration, Trouble> {
        let connection = self.connection(actor, layer)?;
        let mut at = self.recorder.now();
        let mut taken = VecDeque::new();
        for pattern in patterns {
            loop {
                if taken.is_empty() {
                    let next = self.next(actor, &connection, ns, deadline).await;
                    taken.extend(next.map_err(|why| {
                        self.missing(&connection, actor, why)
                            .expected(&pattern.written)
                    })?);
                }
                let Some(arrival) = taken.pop_front() else {
                    continue;
                };
                let packet = self.isolation.incoming(&super::act::packet(&arrival));
                let judged = self.with(actor, |captures| pattern.matches(&packet, captures));
                match judged {
                    Ok(()) => {
                        self.took(actor, [&arrival]);
                        at = arrival.at;
                        break;
                    }
                    Err(_) if self.tolerates(actor, &packet) => {}
                    Err(mismatch) => {
                        self.took(actor, [&arrival]);
                        self.unlike(actor);
                        let mut trouble = Trouble::new("another packet came than was expected")
                            .expected(&pattern.written)
                            .received(&packet);
                        if !mismatch.path.is_empty() {
                            trouble.notes.push(mismatch.to_string());
                            trouble.json_path = Some(mismatch.path);
                        } else {
                            trouble.notes.extend(mismatch.reason);
                        }
                        return Err(trouble.waiting(&self.waiting(&connection)));
                    }
                }
            }
        }
        match taken.front() {
            None => Ok(at),
            Some(extra) => Err(
                Trouble::new("a packet has attachments that nobody expected")
                    .received(shown(&extra.what)),
            ),
        }
    }

    /// The packets that the patterns describe are the next ones, in whatever order.
    pub(super) async fn any_order(
        &self,
        actor: &Actor,
        layer: Layer,
        patterns: &[PacketPattern],
        ns: Option<&str>,
        deadline: Instant,
    ) -> Result<Duration, Trouble> {
        let connection = self.connection(actor, layer)?;
        let mut received: Vec<Received> = Vec::new();
        let mut at = self.recorder.now();
        loop {
            let judged = self.with(actor, |captures| any_order(patterns, &received, captures));
            match judged {
                Ok(0) => return Ok(at),
                Ok(_) => {}
                Err(mismatch) => {
                    let last = received.pop();
                    if last
                        .as_ref()
                        .is_some_and(|last| self.tolerates(actor, last))
                    {
                        continue;
                    }
                    self.unlike(actor);
                    let mut trouble = Trouble::new("a packet came that is none of the expected")
                        .expected(listed(patterns));
                    if let Some(last) = last {
                        trouble = trouble.received(last);
                    }
                    trouble.notes.push(mismatch.to_string());
                    trouble
                        .notes
                        .extend(received.iter().map(|p| format!("before: {p}")));
                    return Err(trouble.waiting(&self.waiting(&connection)));
                }
            }
            let next = self.next(actor, &connection, ns, deadline).await;
            let next = next.map_err(|why| {
                let mut trouble = self
                    .missing(&connection, actor, why)
                    .expected(listed(patterns));
                trouble
                    .notes
                    .extend(received.iter().map(|p| format!("came: {p}")));
                trouble
            })?;
            self.took(actor, &next);
            for arrival in next {
                at = arrival.at;
                received.push(self.isolation.incoming(&super::act::packet(&arrival)));
            }
        }
    }

    /// A fence: after it, nothing else has arrived.
    pub(super) async fn nothing(
        &self,
        actor: &Actor,
        layer: Layer,
        ns: Option<&str>,
        deadline: Instant,
    ) -> Result<Duration, Trouble> {
        let connection = self.connection(actor, layer)?;
        let arrivals = connection.arrivals();
        if arrivals.ended() && arrivals.waiting().is_empty() {
            return Ok(self.recorder.now());
        }
        let on_websocket = matches!(connection, Connection::WebSocket(_));
        let mut fences = self.fences(&connection, ns);
        self.raise(actor, layer, &fences, deadline).await?;
        let mut at = self.recorder.now();
        while !fences.is_empty() {
            let choose = |queue: &VecDeque<Arrival>| {
                for (index, arrival) in queue.iter().enumerate() {
                    match &arrival.what {
                        What::Packet(packet) => {
                            let answered = fences.iter().any(|f| f.is_answered_by(packet));
                            let elsewhere =
                                ns.is_some_and(|ns| head(packet).is_none_or(|head| head.ns != ns));
                            // A noop carries nothing. Where none may come is EIO-UP-18's own matter,
                            // which expects the packet that must come instead.
                            let noop = on_websocket && is_noop(packet);
                            let skipped = elsewhere || noop || self.passes_over(&arrival.what);
                            if answered || !skipped {
                                return Ok(Some((index, 1)));
                            }
                        }
                        What::Control(..) => {}
                        last => return Err(last.clone()),
                    }
                }
                Ok(None)
            };
            let taken = self
                .pumped(actor, &connection, arrivals.take(deadline, choose))
                .await;
            let arrival = match taken {
                Ok(Some(taken)) => taken.into_iter().next(),
                Ok(None) => {
                    return Err(Trouble::late("a round trip was not answered in time")
                        .expected("nothing but the answer to the fence")
                        .waiting(&self.waiting(&connection)));
                }
                Err(last) => {
                    return Err(self
                        .missing(&connection, actor, NoPacket::Last(last))
                        .expected("nothing but the answer to the fence"));
                }
            };
            let Some(arrival) = arrival else { continue };
            let packet = super::act::packet(&arrival);
            if let Some(index) = fences.iter().position(|f| f.is_answered_by(&packet)) {
                fences.remove(index);
                at = arrival.at;
                continue;
            }
            if self.tolerates(actor, &packet) {
                continue;
            }
            self.took(actor, [&arrival]);
            self.unlike(actor);
            return Err(Trouble::new("a packet arrived that nobody foresaw")
                .expected("nothing")
                .received(self.isolation.incoming(&packet))
                .waiting(&self.waiting(&connection)));
        }
        Ok(at)
    }

    /// The next ping or pong frame; packets before it stay where they are.
    pub(super) async fn frame_expect(
        &self,
        actor: &Actor,
        layer: Layer,
        pattern: &FramePattern,
        deadline: Instant,
    ) -> Result<Duration, Trouble> {
        let connection = self.connection(actor, layer)?;
        let arrivals = connection.arrivals();
        let choose = |queue: &VecDeque<Arrival>| {
            for (index, arrival) in queue.iter().enumerate() {
                match &arrival.what {
                    What::Control(..) => return Ok(Some((index, 1))),
                    What::Packet(_) => {}
                    last => return Err(last.clone()),
                }
            }
            Ok(None)
        };
        let awaited = if pattern.opcode == 9 {
            "a ping frame"
        } else {
            "a pong frame"
        };
        let taken = self
            .pumped(actor, &connection, arrivals.take(deadline, choose))
            .await;
        let arrival = match taken {
            Ok(taken) => taken.into_iter().flatten().next(),
            Err(last) => {
                return Err(self
                    .missing(&connection, actor, NoPacket::Last(last))
                    .expected(awaited));
            }
        };
        self.took(actor, &arrival);
        let Some(Arrival {
            at,
            what: What::Control(opcode, payload),
            ..
        }) = arrival
        else {
            return Err(Trouble::late("no such frame came")
                .expected(awaited)
                .waiting(&self.waiting(&connection)));
        };
        self.with(actor, |captures| {
            pattern.matches(opcode, &payload, captures)
        })
        .map_err(|mismatch| {
            self.unlike(actor);
            Trouble::from(mismatch)
        })?;
        Ok(at)
    }

    /// Nothing arrives for this long.
    pub(super) async fn silence(
        &self,
        actor: &Actor,
        layer: Layer,
        time: Duration,
    ) -> Result<(), Trouble> {
        let until = Instant::now() + time;
        let broken = |what: String| {
            Trouble::late("the silence was broken")
                .expected(format!("nothing for {time:?}"))
                .received(what)
        };
        if let Some(exchange) = held(actor, layer) {
            return match tokio::time::timeout_at(until.into(), exchange.outcome()).await {
                Err(_) => Ok(()),
                Ok((_, Ok(answer))) => Err(broken(format!(
                    "{}: {}",
                    answer.status.map_or("cut".to_owned(), |s| s.to_string()),
                    String::from_utf8_lossy(&answer.body)
                ))),
                Ok((_, Err(error))) => Err(broken(error.to_string())),
            };
        }
        if layer == Layer::Tcp {
            let Some(tcp) = actor.client.tcp() else {
                return Err(super::act::no_connection(actor, layer));
            };
            let before = tcp.unread().len();
            return match tcp.ending(until).await {
                Some(_) => Err(broken("the end of the connection".to_owned())),
                None if tcp.unread().len() > before => Err(broken("bytes".to_owned())),
                None => Ok(()),
            };
        }
        let connection = self.connection(actor, layer)?;
        loop {
            match self.next(actor, &connection, None, until).await {
                Err(NoPacket::Late) => return Ok(()),
                Err(NoPacket::Last(what)) => return Err(broken(shown(&what))),
                Ok(taken) => {
                    for arrival in taken {
                        let packet = self.isolation.incoming(&super::act::packet(&arrival));
                        if !self.tolerates(actor, &packet) {
                            self.took(actor, [&arrival]);
                            self.unlike(actor);
                            return Err(broken(packet.to_string()));
                        }
                    }
                }
            }
        }
    }

    /// A round trip still works; what else arrives stays in the queue.
    pub(super) async fn alive(
        &self,
        actor: &Actor,
        layer: Layer,
        deadline: Instant,
    ) -> Result<Duration, Trouble> {
        let connection = self.connection(actor, layer)?;
        let fences = self.fences(&connection, None);
        self.raise(actor, layer, &fences, deadline).await?;
        let mut at = self.recorder.now();
        for fence in &fences {
            let what = "the answer that shows that the connection is alive";
            let taken = self
                .take(actor, &connection, deadline, what, |p| {
                    fence.is_answered_by(p)
                })
                .await?;
            self.took(actor, &taken);
            at = taken.first().map_or(at, |arrival| arrival.at);
        }
        Ok(at)
    }

    /// What proves that everything has arrived on this connection.
    pub(super) fn fences(&self, connection: &Connection, ns: Option<&str>) -> Vec<Fence> {
        if !self.speaks_socket() {
            return vec![Fence::echo(self.number())];
        }
        // `/monitor` has no handlers that could answer.
        let connected: Vec<String> = connection
            .arrivals()
            .namespaces()
            .into_iter()
            .filter(|own| own != "/monitor" && ns.is_none_or(|ns| ns == own))
            .collect();
        if !self.endpoint.fixture || connected.is_empty() {
            return vec![Fence::refusal(self.number())];
        }
        connected
            .iter()
            .map(|ns| Fence::ack(ns, self.number()))
            .collect()
    }

    pub(super) async fn raise(
        &self,
        actor: &Actor,
        layer: Layer,
        fences: &[Fence],
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let packets = fences.iter().map(|fence| fence.packet.clone()).collect();
        self.send(actor, layer, packets, deadline).await
    }
}

fn is_noop(packet: &Received) -> bool {
    matches!(packet, Received::Text(text) if text == "6")
}

fn listed(patterns: &[PacketPattern]) -> String {
    let written: Vec<&str> = patterns.iter().map(|p| p.written.as_str()).collect();
    written.join(" and ")
}
