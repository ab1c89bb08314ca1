//! What libtest-mimic is told of an outcome: only what gates fails.

use libtest_mimic::{Completion, Failed};

use crate::outcome::{Level, Outcome, Verdict};
use crate::report::failure;

pub(super) fn told(outcome: &Outcome, verbose: bool) -> Result<Completion, Failed> {
    if outcome.is_red() {
        return Err(failure::text(
            outcome,
            failure::Style {
                verbose,
                coloured: true,
            },
        )
        .into());
    }
    let reason = match &outcome.verdict {
        Verdict::Passed => return Ok(Completion::Completed),
        Verdict::NotOffered { reason } => format!("not offered: {reason}"),
        Verdict::KnownDeviation { known, .. } => {
            format!("known deviation: {}", known.reason.trim())
        }
        Verdict::Failed { failure } => {
            let level = outcome.level.map_or("", Level::word);
            format!("differs, {level} does not gate: {}", failure.message)
        }
        Verdict::Errored { reason, .. } => format!("not judged: {reason}"),
        Verdict::UnexpectedPass { .. } => "unexpected pass".into(),
    };
    Ok(Completion::ignored_with(
        reason.lines().next().unwrap_or_default(),
    ))
}
