//! Plays a conversation with a cut behind each of its bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::census::{Census, Left};
use super::figures::{Figures, Standing, Swept, Violation};
use super::{invariants, place, smallest};
use crate::ledger::Account;
use crate::network::{Action, Command, Direction, Trigger};
use crate::play::{Cut, End, Failure, PlayOptions, Played, Pulse, play};
use crate::run::stop::Stop;
use crate::scenario::trial::Trial;
use crate::target::knobs::Settings;
use crate::target::needs::Needs;
use crate::target::server::{Lease, Server};

/// How long is waited where only a wrong server makes one wait.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long what is played once more may take when the time is over.
const LAST_WORDS: Duration = Duration::from_secs(30);
/// How often the smallest failing cut is played again.
const AGAIN: u32 = 5;
/// How often the whole conversation is played where the machine is late.
const TRIES: u32 = 3;
/// How many times as long a conversation may take that must come to its end and did not.
const SPARE: f64 = 10.0;

/// What is swept, and how.
#[derive(Clone)]
pub struct Sweep {
    /// The conversation. Its clients that are `via proxy` are cut, one after the other.
    pub trial: Arc<Trial>,
    /// How many plays at once, each on a server of its own.
    pub jobs: usize,
    /// Cut behind every so many bytes, and at each boundary; 1 is every byte.
    pub every: u64,
    /// How long a step waits for what the cut may have taken with it.
    pub wait: Duration,
    /// No cut is begun after this time, and none goes on.
    pub time: Duration,
}

/// What one cut brought to light.
struct After {
    broken: Vec<String>,
    accounts: Vec<(String, Account)>,
    end: End,
    /// Whether the server still serves.
    serves: bool,
}

struct Shared<'a> {
    sweep: Sweep,
    server: &'a Server,
    settings: Settings,
    cuts: Vec<(String, Trigger)>,
    next: AtomicUsize,
    whole: BTreeMap<String, Vec<String>>,
    alive: Trial,
    figures: Mutex<Figures>,
    pulse: Pulse,
    start: Instant,
    stop: Stop,
}

/// Sweeps a conversation over a server, until each cut was played, the time is over, or `stop` is turned.
///
/// # Errors
/// Where the server cannot be had, or the conversation has nothing to cut.
pub async fn sweep(
    sweep: Sweep,
    server: &Server,
    stop: &Stop,
    progress: impl Fn(&Standing),
) -> Result<Swept, String> {
    let start = Instant::now();
    let pulse = Pulse::start();
    let mut needs = Needs::of(&sweep.trial);
    needs.alone = true;
    needs.counts = true;
    let settings = match server.offers(&needs) {
        Ok(settings) => settings,
        Err(why) => return Ok(Swept::NotOffered(why)),
    };
    let whole = match whole(&sweep, server, &settings, &pulse, stop).await? {
        Ok(whole) => whole,
        Err(why) => return Ok(Swept::NotWhole(why)),
    };
    let mut cuts = Vec::new();
    for (client, (up, down)) in &whole.passed {
        for (direction, traffic) in [(Direction::Up, up), (Direction::Down, down)] {
            let places = place::places(direction, traffic, sweep.every.max(1));
            cuts.extend(places.into_iter().map(|place| (client.clone(), place)));
        }
    }
    if cuts.is_empty() {
        return Err(
            "no client of the scenario is `via proxy`, so there is nothing to cut".to_owned(),
        );
    }
    let shared = Shared {
        server,
        settings,
        next: AtomicUsize::new(0),
        whole: invariants::events(&sweep.trial, &whole.transcript),
        alive: invariants::alive()?,
        figures: Mutex::new(Figures {
            traffic: whole.passed.clone(),
            places: cuts.len(),
            ..Figures::default()
        }),
        cuts: place::spread(cuts),
        pulse,
        start,
        stop: stop.clone(),
        sweep,
    };
    shared.all(progress).await?;
    shared.again().await?;
    Ok(Swept::Cut(Box::new(shared.ended())))
}

