//! One step: who does it, and what happens for each verb.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::options::Pending;
use super::player::{Actor, Player};
use super::trouble::Trouble;
use crate::judge::{Captures, CheckError, Value, timing};
use crate::scenario::expression::Check;
use crate::scenario::literal::Content;
use crate::scenario::model::{Repeat, Step, TargetAction, Verb};
use crate::scenario::path::words;
use crate::scenario::source::Place;
use crate::transcript::Lane;

/// A step that did not pass.
pub(super) struct Stopped {
    pub(super) path: Vec<usize>,
    pub(super) place: Place,
    pub(super) client: Option<String>,
    pub(super) trouble: Trouble,
}

impl Stopped {
    pub(super) fn new(step: &Step, path: &[usize], trouble: Trouble) -> Self {
        Self {
            path: path.to_vec(),
            place: step.place.clone(),
            client: None,
            trouble,
        }
    }
}

impl Player<'_> {
    /// Plays one step, with all that it contains.
    pub(super) fn step<'s>(
        &'s self,
        step: &'s Step,
        path: Vec<usize>,
    ) -> Pending<'s, Result<(), Stopped>> {
        Box::pin(async move {
            let line = format!("step {}: {}", words(&path), step.place.line_text());
            self.recorder.note(&Lane::trial(), line);
            let stop = |trouble| Stopped::new(step, &path, trouble);
            match &step.verb {
                Verb::Wait(time) => {
                    tokio::time::sleep(*time).await;
                    Ok(())
                }
                Verb::Repeat(repeat) => self.repeat(repeat, &path).await,
                Verb::Together(steps) => {
                    let all = steps.iter().enumerate();
                    try_join_all(all.map(|(index, step)| self.step(step, below(&path, index))))
                        .await
                        .map(drop)
                }
                Verb::Either(branches) => self.either(step, branches, &path).await,
                Verb::Check(check) if step.subject.client.is_empty() => {
                    let scale = self.options.time_scale;
                    self.with_all(|captures| judged(check, captures, scale))
                        .map_err(stop)
                }
                Verb::Check(check) => {
                    let scale = self.options.time_scale;
                    for actor in self.actors_of(step, &path).await.map_err(stop)? {
                        self.with(&actor, |captures| judged(check, captures, scale))
                            .map_err(stop)?;
                    }
                    Ok(())
                }
                Verb::Target(action) => self.target(step, *action).await.map_err(stop),
                Verb::TargetExit => self.target_exit(step).await.map_err(stop),
                _ => {
                    let actors = self.actors_of(step, &path).await.map_err(stop)?;
                    try_join_all(actors.iter().map(|actor| async {
                        self.act(step, actor).await.map_err(|trouble| Stopped {
                            client: Some(actor.client.name.clone()),
                            ..stop(trouble)
                        })
                    }))
                    .await
                    .map(drop)
                }
            }
        })
    }

    async fn repeat(&self, repeat: &Repeat, path: &[usize]) -> Result<(), Stopped> {
        let before = self.with_all(|captures| captures.clone());
        for turn in 0..repeat.times {
            self.with_all(|captures| captures.forget_since(&before));
            if let Some(counter) = &repeat.counter {
                let value = Value::Number(f64::from(turn));
                self.with_all(|captures| captures.bind_plain(counter, value));
            }
            for (index, step) in repeat.steps.iter().enumerate() {
                self.step(step, below(path, index))
                    .await
                    .map_err(|mut stopped| {
                        stopped.trouble.notes.push(format!(
                            "in turn {} of {}",
                            turn + 1,
                            repeat.times
                        ));
                        stopped
                    })?;
            }
        }
        Ok(())
    }

    async fn target(&self, step: &Step, action: TargetAction) -> Result<(), Trouble> {
        let Some(target) = &self.options.target else {
            return Err(Trouble::errored(
                "this server is somebody else's process: nothing can be done to it",
            ));
        };
        self.recorder
            .note(&Lane::trial(), format!("server process: {action:?}"));
        let done = match action {
            TargetAction::Restart => target.restart(),
            TargetAction::Stop => target.stop(),
            TargetAction::Start => target.start(),
            TargetAction::Pause => target.pause(),
            TargetAction::Resume => target.resume(),
            TargetAction::Term => target.terminate(),
        };
        // A server of a slow language takes its time to start; how long is nobody's requirement.
        let patience = self
            .patience(step.within)
            .max(self.options.scaled(Duration::from_secs(15)));
        match tokio::time::timeout(patience, done).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(Trouble::errored(why)),
            Err(_) => Err(Trouble::errored(format!(
                "{action:?} of the server process was not done after {patience:?}"
            ))),
        }
    }

    async fn target_exit(&self, step: &Step) -> Result<(), Trouble> {
        let Some(target) = &self.options.target else {
            return Err(Trouble::errored("this server is somebody else's process"));
        };
        let patience = self.patience(step.within);
        match tokio::time::timeout(patience, target.exited()).await {
            Ok(Ok(status)) => {
                self.recorder.note(
                    &Lane::trial(),
                    format!("the server process ended: {status}"),
                );
                Ok(())
            }
            Ok(Err(why)) => Err(Trouble::errored(why)),
            Err(_) => Err(Trouble::late(format!(
                "the server process has not ended after {patience:?}"
            ))),
        }
    }

    /// One actor's part of a step, with its modifiers.
    async fn act(&self, step: &Step, actor: &Actor) -> Result<(), Trouble> {
        let start = self.recorder.now();
        let began = Instant::now();
        let at = self.perform(step, actor).await?;
        let at = at.unwrap_or_else(|| self.recorder.at(began) + began.elapsed());
        if let Some(bound) = step.not_before {
            let took = at.saturating_sub(start);
            let short = timing::short_of(took, bound, self.options.time_scale);
            if !short.is_zero() {
                let mut early = Trouble::late("it came too early")
                    .expected(format!("not before {bound:?}"))
                    .received(format!("after {took:.1?}"));
                early.missed = Some(short);
                return Err(early);
            }
        }
        if let Some(name) = &step.at {
            let milliseconds = Value::Number(at.as_secs_f64() * 1000.0);
            self.with(actor, |captures| captures.bind_plain(name, milliseconds));
        }
        Ok(())
    }

    /// Does what the verb says; returns when what was awaited arrived, if something was.
    async fn perform(&self, step: &Step, actor: &Actor) -> Result<Option<Duration>, Trouble> {
        let deadline = self.deadline(step);
        let layer = step.subject.layer;
        let ns = step.ns.as_deref();
        let done = |()| None;
        match &step.verb {
            Verb::Open(open) => self.open(actor, layer, open, deadline).await.map(done),
            Verb::Connect(connect) => {
                let ns = self.with(actor, |captures| connect.ns.render(captures))?;
                let auth = match &connect.auth {
                    Some(auth) => Some(self.with(actor, |captures| auth.render(captures))?.0),
                    None => None,
                };
                self.connect(actor, layer, &ns, auth, deadline)
                    .await
                    .map(Some)
            }
            Verb::Send(literal) => {
                let packet = self.with(actor, |captures| literal.render(captures))?;
                self.send(actor, layer, vec![packet], deadline)
                    .await
                    .map(done)
            }
            Verb::Emit(emit) => {
                self.emit(actor, layer, emit, ns.unwrap_or("/"), deadline)
                    .await
            }
            Verb::Expect(patterns) => self
                .expect(actor, layer, patterns, ns, deadline)
                .await
                .map(Some),
            Verb::ExpectRaw(pattern) => {
                let patterns = std::slice::from_ref(pattern);
                self.expect(actor, layer, patterns, ns, deadline)
                    .await
                    .map(Some)
            }
            Verb::ExpectAnyOrder(patterns) => self
                .any_order(actor, layer, patterns, ns, deadline)
                .await
                .map(Some),
            Verb::Nothing => self.nothing(actor, layer, ns, deadline).await.map(Some),
            Verb::Silence(time) => self.silence(actor, layer, *time).await.map(done),
            Verb::Alive => self.alive(actor, layer, deadline).await.map(Some),
            Verb::Dead(time) => {
                let time = time.or(step.within);
                self.dead(actor, layer, time).await.map(Some)
            }
            Verb::Close(close) => self.close(actor, layer, close, deadline).await.map(done),
            Verb::Closed(pattern) => self.closed(actor, layer, pattern, deadline).await.map(Some),
            Verb::Drop(loss) => {
                actor.client.lose(layer, *loss).await;
                Ok(None)
            }
            Verb::Http(request) => self.http(actor, request).map(done),
            Verb::HttpExpect(pattern) => self
                .http_expect(actor, layer, pattern, deadline)
                .await
                .map(Some),
            Verb::Poll(poll) => self.poll(actor, *poll).await.map(done),
            Verb::PollExpect(pattern) => self.poll_expect(actor, pattern, deadline).await.map(Some),
            Verb::FrameExpect(pattern) => self
                .frame_expect(actor, layer, pattern, deadline)
                .await
                .map(Some),
            Verb::Frame(frame) => self.frame(actor, frame, deadline).await.map(done),
            Verb::Bytes(content) => {
                let bytes = self.with(actor, |captures| content.render(captures))?;
                let bytes = match content {
                    Content::Text(_) => self.endpoint.own_head(&bytes),
                    Content::Bytes(_) => Cow::Borrowed(&bytes[..]),
                };
                self.bytes(actor, &bytes, deadline).await.map(done)
            }
            Verb::Network(network) => {
                // What a fault takes with it is nobody's to foresee.
                actor.client.expect_end();
                self.detours()
                    .act(&actor.client.name, network)
                    .await
                    .map(done)
            }
            // Blocks and what has no subject were dealt with before.
            Verb::Target(_)
            | Verb::TargetExit
            | Verb::Check(_)
            | Verb::Wait(_)
            | Verb::Repeat(_)
            | Verb::Together(_)
            | Verb::Either(_) => Ok(None),
        }
    }
}

fn judged(check: &Check, captures: &Captures, scale: f64) -> Result<(), Trouble> {
    check.judge(captures, scale).map_err(|error| match error {
        CheckError::False(mismatch, missed) => Trouble {
            summary: "the check does not hold".to_owned(),
            timing: check.has_time(),
            missed,
            ..Trouble::from(mismatch)
        },
        error => Trouble::errored(error.to_string()),
    })
}

/// The path of the n-th step inside a block.
pub(super) fn below(path: &[usize], index: usize) -> Vec<usize> {
    let mut path = path.to_vec();
    path.push(index);
    path
}
