//! What changed between two runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::known::{evidence, steady};
use crate::outcome::{Outcome, Run, Verdict};

/// Everything that is not as it was, the worst first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Whether anything got worse.
    pub worse: bool,
    /// The changes.
    pub changes: Vec<Change>,
    /// How many trials are as they were.
    pub same: usize,
}

/// A trial on a target, or a target, that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What kind of change it is.
    pub kind: Kind,
    /// The target.
    pub target: String,
    /// The trial; none where it is about the target as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<String>,
    /// The trial's name in the old run, if it had another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formerly: Option<String>,
    /// What the old run has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What the new run has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// The kinds of change, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The target cannot be reached any more, an entry of its `known.yaml` became stale, or a required capability is
    /// missing now.
    Target,
    /// It fails now, or passes although an entry says that it fails.
    NewlyFailing,
    /// It cannot be judged any more.
    NoLongerJudged,
    /// What it needs is not offered any more.
    NoLongerOffered,
    /// The new run has it and the old one has not, and it turns the new one red.
    AppearedRed,
    /// It was red, or failed, before and still does, with other evidence.
    OtherEvidence,
    /// It differs as before, or passes as before, and gates now or no more; or another verdict that is no worse.
    OtherVerdict,
    /// The new run has it and the old one has not.
    Appeared,
    /// The old run has it and the new one has not.
    Vanished,
    /// It passes now.
    NewlyPassing,
}

impl Kind {
    /// Whether it means that something got worse.
    pub fn is_worse(self) -> bool {
        self <= Self::AppearedRed
    }

    fn heading(self) -> &'static str {
        match self {
            Self::Target => "of targets as a whole",
            Self::NewlyFailing => "newly failing",
            Self::NoLongerJudged => "no longer judged",
            Self::NoLongerOffered => "no longer offered",
            Self::AppearedRed => "appeared, and red",
            Self::OtherEvidence => "fails as before, with other evidence",
            Self::OtherVerdict => "another verdict",
            Self::Appeared => "appeared",
            Self::Vanished => "vanished",
            Self::NewlyPassing => "newly passing",
        }
    }
}

/// Compares two runs. Of repetitions the gravest counts; a renamed scenario is found by its earlier names.
pub fn diff(old: &Run, new: &Run) -> Diff {
    let (before, after) = (gravest(old), gravest(new));
    let mut changes = targets(old, new);
    let mut found = BTreeSet::new();
    let mut same = 0;
    for ((target, trial), outcome) in &after {
        let names = outcome.names();
        let mut named = names
            .map(|name| (target.to_owned(), name))
            .filter(|key| before.contains_key(key));
        let change = |kind, formerly: Option<String>, old: Option<String>| Change {
            kind,
            target: target.clone(),
            trial: Some(trial.clone()),
            formerly,
            old,
            new: Some(said(outcome)),
        };
        let Some(key) = named.next() else {
            let kind = match outcome.is_red() {
                true => Kind::AppearedRed,
                false => Kind::Appeared,
            };
            changes.push(change(kind, None, None));
            continue;
        };
        let earlier = before[&key];
        match compare(earlier, outcome) {
            Some(kind) => changes.push(change(
                kind,
                Some(key.1.clone()).filter(|name| name != trial),
                Some(said(earlier)),
            )),
            None => same += 1,
        }
        found.insert(key);
    }
    for (key, outcome) in before.iter().filter(|(key, _)| !found.contains(*key)) {
        changes.push(Change {
            kind: Kind::Vanished,
            target: key.0.clone(),
            trial: Some(key.1.clone()),
            formerly: None,
            old: Some(said(outcome)),
            new: None,
        });
    }
    changes.sort();
    Diff {
        worse: changes.iter().any(|change| change.kind.is_worse()),
        changes,
        same,
    }
}

/// What changed between two plays of one trial.
fn compare(old: &Outcome, new: &Outcome) -> Option<Kind> {
    use Verdict::{Errored, Failed, KnownDeviation, NotOffered, Passed, UnexpectedPass};
    let worse = match (&old.verdict, &new.verdict) {
        (Failed { .. } | UnexpectedPass { .. }, Failed { .. } | UnexpectedPass { .. }) => None,
        // What could not be judged has not been seen to pass.
        (_, Failed { .. } | UnexpectedPass { .. }) => Some(Kind::NewlyFailing),
        (Errored { .. }, Errored { .. }) => None,
        (_, Errored { .. }) => Some(Kind::NoLongerJudged),
        (NotOffered { .. } | Errored { .. }, NotOffered { .. }) => None,
        (_, NotOffered { .. }) => Some(Kind::NoLongerOffered),
        _ => None,
    };
    // A failure that gates where it did not is a new one for the build.
    let gates_now = new.is_red() && !old.is_red() && !matches!(old.verdict, NotOffered { .. });
    worse
        .or(gates_now.then_some(Kind::NewlyFailing))
        .or_else(|| match (&old.verdict, &new.verdict) {
            (Passed, Passed) => None,
            (_, Passed) => Some(Kind::NewlyPassing),
            (KnownDeviation { .. }, KnownDeviation { .. }) | (Failed { .. }, Failed { .. }) => {
                (proof(old) != proof(new)).then_some(Kind::OtherEvidence)
            }
            (one, other) if one.word() != other.word() => Some(Kind::OtherVerdict),
            _ => (old.is_red() != new.is_red()).then_some(Kind::OtherVerdict),
        })
}

