//! What a client awaits: packets, nothing, silence, life, and the end of a connection.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fence::{Fence, answers_a_fence};
use super::player::{Actor, Player};
use super::trouble::{Trouble, shown};
use crate::client::packet::head;
use crate::client::{Arrival, Client, Connection, Exchange, Next, Polling, What};
use crate::judge::{Ending, Received, any_order, shorten};
use crate::scenario::literal::{ClosedPattern, EndingKind, FramePattern, PacketPattern};
use crate::scenario::model::Layer;
use crate::transcript::Lane;

/// Why no packet could be taken.
enum NoPacket {
    /// The deadline passed.
    Late,
    /// The connection's last word stands in the queue.
    Last(What),
}

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
                        at = arrival.at;
                        break;
                    }
                    Err(_) if self.tolerates(actor, &packet) => {}
                    Err(mismatch) => {
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
        let Some(Arrival {
            at,
            what: What::Control(opcode, payload),
        }) = arrival
        else {
            return Err(Trouble::late("no such frame came")
                .expected(awaited)
                .waiting(&self.waiting(&connection)));
        };
        self.with(actor, |captures| {
            pattern.matches(opcode, &payload, captures)
        })
        .map_err(Trouble::from)?;
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
            at = taken.first().map_or(at, |arrival| arrival.at);
        }
        Ok(at)
    }

    /// The connection ends in time, although pings are answered.
    pub(super) async fn dead(
        &self,
        actor: &Actor,
        layer: Layer,
        time: Option<Duration>,
    ) -> Result<Duration, Trouble> {
        let patience = match time {
            Some(_) => self.patience(time),
            None => self.options.scaled(self.options.dead),
        };
        let deadline = Instant::now() + patience;
        if let Some(Connection::Own(own)) = actor.client.connection(layer) {
            let late = format!("{} was not disconnected", actor.client.name);
            self.in_time(deadline, &late, own.disconnected()).await?;
            return Ok(self.recorder.now());
        }
        let (at, ending) = self
            .ending(actor, layer, deadline, None, true)
            .await
            .map_err(|trouble| match trouble.timing {
                true => trouble.expected(format!("the end of the connection within {patience:?}")),
                false => trouble,
            })?;
        if let Some(Connection::Polling(polling)) = actor.client.connection(layer)
            && layer != Layer::Tcp
            && ending.kind != EndingKind::Packet
        {
            self.refused(&polling, deadline + self.patience(None))
                .await?;
        }
        Ok(at)
    }

    /// A polling session that ended is unknown to a GET and to a POST.
    async fn refused(&self, polling: &Polling, deadline: Instant) -> Result<(), Trouble> {
        let late = "a request to the ended session was not answered";
        let get = self
            .in_time(deadline, late, polling.get().outcome_of())
            .await?;
        let pong = Received::Text("3".to_owned());
        let post = self.in_time(deadline, late, polling.post(&[pong])).await?;
        for (method, outcome) in [("GET", get), ("POST", post)] {
            if let Ok(answer) = outcome
                && let Some(status) = answer.status
                && !(400..500).contains(&status)
            {
                return Err(
                    Trouble::new(format!("a {method} still finds the ended session"))
                        .expected("status 400")
                        .received(format!("status {status}")),
                );
            }
        }
        Ok(())
    }

    /// The connection ends, and in the way that the pattern says.
    pub(super) async fn closed(
        &self,
        actor: &Actor,
        layer: Layer,
        pattern: &ClosedPattern,
        deadline: Instant,
    ) -> Result<Duration, Trouble> {
        let (at, ending) = self
            .ending(actor, layer, deadline, pattern.how.as_deref(), false)
            .await?;
        self.with(actor, |captures| pattern.matches(&ending, captures))
            .map_err(|mismatch| Trouble {
                summary: "the connection ended in another way".to_owned(),
                ..Trouble::from(mismatch)
            })?;
        Ok(at)
    }

    /// Waits for the end of a connection. Packets that say good-bye may come before it.
    async fn ending(
        &self,
        actor: &Actor,
        layer: Layer,
        deadline: Instant,
        kinds: Option<&[EndingKind]>,
        broken_too: bool,
    ) -> Result<(Duration, Ending), Trouble> {
        let open = || Trouble::late("the connection is still open");
        if layer == Layer::Tcp {
            let Some(tcp) = actor.client.tcp() else {
                return Err(super::act::no_connection(actor, layer));
            };
            return match tcp.ending(deadline).await {
                Some(Ok(ending)) => Ok((self.recorder.now(), ending)),
                Some(Err(error)) => Err(Trouble::new(error.to_string())),
                None => Err(open()),
            };
        }
        let connection = self.connection(actor, layer)?;
        let arrivals = connection.arrivals();
        let by_packet = kinds.is_some_and(|kinds| kinds.contains(&EndingKind::Packet));
        loop {
            if arrivals.ended() && arrivals.waiting().is_empty() {
                let kind = EndingKind::Fin;
                return Ok((self.recorder.now(), Ending { kind, frame: None }));
            }
            let next = self
                .pumped(actor, &connection, arrivals.next(deadline))
                .await;
            let Some(arrival) = next else {
                self.recorder.deadline(
                    &Lane::client(&actor.client.name),
                    "no end of the connection",
                );
                return Err(open());
            };
            match &arrival.what {
                What::Ended(ending) => {
                    actor.client.expect_end();
                    return Ok((arrival.at, ending.clone()));
                }
                // RFC 6455, section 7.1.7: a client fails such a connection. Whether the server may
                // break it is for `closed` to say.
                What::Broken(why) if broken_too && !why.starts_with("flood") => {
                    actor.client.expect_end();
                    let kind = EndingKind::Fin;
                    return Ok((arrival.at, Ending { kind, frame: None }));
                }
                What::Broken(why) => return Err(Trouble::new(why.clone())),
                What::Packet(Received::Text(text)) if by_packet && text == "1" => {
                    actor.client.expect_end();
                    let kind = EndingKind::Packet;
                    return Ok((arrival.at, Ending { kind, frame: None }));
                }
                What::Packet(packet) if says_goodbye(packet) => {}
                what if self.passes_over(what) => {}
                What::Packet(packet) if self.tolerates(actor, packet) => {}
                what => {
                    return Err(
                        Trouble::new("a packet came instead of the end of the connection")
                            .expected("the end of the connection")
                            .received(shown(what)),
                    );
                }
            }
        }
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

    /// Takes a packet, with its attachments, wherever it stands in the queue.
    pub(super) async fn take(
        &self,
        actor: &Actor,
        connection: &Connection,
        deadline: Instant,
        what: &str,
        wanted: impl Fn(&Received) -> bool,
    ) -> Result<Vec<Arrival>, Trouble> {
        let arrivals = connection.arrivals();
        let choose = |queue: &VecDeque<Arrival>| {
            for (index, arrival) in queue.iter().enumerate() {
                match &arrival.what {
                    What::Packet(packet) if wanted(packet) => {
                        let count = 1 + head(packet).map_or(0, |head| head.attachments);
                        if queue.len() >= index + count {
                            return Ok(Some((index, count)));
                        }
                        if let Some(last) = last_word(queue) {
                            return Err(last);
                        }
                        return Ok(None);
                    }
                    What::Packet(_) | What::Control(..) => {}
                    last => return Err(last.clone()),
                }
            }
            Ok(None)
        };
        let taken = self
            .pumped(actor, connection, arrivals.take(deadline, choose))
            .await;
        match taken {
            Ok(Some(taken)) => Ok(taken),
            Ok(None) => Err(self
                .missing(connection, actor, NoPacket::Late)
                .expected(what)),
            Err(last) => Err(self
                .missing(connection, actor, NoPacket::Last(last))
                .expected(what)),
        }
    }

    /// Takes the next packet; of a namespace, with its attachments.
    async fn next(
        &self,
        actor: &Actor,
        connection: &Connection,
        ns: Option<&str>,
        deadline: Instant,
    ) -> Result<Vec<Arrival>, NoPacket> {
        let arrivals = connection.arrivals();
        let choose = |queue: &VecDeque<Arrival>| {
            for (index, arrival) in queue.iter().enumerate() {
                if self.passes_over(&arrival.what) {
                    continue;
                }
                let What::Packet(packet) = &arrival.what else {
                    return Err(arrival.what.clone());
                };
                let Some(ns) = ns else {
                    return Ok(Some((index, 1)));
                };
                let Some(head) = head(packet).filter(|head| head.ns == ns) else {
                    continue;
                };
                let count = 1 + head.attachments;
                if queue.len() >= index + count {
                    return Ok(Some((index, count)));
                }
                return match last_word(queue) {
                    Some(last) => Err(last),
                    None => Ok(None),
                };
            }
            Ok(None)
        };
        let taken = self
            .pumped(actor, connection, arrivals.take(deadline, choose))
            .await;
        match taken {
            Ok(Some(taken)) => Ok(taken),
            Ok(None) => Err(NoPacket::Late),
            Err(last) => Err(NoPacket::Last(last)),
        }
    }

    fn missing(&self, connection: &Connection, actor: &Actor, why: NoPacket) -> Trouble {
        let lane = Lane::client(&actor.client.name);
        let trouble = match why {
            NoPacket::Late => {
                self.recorder
                    .deadline(&lane, "what was expected did not come");
                Trouble::late("what was expected did not come in time").received("nothing")
            }
            NoPacket::Last(What::Ended(ending)) => {
                Trouble::new("the connection ended instead").received(ending)
            }
            NoPacket::Last(what) => Trouble::new(shorten(&shown(&what))).received(shown(&what)),
        };
        trouble.waiting(&self.waiting(connection))
    }

    /// What waits unread and is the scenario's business.
    pub(super) fn waiting(&self, connection: &Connection) -> Vec<Arrival> {
        let mut waiting = connection.arrivals().waiting();
        waiting.retain(|arrival| !self.passes_over(&arrival.what));
        waiting
    }

    /// Whether something in the queue is no business of the scenario.
    pub(super) fn passes_over(&self, what: &What) -> bool {
        match what {
            What::Packet(packet) => answers_a_fence(packet) || self.isolation.foreign(packet),
            What::Control(..) => true,
            What::Ended(_) | What::Broken(_) => false,
        }
    }

    /// On a bare server an event that nobody foresaw, such as a welcome, is noted and left alone.
    pub(super) fn tolerates(&self, actor: &Actor, packet: &Received) -> bool {
        let event = head(packet).is_some_and(|head| matches!(head.kind, 2 | 5));
        if self.endpoint.fixture || !event {
            return false;
        }
        let text = format!("passed over, since a bare server may say what it likes: {packet}");
        self.recorder
            .note(&Lane::client(&actor.client.name), shorten(&text));
        true
    }

    /// Waits; a client whose scenario polls by itself, or whose polling an upgrade has paused, polls
    /// meanwhile, for nobody else does.
    pub(super) async fn pumped<T>(
        &self,
        actor: &Actor,
        connection: &Connection,
        work: impl Future<Output = T>,
    ) -> T {
        match connection {
            Connection::Polling(polling) if actor.client.polls_itself || !polling.is_polling() => {
                tokio::select! {
                    biased;
                    result = work => result,
                    never = pump(&actor.client, polling) => match never {},
                }
            }
            _ => work.await,
        }
    }
}

