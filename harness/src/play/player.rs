//! The player: one trial, its clients and its bound values, from the setup to the final fences.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::hands::Hands;
use super::isolation::Isolation;
use super::played::{End, Failure, Played, StepTime};
use super::pulse::Pulse;
use super::trouble::Trouble;
use super::{Endpoint, PlayOptions};
use crate::client::{Arrival, Client, Heartbeat, Reach};
use crate::judge::{Captures, Value, timing};
use crate::reconnecting::Reconnecting;
use crate::scenario::json::Json;
use crate::scenario::literal::Name;
use crate::scenario::model::{Layer, Link, Step, Subject};
use crate::scenario::path::words;
use crate::scenario::source::{Place, uncommented};
use crate::scenario::trial::Trial;
use crate::transcript::{Lane, Recorder};

/// How the message of a trial begins that the deadline of the whole ended.
pub const TOO_LONG: &str = "the trial as a whole took longer than";

/// How much longer the default wait is for each further client of a group.
const EACH: Duration = Duration::from_millis(25);

/// Plays a trial against an endpoint, until it passes, fails, or `cancel` is ready.
pub async fn play(
    trial: &Trial,
    endpoint: &Endpoint,
    options: &PlayOptions,
    cancel: impl Future<Output = ()>,
) -> Played {
    let start = Instant::now();
    let recorder = Recorder::start();
    let pulse = options.pulse.clone().unwrap_or_else(Pulse::start);
    let player = Player::new(trial, endpoint, options, recorder.clone());
    let whole = match trial.scenario.stress {
        true => options.whole * 2,
        false => options.whole,
    };
    let end = tokio::select! {
        end = player.run() => end,
        () = cancel => End::Cancelled,
        () = tokio::time::sleep(options.scaled(whole)) => End::Failed(player.too_long(whole)),
    };
    let tolerance = timing::tolerance(options.time_scale);
    let late = match &end {
        End::Failed(_) | End::Passed => Some(pulse.worst_since(start)),
        _ => None,
    };
    match &end {
        End::Passed => recorder.note(&Lane::trial(), "passed"),
        End::Failed(failure) | End::Errored(failure) => {
            recorder.note(
                &Lane::trial(),
                format!("{}: {}", failure.at, failure.summary),
            );
        }
        End::Cancelled => recorder.note(&Lane::trial(), "stopped"),
    }
    let steps = std::mem::take(&mut *player.lock(&player.times));
    let passed = player.proxies.passed();
    drop(player);
    Played {
        passed,
        end,
        transcript: recorder.transcript(),
        took: start.elapsed(),
        steps,
        late: late.filter(|late| *late > tolerance),
    }
}

/// A trial under way.
pub(super) struct Player<'t> {
    pub(super) trial: &'t Trial,
    pub(super) options: &'t PlayOptions,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) recorder: Recorder,
    pub(super) isolation: Isolation,
    captures: Mutex<Captures>,
    clients: Mutex<BTreeMap<String, Arc<Client>>>,
    proxies: super::detour::Detours,
    pub(super) reconnecting: Mutex<BTreeMap<String, Arc<Reconnecting>>>,
    hands: Hands,
    numbers: AtomicU64,
    times: Mutex<Vec<StepTime>>,
    at: Mutex<Option<(usize, Place)>>,
}

/// Who does a step: one client, perhaps as a member of a group.
#[derive(Clone)]
pub(super) struct Actor {
    pub(super) client: Arc<Client>,
    /// The name in captures: `A`, or the group's.
    pub(super) name: String,
    pub(super) member: Option<u32>,
    /// How it was listed, if it was.
    pub(super) link: Option<Link>,
    /// The step, `4.2`; `None` outside of steps.
    pub(super) step: Option<Arc<str>>,
}

impl<'t> Player<'t> {
    fn new(
        trial: &'t Trial,
        endpoint: &Endpoint,
        options: &'t PlayOptions,
        recorder: Recorder,
    ) -> Self {
        let apart = endpoint.shared && !trial.scenario.alone;
        let mut captures = Captures::new();
        for (knob, value) in &endpoint.knobs {
            if let Ok(value) = Json::parse(&value.to_string()) {
                captures.bind(Name::Config(knob.clone()), Value::Json(value));
            }
        }
        Self {
            trial,
            options,
            endpoint: Arc::new(endpoint.clone()),
            recorder,
            isolation: if apart {
                Isolation::drawn()
            } else {
                Isolation::default()
            },
            captures: Mutex::new(captures),
            clients: Mutex::default(),
            proxies: super::detour::Detours::default(),
            reconnecting: Mutex::default(),
            hands: Hands::of(&trial.case.steps),
            numbers: AtomicU64::new(1),
            times: Mutex::default(),
            at: Mutex::default(),
        }
    }

