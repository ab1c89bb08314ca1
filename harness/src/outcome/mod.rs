//! What a run leaves behind: one value from which the terminal, JSON, JUnit and every other report is rendered.
//!
//! Everything here is plain data, readable and writable by serde; [`Run::FORMAT`] counts its shape, and
//! `reports/run.schema.json` describes it.

mod conclusion;
mod failure;
mod run;
mod stale;
mod target;
mod verdict;

pub use conclusion::Conclusion;
pub use failure::{Failure, Snippet};
pub use run::{Gate, Run, Selection, Shards};
pub use stale::Stale;
pub use target::{Baselined, Judged};
pub use verdict::{Outcome, Verdict};

pub use crate::known::Known;
pub use crate::scenario::model::Level;
pub use crate::transcript::Transcript;

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
            aka: Vec::new(),
            file: "scenarios/a/b.yaml".into(),
            title: "A title".into(),
            requirements: vec!["EIO-HS-01".into()],
            level: Some(Level::DeFacto),
            group: "EIO-HS".into(),
            needs: Vec::new(),
            repetition: 1,
            gates,
            newer: false,
            changed: false,
            moved: false,
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

    pub(crate) fn failure() -> Failure {
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

    pub(crate) fn known() -> Known {
        Known {
            scenario: "a/b".into(),
            step: None,
            expected: "40".into(),
            got: "41".into(),
            reason: "so".into(),
            issue: None,
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
        let unexpected = Verdict::UnexpectedPass {
            known: Box::new(known()),
        };
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
    fn a_capability_that_is_insisted_on_and_missing_is_red() {
        let mut run = run(vec![outcome(true, Verdict::Passed)]);
        run.targets[0].missing = vec!["rooms".into()];
        assert_eq!(run.conclusion(), Conclusion::Red);
    }

    #[test]
    fn a_part_of_a_run_in_which_nothing_was_to_be_played_conforms() {
        let mut run = run(Vec::new());
        run.selection.shards = Some(Shards {
            of: 2,
            held: [1].into(),
        });
        assert_eq!(
            run.conclusion(),
            Conclusion::NothingJudged,
            "the selection itself is empty"
        );
        run.targets[0].selected = 1;
        assert_eq!(run.conclusion(), Conclusion::Conforms);
    }

    #[test]
    fn a_run_reads_back_as_it_was_written() {
        let deviation = Verdict::KnownDeviation {
            failure: failure(),
            known: Box::new(Known {
                sometimes: Some(0.25),
                ..known()
            }),
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
