//! The run in the Common Test Report Format, a JSON that several dashboards read.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{failure, remarks};
use crate::outcome::{Outcome, Run, Verdict};

/// The version of the format.
const SPEC: &str = "1.0.0";

/// Writes the run. What does not gate is `other`, what is not offered `skipped`; a target that was not reached, a stale
/// entry and a missing capability are failed tests of their own.
pub fn write(run: &Run, mut to: impl Write) -> io::Result<()> {
    let began = run.started.timestamp_millis();
    let mut tests: Vec<Value> = run
        .outcomes
        .iter()
        .map(|outcome| test(began, outcome))
        .collect();
    for target in &run.targets {
        tests.extend(remarks::red(target).map(|(what, why)| {
            json!({"name": what, "status": "failed", "duration": 0, "suite": [target.name], "message": why})
        }));
    }
    let count = |status: &str| tests.iter().filter(|test| test["status"] == status).count();
    let summary = json!({
        "tests": tests.len(),
        "passed": count("passed"),
        "failed": count("failed"),
        "pending": 0,
        "skipped": count("skipped"),
        "other": count("other"),
        "suites": run.targets.len(),
        "start": began,
        "stop": began + i64::try_from(run.duration_ms).unwrap_or(i64::MAX - began),
    });
    let report = json!({
        "reportFormat": "CTRF",
        "specVersion": SPEC,
        "timestamp": run.started.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "generatedBy": "siospec",
        "results": {
            "tool": {"name": "siospec", "version": run.siospec},
            "summary": summary,
            "tests": tests,
        },
    });
    serde_json::to_writer(&mut to, &report)?;
    to.write_all(b"\n")
}

fn test(began: i64, outcome: &Outcome) -> Value {
    let status = match &outcome.verdict {
        Verdict::Passed => "passed",
        Verdict::NotOffered { .. } => "skipped",
        _ if outcome.is_red() => "failed",
        _ => "other",
    };
    let time = |ms: u64| i64::try_from(ms).unwrap_or(0);
    let start = began + time(outcome.started_ms);
    let mut test = json!({
        "name": outcome.trial,
        "status": status,
        "rawStatus": outcome.verdict.word(),
        "duration": outcome.duration_ms,
        "start": start,
        "stop": start + time(outcome.duration_ms),
        "suite": [outcome.target],
        "filePath": outcome.file,
        "tags": outcome.requirements,
    });
    let message = match &outcome.verdict {
        Verdict::Passed => return test,
        Verdict::NotOffered { reason } | Verdict::Errored { reason, .. } => reason.as_str(),
        Verdict::Failed { failure } => failure.message.as_str(),
        Verdict::KnownDeviation { known, .. } => known.reason.as_str(),
        Verdict::UnexpectedPass { .. } => "`known.yaml` says that it fails",
    };
    test["message"] = message.into();
    if !matches!(outcome.verdict, Verdict::NotOffered { .. }) {
        test["trace"] = failure::text(outcome, failure::Style::default()).into();
    }
    if let Some(failure) = outcome.verdict.failure() {
        test["line"] = failure.line.into();
    }
    test
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::{failed, outcome, run};

    #[test]
    fn every_play_is_a_test_and_the_summary_counts_them() {
        let mut run = run(vec![
            outcome(true, Verdict::Passed),
            outcome(true, failed()),
            outcome(false, failed()),
        ]);
        run.targets[0].unreachable = Some("cannot connect".into());
        let mut bytes = Vec::new();
        write(&run, &mut bytes).unwrap();
        let report: Value = serde_json::from_slice(&bytes).unwrap();
        let tests = report["results"]["tests"].as_array().unwrap();
        let statuses: Vec<_> = tests
            .iter()
            .map(|test| test["status"].as_str().unwrap())
            .collect();
        assert_eq!(statuses, ["passed", "failed", "other", "failed"]);
        assert_eq!(tests[3]["message"], "cannot connect");
        let summary = &report["results"]["summary"];
        assert_eq!(
            (&summary["tests"], &summary["failed"], &summary["other"]),
            (&json!(4), &json!(2), &json!(1))
        );
    }
}
