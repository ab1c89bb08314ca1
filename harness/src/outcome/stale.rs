//! Known deviations that no longer tell the truth.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Baselined, Outcome, Verdict};

/// A known deviation that no longer says the truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stale {
    /// The scenario or trial it names.
    pub scenario: String,
    /// What is wrong with it, one sentence.
    pub why: String,
}

/// Entries that are no longer true, given everything that was judged on their target. `today` decides what has expired.
/// Of an entry whose trials were not all played, be it for a filter, for a shard or for a stop, nobody says that it
/// matched nothing.
pub(crate) fn stale(known: &[Baselined], outcomes: &[&Outcome], today: NaiveDate) -> Vec<Stale> {
    let why = |known: &Baselined| -> Option<String> {
        let entry = &known.entry;
        if known.trials == 0 {
            return Some("there is no scenario, or no trial, of that name".into());
        }
        if let Some(step) = entry.step.as_ref().filter(|_| known.without_step) {
            return Some(format!(
                "there is no step {step} in it; name the step as a failure prints it"
            ));
        }
        if let Some(until) = entry.until.filter(|until| *until < today) {
            return Some(format!(
                "it expired on {until}: look at it again, then move `until`"
            ));
        }
        let about: Vec<&&Outcome> = outcomes.iter().filter(|o| entry.is_about(o)).collect();
        let trials: std::collections::BTreeSet<&str> =
            about.iter().map(|o| o.trial.as_str()).collect();
        let errored = about
            .iter()
            .any(|o| matches!(o.verdict, Verdict::Errored { .. }));
        if trials.len() < known.trials || errored {
            return None;
        }
        let shown = about.iter().any(|outcome| match &outcome.verdict {
            Verdict::KnownDeviation { known, .. } | Verdict::UnexpectedPass { known } => {
                **known == *entry
            }
            _ => false,
        });
        let played = about.iter().filter(|o| o.verdict.is_judged()).count();
        (!shown && entry.is_due_in(played)).then(|| format!("it matched none of {played} plays"))
    };
    known
        .iter()
        .filter_map(|known| {
            Some(Stale {
                scenario: known.entry.scenario.clone(),
                why: why(known)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Known, tests as given};

    fn entry() -> Known {
        given::known()
    }

    fn found(entry: Known, trials: usize, verdicts: Vec<Verdict>) -> String {
        let outcomes: Vec<Outcome> = verdicts
            .into_iter()
            .enumerate()
            .map(|(number, verdict)| Outcome {
                trial: format!("a/b[case={number}]"),
                ..given::outcome(true, verdict)
            })
            .collect();
        let today = NaiveDate::from_ymd_opt(2026, 1, 2).unwrap();
        let all: Vec<&Outcome> = outcomes.iter().collect();
        let stale = stale(
            &[Baselined {
                entry,
                trials,
                without_step: false,
            }],
            &all,
            today,
        );
        stale
            .into_iter()
            .map(|stale| stale.why)
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn an_entry_without_a_scenario_is_stale() {
        assert_eq!(
            found(entry(), 0, vec![]),
            "there is no scenario, or no trial, of that name"
        );
    }

    #[test]
    fn an_entry_of_a_step_that_is_not_there_is_stale() {
        let entry = Known {
            step: Some("9".into()),
            ..entry()
        };
        let known = Baselined {
            entry,
            trials: 1,
            without_step: true,
        };
        let stale = stale(&[known], &[], NaiveDate::MIN);
        assert_eq!(
            stale[0].why,
            "there is no step 9 in it; name the step as a failure prints it"
        );
    }

    #[test]
    fn an_entry_is_stale_when_its_day_is_past_and_not_on_it() {
        let until = |day| Known {
            until: NaiveDate::from_ymd_opt(2026, 1, day),
            ..entry()
        };
        assert_eq!(
            found(until(1), 1, vec![given::failed()]),
            "it expired on 2026-01-01: look at it again, then move `until`"
        );
        let shown = Verdict::KnownDeviation {
            failure: given::failure(),
            known: Box::new(until(2)),
        };
        assert_eq!(found(until(2), 1, vec![shown]), "");
    }

    #[test]
    fn an_entry_that_matched_nothing_is_stale_once_all_its_trials_were_played() {
        assert_eq!(
            found(entry(), 1, vec![given::failed()]),
            "it matched none of 1 plays"
        );
        assert_eq!(found(entry(), 2, vec![given::failed()]), "");
        assert_eq!(
            found(entry(), 2, vec![given::failed(), given::failed()]),
            "it matched none of 2 plays"
        );
    }

    #[test]
    fn what_could_not_be_judged_speaks_against_no_entry() {
        let errored = Verdict::Errored {
            reason: "busy".into(),
            failure: None,
        };
        assert_eq!(found(entry(), 2, vec![given::failed(), errored]), "");
        let not_offered = Verdict::NotOffered {
            reason: "rooms".into(),
        };
        assert_eq!(found(entry(), 1, vec![not_offered]), "");
    }

    #[test]
    fn what_shows_itself_only_sometimes_has_time() {
        let sometimes = Known {
            sometimes: Some(0.5),
            ..entry()
        };
        let plays = |count| found(sometimes.clone(), 1, vec![Verdict::Passed; count]);
        assert_eq!(plays(13), "");
        assert_eq!(plays(14), "it matched none of 14 plays");
    }
}
