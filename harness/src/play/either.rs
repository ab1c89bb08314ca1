//! `either`: the next event decides which of the legal ways the server goes.

use std::collections::VecDeque;
use std::task::Poll;
use std::time::Instant;

use super::options::Pending;
use super::player::{Actor, Player};
use super::step::{Stopped, below};
use super::trouble::{Trouble, shown};
use crate::client::{Arrival, What};
use crate::judge::{Ending, Received};
use crate::scenario::literal::{AnswerPattern, EndingKind, PacketPattern};
use crate::scenario::model::{Layer, Step, Verb};

/// Far enough for a look that another deadline ends.
const LATER: std::time::Duration = std::time::Duration::from_secs(3600);

/// What stands first in a queue, as a branch may judge it.
enum First<'a> {
    Packet(&'a Received),
    Ended(&'a Ending),
    Broken,
}

impl Player<'_> {
    pub(super) async fn either(
        &self,
        step: &Step,
        branches: &[Vec<Step>],
        path: &[usize],
    ) -> Result<(), Stopped> {
        let deadline = self.deadline(step);
        let chosen = self
            .choose(branches, deadline)
            .await
            .map_err(|trouble| Stopped::new(step, path, trouble))?;
        let path = below(path, chosen);
        for (index, step) in branches[chosen].iter().enumerate() {
            self.step(step, below(&path, index)).await?;
        }
        Ok(())
    }

    async fn choose(&self, branches: &[Vec<Step>], deadline: Instant) -> Result<usize, Trouble> {
        let mut looks: Vec<Pending<'_, bool>> = Vec::new();
        for branch in branches {
            let Some(first) = branch.first() else {
                return Err(Trouble::errored("a branch of `either` is empty"));
            };
            let actors = self.actors(&first.subject).await?;
            let [actor] = actors.as_slice() else {
                return Err(Trouble::errored("`either` needs a single client"));
            };
            let (actor, layer) = (actor.clone(), first.subject.layer);
            if matches!(first.verb, Verb::Nothing) {
                let connection = self.connection(&actor, layer)?;
                let fences = self.fences(&connection, first.ns.as_deref());
                self.raise(&actor, layer, &fences, deadline).await?;
            }
            looks.push(Box::pin(self.fits(first, actor)));
        }
        let mut decided: Vec<Option<bool>> = vec![None; looks.len()];
        // All look at every event, in order, so that the first branch that fits is taken.
        let choice = std::future::poll_fn(|cx| {
            for (look, decided) in looks.iter_mut().zip(&mut decided) {
                if decided.is_none()
                    && let Poll::Ready(fits) = look.as_mut().poll(cx)
                {
                    *decided = Some(fits);
                }
            }
            if let Some(chosen) = decided.iter().position(|fits| *fits == Some(true)) {
                return Poll::Ready(Some(chosen));
            }
            match decided.iter().all(Option::is_some) {
                true => Poll::Ready(None),
                false => Poll::Pending,
            }
        });
        let expected = || {
            let firsts: Vec<&str> = branches
                .iter()
                .filter_map(|branch| Some(branch.first()?.place.line_text()))
                .map(|line| line.trim_start_matches("- "))
                .collect();
            firsts.join(" or ")
        };
        match tokio::time::timeout_at(deadline.into(), choice).await {
            Ok(Some(chosen)) => Ok(chosen),
            Ok(None) => {
                let mut trouble =
                    Trouble::new("what came fits none of the branches").expected(expected());
                if let Some(first) = self.first_waiting(branches).await {
                    trouble = trouble.received(first);
                }
                Err(trouble)
            }
            Err(_) => Err(
                Trouble::late("nothing came that decides between the branches")
                    .expected(expected())
                    .received("nothing"),
            ),
        }
    }

    async fn first_waiting(&self, branches: &[Vec<Step>]) -> Option<String> {
        let first = branches.first()?.first()?;
        let actors = self.actors(&first.subject).await.ok()?;
        let connection = actors.first()?.client.connection(first.subject.layer)?;
        let waiting = connection.arrivals().waiting();
        let what = waiting
            .iter()
            .find(|arrival| !self.passes_over(&arrival.what))?;
        Some(shown(&what.what))
    }

    /// Whether the next event is what a step awaits; ready when there is one.
    async fn fits(&self, step: &Step, actor: Actor) -> bool {
        let layer = step.subject.layer;
        match &step.verb {
            Verb::Expect(patterns) => {
                let first = patterns.get(..1).unwrap_or_default();
                self.packet_fits(&actor, layer, first).await
            }
            Verb::ExpectRaw(pattern) => {
                self.packet_fits(&actor, layer, std::slice::from_ref(pattern))
                    .await
            }
            Verb::ExpectAnyOrder(patterns) => self.packet_fits(&actor, layer, patterns).await,
            Verb::Nothing => {
                self.look(&actor, layer, |first| match first {
                    First::Packet(packet) if self.tolerates(&actor, packet) => None,
                    First::Packet(packet) => Some(super::fence::answers_a_fence(packet)),
                    First::Ended(_) | First::Broken => Some(false),
                })
                .await
            }
            Verb::Dead(_) | Verb::Closed(_) => self.end_fits(step, &actor).await,
            Verb::HttpExpect(pattern) | Verb::PollExpect(pattern) => {
                self.answer_fits(step, &actor, pattern).await
            }
            _ => false,
        }
    }

    async fn packet_fits(&self, actor: &Actor, layer: Layer, patterns: &[PacketPattern]) -> bool {
        self.look(actor, layer, |first| match first {
            First::Packet(packet) => {
                let packet = self.isolation.incoming(packet);
                let fits = patterns.iter().any(|pattern| {
                    let mut captures = self.with(actor, |captures| captures.clone());
                    pattern.matches(&packet, &mut captures).is_ok()
                });
                match fits {
                    false if self.tolerates(actor, &packet) => None,
                    fits => Some(fits),
                }
            }
            First::Ended(_) | First::Broken => Some(false),
        })
        .await
    }

    async fn end_fits(&self, step: &Step, actor: &Actor) -> bool {
        let layer = step.subject.layer;
        let matches = |ending: &Ending| match &step.verb {
            Verb::Closed(pattern) => {
                let mut captures = self.with(actor, |captures| captures.clone());
                pattern.matches(ending, &mut captures).is_ok()
            }
            _ => true,
        };
        if layer == Layer::Tcp {
            let Some(tcp) = actor.client.tcp() else {
                return false;
            };
            return match tcp.ending(Instant::now() + LATER).await {
                Some(Ok(ending)) => matches(&ending),
                _ => false,
            };
        }
        let closes = Ending {
            kind: EndingKind::Packet,
            frame: None,
        };
        self.look(actor, layer, |first| match first {
            First::Ended(ending) => Some(matches(ending)),
            First::Packet(Received::Text(text)) if text == "1" && matches(&closes) => Some(true),
            First::Packet(packet) if super::ending::says_goodbye(packet) => None,
            First::Packet(packet) if self.tolerates(actor, packet) => None,
            First::Packet(_) => Some(false),
            First::Broken => Some(matches!(step.verb, Verb::Dead(_))),
        })
        .await
    }

    async fn answer_fits(&self, step: &Step, actor: &Actor, pattern: &AnswerPattern) -> bool {
        let client = &actor.client;
        let answer = if super::exchange::speaks_raw(actor, answer_layer(step)) {
            let Some(tcp) = client.tcp() else {
                return false;
            };
            match tcp.answer(Instant::now() + LATER, false).await {
                Some(Ok(answer)) => answer,
                _ => return false,
            }
        } else {
            let Some(exchange) = super::queue::held(actor, answer_layer(step)) else {
                return false;
            };
            match exchange.outcome().await {
                (_, Ok(answer)) => answer,
                _ => return false,
            }
        };
        let mut captures = self.with(actor, |captures| captures.clone());
        pattern.matches(&answer, &mut captures).is_ok()
    }

    /// Shows the judge what stands first in the queue, until it decides. What it passes over with
    /// `None` it is not shown again in this look.
    async fn look(
        &self,
        actor: &Actor,
        layer: Layer,
        judge: impl Fn(First<'_>) -> Option<bool>,
    ) -> bool {
        let Some(connection) = actor.client.connection(layer) else {
            return false;
        };
        let arrivals = connection.arrivals();
        let glance = |queue: &VecDeque<Arrival>| {
            queue.iter().find_map(|arrival| match &arrival.what {
                What::Control(..) => None,
                What::Packet(packet) if self.isolation.foreign(packet) => None,
                What::Packet(packet) => judge(First::Packet(packet)),
                What::Ended(ending) => judge(First::Ended(ending)),
                What::Broken(_) => judge(First::Broken),
            })
        };
        let looking = arrivals.look(Instant::now() + LATER, glance);
        self.pumped(actor, &connection, looking)
            .await
            .unwrap_or(false)
    }
}

fn answer_layer(step: &Step) -> Layer {
    match (&step.verb, step.subject.layer) {
        (Verb::PollExpect(_), _) => Layer::Poll,
        (_, Layer::Tcp) => Layer::Tcp,
        _ => Layer::Http,
    }
}
