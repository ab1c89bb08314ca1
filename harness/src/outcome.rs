//! What a run leaves behind: one value from which the terminal, JSON, JUnit and every other report is rendered.
//!
//! Everything here is plain data, readable and writable by serde; [`Run::FORMAT`] counts its shape.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use crate::known::Known;
pub use crate::scenario::model::Level;
use crate::transcript::Transcript;

/// One run of `siospec`: which targets were judged by which trials, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// One entry for each trial, target and repetition, in the order of the selection.
    pub outcomes: Vec<Outcome>,
}

impl Run {
    /// The present shape of the document; a reader refuses a higher one.
    pub const FORMAT: u32 = 1;

    /// The outcomes of one target.
    pub fn of<'a>(&'a self, target: &'a str) -> impl Iterator<Item = &'a Outcome> {
        self.outcomes.iter().filter(move |o| o.target == target)
    }

    /// How the run ends, as design and exit codes have it.
    pub fn conclusion(&self) -> Conclusion {
        if self.interrupted {
            return Conclusion::Interrupted;
        }
        if self.targets.iter().any(|t| t.unreachable.is_some()) {
            return Conclusion::Unreachable;
        }
        if self.outcomes.iter().any(Outcome::is_red)
            || self.targets.iter().any(|t| !t.stale.is_empty())
        {
            return Conclusion::Red;
        }
        let judged = |o: &Outcome| o.gates && o.verdict.is_judged();
        match self.outcomes.iter().any(judged) {
            true => Conclusion::Conforms,
            false => Conclusion::NothingJudged,
        }
    }
}

/// The flags that decided what was played and what gates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Which levels gate beside MUST and declared capabilities.
    #[serde(default)]
    pub gate: Gate,
    /// How often each trial was played.
    pub repeat: u32,
    /// The factor on deadlines and tolerance.
    pub time_scale: f64,
    /// Trials there are, before any filter.
    pub of_all: usize,
    /// Flags that tell a reader how to run it again, as typed (`--filter x`, …).
    #[serde(default)]
    pub arguments: Vec<String>,
}

/// Which levels can turn a run red.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
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

/// A server that was judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Its name: a target's, or the URL.
    pub name: String,
    /// The versions of what was judged, by name, where they are known.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
    /// Its address, where somebody else runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The capabilities that it declares.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Why it could not be judged at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
    /// Entries of its `known.yaml` that matched nothing although they should have; each is red.
    #[serde(default)]
    pub stale: Vec<Stale>,
    /// Capabilities that `--require` insists on and the server does not declare; each is red.
    #[serde(default)]
    pub missing: Vec<String>,
    /// How instances shared by several trials ended although nobody asked them to; each is red.
    #[serde(default)]
    pub deaths: Vec<String>,
    /// From its first start to its last trial, milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
}

/// A known deviation that no longer says the truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    /// The scenario or trial it names.
    pub scenario: String,
    /// What is wrong with it, one sentence.
    pub why: String,
}

/// One trial on one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The target's name.
    pub target: String,
    /// The trial's stable name: `engine.io/upgrade/probe[B=polling]`.
    pub trial: String,
    /// The scenario's path without ending, which is its name.
    pub scenario: String,
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
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
        known: Known,
    },
    /// An entry of `known.yaml` says that it fails, and it passed.
    UnexpectedPass {
        /// The entry, to be struck.
        known: Known,
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

/// The step at which a scenario stopped, and what stood there instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step's file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// How many characters of the line it takes.
    pub length: u32,
    /// The lines of YAML around it.
    pub snippet: Snippet,
    /// The client that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Which step it is, in words: `step 3`, `setup`, `final fence`.
    pub step: String,
    /// What is wrong, one line.
    pub message: String,
    /// What the scenario wants there, as one would write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came, as one would write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
    /// Where inside the value the two part, such as `$[1].name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Further lines: packets that were waiting, how a connection ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Failure {
    /// Whether nothing but the deadline of the trial as a whole ended it.
    pub fn whole_trial(&self) -> bool {
        self.message.starts_with(crate::play::TOO_LONG)
    }
}

/// Lines of a scenario's source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snippet {
    /// The number of the first line, from 1.
    pub first_line: u32,
    /// The lines without their ends.
    pub lines: Vec<String>,
}

impl Snippet {
    /// `line` of `source` with up to two lines before it and one behind.
    pub fn around(source: &str, line: u32) -> Self {
        let first_line = line.saturating_sub(2).max(1);
        let wanted = (line + 2 - first_line) as usize;
        let lines = source.lines().skip(first_line as usize - 1).take(wanted);
        Self {
            first_line,
            lines: lines.map(str::to_owned).collect(),
        }
    }
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Nothing that gates failed.
    Conforms,
    /// A gating trial failed or errored, one passed unexpectedly, or an entry is stale.
    Red,
    /// A target could not be reached or started.
    Unreachable,
    /// The selection matched nothing, or nothing that gates was offered.
    NothingJudged,
    /// It was stopped by hand; the reports hold what was judged so far.
    Interrupted,
}

