//! The queue of a connection as the steps see it: what is taken from where, what is passed over, and
//! who polls meanwhile.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use super::fence::answers_a_fence;
use super::player::{Actor, Player};
use super::trouble::{Trouble, shown};
use crate::client::packet::head;
use crate::client::{Arrival, Client, Connection, Exchange, Next, Polling, What};
use crate::judge::{Received, shorten};
use crate::scenario::model::Layer;
use crate::transcript::Lane;

/// Why no packet could be taken.
pub(super) enum NoPacket {
    /// The deadline passed.
    Late,
    /// The connection's last word stands in the queue.
    Last(What),
}

impl Player<'_> {
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
    pub(super) async fn next(
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

    pub(super) fn missing(&self, connection: &Connection, actor: &Actor, why: NoPacket) -> Trouble {
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

/// Polls until the session ends; one at a time, whoever waits, since a second GET may cost the session its life.
async fn pump(client: &Arc<Client>, polling: &Polling) -> std::convert::Infallible {
    let _turn = polling.turn().await;
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
