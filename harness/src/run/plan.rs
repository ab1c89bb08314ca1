//! What a run is to do.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::selection::Filter;
use crate::outcome::{Gate, Judged, Selection, Shards};
use crate::scenario::corpus::{self, Corpus};
use crate::scenario::model::Scenario;
use crate::scenario::release::{Frozen, Release};
use crate::scenario::trial::Trial;
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
    /// The release to whose requirements that is limited.
    pub release: Option<Release>,
    /// The files and folders that the scenarios are from; none for the embedded ones.
    pub given: Vec<String>,
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
    /// How often a line on stderr says how far the run is; never if nothing is given.
    pub progress: Option<Duration>,
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
            release: None,
            given: Vec::new(),
            require: Vec::new(),
            contract: true,
            repeat: 1,
            time_scale: 1.0,
            verbose: false,
            trace: false,
            progress: None,
            arguments: Vec::new(),
        }
    }

    /// Whether the trial can turn the run red.
    pub(super) fn weight(&self, trial: &Trial) -> Weight {
        let scenario = &trial.scenario;
        let gates = |level| match self.gate.holds(level, &scenario.needs) {
            true => Weight::Gates,
            false => Weight::Informs,
        };
        // A scenario of somebody's own is of no release.
        let is_own =
            scenario.level.is_none() || !(self.given.is_empty() || is_embedded(&scenario.name));
        match &self.release {
            Some(release) if !is_own => match release.frozen(trial) {
                Frozen::Same(level) => gates(Some(level)),
                Frozen::Changed(level) if gates(Some(level)) == Weight::Gates => Weight::Changed,
                Frozen::Newer if gates(scenario.level) == Weight::Gates => Weight::Newer,
                Frozen::Changed(_) | Frozen::Newer => Weight::Informs,
            },
            _ => gates(scenario.level),
        }
    }

    /// Whether a scenario of that name is not for this run to play, but for one of the embedded scenarios.
    pub(super) fn is_elsewhere(&self, name: &str) -> bool {
        !self.given.is_empty() && is_embedded(name)
    }

    pub(super) fn selection(&self, of_all: usize) -> Selection {
        let filter = &self.filter;
        Selection {
            gate: self.gate,
            repeat: self.repeat.max(1),
            time_scale: self.time_scale,
            of_all,
            requirements: self.release.as_ref().map(|release| release.name.clone()),
            require: self.require.clone(),
            scenarios: self.given.clone(),
            filter: filter.wanted.clone(),
            skip: filter.skipped.clone(),
            exact: filter.exact,
            stress: filter.stress,
            rerun_failed: filter.failed.is_some(),
            shards: filter.shard.map(|shard| Shards {
                of: shard.of,
                held: [shard.number].into(),
            }),
            arguments: self.arguments.clone(),
        }
    }

    /// How many trials to play at once if nobody says: scenarios mostly wait, so far more than there are cores.
    pub fn jobs() -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        (8 * cores).clamp(8, 64)
    }

    /// The same, for this plan's servers: the bundled one takes little for itself, so that even more go beside each other.
    pub fn at_once(&self) -> usize {
        let bundled = |server: &Server| matches!(server, Server::Bundled(_));
        match self.servers.iter().all(bundled) {
            true => (2 * Self::jobs()).min(64),
            false => Self::jobs(),
        }
    }

    /// The command that plays a trial alone on that server.
    pub(super) fn replay(&self, server: &Server, trial: &str) -> String {
        let mut words = vec!["siospec run".to_owned()];
        match server {
            Server::Bundled(_) => {}
            Server::Foreign(foreign) => {
                words.push(format!("--target {}", foreign.manifest.asked()));
            }
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
        let wanted: BTreeSet<&String> = match self.require.iter().any(|cap| cap == "all") {
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

/// Whether a failure of a trial turns the run red.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// It does.
    Gates,
    /// It does not, for its requirement's level.
    Informs,
    /// It would, and is newer than the release that was asked for.
    Newer,
    /// It would, and asks for something else than it did in the release.
    Changed,
}

/// Whether an embedded scenario has, or once had, that name.
fn is_embedded(name: &str) -> bool {
    static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let scenarios = corpus::catalogue().map(|catalogue| Corpus::embedded(&catalogue).scenarios);
        let names = |scenario: &Arc<Scenario>| {
            std::iter::once(scenario.name.clone())
                .chain(scenario.aka.clone())
                .collect::<Vec<_>>()
        };
        scenarios
            .unwrap_or_default()
            .iter()
            .flat_map(names)
            .collect()
    });
    NAMES.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::catalogue::Catalogue;
    use crate::scenario::load::load;

    const CATALOGUE: &str = "- {id: R-1, level: MUST, group: R, statement: s, source: s, check: c, fault: f}\n\
                             - {id: R-2, level: SHOULD, group: R, statement: s, source: s, check: c, fault: f}\n";

    fn scenario(name: &str, header: &str) -> Arc<Scenario> {
        let catalogue = Catalogue::parse(CATALOGUE).unwrap();
        let yaml =
            format!("title: x\n{header}transports: [polling, websocket]\nsteps:\n  - A.alive:\n");
        load(name, "x.yaml", yaml.as_bytes(), &catalogue).unwrap()
    }

    fn weights(plan: &Plan) -> Vec<Weight> {
        let trials = plan.scenarios.iter().flat_map(Trial::of);
        trials.map(|trial| plan.weight(&trial)).collect()
    }

    #[test]
    fn what_is_newer_than_the_release_does_not_gate() {
        use Weight::{Gates, Informs, Newer};
        let (old, new) = (
            scenario("a/old", "requirement: R-1\n"),
            scenario("a/new", "requirement: R-1\n"),
        );
        let renamed = scenario("a/renamed", "requirement: R-1\naka: a/old\n");
        let (may, own) = (
            scenario("a/may", "requirement: R-2\n"),
            scenario("a/own", ""),
        );
        let release = Release::of("0.1", std::slice::from_ref(&old));
        let mut plan = Plan::new(vec![old, new, renamed, may, own], Vec::new());
        assert_eq!(
            weights(&plan),
            [
                Gates, Gates, Gates, Gates, Gates, Gates, Informs, Informs, Gates, Gates
            ]
        );
        plan.release = Some(release);
        assert_eq!(
            weights(&plan),
            [
                Gates, Gates, Newer, Newer, Gates, Gates, Informs, Informs, Gates, Gates
            ]
        );
    }

    #[test]
    fn a_trial_that_was_added_to_an_old_scenario_is_newer() {
        let old = scenario("a/old", "requirement: R-1\n");
        let more = scenario(
            "a/old",
            "requirement: R-1\ncases: {one: {x: '1'}, two: {x: '2'}}\n",
        );
        let mut plan = Plan::new(vec![more], Vec::new());
        plan.release = Some(Release::of("0.1", &[old]));
        assert!(weights(&plan).iter().all(|weight| *weight == Weight::Newer));
    }

    #[test]
    fn a_trial_that_asks_for_something_else_does_not_gate() {
        let old = scenario("a/old", "requirement: R-1\n");
        let release = Release::of("0.1", std::slice::from_ref(&old));
        let now = |header: &str| {
            let mut plan = Plan::new(vec![scenario("a/old", header)], Vec::new());
            plan.release = Some(release.clone());
            weights(&plan)
        };
        assert_eq!(now("requirement: R-1\nnote: why\n"), [Weight::Gates; 2]);
        assert_eq!(
            now("requirement: R-1\nneeds: rooms\n"),
            [Weight::Changed; 2]
        );
    }

    #[test]
    fn a_level_that_was_raised_since_the_release_gates_as_it_did() {
        let scenario = scenario("a/old", "requirement: R-1\n");
        let release = Release::of("0.1", std::slice::from_ref(&scenario));
        let release = release.text().unwrap().replace("MUST", "SHOULD");
        let mut plan = Plan::new(vec![scenario], Vec::new());
        plan.release = Some(Release::parse(&release).unwrap());
        assert_eq!(weights(&plan), [Weight::Informs, Weight::Informs]);
    }
}
