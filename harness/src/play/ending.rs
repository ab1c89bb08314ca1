//! The end of a connection: that it comes, when, and how.

use std::time::{Duration, Instant};

use super::player::{Actor, Player};
use super::trouble::{Trouble, shown};
use crate::client::packet::head;
use crate::client::{Connection, Polling, What};
use crate::judge::{Ending, Received};
use crate::scenario::literal::{ClosedPattern, EndingKind};
use crate::scenario::model::Layer;
use crate::transcript::Lane;

impl Player<'_> {
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
            .map_err(|mismatch| {
                self.unlike(actor);
                Trouble {
                    summary: "the connection ended in another way".to_owned(),
                    ..Trouble::from(mismatch)
                }
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
            let taken = || self.took(actor, [&arrival]);
            match &arrival.what {
                What::Ended(ending) => {
                    taken();
                    actor.client.expect_end();
                    return Ok((arrival.at, ending.clone()));
                }
                // RFC 6455, section 7.1.7: a client fails such a connection. Whether the server may
                // break it is for `closed` to say.
                What::Broken(why) if broken_too && !why.starts_with("flood") => {
                    taken();
                    actor.client.expect_end();
                    let kind = EndingKind::Fin;
                    return Ok((arrival.at, Ending { kind, frame: None }));
                }
                What::Broken(why) => {
                    taken();
                    self.unlike(actor);
                    return Err(Trouble::new(why.clone()));
                }
                What::Packet(Received::Text(text)) if by_packet && text == "1" => {
                    taken();
                    actor.client.expect_end();
                    let kind = EndingKind::Packet;
                    return Ok((arrival.at, Ending { kind, frame: None }));
                }
                What::Packet(packet) if says_goodbye(packet) => {}
                what if self.passes_over(what) => {}
                What::Packet(packet) if self.tolerates(actor, packet) => {}
                what => {
                    taken();
                    self.unlike(actor);
                    return Err(
                        Trouble::new("a packet came instead of the end of the connection")
                            .expected("the end of the connection")
                            .received(shown(what)),
                    );
                }
            }
        }
    }
}

/// Packets with which a server may end a session: close, noop, DISCONNECT.
pub(super) fn says_goodbye(packet: &Received) -> bool {
    match packet {
        Received::Text(text) if text == "1" || text == "6" => true,
        packet => head(packet).is_some_and(|head| head.kind == 1),
    }
}
