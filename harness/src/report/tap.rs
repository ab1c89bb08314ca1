//! The run in the Test Anything Protocol, version 13: a line for each play, in YAML what is known of a failure.

use std::io::{self, Write};

use serde_json::json;

use super::{remarks, wire};
use crate::outcome::{Outcome, Run, Verdict};

/// Writes the run. What does not gate is a TODO, what is not offered a SKIP; a target that was not reached, a stale
/// entry and a missing capability are points of their own.
pub fn write(run: &Run, mut to: impl Write) -> io::Result<()> {
    let remarks: Vec<(String, String)> = run
        .targets
        .iter()
        .flat_map(|target| {
            remarks::red(target).map(move |(what, why)| (format!("{}: {what}", target.name), why))
        })
        .collect();
    writeln!(
        to,
        "TAP version 13\n1..{}",
        run.outcomes.len() + remarks.len()
    )?;
    for (number, outcome) in run.outcomes.iter().enumerate() {
        point(&mut to, number + 1, outcome)?;
    }
    for (number, (what, why)) in (run.outcomes.len() + 1..).zip(&remarks) {
        writeln!(to, "not ok {number} - {}", plain(&format!("{what}: {why}")))?;
    }
    if run.interrupted {
        writeln!(to, "Bail out! stopped before every trial had been played")?;
    }
    Ok(())
}

fn point(to: &mut impl Write, number: usize, outcome: &Outcome) -> io::Result<()> {
    let name = match outcome.repetition {
        0 | 1 => format!("{}: {}", outcome.target, outcome.trial),
        nth => format!("{}: {} ({nth})", outcome.target, outcome.trial),
    };
    let name = plain(&name);
    let (ok, directive) = match &outcome.verdict {
        Verdict::Passed => ("ok", String::new()),
        Verdict::NotOffered { reason } => ("ok", format!(" # SKIP not offered: {}", plain(reason))),
        Verdict::KnownDeviation { known, .. } => (
            "not ok",
            format!(" # TODO known deviation: {}", plain(&known.reason)),
        ),
        Verdict::UnexpectedPass { .. } => ("not ok", String::new()),
        Verdict::Failed { .. } | Verdict::Errored { .. } if outcome.gates => {
            ("not ok", String::new())
        }
        Verdict::Failed { .. } => ("not ok", " # TODO does not gate".to_owned()),
        Verdict::Errored { .. } => (
            "not ok",
            " # TODO could not be judged, and does not gate".to_owned(),
        ),
    };
    writeln!(to, "{ok} {number} - {name}{directive}")?;
    if ok == "ok" {
        return Ok(());
    }
    let failure = outcome.verdict.failure();
    let message = match &outcome.verdict {
        Verdict::Errored { reason, .. } => reason.clone(),
        _ => failure.map_or_else(
            || outcome.verdict.word().to_owned(),
            |failure| failure.message.clone(),
        ),
    };
    // JSON's texts are YAML's.
    let mut lines = vec![
        ("message", json!(message)),
        ("verdict", json!(outcome.verdict.word())),
        ("requirements", json!(outcome.requirements)),
        ("duration_ms", json!(outcome.duration_ms)),
        ("replay", json!(outcome.replay)),
    ];
    if let Some(failure) = failure {
        lines.push((
            "at",
            json!({"file": failure.file, "line": failure.line, "column": failure.column}),
        ));
        lines.push(("expected", json!(failure.expected)));
        lines.push(("received", json!(failure.received)));
    }
    writeln!(to, "  ---")?;
    for (key, value) in lines {
        writeln!(to, "  {key}: {value}")?;
    }
    writeln!(to, "  ...")
}

/// One line, in which `#` begins no directive.
fn plain(text: &str) -> String {
    wire::visible(text.trim())
        .replace('\\', "\\\\")
        .replace('#', "\\#")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::{failed, outcome, run};

    fn tap(run: &Run) -> String {
        let mut bytes = Vec::new();
        write(run, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_gates_is_not_ok_and_the_rest_is_todo_or_skipped() {
        let not_offered = Verdict::NotOffered {
            reason: "needs #rooms".into(),
        };
        let mut run = run(vec![
            outcome(true, Verdict::Passed),
            outcome(true, failed()),
            outcome(false, failed()),
            outcome(true, not_offered),
        ]);
        run.targets[0].missing = vec!["rooms".into()];
        let text = tap(&run);
        let points: Vec<_> = text.lines().filter(|line| line.contains("ok ")).collect();
        assert!(text.starts_with("TAP version 13\n1..5\n"), "{text}");
        assert_eq!(
            points,
            [
                "ok 1 - t: a/b",
                "not ok 2 - t: a/b",
                "not ok 3 - t: a/b # TODO does not gate",
                "ok 4 - t: a/b # SKIP not offered: needs \\#rooms",
                "not ok 5 - t: capabilities: rooms is required and not declared",
            ]
        );
        assert!(
            text.contains("  ---\n  message: \"another packet\"\n  verdict: \"failed\"\n"),
            "{text}"
        );
    }

    #[test]
    fn a_stopped_run_bails_out() {
        let mut run = run(Vec::new());
        run.interrupted = true;
        assert!(tap(&run).ends_with("Bail out! stopped before every trial had been played\n"));
    }
}
