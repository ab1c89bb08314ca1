//! Plays conversations against a server until the time is over, and keeps what was found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};

use super::class::Class;
use super::conversation::{Conversation, Written};
use super::finding::{Finding, Repeats, said};
use super::shrink::{Budget, shrink};
use super::stage::{Came, Stage, Wrong};
use super::vocabulary::name;
use crate::outcome::Failure;
use crate::run::stop::Stop;
use crate::target::server::Server;

/// Plays that making one finding small may take, and how long.
const SHRINKING: (u32, Duration) = (120, Duration::from_secs(60));
/// How long what has begun may take when the time is over.
const LAST_WORDS: Duration = Duration::from_secs(60);
/// A deed whose class came up so often is left out of nearly all further conversations.
const RAREST: u64 = 5;

/// What to do.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The first conversation's seed; each further one has the next.
    pub seed: u64,
    /// No conversation begins after this time.
    pub time: Duration,
    /// Nor after so many.
    pub count: Option<u64>,
    /// Conversations a second, at most.
    pub rate: f64,
    /// Conversations at once.
    pub jobs: usize,
    /// Whether the target is also asked for what its known deviations name.
    pub known: bool,
    /// The factor on deadlines and the tolerance.
    pub time_scale: f64,
    /// Where findings are written to.
    pub folder: PathBuf,
    /// The flags that name the server, for the commands in findings.
    pub flags: String,
}

/// How far it is.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Conversations played.
    pub conversations: u64,
    /// Classes found.
    pub classes: usize,
    /// Since the first one began.
    pub took: Duration,
}

/// How it ended.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// Conversations played and judged.
    pub conversations: u64,
    /// From the first to the last.
    pub took: Duration,
    /// One for each class, the most frequent first.
    pub findings: Vec<Finding>,
    /// How many failed as they do where the machine is late, and did so never again.
    pub passing: u64,
    /// How many could not be judged, and why the first one could not.
    pub errored: (u64, Option<String>),
    /// Whether it was stopped by hand.
    pub interrupted: bool,
}

struct Shared {
    order: Campaign,
    stage: Stage,
    began: Instant,
    next: AtomicU64,
    interval: tokio::sync::Mutex<Interval>,
    conversations: AtomicU64,
    findings: Mutex<BTreeMap<Class, Finding>>,
    passing: AtomicU64,
    errored: Mutex<(u64, Option<String>)>,
}

/// Plays until the time is over, all conversations are played, or `stop` is turned.
///
/// # Errors
/// Where the server cannot be had, or a finding not be written.
pub async fn campaign(
    order: Campaign,
    server: Arc<Server>,
    stop: Stop,
    progress: impl Fn(&Standing),
) -> Result<Ended, String> {
    let mut interval = tokio::time::interval(Duration::from_secs_f64(
        1.0 / order.rate.clamp(0.01, 10_000.0),
    ));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let inner = Stop::default();
    let stage = Stage::set(server, order.known, order.time_scale, inner.clone()).await?;
    let shared = Arc::new(Shared {
        stage,
        began: Instant::now(),
        next: AtomicU64::new(0),
        interval: tokio::sync::Mutex::new(interval),
        conversations: AtomicU64::new(0),
        findings: Mutex::default(),
        passing: AtomicU64::new(0),
        errored: Mutex::default(),
        order,
    });
    let mut workers = JoinSet::new();
    for _ in 0..shared.order.jobs.max(1) {
        workers.spawn(shared.clone().work());
    }
    let end = tokio::time::sleep(shared.order.time + LAST_WORDS);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    tokio::pin!(end);
    let mut wrong = None;
    loop {
        tokio::select! {
            done = workers.join_next() => match done {
                None => break,
                Some(Ok(Err(error))) => { wrong.get_or_insert(error); inner.turn(); }
                Some(Err(panicked)) => { wrong.get_or_insert(panicked.to_string()); inner.turn(); }
                Some(Ok(Ok(()))) => {}
            },
            () = stop.set(), if !inner.is_set() => inner.turn(),
            () = &mut end, if !inner.is_set() => inner.turn(),
            _ = second.tick() => progress(&shared.standing()),
        }
    }
    match wrong {
        Some(error) => Err(error),
        None => Ok(shared.ended(stop.is_set())),
    }
}