/// The evidence of a failure without what differs from run to run.
fn proof(outcome: &Outcome) -> Option<(String, String, String)> {
    let failure = outcome.verdict.failure()?;
    let (expected, got) = evidence(failure);
    Some((failure.step.clone(), steady(expected), steady(got)))
}

/// The verdict, with what came where it failed.
fn said(outcome: &Outcome) -> String {
    let word = outcome.verdict.word();
    match (&outcome.verdict, outcome.verdict.failure()) {
        (Verdict::Errored { reason, .. } | Verdict::NotOffered { reason }, _) => {
            format!("{word}: {}", line(reason))
        }
        (_, Some(failure)) => {
            let (expected, got) = evidence(failure);
            let level = if outcome.is_red() || word != "failed" {
                ""
            } else {
                " without gating"
            };
            match expected.is_empty() {
                true => format!("{word}{level}, {}: {}", failure.step, line(got)),
                false => format!(
                    "{word}{level}, {}: expected {}, got {}",
                    failure.step,
                    line(expected),
                    line(got)
                ),
            }
        }
        _ => word.to_owned(),
    }
}

fn line(text: &str) -> String {
    super::wire::visible(text.lines().next().unwrap_or_default())
}

fn targets(old: &Run, new: &Run) -> Vec<Change> {
    let mut changes = Vec::new();
    for target in &new.targets {
        let before = old.targets.iter().find(|before| before.name == target.name);
        let red: BTreeSet<String> = before
            .into_iter()
            .flat_map(super::remarks::red)
            .map(|(_, why)| why)
            .collect();
        for (what, why) in super::remarks::red(target) {
            // An address or a pid in the words makes no news.
            let is_news = !red.iter().any(|before| steady(before) == steady(&why));
            let before_was_reached = before.is_none_or(|before| before.unreachable.is_none());
            if is_news && (what != "target" || before_was_reached) {
                changes.push(Change {
                    kind: Kind::Target,
                    target: target.name.clone(),
                    trial: None,
                    formerly: None,
                    old: None,
                    new: Some(format!("{what}: {why}")),
                });
            }
        }
    }
    changes
}

fn gravest(run: &Run) -> BTreeMap<(String, String), &Outcome> {
    let mut gravest: BTreeMap<(String, String), &Outcome> = BTreeMap::new();
    for outcome in &run.outcomes {
        let known = gravest
            .entry((outcome.target.clone(), outcome.trial.clone()))
            .or_insert(outcome);
        if outcome.gravity() > known.gravity() {
            *known = outcome;
        }
    }
    gravest
}