    async fn run(&self) -> End {
        if let Err((client, trouble)) = self.setup().await {
            return self.end("setup", Vec::new(), None, client, trouble);
        }
        for (index, step) in self.trial.case.steps.iter().enumerate() {
            *self.lock(&self.at) = Some((index, step.place.clone()));
            let start = self.recorder.now();
            let result = self.step(step, vec![index]).await;
            let took = self.recorder.now().saturating_sub(start);
            self.lock(&self.times).push(StepTime { index, start, took });
            if let Err(stopped) = result {
                let at = format!("step {}", words(&stopped.path));
                let place = Some(&stopped.place);
                return self.end(
                    &at,
                    stopped.path.clone(),
                    place,
                    stopped.client,
                    stopped.trouble,
                );
            }
        }
        *self.lock(&self.at) = None;
        if let Err((client, trouble)) = self.finish().await {
            return self.end("final fence", Vec::new(), None, client, trouble);
        }
        End::Passed
    }

    /// Opens and connects the listed clients.
    async fn setup(&self) -> Result<(), (Option<String>, Trouble)> {
        for seat in self.trial.clients.iter().filter(|seat| seat.opened) {
            let subject = Subject {
                client: seat.name.clone(),
                member: None,
                layer: Layer::Client,
            };
            let actors = self
                .actors(&subject)
                .await
                .map_err(|trouble| (None, trouble))?;
            try_join_all(actors.iter().map(|actor| async move {
                self.greet(actor).await.map_err(|mut trouble| {
                    // Nothing was judged yet where nobody listens.
                    trouble.errored |= trouble.summary.starts_with("no connection");
                    (Some(actor.client.name.clone()), trouble)
                })
            }))
            .await?;
        }
        Ok(())
    }

    /// The clients that a subject means; they need not be open yet.
    pub(super) async fn actors(&self, subject: &Subject) -> Result<Vec<Actor>, Trouble> {
        let seat = self
            .trial
            .clients
            .iter()
            .find(|seat| seat.name == subject.client);
        let link = seat.map(|seat| seat.link);
        let members: Vec<Option<u32>> = match (subject.member, seat.and_then(|seat| seat.count)) {
            (Some(member), _) => vec![Some(member)],
            (None, Some(count)) => (0..count).map(Some).collect(),
            (None, None) => vec![None],
        };
        let mut actors = Vec::with_capacity(members.len());
        for member in members {
            actors.push(Actor {
                client: self.client(&subject.client, member, link).await?,
                name: subject.client.clone(),
                member,
                link,
                step: None,
            });
        }
        Ok(actors)
    }

    async fn client(
        &self,
        base: &str,
        member: Option<u32>,
        link: Option<Link>,
    ) -> Result<Arc<Client>, Trouble> {
        let name = match member {
            Some(member) => format!("{base}[{member}]"),
            None => base.to_owned(),
        };
        if let Some(client) = self.lock(&self.clients).get(&name) {
            return Ok(client.clone());
        }
        let endpoint = match link {
            Some(link) if link.via_proxy => {
                self.proxies
                    .around(
                        &self.endpoint,
                        &name,
                        &self.recorder,
                        self.options.cut.as_ref(),
                    )
                    .await?
            }
            _ => self.endpoint.clone(),
        };
        let reach = Reach::new(endpoint, self.recorder.clone(), self.isolation.ids.clone())
            .map_err(|error| Trouble::errored(error.to_string()))?;
        let heartbeat = match self.trial.scenario.manual_heartbeat {
            true => Heartbeat::Manual,
            false => Heartbeat::Answered,
        };
        let by_hand = self.hands.polls(base);
        let client = Arc::new(Client::new(&name, reach.clone(), heartbeat, by_hand));
        if let Some(policy) = self.reconnects(base) {
            self.set_up(&client, reach, &policy, member);
        }
        self.lock(&self.clients).insert(name, client.clone());
        Ok(client)
    }

    /// The clients that do a step.
    pub(super) async fn actors_of(
        &self,
        step: &Step,
        path: &[usize],
    ) -> Result<Vec<Actor>, Trouble> {
        let mut actors = self.actors(&step.subject).await?;
        let path: Arc<str> = words(path).into();
        for actor in &mut actors {
            actor.step = Some(Arc::clone(&path));
        }
        Ok(actors)
    }

