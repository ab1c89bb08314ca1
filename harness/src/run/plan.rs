//! What a run is to do.

use std::sync::Arc;
use std::time::Duration;

use super::selection::Filter;
use crate::outcome::{Gate, Judged};
use crate::scenario::model::{Scenario, Step};
use crate::scenario::trial::Trial;
use crate::scenario::verb::Verb;
use crate::target::server::Server;

/// Scenarios, targets, and how to play.
#[derive(Debug)]
pub struct Plan {
    /// Every scenario there is, before any filter.
    pub scenarios: Vec<Arc<Scenario>>,
    /// The servers to judge.
    pub servers: Vec<Server>,
    /// Which trials are played.
    pub filter: Filter,
    /// What turns the run red.
    pub gate: Gate,
    /// Capabilities that every target must declare; `all` is every one that a scenario needs.
    pub require: Vec<String>,
    /// Whether servers are first held to the fixture contract, as far as trials rely on it.
    pub contract: bool,
    /// How often each trial is played.
    pub repeat: u32,
    /// The factor on deadlines and tolerance.
    pub time_scale: f64,
    /// Failures show their whole transcript.
    pub verbose: bool,
    /// Every trial shows its whole transcript.
    pub trace: bool,
    /// Further flags and paths that a reader needs to repeat a trial of this run.
    pub arguments: Vec<String>,
}

impl Plan {
    /// The embedded or given scenarios against these servers, everything else as without flags.
    pub fn new(scenarios: Vec<Arc<Scenario>>, servers: Vec<Server>) -> Self {
        Self {
            scenarios,
            servers,
            filter: Filter::default(),
            gate: Gate::default(),
            require: Vec::new(),
            contract: true,
            repeat: 1,
            time_scale: 1.0,
            verbose: false,
            trace: false,
            arguments: Vec::new(),
        }
    }

    /// How many trials to play at once if nobody says: scenarios mostly wait, so far more than there are cores.
    pub fn jobs() -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        (8 * cores).clamp(8, 64)
    }

    /// The command that plays a trial alone on that server.
    pub(super) fn replay(&self, server: &Server, trial: &str) -> String {
        let mut words = vec!["siospec run".to_owned()];
        match server {
            Server::Bundled(_) => {}
            Server::Foreign(_) => words.push(format!("--target {}", server.name())),
            Server::Remote(_) => words.push(format!("--url {}", server.name())),
        }
        words.extend(self.arguments.iter().cloned());
        words.push(format!("--exact --filter '{trial}'"));
        words.join(" ")
    }

    pub(super) fn judged(&self, server: &Server, reached: Result<(), String>) -> Judged {
        let capabilities = server.capabilities();
        let unreachable = reached.err();
        let missing = if unreachable.is_some() {
            Vec::new()
        } else {
            self.missing(&capabilities)
        };
        Judged {
            name: server.name().to_owned(),
            versions: server.versions(),
            url: server.url().map(str::to_owned),
            capabilities,
            unreachable,
            missing,
            ..Judged::default()
        }
    }

    fn missing(&self, declared: &[String]) -> Vec<String> {
        let every = self.scenarios.iter().flat_map(|scenario| &scenario.needs);
        let wanted: std::collections::BTreeSet<&String> =
            match self.require.iter().any(|cap| cap == "all") {
                true => every.collect(),
                false => self.require.iter().collect(),
            };
        wanted
            .into_iter()
            .filter(|cap| !declared.contains(cap))
            .cloned()
            .collect()
    }
}

/// Roughly how long a trial takes, from the times that its steps name; what takes long is begun first.
pub(super) fn expected(trial: &Trial) -> Duration {
    trial.case.steps.iter().map(of_step).sum()
}

fn of_step(step: &Step) -> Duration {
    let own = match &step.verb {
        Verb::Wait(time) | Verb::Silence(time) | Verb::Dead(Some(time)) => *time,
        Verb::Dead(None) => Duration::from_millis(500),
        Verb::Repeat(repeat) => repeat.steps.iter().map(of_step).sum::<Duration>() * repeat.times,
        Verb::Together(steps) => steps.iter().map(of_step).max().unwrap_or_default(),
        Verb::Either(branches) => branches
            .iter()
            .map(|steps| steps.iter().map(of_step).sum())
            .max()
            .unwrap_or_default(),
        _ => Duration::from_millis(1),
    };
    own.max(step.not_before.unwrap_or_default())
}
