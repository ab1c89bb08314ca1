//! The end of a run on the terminal: counts, the table of differences, what is stale, the last word.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::outcome::{Conclusion, Judged, Level, Outcome, Run, Verdict};
use crate::report::counts::{Counts, versions};
use crate::report::remarks;

/// The whole text.
pub fn text(run: &Run) -> String {
    let mut text = differences(run);
    for target in &run.targets {
        text.push_str(&of_target(run, target));
    }
    text.push_str(&last_word(run));
    text
}

/// Rows of trials on which a target did not simply pass, a column for each target.
fn differences(run: &Run) -> String {
    let mut rows: BTreeMap<&str, BTreeMap<&str, Vec<&Outcome>>> = BTreeMap::new();
    for outcome in &run.outcomes {
        rows.entry(&outcome.trial)
            .or_default()
            .entry(&outcome.target)
            .or_default()
            .push(outcome);
    }
    let plain = |outcome: &&Outcome| {
        matches!(
            outcome.verdict,
            Verdict::Passed | Verdict::NotOffered { .. }
        )
    };
    rows.retain(|_, cells| !cells.values().flatten().all(plain));
    if rows.is_empty() {
        return String::new();
    }
    let name_width = rows
        .keys()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let widths: Vec<usize> = run
        .targets
        .iter()
        .map(|target| target.name.chars().count().max(10))
        .collect();
    let mut text = String::from("\ndifferences\n");
    let _ = write!(text, "  {:name_width$}", "");
    for (target, width) in run.targets.iter().zip(&widths) {
        let _ = write!(text, "  {:width$}", target.name);
    }
    text.push('\n');
    for (trial, cells) in rows {
        let _ = write!(text, "  {trial:name_width$}");
        for (target, width) in run.targets.iter().zip(&widths) {
            let word = cells
                .get(target.name.as_str())
                .map_or_else(String::new, |outcomes| cell(outcomes));
            let _ = write!(text, "  {word:width$}");
        }
        let about = cells.values().flatten().next();
        if let Some(outcome) = about {
            let _ = write!(
                text,
                "  {} {}",
                outcome.level.map_or("", Level::word),
                outcome.requirements.join(" ")
            );
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// One word for all repetitions of a trial on a target; the gravest, with its share if they differ.
fn cell(outcomes: &[&Outcome]) -> String {
    let gravest = outcomes.iter().max_by_key(|outcome| outcome.gravity());
    let Some(gravest) = gravest else {
        return String::new();
    };
    let word = word(gravest);
    let same = outcomes
        .iter()
        .filter(|outcome| outcome.gravity() == gravest.gravity())
        .count();
    if same == outcomes.len() {
        word.to_owned()
    } else {
        format!("{word} {same}/{}", outcomes.len())
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match (&outcome.verdict, outcome.gates) {
        (Verdict::Passed, _) => "ok",
        (Verdict::Failed { .. }, true) => "FAILED",
        (Verdict::Failed { .. }, false) => "differs",
        (Verdict::KnownDeviation { .. }, _) => "known",
        (Verdict::UnexpectedPass { .. }, _) => "UNEXPECTED",
        (Verdict::NotOffered { .. }, _) => "-",
        (Verdict::Errored { .. }, true) => "ERRORED",
        (Verdict::Errored { .. }, false) => "errored",
    }
}

fn of_target(run: &Run, target: &Judged) -> String {
    let outcomes: Vec<&Outcome> = run.of(&target.name).collect();
    let counts = Counts::of(outcomes.iter().copied());
    let repeated = if run.selection.repeat > 1 {
        format!(", each {} times", run.selection.repeat)
    } else {
        String::new()
    };
    let mut text = format!(
        "\n{}{}: {} judged of {} offered of {}{repeated}\n",
        target.name,
        versions(target),
        counts.judged(),
        counts.offered(),
        run.selection.of_all,
    );
    let words = [
        ("passed", counts.passed),
        ("failed", counts.failed),
        ("differ without gating", counts.differ),
        ("known deviations", counts.known),
        ("unexpected passes", counts.unexpected),
        ("errored", counts.errored),
        ("not offered", counts.not_offered),
    ];
    let said: Vec<_> = words
        .iter()
        .filter(|(word, n)| *n > 0 || *word == "passed" || *word == "failed")
        .map(|(w, n)| format!("{n} {w}"))
        .collect();
    let _ = writeln!(text, "  {}", said.join(", "));
    let levels: Vec<_> = [
        Some(Level::Must),
        Some(Level::Should),
        Some(Level::May),
        Some(Level::DeFacto),
        None,
    ]
    .into_iter()
    .filter_map(|level| {
        let of = Counts::of(outcomes.iter().copied().filter(|o| o.level == level));
        let (passed, all) = (of.passed, of.judged());
        (all > 0).then(|| format!("{} {passed} of {all}", level.map_or("own", Level::word)))
    })
    .collect();
    if !levels.is_empty() {
        let _ = writeln!(text, "  passed by level: {}", levels.join(", "));
    }
    text.push_str(&not_offered(&outcomes));
    for remark in remarks::of(run, target) {
        let _ = writeln!(text, "  {remark}");
    }
    text
}

/// What most of the trials wait for that could not be played; the rest is said with each trial.
fn not_offered(outcomes: &[&Outcome]) -> String {
    const SAID: usize = 4;
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in outcomes {
        if let Verdict::NotOffered { reason } = &outcome.verdict {
            // What each scenario needs of a knob differs, and the knob is the same.
            let reason = reason
                .split(" (the scenario needs")
                .next()
                .unwrap_or(reason);
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|&(_, n)| std::cmp::Reverse(n));
    let mut text = String::new();
    let (said, rest) = match reasons.len() > SAID + 1 {
        true => reasons.split_at(SAID),
        false => (reasons.as_slice(), &[][..]),
    };
    for (reason, n) in said {
        let _ = writeln!(text, "    {n} not offered: {reason}");
    }
    if !rest.is_empty() {
        let n: usize = rest.iter().map(|(_, n)| n).sum();
        let _ = writeln!(text, "    {n} not offered: {} other reasons", rest.len());
    }
    text
}

fn last_word(run: &Run) -> String {
    let seconds = run.duration_ms as f64 / 1000.0;
    format!("\n{}, {seconds:.1} s\n", last(run))
}

/// How the run ends, with its exit code.
pub fn last(run: &Run) -> String {
    let why = match run.conclusion() {
        Conclusion::Conforms => "conforms",
        Conclusion::Red => "does not conform",
        Conclusion::Unreachable => "a target could not be reached or started",
        Conclusion::NothingJudged => "nothing that gates was judged",
        Conclusion::Interrupted => "stopped; only what was judged so far is shown",
    };
    let part = run
        .selection
        .shards
        .as_ref()
        .map_or(String::new(), |shards| {
            let held: Vec<String> = shards.held.iter().map(u32::to_string).collect();
            format!("part {} of {}: ", held.join(" and "), shards.of)
        });
    format!("{part}{why} (exit code {})", run.conclusion().code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::{failed, outcome, run};

    #[test]
    fn counts_are_judged_of_offered_of_all() {
        let not_offered = Verdict::NotOffered {
            reason: "rooms".into(),
        };
        let mut run = run(vec![
            outcome(true, Verdict::Passed),
            outcome(true, failed()),
            outcome(true, not_offered),
        ]);
        run.selection.of_all = 5;
        let text = text(&run);
        assert!(
            text.contains("t: 2 judged of 2 offered of 5\n  1 passed, 1 failed, 1 not offered\n"),
            "{text}"
        );
        assert!(text.contains("passed by level: DE-FACTO 1 of 2"), "{text}");
        assert!(
            text.ends_with("does not conform (exit code 1), 0.0 s\n"),
            "{text}"
        );
    }

    #[test]
    fn what_is_not_offered_is_counted_by_its_reason() {
        let given = |reason: &str| {
            let reason = reason.into();
            outcome(true, Verdict::NotOffered { reason })
        };
        let few = [
            given("no knob x (the scenario needs 1)"),
            given("needs the app"),
            given("no knob x (the scenario needs 2)"),
        ];
        assert_eq!(
            not_offered(&few.each_ref()),
            "    2 not offered: no knob x\n    1 not offered: needs the app\n"
        );
        let many = ["a", "b", "c", "d", "e", "f", "a"].map(given);
        assert_eq!(
            not_offered(&many.each_ref()),
            "    2 not offered: a\n    1 not offered: b\n    1 not offered: c\n    1 not offered: d\n    2 not \
             offered: 2 other reasons\n"
        );
    }

    #[test]
    fn the_table_holds_what_differs_and_nothing_else() {
        let mut same = outcome(true, Verdict::Passed);
        same.trial = "a/same".into();
        let text = differences(&run(vec![same, outcome(true, failed())]));
        assert!(!text.contains("a/same"), "{text}");
        assert!(
            text.contains("a/b  FAILED      DE-FACTO EIO-HS-01"),
            "{text}"
        );
    }

    #[test]
    fn repetitions_show_the_share_of_the_gravest() {
        let (passed, failed) = (outcome(true, Verdict::Passed), outcome(true, failed()));
        assert_eq!(cell(&[&passed, &failed, &passed]), "FAILED 1/3");
        assert_eq!(cell(&[&failed, &failed]), "FAILED");
    }
}
