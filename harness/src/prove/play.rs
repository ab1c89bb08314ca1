//! Plays the corpus against the unbroken server, and each fault against what should catch it.

use std::collections::BTreeMap;
use std::sync::Arc;

use siospec_reference_server::faults::Fault;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::choice::{Chosen, choose};
use super::proof::{Accused, Book, Proof, Seen, State, text, weigh};
use crate::outcome::Verdict;
use crate::run::plan::Plan;
use crate::run::stop::Stop;
use crate::run::{Judgement, Pace, Turn, judge};
use crate::scenario::trial::Trial;
use crate::target::bundled::Bundled;
use crate::target::needs::Needs;
use crate::target::server::Server;

/// How often a fault is played at most until it is caught: some break a rule at a moment of the server's choosing, which
/// a busy machine can move behind the last step. How many plays it took is shown.
const PLAYS: u32 = 3;

/// What to prove.
pub struct Order {
    /// The faults.
    pub faults: Vec<&'static Fault>,
    /// Every trial of the corpus.
    pub trials: Vec<Arc<Trial>>,
    /// How many trials of other requirements each fault is shown.
    pub sample: usize,
    /// How many trials are played at once.
    pub jobs: usize,
    /// Told after each fault.
    pub progress: Arc<dyn Fn(&Proof) + Send + Sync>,
}

/// Plays and weighs; what was proven so far if `stop` is turned.
pub async fn prove(order: Order, stop: Stop) -> Book {
    let table = Arc::new(Table {
        plan: Plan::new(Vec::new(), Vec::new()),
        seats: Semaphore::new(order.jobs.max(1)),
        pace: Pace::start(Arc::default()),
        stop,
    });
    let mut book = Book::default();
    let chosen: Vec<_> = order
        .faults
        .into_iter()
        .map(|fault| {
            let trials = choose(fault.name, fault.requirements, &order.trials, order.sample);
            (fault, trials)
        })
        .collect();
    // Every trial that is to say something about a fault must pass without it.
    let witnesses: BTreeMap<&str, &Arc<Trial>> = chosen
        .iter()
        .flat_map(|(_, chosen)| chosen.own.iter().chain(&chosen.others))
        .map(|trial| (trial.name.as_str(), trial))
        .collect();
    let witnesses = witnesses.into_values().cloned().collect();
    let unbroken = table.clone().play_all(None, witnesses).await;
    book.baseline = unbroken.len();
    for seen in unbroken {
        match seen.verdict {
            Verdict::Failed { failure } => drop(book.unbroken.insert(seen.trial, text(&failure))),
            Verdict::Errored { reason, .. } => drop(book.unbroken.insert(seen.trial, reason)),
            _ => {}
        }
    }
    let mut proving = JoinSet::new();
    for (fault, chosen) in chosen {
        proving.spawn(table.clone().prove(fault, chosen));
    }
    while let Some(proof) = proving.join_next().await {
        let Ok(Some(proof)) = proof else { continue };
        (order.progress)(&proof);
        book.proofs.insert(proof.fault.clone(), proof);
    }
    book
}

struct Table {
    plan: Plan,
    seats: Semaphore,
    pace: Pace,
    stop: Stop,
}

impl Table {
    async fn prove(self: Arc<Self>, fault: &'static Fault, chosen: Chosen) -> Option<Proof> {
        let accused = Accused {
            name: fault.name,
            requirements: fault.requirements,
            breaks: fault.breaks,
            also: fault.also,
        };
        let mut proof = None;
        for play in 1..=PLAYS {
            let own = self.clone().play_all(Some(fault), chosen.own.clone()).await;
            let others = self
                .clone()
                .play_all(Some(fault), chosen.others.clone())
                .await;
            if self.stop.is_set() {
                return None;
            }
            let weighed = proof.insert(weigh(accused, own, others));
            weighed.plays = play;
            if weighed.state == State::Caught {
                break;
            }
        }
        proof
    }

    /// Each trial on a server of its own that breaks the fault's rule, or none.
    async fn play_all(
        self: Arc<Self>,
        fault: Option<&'static Fault>,
        trials: Vec<Arc<Trial>>,
    ) -> Vec<Seen> {
        let server = Arc::new(Server::Bundled(Bundled::broken(
            std::env::current_exe().ok(),
            fault,
        )));
        let mut playing = JoinSet::new();
        for trial in trials {
            playing.spawn(self.clone().play(server.clone(), trial, fault.is_none()));
        }
        let mut seen = Vec::new();
        while let Some(played) = playing.join_next().await {
            seen.extend(played.ok().flatten());
        }
        server.close().await;
        seen
    }

    async fn play(
        self: Arc<Self>,
        server: Arc<Server>,
        trial: Arc<Trial>,
        unbroken: bool,
    ) -> Option<Seen> {
        let _seat = self.seats.acquire().await.ok()?;
        if self.stop.is_set() {
            return None;
        }
        let verdict = match server.offers(&Needs::of(&trial)) {
            Err(reason) => Verdict::NotOffered { reason },
            Ok(settings) => {
                let turn = Turn {
                    // That it fails is what a fault is for, and all of them wait at once.
                    spares: unbroken,
                    ..Turn::on_a_stranger()
                };
                let judged = judge(
                    &self.plan, &server, &settings, &trial, &self.pace, turn, &self.stop,
                )
                .await;
                let Judgement { verdict, .. } = judged?;
                verdict
            }
        };
        Some(Seen {
            trial: trial.name.clone(),
            requirements: trial.scenario.requirements.clone(),
            verdict,
        })
    }
}
