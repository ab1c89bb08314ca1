//! Answers to HTTP requests and to GETs of one's own.

use std::time::{Duration, Instant};

use super::act::no_connection;
use super::player::{Actor, Player};
use super::queue::held;
use super::trouble::Trouble;
use crate::client::{NoAnswer, Outcome, payload};
use crate::judge::{Answer, Received};
use crate::scenario::literal::AnswerPattern;
use crate::scenario::model::Layer;
use crate::transcript::Lane;

impl Player<'_> {
    /// The answer to the oldest request that has none yet.
    pub(super) async fn http_expect(
        &self,
        actor: &Actor,
        layer: Layer,
        pattern: &AnswerPattern,
        deadline: Instant,
    ) -> Result<Duration, Trouble> {
        if speaks_raw(actor, layer) {
            let Some(tcp) = actor.client.tcp() else {
                return Err(no_connection(actor, layer));
            };
            return match tcp.answer(deadline, true).await {
                Some(Ok(answer)) => {
                    self.took_last(actor, tcp.lane());
                    self.judge(actor, pattern, &answer)?;
                    Ok(self.recorder.now())
                }
                Some(Err(error)) => Err(Trouble::new(error.to_string())),
                None => Err(self.unanswered(actor, pattern)),
            };
        }
        let Some(exchange) = actor.client.oldest_request() else {
            return Err(Trouble::errored(format!(
                "{} has no request that waits for an answer",
                actor.client.name
            )));
        };
        let Some(outcome) = before(deadline, exchange.outcome()).await else {
            actor.client.put_back_request(exchange);
            return Err(self.unanswered(actor, pattern));
        };
        self.took_last(actor, &exchange.lane);
        self.judge(actor, pattern, &outcome.1?)?;
        Ok(self.recorder.at(outcome.0))
    }

    /// The answer to the oldest GET that has none yet. Pings in it are answered and left out; a GET
    /// that brought nothing else is repeated.
    pub(super) async fn poll_expect(
        &self,
        actor: &Actor,
        pattern: &AnswerPattern,
        deadline: Instant,
    ) -> Result<Duration, Trouble> {
        let client = &actor.client;
        let Some(exchange) = client.oldest_poll().or_else(|| {
            client.poll()?;
            client.oldest_poll()
        }) else {
            return Err(no_connection(actor, Layer::Poll));
        };
        let mut exchange = exchange;
        loop {
            let Some((at, outcome)) = before(deadline, exchange.outcome()).await else {
                client.put_back_poll(exchange);
                return Err(self.unanswered(actor, pattern));
            };
            let mut answer = outcome?;
            if let Some(polling) = client.polling()
                && answer.status == Some(200)
                && let Ok(packets) = polling.read(&answer.body)
            {
                let whole = answer.body.split(|byte| *byte == 0x1e).count();
                if packets.is_empty() {
                    exchange = std::sync::Arc::new(polling.get());
                    continue;
                }
                if packets.len() < whole {
                    answer.body = payload(&packets);
                }
            }
            self.took_last(actor, &exchange.lane);
            self.judge(actor, pattern, &answer)?;
            return Ok(self.recorder.at(at));
        }
    }

    fn judge(
        &self,
        actor: &Actor,
        pattern: &AnswerPattern,
        answer: &Answer,
    ) -> Result<(), Trouble> {
        // A session that a scenario polls by itself gets its ids here.
        if let Ok(text) = std::str::from_utf8(&answer.body) {
            for part in text.split('\u{1e}') {
                self.isolation.ids.learn(&Received::Text(part.to_owned()));
            }
        }
        let body = self
            .isolation
            .incoming_body(&answer.body)
            .unwrap_or_else(|| answer.body.clone());
        let answer = Answer {
            body,
            ..answer.clone()
        };
        self.with(actor, |captures| pattern.matches(&answer, captures))
            .map_err(|mismatch| {
                self.unlike(actor);
                Trouble {
                    summary: format!("another answer came, in its {}", mismatch.path),
                    ..Trouble::from(mismatch)
                }
            })
    }

    fn unanswered(&self, actor: &Actor, pattern: &AnswerPattern) -> Trouble {
        let lane = Lane::client(&actor.client.name);
        self.recorder.deadline(&lane, "no answer");
        Trouble::late("the request was not answered in time")
            .expected(format!("status {}", pattern.status))
            .received("nothing")
    }
}

/// Whether an answer is awaited on the raw connection: because it is named, or because no other
/// request was made.
pub(super) fn speaks_raw(actor: &Actor, layer: Layer) -> bool {
    layer == Layer::Tcp || (actor.client.tcp().is_some() && held(actor, layer).is_none())
}

async fn before(
    deadline: Instant,
    outcome: impl Future<Output = Outcome>,
) -> Option<(Instant, Result<Answer, NoAnswer>)> {
    tokio::time::timeout_at(deadline.into(), outcome).await.ok()
}