impl Conclusion {
    /// The exit code of `siospec run`.
    pub fn code(self) -> u8 {
        match self {
            Conclusion::Conforms => 0,
            Conclusion::Red => 1,
            Conclusion::Unreachable => 3,
            Conclusion::NothingJudged => 4,
            Conclusion::Interrupted => 130,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn run(outcomes: Vec<Outcome>) -> Run {
        Run {
            format: Run::FORMAT,
            siospec: "0".into(),
            started: chrono::DateTime::UNIX_EPOCH,
            duration_ms: 0,
            interrupted: false,
            selection: Selection::default(),
            targets: vec![Judged {
                name: "t".into(),
                ..Judged::default()
            }],
            outcomes,
        }
    }

    pub(crate) fn outcome(gates: bool, verdict: Verdict) -> Outcome {
        Outcome {
            target: "t".into(),
            trial: "a/b".into(),
            scenario: "a/b".into(),
            file: "scenarios/a/b.yaml".into(),
            title: "A title".into(),
            requirements: vec!["EIO-HS-01".into()],
            level: Some(Level::DeFacto),
            group: "EIO-HS".into(),
            needs: Vec::new(),
            repetition: 1,
            gates,
            verdict,
            replay: "siospec run --exact --filter 'a/b'".into(),
            transcript: None,
            started_ms: 0,
            duration_ms: 0,
        }
    }

    pub(crate) fn failed() -> Verdict {
        Verdict::Failed { failure: failure() }
    }

    fn failure() -> Failure {
        Failure {
            file: "scenarios/a/b.yaml".into(),
            line: 3,
            column: 5,
            length: 2,
            snippet: Snippet::around("one\ntwo\nthree\nfour\nfive", 3),
            client: Some("A".into()),
            step: "step 1".into(),
            message: "another packet".into(),
            expected: Some("40".into()),
            received: Some("41".into()),
            path: None,
            notes: Vec::new(),
        }
    }

    fn known() -> Known {
        Known {
            scenario: "a/b".into(),
            step: None,
            expected: "40".into(),
            got: "41".into(),
            reason: "so".into(),
            link: None,
            version: None,
            sometimes: None,
            until: None,
        }
    }

    #[test]
    fn only_what_gates_turns_a_run_red() {
        let conclusion = |outcomes| run(outcomes).conclusion();
        assert_eq!(
            conclusion(vec![outcome(true, Verdict::Passed)]),
            Conclusion::Conforms
        );
        assert_eq!(conclusion(vec![outcome(true, failed())]), Conclusion::Red);
        assert_eq!(
            conclusion(vec![
                outcome(true, Verdict::Passed),
                outcome(false, failed())
            ]),
            Conclusion::Conforms
        );
        assert_eq!(
            conclusion(vec![outcome(false, failed())]),
            Conclusion::NothingJudged
        );
        let errored = Verdict::Errored {
            reason: "no".into(),
            failure: None,
        };
        assert_eq!(conclusion(vec![outcome(true, errored)]), Conclusion::Red);
        let unexpected = Verdict::UnexpectedPass { known: known() };
        assert_eq!(
            conclusion(vec![outcome(false, unexpected)]),
            Conclusion::Red
        );
        let not_offered = Verdict::NotOffered {
            reason: "rooms".into(),
        };
        assert_eq!(
            conclusion(vec![outcome(true, not_offered)]),
            Conclusion::NothingJudged
        );
    }

    #[test]
    fn a_target_that_could_not_be_started_outweighs_a_failure() {
        let mut run = run(vec![outcome(true, failed())]);
        run.targets[0].unreachable = Some("no such command".into());
        assert_eq!(run.conclusion().code(), 3);
        run.interrupted = true;
        assert_eq!(run.conclusion().code(), 130);
    }

    #[test]
    fn a_run_reads_back_as_it_was_written() {
        let deviation = Verdict::KnownDeviation {
            failure: failure(),
            known: Known {
                sometimes: Some(0.25),
                ..known()
            },
        };
        let run = run(vec![
            outcome(true, deviation),
            outcome(false, failed()),
            outcome(true, Verdict::Passed),
        ]);
        let text = serde_json::to_string(&run).unwrap();
        assert!(
            text.contains(r#""verdict":{"kind":"known-deviation","failure":{"#),
            "{text}"
        );
        assert!(text.contains(r#""level":"DE-FACTO""#), "{text}");
        assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
    }

    #[test]
    fn a_snippet_begins_at_the_top_when_the_step_stands_there() {
        let source = "one\ntwo\nthree";
        assert_eq!(
            Snippet::around(source, 1),
            Snippet {
                first_line: 1,
                lines: vec!["one".into(), "two".into()]
            }
        );
        assert_eq!(Snippet::around(source, 3).first_line, 1);
        assert_eq!(Snippet::around(source, 3).lines.len(), 3);
    }
}
