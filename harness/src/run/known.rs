//! Known deviations: matched with their evidence, struck when they no longer tell the truth.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::outcome::{Known, Outcome, Stale, Verdict};

/// The entries of one target.
#[derive(Debug, Clone, Default)]
pub(super) struct Baseline {
    entries: Vec<Known>,
}

impl Baseline {
    /// The entries as `known.yaml` lists them.
    pub(super) fn new(entries: Vec<Known>) -> Self {
        Self { entries }
    }

    /// What a plain verdict becomes in the light of the entries.
    pub(super) fn weigh(&self, scenario: &str, trial: &str, verdict: Verdict) -> Verdict {
        let mut about = self
            .entries
            .iter()
            .filter(|entry| entry.is_about(scenario, trial));
        match verdict {
            Verdict::Failed { mut failure } => {
                if let Some(known) = about.clone().find(|entry| entry.shows(&failure)) {
                    return Verdict::KnownDeviation {
                        failure,
                        known: known.clone(),
                    };
                }
                failure.notes.extend(about.map(|entry| {
                    format!(
                        "a known deviation of this scenario has other evidence: expected {}, got {}",
                        entry.expected, entry.got
                    )
                }));
                Verdict::Failed { failure }
            }
            Verdict::Passed => match about.find(|entry| entry.sometimes.is_none()) {
                Some(known) => Verdict::UnexpectedPass {
                    known: known.clone(),
                },
                None => Verdict::Passed,
            },
            other => other,
        }
    }

    /// Entries that are no longer true, given everything that was judged on this target. `scenarios` are the names of
    /// all that there are, filtered out or not; `today` decides what has expired.
    pub(super) fn stale(
        &self,
        outcomes: &[&Outcome],
        scenarios: &BTreeSet<&str>,
        today: NaiveDate,
    ) -> Vec<Stale> {
        let stale = |entry: &Known, why: String| Stale {
            scenario: entry.scenario.clone(),
            why,
        };
        let judge = |entry: &Known| {
            if !scenarios.contains(entry.scenario_name()) {
                return Some(stale(entry, "no scenario has that name".into()));
            }
            if let Some(until) = entry.until.filter(|until| *until < today) {
                return Some(stale(
                    entry,
                    format!("it was to be looked at again by {until}"),
                ));
            }
            let played: Vec<_> = outcomes
                .iter()
                .filter(|outcome| {
                    outcome.verdict.is_judged() && entry.is_about(&outcome.scenario, &outcome.trial)
                })
                .collect();
            let shown = played.iter().any(|outcome| match &outcome.verdict {
                Verdict::KnownDeviation { known, .. } | Verdict::UnexpectedPass { known } => {
                    known == entry
                }
                _ => false,
            });
            // What shows itself only sometimes may well not have in a few plays.
            let enough = entry.sometimes.map_or(1.0, |rate| 3.0 / rate);
            let silent = !shown && played.len() as f64 >= enough;
            silent.then(|| stale(entry, format!("it matched none of {} plays", played.len())))
        };
        self.entries.iter().filter_map(judge).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Failure, Snippet};

    fn entry() -> Known {
        Known {
            scenario: "a/b".into(),
            step: Some(7),
            expected: r#"44{"message":"x"}"#.into(),
            got: r#"40{"sid":"$_"}"#.into(),
            reason: "so".into(),
            link: None,
            version: None,
            sometimes: None,
            until: None,
        }
    }

    fn failed(line: u32, received: &str) -> Verdict {
        Verdict::Failed {
            failure: Failure {
                file: "a/b.yaml".into(),
                line,
                column: 1,
                length: 1,
                snippet: Snippet::default(),
                client: None,
                step: "step 1".into(),
                message: "another packet".into(),
                expected: Some(r#"44{"message":"x"}"#.into()),
                received: Some(received.into()),
                path: None,
                notes: Vec::new(),
            },
        }
    }

    fn weigh(entry: Known, verdict: Verdict) -> &'static str {
        Baseline::new(vec![entry])
            .weigh("a/b", "a/b[A=polling]", verdict)
            .word()
    }

    #[test]
    fn an_entry_covers_the_failure_that_it_describes_and_no_other() {
        assert_eq!(
            weigh(entry(), failed(7, r#"40{"sid":"abc"}"#)),
            "known deviation"
        );
        assert_eq!(weigh(entry(), failed(8, r#"40{"sid":"abc"}"#)), "failed");
        assert_eq!(weigh(entry(), failed(7, r#"41{"sid":"abc"}"#)), "failed");
        let other = Known {
            scenario: "a/c".into(),
            ..entry()
        };
        assert_eq!(weigh(other, failed(7, r#"40{"sid":"abc"}"#)), "failed");
        let this_trial = Known {
            scenario: "a/b[A=polling]".into(),
            ..entry()
        };
        assert_eq!(
            weigh(this_trial, failed(7, r#"40{"sid":"abc"}"#)),
            "known deviation"
        );
    }

    #[test]
    fn a_deviation_that_is_gone_is_an_unexpected_pass() {
        assert_eq!(weigh(entry(), Verdict::Passed), "unexpected pass");
        let sometimes = Known {
            sometimes: Some(0.5),
            ..entry()
        };
        assert_eq!(weigh(sometimes, Verdict::Passed), "passed");
    }

    #[test]
    fn a_failure_with_other_evidence_says_so() {
        let verdict = Baseline::new(vec![entry()]).weigh("a/b", "a/b", failed(7, "41"));
        assert!(verdict.failure().unwrap().notes[0].contains("has other evidence: expected 44"));
    }

    #[test]
    fn an_entry_is_stale_without_a_scenario_after_its_day_or_without_a_match() {
        let today = NaiveDate::from_ymd_opt(2026, 1, 2).unwrap();
        let stale = |entry: Known, scenarios: &[&str], verdict: Verdict| {
            let outcome = crate::outcome::tests::outcome(true, verdict);
            let all = scenarios.iter().copied().collect();
            let stale = Baseline::new(vec![entry]).stale(&[&outcome], &all, today);
            stale
                .into_iter()
                .map(|stale| stale.why)
                .collect::<Vec<_>>()
                .join("; ")
        };
        assert_eq!(
            stale(entry(), &[], Verdict::Passed),
            "no scenario has that name"
        );
        let expired = Known {
            until: NaiveDate::from_ymd_opt(2026, 1, 1),
            ..entry()
        };
        assert_eq!(
            stale(expired, &["a/b"], Verdict::Passed),
            "it was to be looked at again by 2026-01-01"
        );
        assert_eq!(
            stale(entry(), &["a/b"], failed(9, "x")),
            "it matched none of 1 plays"
        );
        let sometimes = Known {
            sometimes: Some(0.5),
            ..entry()
        };
        assert_eq!(stale(sometimes, &["a/b"], Verdict::Passed), "");
        let not_offered = Verdict::NotOffered {
            reason: "rooms".into(),
        };
        assert_eq!(stale(entry(), &["a/b"], not_offered), "");
    }
}
