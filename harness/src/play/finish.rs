//! The end of a trial: a fence for each client, and what lies before it unread fails.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::try_join_all;

use super::player::{Actor, Player};
use super::trouble::{Trouble, shown};
use crate::client::{Client, Connection, What};
use crate::judge::Received;
use crate::scenario::model::Layer;

impl Player<'_> {
    /// Fences off every client that is still connected.
    pub(super) async fn finish(&self) -> Result<(), (Option<String>, Trouble)> {
        if self.trial.scenario.drain {
            return Ok(());
        }
        let clients = self.all_clients();
        try_join_all(clients.iter().map(|client| async {
            self.fence_off(client)
                .await
                .map_err(|trouble| (Some(client.name.clone()), trouble))
        }))
        .await
        .map(drop)
    }

    async fn fence_off(&self, client: &Arc<Client>) -> Result<(), Trouble> {
        let Some(connection) = client.connection(Layer::Client) else {
            return Ok(());
        };
        // What a client that left may have missed, and what a scenario did not poll, is not judged.
        let polling = matches!(connection, Connection::Polling(_));
        let by_hand = polling && (client.polls_itself || self.is_meddled_with(&client.name));
        let gone = match &connection {
            Connection::Own(own) => !own.is_connected(),
            _ => client.ended_by_itself(),
        };
        if gone || by_hand {
            return Ok(());
        }
        let actor = Actor {
            client: client.clone(),
            name: client.name.clone(),
            member: None,
            link: None,
            step: None,
        };
        let arrivals = connection.arrivals();
        // Without answers to its pings, a connection is not one to prove anything on.
        if !arrivals.ended() && !self.trial.scenario.manual_heartbeat {
            let deadline = Instant::now() + self.patience(None);
            let fenced = self.nothing(&actor, Layer::Client, None, deadline).await;
            return match fenced {
                // The server may hang up on a client that is in no namespace any more.
                Err(_) if arrivals.ended() && self.may_end(client) => self.unread(&actor),
                fenced => fenced.map(drop),
            };
        }
        self.unread(&actor)
    }

    /// What waits on a connection that has ended.
    fn unread(&self, actor: &Actor) -> Result<(), Trouble> {
        let Some(connection) = actor.client.connection(Layer::Client) else {
            return Ok(());
        };
        let waiting = connection.arrivals().waiting();
        for arrival in &waiting {
            match &arrival.what {
                what if self.passes_over(what) => {}
                What::Packet(packet) if self.tolerates(actor, packet) => {}
                What::Packet(packet) if super::ending::says_goodbye(packet) => {}
                What::Packet(Received::Text(text)) if text == "2" => {}
                What::Ended(_) if self.may_end(&actor.client) => {}
                What::Ended(_) => {
                    return Err(Trouble::new("the connection ended, which nobody foresaw")
                        .expected("an open connection")
                        .received(shown(&arrival.what)));
                }
                what => {
                    return Err(Trouble::new("a packet arrived that nobody foresaw")
                        .expected("nothing")
                        .received(shown(what))
                        .waiting(&waiting));
                }
            }
        }
        Ok(())
    }

    fn may_end(&self, client: &Client) -> bool {
        let parted = client
            .connection(Layer::Client)
            .is_some_and(|connection| connection.arrivals().parted());
        parted || self.trial.scenario.manual_heartbeat
    }
}
