//! Plays a conversation with a cut behind each of its bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{invariants, smallest};
use crate::ledger::{Account, Promise};
use crate::network::{Action, Command, Counted, Direction, Trigger};
use crate::play::{Cut, End, PlayOptions, Pulse, play};
use crate::scenario::trial::Trial;
use crate::target::needs::Needs;
use crate::target::server::Server;

/// What is swept, and how.
#[derive(Clone)]
pub struct Sweep {
    /// The conversation. Its clients that are `via proxy` are cut, one after the other.
    pub trial: Arc<Trial>,
    /// How many plays at once, each on a server of its own.
    pub jobs: usize,
    /// Cut behind every so many bytes; 1 is every byte.
    pub every: u64,
    /// How long a step waits for what the cut may have taken with it.
    pub wait: Duration,
}

/// A cut after which something did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Whose connection was cut.
    pub client: String,
    /// In which direction bytes were counted.
    pub direction: Direction,
    /// Behind how many.
    pub bytes: u64,
    /// What did not hold.
    pub what: String,
}

/// What a sweep found.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Bytes of the whole conversation, upward and downward, by client.
    pub bytes: BTreeMap<String, (u64, u64)>,
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
    cuts: Vec<(String, Direction, u64)>,
    next: AtomicUsize,
    whole: BTreeMap<String, Vec<String>>,
    /// How much of it was said by clients that are not cut.
    spoken: usize,
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
        for (direction, bytes) in [(Direction::Up, *up), (Direction::Down, *down)] {
            let places = (0..bytes).step_by(usize::try_from(sweep.every.max(1)).unwrap_or(1));
            cuts.extend(places.map(|place| (client.clone(), direction, place)));
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
        spoken: invariants::spoken(&sweep.trial, &whole.transcript),
        alive: invariants::alive()?,
        figures: Mutex::new(Figures {
            bytes: whole.passed.clone(),
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
    figures.violations.sort_by_key(|violation| violation.bytes);
    figures.smallest = figures
        .violations
        .first()
        .and_then(|first| smallest::written(&trial, first));
    figures.took = start.elapsed();
    Ok(figures)
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
            ..PlayOptions::default()
        };
        while let Some((client, direction, bytes)) =
            self.cuts.get(self.next.fetch_add(1, Ordering::Relaxed))
        {
            let trigger = Trigger {
                direction: *direction,
                counted: Counted::Bytes,
                count: *bytes,
            };
            let command = Command::After(trigger, Action::Reset);
            let cut = PlayOptions {
                wait: self.sweep.wait,
                cut: Some(Cut {
                    client: client.clone(),
                    command,
                }),
                ..options.clone()
            };
            let played = play(
                &self.sweep.trial,
                &lease.endpoint,
                &cut,
                std::future::pending(),
            )
            .await;
            let mut broken = Vec::new();
            if let (End::Errored(failure), None) = (&played.end, lease.death().await) {
                broken.push(format!("not judged: {}", failure.summary));
            }
            let received = invariants::events(&self.sweep.trial, &played.transcript);
            let spoken = invariants::spoken(&self.sweep.trial, &played.transcript);
            let mut accounts = Vec::new();
            for (of, sent) in &self.whole {
                let account = Account::of(sent, received.get(of).map_or(&[], Vec::as_slice));
                let promise = match spoken < self.spoken {
                    true => Promise::AtMostOnce,
                    false => invariants::promise(&self.sweep.trial, of, &played.transcript),
                };
                broken.extend(
                    account
                        .breaks(promise)
                        .into_iter()
                        .map(|what| format!("{of}: {what}")),
                );
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
                    direction: *direction,
                    bytes: *bytes,
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
