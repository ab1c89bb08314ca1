//! Clients that reconnect by themselves (`client: reconnecting`): the same verbs, and every decision
//! of theirs in the transcript.

use std::sync::Arc;
use std::time::{Duration, Instant};

use siospec_codec::read_json;

use super::player::{Actor, Player};
use super::trouble::Trouble;
use crate::client::{Client, Reach};
use crate::judge::Received;
use crate::reconnecting::{
    AttemptsOptions, Emit, EngineOptions, Reconnecting, ReconnectingOptions, SocketOptions,
};
use crate::scenario::model::{self, Layer, Reconnect};
use crate::transcript::Lane;

impl Player<'_> {
    /// How a listed client reconnects, if it does.
    pub(super) fn reconnects(&self, base: &str) -> Option<Arc<Reconnect>> {
        let seat = self.trial.clients.iter().find(|seat| seat.name == base)?;
        seat.reconnecting.clone()
    }

    /// Gives a client its own will. It does nothing before it is opened.
    pub(super) fn set_up(
        &self,
        client: &Arc<Client>,
        reach: Reach,
        policy: &Reconnect,
        member: Option<u32>,
    ) {
        let lane = Lane::client(&client.name);
        let told = lane.of("reconnecting");
        let recorder = self.recorder.clone();
        let decisions = Arc::new(move |text: String| recorder.note(&told, text));
        let path = self.trial.scenario.path.clone();
        let own = Reconnecting::start(reach, lane, options(policy, path, member), decisions);
        let own = Arc::new(own);
        client.adopt(own.clone());
        self.lock(&self.reconnecting)
            .insert(client.name.clone(), own);
    }

    /// The reconnecting client behind a name.
    pub(super) fn reconnecting(&self, actor: &Actor) -> Option<Arc<Reconnecting>> {
        self.lock(&self.reconnecting)
            .get(&actor.client.name)
            .cloned()
    }

    /// `emit` with what only a reconnecting client can do: `volatile`, `timeout`, `ack: failed`.
    pub(super) async fn emit_by_policy(
        &self,
        actor: &Actor,
        emit: &model::Emit,
        id: Option<u64>,
        packets: &[Received],
        deadline: Instant,
    ) -> Result<Option<Duration>, Trouble> {
        let Some(own) = self.reconnecting(actor) else {
            return Err(Trouble::errored(format!(
                "`volatile`, `timeout` and `ack: failed` are for a client that is `client: reconnecting`; {} is not",
                actor.client.name
            )));
        };
        let [packet] = packets else {
            return Err(Trouble::errored("a reconnecting client emits no binary"));
        };
        let packet = self.isolation.outgoing(packet.clone());
        let payload = crate::client::packet::head(&packet).map(|head| head.payload.to_owned());
        let args = payload
            .and_then(|payload| read_json(&payload).ok())
            .and_then(|payload| payload.as_array().cloned())
            .ok_or_else(|| Trouble::errored(format!("{packet} is no event")))?;
        own.emit(Emit {
            args,
            volatile: emit.volatile,
            ack: id.map(|id| id.to_string()),
            timeout: emit.timeout,
        });
        let (Some(id), true) = (id, emit.ack_fails) else {
            return Ok(None);
        };
        let connection = self.connection(actor, Layer::Client)?;
        let failed = format!("ack-failed {id} ");
        let came = self
            .take(
                actor,
                &connection,
                deadline,
                "that the acknowledgement is given up",
                |packet| matches!(packet, Received::Text(text) if text.starts_with(&failed)),
            )
            .await?;
        Ok(came.last().map(|arrival| arrival.at))
    }
}

fn options(policy: &Reconnect, path: String, member: Option<u32>) -> ReconnectingOptions {
    ReconnectingOptions {
        namespace: policy.ns.clone(),
        engine: EngineOptions {
            transports: policy.transports.clone(),
            upgrade: policy.upgrade,
            try_all: policy.try_all,
            path,
        },
        attempts: AttemptsOptions {
            reconnection: policy.reconnection,
            attempts: policy.attempts,
            delay: policy.delay,
            delay_max: policy.delay_max,
            randomization: f64::from(policy.randomization) / 1000.0,
            // Members of a group must not all come back at the same moment.
            seed: policy.seed.wrapping_add(u64::from(member.unwrap_or(0))),
            timeout: policy.timeout,
        },
        socket: SocketOptions {
            auth: policy.auth.clone(),
            ack_timeout: policy.ack_timeout,
            retries: policy.retries,
        },
    }
}