impl Shared {
    async fn work(self: Arc<Self>) -> Result<(), String> {
        loop {
            self.interval.lock().await.tick().await;
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let over = self.began.elapsed() >= self.order.time
                || self.order.count.is_some_and(|count| index >= count);
            if over || self.stage.stop.is_set() {
                return Ok(());
            }
            let seed = self.order.seed.wrapping_add(index);
            let drawn = Conversation::drawn(seed, &self.stage.vocabulary);
            let conversation = self.damped(&drawn);
            match self.stage.play(&conversation).await {
                Came::Right => {
                    self.conversations.fetch_add(1, Ordering::Relaxed);
                }
                Came::Wrong(wrong) => {
                    self.conversations.fetch_add(1, Ordering::Relaxed);
                    self.found(conversation, wrong).await?;
                }
                Came::Unjudged(why) => {
                    let mut errored = self.errored.lock().unwrap_or_else(PoisonError::into_inner);
                    errored.0 += 1;
                    errored.1.get_or_insert(why);
                }
                Came::Stopped => return Ok(()),
            }
        }
    }

    /// The conversation without most of what has been found wrong already, so that the rest is heard too.
    fn damped(&self, conversation: &Conversation) -> Conversation {
        let mut often: BTreeMap<String, u64> = BTreeMap::new();
        for finding in self.findings().values() {
            *often.entry(finding.culprit().to_owned()).or_default() += finding.count;
        }
        conversation.only(|index, act| {
            let times = often.get(name(act)).copied().unwrap_or(0).min(RAREST);
            (conversation.seed.rotate_left(7) ^ index as u64).is_multiple_of(1 << times)
        })
    }

    /// A failure: counted where its class is known, made small and written out where it is new.
    async fn found(&self, conversation: Conversation, wrong: Box<Wrong>) -> Result<(), String> {
        let Wrong {
            class,
            failure,
            excusable,
        } = *wrong;
        if let Some(known) = self.findings().get_mut(&class) {
            known.count += 1;
            return Ok(());
        }
        let comes_again = self.stage.comes_again(&conversation, &class).await;
        // Where nothing came on a busy machine, or a pong came late, that is no evidence; where something wrong came, it is.
        if !comes_again && excusable {
            self.passing.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let whole = conversation.acts.len();
        {
            let mut findings = self.findings();
            if let Some(known) = findings.get_mut(&class) {
                known.count += 1;
                return Ok(());
            }
            let first = self.finding(&conversation, &class, &failure, whole);
            findings.insert(class.clone(), first);
        }
        let small = match comes_again {
            true => {
                let budget = Budget {
                    plays: SHRINKING.0,
                    // What is left of the last words is for the replays.
                    until: (Instant::now() + SHRINKING.1)
                        .min(self.began + self.order.time + LAST_WORDS / 2),
                };
                shrink(conversation, &class, budget, &self.stage).await
            }
            false => conversation,
        };
        let written = self.written(&small, &class);
        let (repeats, last) = self.stage.replays(&small, &written, &class).await;
        // Nor is it evidence where it came by chance while it was made small, and then never again.
        if excusable && repeats.of > 0 && repeats.same == 0 {
            self.findings().remove(&class);
            self.passing.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let mut found = self.finding(&small, &class, last.as_ref().unwrap_or(&failure), whole);
        found.repeats = repeats;
        found.write(&self.order.folder)?;
        if let Some(kept) = self.findings().get_mut(&class) {
            found.count = kept.count;
            *kept = found;
        }
        Ok(())
    }

    fn finding(
        &self,
        conversation: &Conversation,
        class: &Class,
        failure: &Failure,
        whole: usize,
    ) -> Finding {
        let written = self.written(conversation, class);
        let deeds = written
            .performed
            .iter()
            .map(|index| name(&conversation.acts[*index]));
        Finding {
            class: class.clone(),
            seed: conversation.seed,
            count: 1,
            acts: (whole, written.performed.len()),
            deeds: deeds.collect(),
            said: said(failure),
            text: written.text,
            repeats: Repeats::default(),
            file: None,
        }
    }

    fn written(&self, conversation: &Conversation, class: &Class) -> Written {
        let title = format!("A conversation drawn from the seed {}", conversation.seed);
        let flags = &self.order.flags;
        let note = format!(
            "{class}. Found by `siospec fuzz server {flags} --seed {} --count 1`.",
            conversation.seed
        );
        conversation.written(&self.stage.vocabulary, (&title, Some(&note)))
    }

    fn findings(&self) -> std::sync::MutexGuard<'_, BTreeMap<Class, Finding>> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self) -> Standing {
        Standing {
            conversations: self.conversations.load(Ordering::Relaxed),
            classes: self.findings().len(),
            took: self.began.elapsed(),
        }
    }

    fn ended(&self, interrupted: bool) -> Ended {
        let mut findings: Vec<_> = self.findings().values().cloned().collect();
        findings.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.class.cmp(&b.class)));
        Ended {
            conversations: self.conversations.load(Ordering::Relaxed),
            took: self.began.elapsed(),
            findings,
            passing: self.passing.load(Ordering::Relaxed),
            errored: self
                .errored
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            interrupted,
        }
    }
}