/// Polls until the session ends.
async fn pump(client: &Arc<Client>, polling: &Polling) -> std::convert::Infallible {
    loop {
        let exchange = client
            .oldest_poll()
            .unwrap_or_else(|| Arc::new(polling.get()));
        let open = Given { client, exchange };
        let (_, outcome) = open.exchange.outcome().await;
        open.spent();
        if polling.absorb(outcome) == Next::Over {
            std::future::pending::<()>().await;
        }
        // Whoever waits looks first, so that no GET is left open that nobody needs.
        tokio::task::yield_now().await;
    }
}

/// A GET that goes back to its client if it is not answered.
struct Given<'c> {
    client: &'c Arc<Client>,
    exchange: Arc<Exchange>,
}

impl Given<'_> {
    fn spent(self) {}
}

impl Drop for Given<'_> {
    fn drop(&mut self) {
        if self.exchange.done().is_none() {
            self.client.put_back_poll(self.exchange.clone());
        }
    }
}

/// The request whose answer a layer waits for.
pub(super) fn held(actor: &Actor, layer: Layer) -> Option<Arc<Exchange>> {
    let client = &actor.client;
    match layer {
        Layer::Poll => {
            let exchange = client.oldest_poll()?;
            client.put_back_poll(exchange.clone());
            Some(exchange)
        }
        Layer::Http => {
            let exchange = client.oldest_request()?;
            client.put_back_request(exchange.clone());
            Some(exchange)
        }
        _ => None,
    }
}

fn last_word(queue: &VecDeque<Arrival>) -> Option<What> {
    let last = &queue.back()?.what;
    matches!(last, What::Ended(_) | What::Broken(_)).then(|| last.clone())
}

fn is_noop(packet: &Received) -> bool {
    matches!(packet, Received::Text(text) if text == "6")
}

/// Packets with which a server may end a session: close, noop, DISCONNECT.
pub(super) fn says_goodbye(packet: &Received) -> bool {
    match packet {
        Received::Text(text) if text == "1" || text == "6" => true,
        packet => head(packet).is_some_and(|head| head.kind == 1),
    }
}

fn listed(patterns: &[PacketPattern]) -> String {
    let written: Vec<&str> = patterns.iter().map(|p| p.written.as_str()).collect();
    written.join(" and ")
}
