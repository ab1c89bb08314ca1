//! Known deviations: matched with their evidence, struck when they no longer tell the truth.

use std::sync::Arc;

use crate::outcome::{Baselined, Failure, Known, Verdict};
use crate::scenario::model::Scenario;
use crate::scenario::trial::Trial;

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
    pub(super) fn weigh(&self, trial: &Trial, verdict: Verdict) -> Verdict {
        self.weighed(
            &trial.scenario.name,
            &trial.scenario.aka,
            &trial.name,
            verdict,
        )
    }

    /// Whether an entry describes this failure of the trial.
    pub(super) fn foresees(&self, trial: &Trial, failure: &Failure) -> bool {
        let (scenario, name) = (&trial.scenario, &trial.name);
        self.about(&scenario.name, &scenario.aka, name)
            .any(|entry| entry.shows(failure))
    }

    /// Whether an entry says that the trial fails each time.
    pub(super) fn expects_failure(&self, trial: &Trial) -> bool {
        let (scenario, name) = (&trial.scenario, &trial.name);
        self.about(&scenario.name, &scenario.aka, name)
            .any(|entry| entry.sometimes.is_none())
    }

    /// The entries about a trial.
    fn about<'a>(
        &'a self,
        scenario: &'a str,
        aka: &'a [String],
        trial: &'a str,
    ) -> impl Iterator<Item = &'a Known> + Clone {
        self.entries
            .iter()
            .filter(move |entry| entry.names(scenario, aka, trial))
    }

    fn weighed(&self, scenario: &str, aka: &[String], trial: &str, verdict: Verdict) -> Verdict {
        let mut about = self.about(scenario, aka, trial);
        match verdict {
            Verdict::Failed { mut failure } => {
                if let Some(known) = about.clone().find(|entry| entry.shows(&failure)) {
                    return Verdict::KnownDeviation {
                        failure,
                        known: Box::new(known.clone()),
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
                    known: Box::new(known.clone()),
                },
                None => Verdict::Passed,
            },
            other => other,
        }
    }

    /// The entries, each with how many trials of `scenarios` it is about. Left out are those of scenarios that are none
    /// of these and yet among the embedded ones: a run of somebody's own files says nothing about them.
    pub(super) fn listed(
        &self,
        scenarios: &[Arc<Scenario>],
        elsewhere: impl Fn(&str) -> bool,
    ) -> Vec<Baselined> {
        let listed = |entry: &Known| {
            let named = |s: &&Arc<Scenario>| {
                let name = entry.scenario_name();
                s.name == name || s.aka.iter().any(|earlier| earlier == name)
            };
            let trials = scenarios.iter().filter(named).flat_map(Trial::of);
            let about: Vec<Trial> = trials
                .filter(|t| entry.names(&t.scenario.name, &t.scenario.aka, &t.name))
                .collect();
            Baselined {
                entry: entry.clone(),
                trials: about.len(),
                without_step: !about.is_empty()
                    && !about.iter().any(|trial| entry.has_step(&trial.case.steps)),
            }
        };
        let listed = self.entries.iter().map(listed);
        listed
            .filter(|known| known.trials > 0 || !elsewhere(known.entry.scenario_name()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Failure, Snippet};

    fn entry() -> Known {
        Known {
            scenario: "a/b".into(),
            step: Some("4.2".into()),
            expected: r#"44{"message":"x"}"#.into(),
            got: r#"40{"sid":"$_"}"#.into(),
            reason: "so".into(),
            issue: None,
            link: None,
            version: None,
            sometimes: None,
            until: None,
        }
    }

    fn failed(step: &str, received: &str) -> Verdict {
        Verdict::Failed {
            failure: Failure {
                file: "a/b.yaml".into(),
                line: 7,
                column: 1,
                length: 1,
                snippet: Snippet::default(),
                client: None,
                step: format!("step {step}"),
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
            .weighed("a/b", &[], "a/b[A=polling]", verdict)
            .word()
    }

    #[test]
    fn an_entry_covers_the_failure_that_it_describes_and_no_other() {
        assert_eq!(
            weigh(entry(), failed("4.2", r#"40{"sid":"abc"}"#)),
            "known deviation"
        );
        assert_eq!(
            weigh(entry(), failed("4.10", r#"40{"sid":"abc"}"#)),
            "failed"
        );
        assert_eq!(
            weigh(entry(), failed("4.2", r#"41{"sid":"abc"}"#)),
            "failed"
        );
        let other = Known {
            scenario: "a/c".into(),
            ..entry()
        };
        assert_eq!(weigh(other, failed("4.2", r#"40{"sid":"abc"}"#)), "failed");
        let this_trial = Known {
            scenario: "a/b[A=polling]".into(),
            ..entry()
        };
        assert_eq!(
            weigh(this_trial, failed("4.2", r#"40{"sid":"abc"}"#)),
            "known deviation"
        );
    }

    #[test]
    fn a_step_that_none_of_its_trials_has_is_seen() {
        let yaml = "title: x\ntransports: websocket\nsteps:\n  - repeat:\n      times: 2\n      steps:\n        - A.alive:\n";
        let catalogue = crate::scenario::catalogue::Catalogue::parse("[]").unwrap();
        let scenario =
            crate::scenario::load::load("a/b", "a/b.yaml", yaml.as_bytes(), &catalogue).unwrap();
        for (step, is_missing) in [
            (Some("1"), false),
            (Some("1.1"), false),
            (Some("1.2"), true),
            (Some("final fence"), false),
            (None, false),
        ] {
            let entry = Known {
                step: step.map(str::to_owned),
                ..entry()
            };
            let listed =
                Baseline::new(vec![entry]).listed(std::slice::from_ref(&scenario), |_| false);
            assert_eq!(listed[0].without_step, is_missing, "{step:?}");
        }
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
        let verdict = Baseline::new(vec![entry()]).weighed("a/b", &[], "a/b", failed("4.2", "41"));
        assert!(verdict.failure().unwrap().notes[0].contains("has other evidence: expected 44"));
    }

    #[test]
    fn an_entry_counts_its_trials_and_leaves_alone_what_others_play() {
        let scenario = |aka: &str| {
            let yaml = format!(
                "title: x\naka: [{aka}]\nclients: {{A: [polling, websocket]}}\nsteps:\n  - A.alive:\n"
            );
            let catalogue = crate::scenario::catalogue::Catalogue::parse("[]").unwrap();
            crate::scenario::load::load("a/new", "a/new.yaml", yaml.as_bytes(), &catalogue).unwrap()
        };
        let named = |name: &str| Known {
            scenario: name.into(),
            ..entry()
        };
        let names = [
            "a/new",
            "a/old[A=polling]",
            "a/new[A=pigeon]",
            "b/embedded",
            "b/nowhere",
        ];
        let baseline = Baseline::new(names.map(named).into());
        let listed = baseline.listed(&[scenario("a/old")], |name| name == "b/embedded");
        let counts: Vec<_> = listed
            .iter()
            .map(|known| (known.entry.scenario.as_str(), known.trials))
            .collect();
        assert_eq!(
            counts,
            [
                ("a/new", 2),
                ("a/old[A=polling]", 1),
                ("a/new[A=pigeon]", 0),
                ("b/nowhere", 0)
            ]
        );
    }
}
