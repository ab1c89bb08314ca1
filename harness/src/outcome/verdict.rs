//! One trial on one target, and what came of it.

use std::ops::Not;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Failure, Known, Level, Transcript};

/// One trial on one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The target's name.
    pub target: String,
    /// The trial's stable name: `engine.io/upgrade/probe[B=polling]`.
    pub trial: String,
    /// The scenario's path without ending, which is its name.
    pub scenario: String,
    /// Earlier names of the scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aka: Vec<String>,
    /// The scenario's file as a reader can open it.
    pub file: String,
    /// What the scenario claims.
    pub title: String,
    /// The requirements that it checks.
    pub requirements: Vec<String>,
    /// Their level; `None` for a scenario of somebody's own, without requirements.
    pub level: Option<Level>,
    /// Their group in the catalogue, such as `EIO-HS`; empty without requirements.
    pub group: String,
    /// The capabilities that it needs.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Which repetition this is, from 1.
    pub repetition: u32,
    /// Whether its failure turns the run red.
    pub gates: bool,
    /// Whether it would gate, but is newer than the release whose requirements the run asks for.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub newer: bool,
    /// Whether it would gate, but asks for something else than it did in that release.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub changed: bool,
    /// Whether the instance that it shared with others fell silent under it, and one of its own did not.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub moved: bool,
    /// What came of it.
    pub verdict: Verdict,
    /// The command that plays this trial alone.
    pub replay: String,
    /// Everything sent and received; `None` where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Arc<Transcript>>,
    /// When it began, milliseconds since the run did.
    pub started_ms: u64,
    /// How long it took, milliseconds.
    pub duration_ms: u64,
}

impl Outcome {
    /// Whether this alone makes the run end with 1.
    pub fn is_red(&self) -> bool {
        match self.verdict {
            Verdict::Failed { .. } | Verdict::Errored { .. } => self.gates,
            Verdict::UnexpectedPass { .. } => true,
            Verdict::Passed | Verdict::KnownDeviation { .. } | Verdict::NotOffered { .. } => false,
        }
    }

    /// How grave it is: of several plays of one trial, the gravest speaks for all.
    pub fn gravity(&self) -> u8 {
        match (&self.verdict, self.gates) {
            (Verdict::NotOffered { .. }, _) => 0,
            (Verdict::Passed, _) => 1,
            (Verdict::KnownDeviation { .. }, _) => 2,
            (Verdict::Failed { .. }, false) => 3,
            (Verdict::Errored { .. }, false) => 4,
            (Verdict::UnexpectedPass { .. }, _) => 5,
            (Verdict::Errored { .. }, true) => 6,
            (Verdict::Failed { .. }, true) => 7,
        }
    }

    /// The names by which the trial is known: its own, and those that it had under its scenario's earlier names.
    pub fn names(&self) -> impl Iterator<Item = String> {
        crate::known::names(&self.scenario, &self.aka, &self.trial)
    }
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Verdict {
    /// The target did what the scenario says.
    Passed,
    /// It did something else.
    Failed {
        /// Where, and what instead.
        failure: Failure,
    },
    /// It failed as an entry of its `known.yaml` says it would.
    KnownDeviation {
        /// Where, and what instead.
        failure: Failure,
        /// The entry.
        known: Box<Known>,
    },
    /// An entry of `known.yaml` says that it fails, and it passed.
    UnexpectedPass {
        /// The entry, to be struck.
        known: Box<Known>,
    },
    /// The target lacks a capability or a knob that the scenario needs.
    NotOffered {
        /// Which one.
        reason: String,
    },
    /// It could not be judged.
    Errored {
        /// Why not.
        reason: String,
        /// Where, if it had begun.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
}

impl Verdict {
    /// The one word for tables and counts.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed { .. } => "failed",
            Verdict::KnownDeviation { .. } => "known deviation",
            Verdict::UnexpectedPass { .. } => "unexpected pass",
            Verdict::NotOffered { .. } => "not offered",
            Verdict::Errored { .. } => "errored",
        }
    }

    /// Where the scenario stopped, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Verdict::Failed { failure } | Verdict::KnownDeviation { failure, .. } => Some(failure),
            Verdict::Errored { failure, .. } => failure.as_ref(),
            Verdict::Passed | Verdict::UnexpectedPass { .. } | Verdict::NotOffered { .. } => None,
        }
    }

    /// Whether the target was tried and said something about itself.
    pub fn is_judged(&self) -> bool {
        !matches!(self, Verdict::NotOffered { .. } | Verdict::Errored { .. })
    }
}
