//! A run, and what was asked of it.

use std::collections::BTreeSet;
use std::ops::Not;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stale::stale;
use super::{Judged, Outcome};

/// One run of `siospec`: which targets were judged by which trials, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The shape of this document, [`Run::FORMAT`] when it was written.
    pub format: u32,
    /// The version of siospec that judged.
    pub siospec: String,
    /// When the run began, RFC 3339 in UTC.
    pub started: chrono::DateTime<chrono::Utc>,
    /// How long it took, milliseconds.
    pub duration_ms: u64,
    /// Whether it was stopped (Ctrl-C) before every selected trial had been played.
    #[serde(default)]
    pub interrupted: bool,
    /// What was asked for.
    pub selection: Selection,
    /// The servers that were judged, in the order they were named.
    pub targets: Vec<Judged>,
    /// One entry for each trial, target and repetition: by target, then by the trial's name, then by repetition.
    pub outcomes: Vec<Outcome>,
}

impl Run {
    /// The present shape of the document; a reader refuses a higher one.
    pub const FORMAT: u32 = 1;

    /// The outcomes of one target.
    pub fn of<'a>(&'a self, target: &'a str) -> impl Iterator<Item = &'a Outcome> {
        self.outcomes.iter().filter(move |o| o.target == target)
    }

    /// The outcomes in their order, whatever order they were played in.
    pub fn sort(&mut self) {
        let place = |outcome: &Outcome| self.targets.iter().position(|t| t.name == outcome.target);
        let mut places: Vec<_> = self.outcomes.drain(..).map(|o| (place(&o), o)).collect();
        places.sort_by(|(a, one), (b, other)| {
            let key = |o: &Outcome| (o.trial.clone(), o.repetition);
            a.cmp(b).then_with(|| key(one).cmp(&key(other)))
        });
        self.outcomes = places.into_iter().map(|(_, outcome)| outcome).collect();
    }

    /// Says of each target anew which entries of its `known.yaml` are stale, given every outcome that the run has.
    pub fn find_stale(&mut self) {
        let today = self.started.date_naive();
        for target in &mut self.targets {
            let of: Vec<&Outcome> = self
                .outcomes
                .iter()
                .filter(|o| o.target == target.name)
                .collect();
            target.stale = stale(&target.known, &of, today);
        }
    }
}

/// The flags that decided what was played and what gates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    /// Which levels gate beside MUST and declared capabilities.
    #[serde(default)]
    pub gate: Gate,
    /// How often each trial was played.
    pub repeat: u32,
    /// The factor on deadlines and tolerance.
    pub time_scale: f64,
    /// Trials that there are for each target, before any filter.
    pub of_all: usize,
    /// The release whose requirements alone gate; without one, all that siospec knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<String>,
    /// Capabilities that every target must declare.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require: Vec<String>,
    /// The files and folders of scenarios that were played instead of the embedded ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<String>,
    /// `--filter`: trials whose name or requirement has any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<String>,
    /// `--skip`: and none of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<String>,
    /// Whether `filter` and `skip` give whole names.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub exact: bool,
    /// Whether stress scenarios were played too.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub stress: bool,
    /// Whether only what had failed in the run before was played.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub rerun_failed: bool,
    /// Which part of the trials so selected is in this document; without, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<Shards>,
    /// Flags that tell a reader how to run it again, as typed (`--path x`, …).
    #[serde(default)]
    pub arguments: Vec<String>,
}

/// Parts of a run that was split over several machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shards {
    /// Into how many parts it was split.
    pub of: u32,
    /// Which of them are here, from 1.
    pub held: BTreeSet<u32>,
}

impl Shards {
    /// The parts that are not here.
    pub fn missing(&self) -> impl Iterator<Item = u32> {
        (1..=self.of).filter(|part| !self.held.contains(part))
    }
}

/// Which levels can turn a run red.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// MUST requirements, and whatever stands behind a capability that the target declares.
    #[default]
    Must,
    /// SHOULD requirements as well.
    Should,
    /// Every requirement, DE-FACTO included.
    All,
}