/// The conversation without a cut; or why it fails.
async fn whole(
    sweep: &Sweep,
    server: &Server,
    settings: &Settings,
    pulse: &Pulse,
    stop: &Stop,
) -> Result<Result<Played, String>, String> {
    let mut needs = Needs::of(&sweep.trial);
    needs.alone = true;
    let options = PlayOptions {
        pulse: Some(pulse.clone()),
        ..PlayOptions::default()
    };
    let mut tries = 0;
    let whole = loop {
        let lease = server.lend(settings, &needs).await?;
        let played = play(&sweep.trial, &lease.endpoint, &options, stop.set()).await;
        lease.give_back().await;
        tries += 1;
        // Where the machine was late, its failure is no verdict on the server.
        let is_a_verdict = played.late.is_none() || matches!(played.end, End::Passed);
        if is_a_verdict || tries == TRIES {
            break played;
        }
    };
    Ok(match whole.end {
        End::Failed(failure) | End::Errored(failure) => Err(said(&failure)),
        End::Cancelled => Err("it was stopped".to_owned()),
        End::Passed => Ok(whole),
    })
}

/// A failure in one line.
fn said(failure: &Failure) -> String {
    let mut said = format!("{}: {}", failure.at, failure.summary);
    let sides = [
        ("expected", &failure.expected),
        ("received", &failure.received),
    ];
    for (side, what) in sides {
        said += &what
            .as_ref()
            .map_or(String::new(), |what| format!("; {side} {what}"));
    }
    for note in &failure.notes {
        said += &format!("; {note}");
    }
    said
}

