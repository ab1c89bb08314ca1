//! Plays a conversation with a cut behind each of its bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{invariants, smallest};
use crate::ledger::Account;
use crate::network::{Action, Command, Counted, Direction, Traffic, Trigger, Unit};
use crate::play::{Cut, End, PlayOptions, Pulse, play};
use crate::scenario::trial::Trial;
use crate::target::needs::Needs;
use crate::target::server::Server;

/// How long is waited where only a wrong server makes one wait.
const PATIENCE: Duration = Duration::from_secs(20);
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
}

/// A cut after which something did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Whose connection was cut.
    pub client: String,
    /// Behind what.
    pub at: Trigger,
    /// What did not hold.
    pub what: String,
}

/// What a sweep found.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// What passed in the whole conversation, upward and downward, by client.
    pub traffic: BTreeMap<String, (Traffic, Traffic)>,
    /// How many cuts were played.
    pub cuts: usize,
    /// How many of them the conversation survived as written: reconnecting clients go on.
    pub survived: usize,
    /// Everything delivered, by client, over all cuts.
    pub ledger: BTreeMap<String, Account>,
    /// What did not hold, smallest cut first.
    pub violations: Vec<Violation>,
    /// Sessions left on the servers at the end, where they tell.
    pub sessions_left: Option<u64>,
    /// The smallest failing cut as a scenario.
    pub smallest: Option<String>,
    /// How long it took.
    pub took: Duration,
}

struct Shared {
    sweep: Sweep,
    cuts: Vec<(String, Trigger)>,
    next: AtomicUsize,
    whole: BTreeMap<String, Vec<String>>,
    alive: Trial,
    figures: Mutex<Figures>,
    pulse: Pulse,
}

/// Sweeps a conversation over a server.
///
/// # Errors
/// Where the conversation cannot be played whole, or the server cannot be had.
pub async fn sweep(sweep: Sweep, server: &Server) -> Result<Figures, String> {
    let start = Instant::now();
    let pulse = Pulse::start();
    let mut needs = Needs::of(&sweep.trial);
    needs.alone = true;
    let settings = server.offers(&needs)?;
    let lease = server.lend(&settings, &needs).await?;
    let options = PlayOptions {
        pulse: Some(pulse.clone()),
        ..PlayOptions::default()
    };
    let whole = play(
        &sweep.trial,
        &lease.endpoint,
        &options,
        std::future::pending(),
    )
    .await;
    lease.give_back().await;
    if let End::Failed(failure) | End::Errored(failure) = &whole.end {
        return Err(format!(
            "the whole conversation fails already, at {}: {}",
            failure.at, failure.summary
        ));
    }
    let mut cuts = Vec::new();
    for (client, (up, down)) in &whole.passed {
        for (direction, traffic) in [(Direction::Up, up), (Direction::Down, down)] {
            let places = places(direction, traffic, sweep.every.max(1));
            cuts.extend(places.into_iter().map(|place| (client.clone(), place)));
        }
    }
    if cuts.is_empty() {
        return Err(
            "no client of the scenario is `via proxy`, so there is nothing to cut".to_owned(),
        );
    }
    let shared = Shared {
        cuts,
        next: AtomicUsize::new(0),
        whole: invariants::events(&sweep.trial, &whole.transcript),
        alive: invariants::alive()?,
        figures: Mutex::new(Figures {
            traffic: whole.passed.clone(),
            ..Figures::default()
        }),
        pulse,
        sweep,
    };
    let workers = (0..shared.sweep.jobs.max(1)).map(|_| shared.work(server));
    futures_util::future::try_join_all(workers).await?;
    let trial = shared.sweep.trial.clone();
    let mut figures = shared
        .figures
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    figures
        .violations
        .sort_by_key(|violation| size(&violation.at));
    figures.smallest = figures
        .violations
        .first()
        .and_then(|first| smallest::written(&trial, first));
    figures.took = start.elapsed();
    Ok(figures)
}

/// Where a direction is cut: behind every so many bytes, and at the end of each request, frame and packet, which is
/// counted as such, so that it is found wherever its bytes stand in this play.
fn places(direction: Direction, traffic: &Traffic, every: u64) -> Vec<Trigger> {
    let place = |counted, count| Trigger {
        direction,
        counted,
        count,
    };
    let step = usize::try_from(every).unwrap_or(usize::MAX);
    let bytes = (0..traffic.bytes).step_by(step);
    let mut places: Vec<_> = bytes.map(|count| place(Counted::Bytes, count)).collect();
    let units = [
        (Unit::Request, traffic.requests),
        (Unit::Frame, traffic.frames),
        (Unit::Packet, traffic.packets),
    ];
    for (unit, ends) in units {
        places.extend((1..=ends).map(|count| place(Counted::Units(unit), count)));
    }
    places
}

/// The smallest cut is the one behind the fewest bytes; boundaries come after them.
fn size(at: &Trigger) -> (bool, u64) {
    (at.counted != Counted::Bytes, at.count)
}

impl Shared {
    /// Takes one cut after the other, all on one server, which must have no session left at the end.
    async fn work(&self, server: &Server) -> Result<(), String> {
        let mut needs = Needs::of(&self.sweep.trial);
        needs.alone = true;
        let settings = server.offers(&needs)?;
        let lease = server.lend(&settings, &needs).await?;
        let options = PlayOptions {
            pulse: Some(self.pulse.clone()),
            target: lease.control(),
            wait: PATIENCE,
            ..PlayOptions::default()
        };
        while let Some((client, at)) = self.cuts.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let cut = PlayOptions {
                wait: self.sweep.wait,
                cut: Some(Cut {
                    client: client.clone(),
                    command: Command::After(*at, Action::Reset),
                }),
                ..options.clone()
            };
            let trial = &self.sweep.trial;
            let mut played = play(trial, &lease.endpoint, &cut, std::future::pending()).await;
            let mut broken = Vec::new();
            if played.end != End::Passed && invariants::must_end(trial, client) {
                // It may have been the machine that was slow: once more, with time to spare.
                let patient = PlayOptions {
                    time_scale: SPARE,
                    ..cut
                };
                played = play(trial, &lease.endpoint, &patient, std::future::pending()).await;
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
            broken.extend(invariants::serves(&self.alive, &lease.endpoint, &options).await);
            broken.extend(lease.death().await);
            let mut figures = self.figures();
            figures.cuts += 1;
            figures.survived += usize::from(played.end == End::Passed);
            for (of, account) in accounts {
                figures.ledger.entry(of).or_default().add(account);
            }
            figures
                .violations
                .extend(broken.into_iter().map(|what| Violation {
                    client: client.clone(),
                    at: *at,
                    what,
                }));
        }
        // Polling sessions whose client is gone end with their heartbeat.
        let number = |name: &str| {
            settings
                .values()
                .get(name)
                .and_then(serde_json::Value::as_u64)
                .unwrap_or(0)
        };
        let patience = Duration::from_millis(number("pingInterval") + number("pingTimeout") + 1000);
        if let Some(left) = invariants::left_over(&lease.endpoint, patience).await {
            let mut figures = self.figures();
            figures.sessions_left = Some(figures.sessions_left.unwrap_or(0) + left);
        }
        lease.give_back().await;
        Ok(())
    }

    fn figures(&self) -> std::sync::MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
