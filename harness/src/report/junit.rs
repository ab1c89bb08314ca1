//! The run as JUnit XML: a suite for each target, a case for each trial.
//!
//! It keeps to the schema of Jenkins' xUnit plugin, the strictest that is in use: no properties of a case, and of the
//! whole neither a timestamp nor what was skipped. What is known of a case beside its verdict stands in its output.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{failure, remarks, wire};
use crate::outcome::{Level, Outcome, Run, Verdict};

/// Writes the run.
pub fn write(run: &Run, mut to: impl Write) -> io::Result<()> {
    let mut report = Report::new("siospec");
    report.set_time(Duration::from_millis(run.duration_ms));
    for target in &run.targets {
        let mut suite = TestSuite::new(clean(&target.name));
        suite
            .set_timestamp(run.started)
            .set_time(Duration::from_millis(target.duration_ms));
        suite.add_test_cases(run.of(&target.name).map(case));
        suite.add_test_cases(remarks::red(target).map(|(name, why)| broken(name, &why)));
        report.add_test_suite(suite);
    }
    let text = report.to_string().map_err(io::Error::other)?;
    // The serializer counts what was skipped in the outermost element, too, whose first attribute is the name.
    let count = format!(" skipped=\"{}\"", report.skipped);
    to.write_all(text.replacen(&count, "", 1).as_bytes())
}

fn case(outcome: &Outcome) -> TestCase {
    let mut case = TestCase::new(clean(&outcome.trial), status(outcome));
    case.set_classname(clean(&format!(
        "{}.{}",
        outcome.target,
        outcome.scenario.replace('/', ".")
    )));
    case.set_time(Duration::from_millis(outcome.duration_ms));
    case.set_system_out(clean(&facts(outcome)));
    case
}

/// What is known beside the verdict, a line for each fact.
fn facts(outcome: &Outcome) -> String {
    let level = outcome.level.map_or("", Level::word);
    format!(
        "verdict: {}\nrequirements: {level} {}\ngates: {}\nfile: {}\nreplay: {}\n",
        outcome.verdict.word(),
        outcome.requirements.join(" "),
        if outcome.gates { "yes" } else { "no" },
        outcome.file,
        outcome.replay,
    )
}

fn status(outcome: &Outcome) -> TestCaseStatus {
    let mut status = match &outcome.verdict {
        Verdict::Passed => return TestCaseStatus::success(),
        Verdict::Errored { .. } if outcome.gates => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        _ if outcome.is_red() => TestCaseStatus::non_success(NonSuccessKind::Failure),
        _ => TestCaseStatus::skipped(),
    };
    let message = match &outcome.verdict {
        Verdict::Passed => String::new(),
        Verdict::NotOffered { reason } => format!("not offered: {reason}"),
        Verdict::Errored { reason, .. } => format!("not judged: {reason}"),
        Verdict::UnexpectedPass { .. } => "unexpected pass: `known.yaml` says that it fails".into(),
        Verdict::KnownDeviation { known, .. } => format!("known deviation: {}", known.reason),
        Verdict::Failed { failure } => {
            format!(
                "{}:{}:{}: {}",
                failure.file, failure.line, failure.column, failure.message
            )
        }
    };
    status.set_message(clean(&message));
    if !matches!(outcome.verdict, Verdict::NotOffered { .. }) {
        status.set_description(clean(&failure::text(outcome, failure::Style::default())));
    }
    status
}

fn broken(name: &str, why: &str) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(clean(why));
    TestCase::new(name, status)
}

/// XML has no way to write most control characters; U+001E is shown as ␞, the rest as escapes.
fn clean(text: &str) -> String {
    text.split('\n')
        .map(wire::visible)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::{failed, outcome, run};

    fn xml(run: &Run) -> String {
        let mut bytes = Vec::new();
        write(run, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_gates_fails_and_the_rest_is_skipped() {
        let not_offered = Verdict::NotOffered {
            reason: "needs rooms".into(),
        };
        let text = xml(&run(vec![
            outcome(true, failed()),
            outcome(false, failed()),
            outcome(true, not_offered),
        ]));
        assert!(
            text.contains(r#"<testsuite name="t" tests="3" skipped="2" errors="0" failures="1""#),
            "{text}"
        );
        assert!(
            text.contains(r#"message="scenarios/a/b.yaml:3:5: another packet""#),
            "{text}"
        );
        assert!(text.contains("not offered: needs rooms"), "{text}");
        assert!(
            text.contains(r#"<testsuites name="siospec" tests="3" failures="1" errors="0" time="#),
            "{text}"
        );
        assert!(
            text.contains("<system-out>verdict: failed\nrequirements: DE-FACTO EIO-HS-01\n"),
            "{text}"
        );
    }

    #[test]
    fn control_characters_are_made_visible() {
        let mut bad = outcome(true, failed());
        if let Verdict::Failed { failure } = &mut bad.verdict {
            failure.message = "4a\u{1e}4b\u{0}".into();
        }
        let text = xml(&run(vec![bad]));
        assert!(text.contains(r"4a␞4b\u0000"), "{text}");
        assert!(!text.contains('\u{1e}') && !text.contains('\u{0}'));
    }

    #[test]
    fn a_target_that_was_not_reached_is_an_error() {
        let mut run = run(Vec::new());
        run.targets[0].unreachable = Some("cannot connect".into());
        assert!(xml(&run).contains(r#"errors="1""#));
    }
}