impl Shared<'_> {
    /// Lets all work, and tells once a second how far they are.
    async fn all(&self, progress: impl Fn(&Standing)) -> Result<(), String> {
        let workers = (0..self.sweep.jobs.max(1)).map(|_| self.work());
        let mut all = std::pin::pin!(futures_util::future::try_join_all(workers));
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                done = &mut all => return done.map(drop),
                _ = second.tick() => progress(&self.standing()),
            }
        }
    }

    /// Takes one cut after the other, all on one server, which must hold nothing at the end that it did not hold before.
    async fn work(&self) -> Result<(), String> {
        let (mut lease, mut before) = self.lend().await?;
        while let Some((client, at)) = self.cuts.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.is_over() {
                break;
            }
            let options = self.options(&lease);
            let after = self.cut(&lease, &options, client, at).await;
            let serves = after.serves;
            self.count(client, at, after);
            if !serves {
                // One that serves nobody any more has nothing to say of further cuts.
                lease.give_back().await;
                (lease, before) = self.lend().await?;
            }
        }
        let took = self.start.elapsed();
        let left = Left::over(&lease.endpoint, &self.settings, before).await;
        lease.give_back().await;
        let mut figures = self.figures();
        figures.left = figures.left.and(left);
        figures.took.0 = figures.took.0.max(took);
        Ok(())
    }

    /// A server for one worker, and what it holds.
    async fn lend(&self) -> Result<(Lease<'_>, Census), String> {
        let mut needs = Needs::of(&self.sweep.trial);
        needs.alone = true;
        let lease = self.server.lend(&self.settings, &needs).await?;
        let before = Census::of(&lease.endpoint).await.unwrap_or_default();
        Ok((lease, before))
    }

    /// Plays the conversation with one cut.
    async fn cut(
        &self,
        lease: &Lease<'_>,
        options: &PlayOptions,
        client: &str,
        at: &Trigger,
    ) -> After {
        let cut = PlayOptions {
            wait: self.sweep.wait,
            cut: Some(Cut {
                client: client.to_owned(),
                command: Command::After(*at, Action::Reset),
            }),
            ..options.clone()
        };
        let trial = &self.sweep.trial;
        let mut played = play(trial, &lease.endpoint, &cut, self.over()).await;
        let mut broken = Vec::new();
        if played.end != End::Passed && invariants::must_end(trial, client) {
            // It may have been the machine that was slow: once more, with time to spare.
            let patient = PlayOptions {
                time_scale: SPARE,
                ..cut
            };
            played = play(trial, &lease.endpoint, &patient, self.over()).await;
            if let End::Failed(failure) = &played.end {
                let (at, why) = (&failure.at, &failure.summary);
                broken.push(format!(
                    "the conversation does not come to its end: {at}: {why}"
                ));
            }
        }
        if let (End::Errored(failure), None) = (&played.end, lease.death().await) {
            broken.push(format!("not judged: {}", failure.summary));
        }
        let received = invariants::events(trial, &played.transcript);
        let mut accounts = Vec::new();
        for (of, sent) in &self.whole {
            let account = Account::of(sent, received.get(of).map_or(&[], Vec::as_slice));
            let promise = invariants::promise(trial, of, &played);
            let breaks = promise.map_or_else(Vec::new, |promise| account.breaks(promise));
            broken.extend(breaks.into_iter().map(|what| format!("{of}: {what}")));
            accounts.push((of.clone(), account));
        }
        let serves = || invariants::serves(&self.alive, &lease.endpoint, options, self.over());
        // It may have been the machine that was slow, so that the newcomer's own heartbeat ended it.
        let fails = match serves().await {
            Some(_) => serves().await,
            None => None,
        };
        let death = lease.death().await;
        let serves = fails.is_none() && death.is_none();
        broken.extend(fails);
        broken.extend(death);
        After {
            broken,
            accounts,
            end: played.end,
            serves,
        }
    }

    /// Keeps what a cut brought to light; one that was broken off is none.
    fn count(&self, client: &str, at: &Trigger, after: After) {
        if after.end == End::Cancelled {
            return;
        }
        let mut figures = self.figures();
        figures.cuts += 1;
        figures.survived += usize::from(after.end == End::Passed);
        for (of, account) in after.accounts {
            figures.ledger.entry(of).or_default().add(account);
        }
        let violations = after.broken.into_iter().map(|what| Violation {
            client: client.to_owned(),
            at: *at,
            what,
        });
        figures.violations.extend(violations);
    }

    /// Plays the smallest failing cut again, and counts how often the same kind of thing did not hold.
    async fn again(&self) -> Result<(), String> {
        let first = {
            let figures = self.figures();
            let smallest = figures.violations.iter();
            smallest
                .min_by_key(|violation| place::size(&violation.at))
                .cloned()
        };
        let Some(first) = first else { return Ok(()) };
        let mut same = 0;
        let mut of = 0;
        while of < AGAIN && !self.stop.is_set() {
            let (lease, _) = self.lend().await?;
            let options = self.options(&lease);
            let after = self.cut(&lease, &options, &first.client, &first.at).await;
            lease.give_back().await;
            let kind = |what: &str| {
                what.rsplit_once(": ")
                    .map_or(what, |(kind, _)| kind)
                    .to_owned()
            };
            let comes = |what: &String| kind(what) == kind(&first.what);
            same += u32::from(after.broken.iter().any(comes));
            of += 1;
        }
        self.figures().again = Some((same, of));
        Ok(())
    }

    fn options(&self, lease: &Lease<'_>) -> PlayOptions {
        PlayOptions {
            pulse: Some(self.pulse.clone()),
            target: lease.control(),
            wait: PATIENCE,
            ..PlayOptions::default()
        }
    }

    /// Whether the time is over, or the sweep was stopped.
    fn is_over(&self) -> bool {
        self.stop.is_set() || self.start.elapsed() >= self.sweep.time
    }

    /// Waits until it is over; what is played once more after that has a time of its own.
    async fn over(&self) {
        let took = self.start.elapsed();
        let left = match self.sweep.time.checked_sub(took) {
            Some(left) => left,
            None => LAST_WORDS.min(self.sweep.time),
        };
        tokio::select! {
            () = self.stop.set() => {}
            () = tokio::time::sleep(left) => {}
        }
    }

    fn standing(&self) -> Standing {
        let figures = self.figures();
        Standing {
            cuts: figures.cuts,
            places: figures.places,
            violations: figures.violations.len(),
            took: self.start.elapsed(),
        }
    }

    fn figures(&self) -> std::sync::MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(self) -> Figures {
        let mut figures = self
            .figures
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        figures
            .violations
            .sort_by_key(|violation| place::size(&violation.at));
        figures.smallest = figures
            .violations
            .first()
            .and_then(|first| smallest::written(&self.sweep.trial, first));
        figures.took.1 = self.start.elapsed();
        figures.interrupted = self.stop.is_set();
        figures
    }
}
