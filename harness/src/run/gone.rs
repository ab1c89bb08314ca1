//! What is said of a server that somebody else runs when it takes no connection any more.

use super::silence::heard;
use crate::outcome::{Outcome, Verdict};

/// How long before the first trial that found nobody another may have ended the server, in milliseconds.
const BEFORE: u64 = 500;
/// Names that are said.
const SAID: usize = 5;

/// Who was played when the server went; `None` if every trial found it.
pub(super) fn told(outcomes: &[&Outcome]) -> Option<String> {
    let end = |outcome: &Outcome| outcome.started_ms + outcome.duration_ms;
    let errored = |outcome: &&&Outcome| matches!(outcome.verdict, Verdict::Errored { .. });
    let first = outcomes.iter().filter(errored).map(|o| end(o)).min()?;
    let mut played: Vec<&Outcome> = outcomes
        .iter()
        .filter(|o| !matches!(o.verdict, Verdict::Passed | Verdict::NotOffered { .. }))
        .filter(|o| o.started_ms <= first && end(o) + BEFORE >= first)
        .filter(|o| o.transcript.as_deref().is_some_and(heard))
        .copied()
        .collect();
    // Most trials that wait have waited for long; who ended the server did something a moment ago.
    played.sort_by_key(|o| std::cmp::Reverse(o.started_ms));
    let others = match played.len().saturating_sub(SAID) {
        0 => String::new(),
        n => format!(" and {n} others"),
    };
    let names: Vec<&str> = played.iter().take(SAID).map(|o| o.trial.as_str()).collect();
    Some(format!(
        "it takes no connection any more since second {:.1}, when {}{others} were played, the last begun first",
        first as f64 / 1000.0,
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::{failed, outcome};
    use crate::transcript::{Direction, Lane, Layer, Recorder};

    /// A trial that heard something of the server.
    fn at(trial: &str, started_ms: u64, duration_ms: u64, verdict: Verdict) -> Outcome {
        let recorder = Recorder::start();
        recorder.wire(
            &Lane::client("A"),
            Layer::Engine,
            Direction::Received,
            b"2",
            Vec::new(),
        );
        Outcome {
            transcript: Some(std::sync::Arc::new(recorder.transcript())),
            trial: trial.to_owned(),
            started_ms,
            duration_ms,
            ..outcome(true, verdict)
        }
    }

    fn nobody() -> Verdict {
        Verdict::Errored {
            reason: "no connection to the server".to_owned(),
            failure: None,
        }
    }

    #[test]
    fn those_are_named_that_were_played_when_the_first_found_nobody() {
        let all = [
            at("passed", 0, 2000, Verdict::Passed),
            at("failed-long-before", 0, 100, failed()),
            at("kills", 1500, 200, failed()),
            at("beside", 1600, 150, nobody()),
            at("later", 1800, 10, nobody()),
            Outcome {
                transcript: None,
                ..at("found nobody", 1740, 10, nobody())
            },
        ];
        let all: Vec<&Outcome> = all.iter().collect();
        assert_eq!(
            told(&all).unwrap(),
            "it takes no connection any more since second 1.8, when beside, kills were played, the last begun first"
        );
        assert_eq!(told(&all[..3]), None);
    }
}