    /// Says in the transcript that the actor's step has judged these.
    pub(super) fn took<'a>(&self, actor: &Actor, arrivals: impl IntoIterator<Item = &'a Arrival>) {
        if let Some(step) = &actor.step {
            let entries = arrivals.into_iter().filter_map(|arrival| arrival.entry);
            entries.for_each(|entry| self.recorder.taken(entry, step));
        }
    }

    /// Says in the transcript that the actor's step has judged what came last on this connection.
    pub(super) fn took_last(&self, actor: &Actor, lane: &Lane) {
        if let Some(step) = &actor.step {
            self.recorder.taken_last(lane, step);
        }
    }

    /// Says in the transcript that what the actor's step has judged last is not what it expected.
    pub(super) fn unlike(&self, actor: &Actor) {
        if let Some(step) = &actor.step {
            self.recorder.unlike(&actor.client.name, step);
        }
    }

    /// All clients so far, in order of their names.
    pub(super) fn all_clients(&self) -> Vec<Arc<Client>> {
        self.lock(&self.clients).values().cloned().collect()
    }

    /// Whether the scenario makes requests of its own for the client's session.
    pub(super) fn is_meddled_with(&self, client: &str) -> bool {
        self.hands.touches(client)
    }

    pub(super) fn detours(&self) -> &super::detour::Detours {
        &self.proxies
    }

    /// The bound values, as this actor sees them.
    pub(super) fn with<R>(&self, actor: &Actor, work: impl FnOnce(&mut Captures) -> R) -> R {
        let mut all = self.lock(&self.captures);
        let Some(member) = actor.member else {
            return work(&mut all);
        };
        let mut own = all.for_member(&actor.name, member);
        let result = work(&mut own);
        all.absorb(own);
        result
    }

    /// The bound values, as the scenario as a whole sees them.
    pub(super) fn with_all<R>(&self, work: impl FnOnce(&mut Captures) -> R) -> R {
        work(&mut self.lock(&self.captures))
    }

    /// Binds a field of a client, such as `$A.sid`.
    pub(super) fn bind(&self, actor: &Actor, field: &str, ns: &str, value: Value) {
        self.with(actor, |captures| {
            captures.bind(
                Name::Of {
                    client: actor.name.clone(),
                    member: actor.member,
                    field: field.to_owned(),
                    ns: Some(ns.to_owned()),
                },
                value,
            );
        });
    }

    /// A number that was not used before in this trial.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The deadline of a step that begins now.
    pub(super) fn deadline(&self, step: &Step) -> Instant {
        Instant::now() + self.patience(step.within)
    }

    /// How long is waited: an upper bound of the scenario with the tolerance, or the default, which is longer in a
    /// crowd: what one client gets done at once, two hundred get done one after the other, here and on the server.
    pub(super) fn patience(&self, within: Option<Duration>) -> Duration {
        match within {
            Some(within) => {
                self.options.scaled(within) + timing::tolerance(self.options.time_scale)
            }
            None => self.options.scaled(self.options.wait + EACH * self.crowd()),
        }
    }

    /// How many clients there are beside the first of each group.
    fn crowd(&self) -> u32 {
        let groups = self.trial.clients.iter().filter_map(|seat| seat.count);
        groups.map(|count| count.saturating_sub(1)).sum()
    }

    fn too_long(&self, whole: Duration) -> Failure {
        let at = self.lock(&self.at).clone();
        let (path, place) = match at {
            Some((index, place)) => (vec![index], Some(place)),
            None => (Vec::new(), None),
        };
        let at = match path.first() {
            Some(index) => format!("step {}", index + 1),
            None => "setup".to_owned(),
        };
        let trouble = Trouble::late(format!("{TOO_LONG} {whole:?}"));
        failure(&at, path, place.as_ref(), None, trouble)
    }

    fn end(
        &self,
        at: &str,
        path: Vec<usize>,
        place: Option<&Place>,
        client: Option<String>,
        trouble: Trouble,
    ) -> End {
        let errored = trouble.errored;
        let failure = failure(at, path, place, client, trouble);
        match errored {
            true => End::Errored(failure),
            false => End::Failed(failure),
        }
    }

    pub(super) fn lock<'m, T>(&self, mutex: &'m Mutex<T>) -> std::sync::MutexGuard<'m, T> {
        // A panic elsewhere leaves plain values behind, which are as good as before.
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failure(
    at: &str,
    path: Vec<usize>,
    place: Option<&Place>,
    client: Option<String>,
    trouble: Trouble,
) -> Failure {
    Failure {
        at: at.to_owned(),
        path,
        span: place.map(span),
        client,
        summary: trouble.summary,
        expected: trouble.expected,
        received: trouble.received,
        json_path: trouble.json_path,
        notes: trouble.notes,
        timing: trouble.timing,
        missed: trouble.missed,
    }
}

/// The bytes of the first line of a step.
fn span(place: &Place) -> std::ops::Range<usize> {
    let position = place.position();
    let text = &place.source().text;
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if index + 1 == position.line {
            let column: usize = line
                .chars()
                .take(position.column.saturating_sub(1))
                .map(char::len_utf8)
                .sum();
            let step = column + uncommented(&line[column..]).len();
            return start + column..start + step;
        }
        start += line.len();
    }
    start..start
}