impl Diff {
    /// The changes for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut last = None;
        for change in &self.changes {
            if last != Some(change.kind) {
                let count = self
                    .changes
                    .iter()
                    .filter(|other| other.kind == change.kind)
                    .count();
                let _ = writeln!(
                    text,
                    "{}{} ({count})",
                    if last.is_some() { "\n" } else { "" },
                    change.kind.heading()
                );
                last = Some(change.kind);
            }
            let _ = write!(
                text,
                "  {}: {}",
                change.target,
                change.trial.as_deref().unwrap_or("the target")
            );
            if let Some(name) = &change.formerly {
                let _ = write!(text, " (formerly {name})");
            }
            text.push('\n');
            match (&change.old, &change.new) {
                (Some(old), Some(new)) => {
                    let _ = writeln!(text, "    was {old}\n    is  {new}");
                }
                (Some(one), None) | (None, Some(one)) => {
                    let _ = writeln!(text, "    {one}");
                }
                (None, None) => {}
            }
        }
        let last = match (self.worse, self.changes.is_empty()) {
            (true, _) => "something got worse",
            (false, false) => "nothing got worse",
            (false, true) => "nothing changed",
        };
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "{last}; {} trials are as they were", self.same);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::{failed, known, outcome, run};

    fn kinds(old: Vec<Outcome>, new: Vec<Outcome>) -> Vec<Kind> {
        diff(&run(old), &run(new))
            .changes
            .iter()
            .map(|change| change.kind)
            .collect()
    }

    fn change(old: Verdict, new: Verdict) -> Vec<Kind> {
        kinds(vec![outcome(true, old)], vec![outcome(true, new)])
    }

    fn errored() -> Verdict {
        Verdict::Errored {
            reason: "busy".into(),
            failure: None,
        }
    }

    fn not_offered() -> Verdict {
        Verdict::NotOffered {
            reason: "rooms".into(),
        }
    }

    fn deviates() -> Verdict {
        Verdict::KnownDeviation {
            failure: crate::outcome::tests::failure(),
            known: Box::new(known()),
        }
    }

    #[test]
    fn what_passed_and_does_not_any_more_got_worse() {
        for (new, kind) in [
            (failed(), Kind::NewlyFailing),
            (
                Verdict::UnexpectedPass {
                    known: Box::new(known()),
                },
                Kind::NewlyFailing,
            ),
            (errored(), Kind::NoLongerJudged),
            (not_offered(), Kind::NoLongerOffered),
        ] {
            assert_eq!(change(Verdict::Passed, new), [kind]);
            assert!(kind.is_worse());
        }
        assert_eq!(change(deviates(), failed()), [Kind::NewlyFailing]);
        assert_eq!(change(not_offered(), failed()), [Kind::NewlyFailing]);
    }

    #[test]
    fn what_got_better_or_was_accepted_did_not_get_worse() {
        assert_eq!(change(failed(), Verdict::Passed), [Kind::NewlyPassing]);
        assert_eq!(change(errored(), Verdict::Passed), [Kind::NewlyPassing]);
        assert_eq!(change(failed(), deviates()), [Kind::OtherVerdict]);
        assert_eq!(change(Verdict::Passed, deviates()), [Kind::OtherVerdict]);
        assert_eq!(change(failed(), failed()), []);
        assert!(
            ![
                Kind::NewlyPassing,
                Kind::OtherVerdict,
                Kind::Appeared,
                Kind::Vanished
            ]
            .into_iter()
            .any(Kind::is_worse)
        );
    }

    #[test]
    fn a_difference_that_gates_now_is_newly_failing() {
        let gates = |gates| vec![outcome(gates, failed())];
        assert_eq!(kinds(gates(false), gates(true)), [Kind::NewlyFailing]);
        assert_eq!(kinds(gates(true), gates(false)), []);
    }

    #[test]
    fn other_evidence_is_a_change_and_another_id_is_none() {
        let got = |text: &str| {
            let mut failure = crate::outcome::tests::failure();
            failure.received = Some(text.into());
            Verdict::Failed { failure }
        };
        assert_eq!(change(got("41"), got("44")), [Kind::OtherEvidence]);
        assert_eq!(change(got("at 127.0.0.1:80"), got("at 127.0.0.1:81")), []);
    }

    #[test]
    fn a_renamed_scenario_is_the_one_that_it_was() {
        let renamed = Outcome {
            trial: "a/new[A=x]".into(),
            scenario: "a/new".into(),
            aka: vec!["a/b".into()],
            ..outcome(true, failed())
        };
        let old = run(vec![Outcome {
            trial: "a/b[A=x]".into(),
            ..outcome(true, Verdict::Passed)
        }]);
        let diff = diff(&old, &run(vec![renamed]));
        assert_eq!(diff.changes.len(), 1);
        assert_eq!(
            diff.text(),
            "newly failing (1)\n  t: a/new[A=x] (formerly a/b[A=x])\n    was passed\n    is  failed, step 1: expected 40, \
             got 41\n\nsomething got worse; 0 trials are as they were\n"
        );
    }

    #[test]
    fn trials_that_came_and_went_are_listed() {
        let other = Outcome {
            trial: "a/c".into(),
            scenario: "a/c".into(),
            ..outcome(true, Verdict::Passed)
        };
        assert_eq!(
            kinds(vec![outcome(true, failed())], vec![other]),
            [Kind::Appeared, Kind::Vanished]
        );
    }

    #[test]
    fn what_appears_red_got_worse_and_what_only_informs_did_not() {
        let appeared = |gates, verdict| diff(&run(vec![]), &run(vec![outcome(gates, verdict)]));
        let unexpected = Verdict::UnexpectedPass {
            known: Box::new(known()),
        };
        for red in [failed(), errored(), unexpected] {
            let diff = appeared(true, red);
            assert_eq!(diff.changes[0].kind, Kind::AppearedRed);
            assert!(diff.worse);
        }
        for (gates, other) in [
            (false, failed()),
            (true, Verdict::Passed),
            (true, not_offered()),
            (true, deviates()),
        ] {
            let diff = appeared(gates, other);
            assert_eq!(diff.changes[0].kind, Kind::Appeared);
            assert!(!diff.worse);
        }
        assert_eq!(
            appeared(true, failed()).text(),
            "appeared, and red (1)\n  t: a/b\n    failed, step 1: expected 40, got 41\n\nsomething got worse; 0 trials are \
             as they were\n"
        );
    }

    #[test]
    fn of_repetitions_the_gravest_counts() {
        let twice = |second| {
            vec![
                outcome(true, Verdict::Passed),
                Outcome {
                    repetition: 2,
                    ..outcome(true, second)
                },
            ]
        };
        assert_eq!(
            kinds(twice(Verdict::Passed), twice(failed())),
            [Kind::NewlyFailing]
        );
    }

    #[test]
    fn a_target_that_is_gone_or_has_a_stale_entry_got_worse() {
        let old = run(vec![]);
        let mut new = run(vec![]);
        new.targets[0].unreachable = Some("refused".into());
        assert_eq!(diff(&old, &new).changes[0].kind, Kind::Target);
        assert!(!diff(&new, &new).worse);
    }
}
