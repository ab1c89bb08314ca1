//! A `known.yaml` brought up to date with a run: what still holds stays byte for byte, the rest is struck or added.

use std::collections::{BTreeMap, BTreeSet};

use super::known_file::{pieces, written};
use crate::known::{Known, NO_REASON, evidence, split, steady};
use crate::outcome::{Judged, Outcome, Run, Verdict};

/// The file that came out, and what was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blessed {
    /// The new text.
    pub text: String,
    /// Entries that stayed.
    pub kept: usize,
    /// What the struck entries named.
    pub struck: Vec<String>,
    /// What the new entries name.
    pub added: Vec<String>,
    /// What the entries name for which nobody has given a reason.
    pub unexplained: Vec<String>,
    /// Trials that could not be judged, of which nothing is blessed.
    pub errored: usize,
}

/// `old` in the light of what `run` saw of `target`. `trials` has the names of all trials of each scenario, so that one
/// that was not played is not spoken for. `reason` is for every new entry and for those that have none.
pub fn bless(
    old: &str,
    run: &Run,
    target: &Judged,
    trials: &BTreeMap<String, Vec<String>>,
    reason: Option<&str>,
) -> Result<Blessed, String> {
    let outcomes: Vec<&Outcome> = run.of(&target.name).collect();
    let today = run.started.date_naive();
    let old = pieces(old)?;
    let entries = || old.iter().filter_map(|piece| piece.entry());
    let holds = |entry: &Known| holds(entry, &outcomes, target, today) && !explained(entry, reason);
    let kept: Vec<&Known> = entries().filter(|entry| holds(entry)).collect();
    let struck = entries().filter(|entry| !holds(entry));

    let mut text = String::new();
    let mut after_struck = false;
    for piece in &old {
        let gone = piece.entry().is_some_and(|entry| !holds(entry));
        let gap = after_struck && piece.text.trim().is_empty();
        if !gone && !gap {
            text.push_str(&piece.text);
        }
        after_struck = gone || gap;
    }
    let mut added = Vec::new();
    for new in news(&outcomes, &kept, trials) {
        let alike = alike(&new, &outcomes, entries());
        let new = Known {
            reason: reason
                .or(alike.map(|entry| entry.reason.as_str()))
                .unwrap_or(NO_REASON)
                .to_owned(),
            issue: alike.and_then(|entry| entry.issue.clone()),
            link: alike.and_then(|entry| entry.link.clone()),
            version: Some(versions(target)).filter(|versions| !versions.is_empty()),
            ..new
        };
        if text.is_empty() {
            text = format!("# What {} does differently, and why.\n", target.name);
        }
        text = format!("{}\n\n{}", text.trim_end(), written(&new));
        added.push(new);
    }
    let unexplained = kept.iter().copied().chain(&added);
    Ok(Blessed {
        unexplained: unexplained
            .filter(|entry| entry.reason == NO_REASON)
            .map(|entry| entry.scenario.clone())
            .collect(),
        text,
        kept: kept.len(),
        struck: struck.map(|entry| entry.scenario.clone()).collect(),
        added: added.into_iter().map(|entry| entry.scenario).collect(),
        errored: outcomes
            .iter()
            .filter(|outcome| matches!(outcome.verdict, Verdict::Errored { .. }))
            .count(),
    })
}

/// Whether the entry waits for a reason that is now given.
fn explained(entry: &Known, reason: Option<&str>) -> bool {
    reason.is_some() && entry.reason == NO_REASON
}

/// Whether the run leaves the entry true. One whose day is past holds too: a person is to look at it.
fn holds(entry: &Known, outcomes: &[&Outcome], target: &Judged, today: chrono::NaiveDate) -> bool {
    let about: Vec<_> = outcomes
        .iter()
        .filter(|o| o.verdict.is_judged() && entry.is_about(o))
        .collect();
    if about.is_empty() {
        let expired = entry.until.is_some_and(|until| until < today);
        let stale = target.stale.iter().any(|s| s.scenario == entry.scenario);
        return expired || !stale;
    }
    let failures = about.iter().filter_map(|o| o.verdict.failure());
    let shown = failures.filter(|failure| entry.shows(failure)).count();
    let passed = about.iter().any(|o| has_passed(o));
    // A part of its trials cannot say of an entry that it shows itself in none.
    let trials: BTreeSet<&str> = about.iter().map(|o| o.trial.as_str()).collect();
    let listed = target.known.iter().find(|known| known.entry == *entry);
    if listed.is_some_and(|known| trials.len() < known.trials)
        && entry.sometimes.is_none()
        && !passed
    {
        return true;
    }
    match entry.sometimes {
        Some(_) => shown > 0 || !entry.is_due_in(about.len()),
        None => shown > 0 && !passed,
    }
}

fn has_passed(outcome: &Outcome) -> bool {
    matches!(
        outcome.verdict,
        Verdict::Passed | Verdict::UnexpectedPass { .. }
    )
}

/// Entries, still without reasons, for the failures that no kept one shows.
fn news(
    outcomes: &[&Outcome],
    kept: &[&Known],
    trials: &BTreeMap<String, Vec<String>>,
) -> Vec<Known> {
    let fails = |o: &Outcome| o.verdict.is_judged() && o.verdict.failure().is_some();
    let covered = |o: &Outcome| {
        let about = kept.iter().filter(|e| e.is_about(o));
        let failure = o.verdict.failure();
        failure.is_some_and(|failure| about.clone().any(|entry| entry.shows(failure)))
    };
    let mut news = Vec::new();
    let mut seen = BTreeSet::new();
    for outcome in outcomes.iter().filter(|o| fails(o) && !covered(o)) {
        if !seen.insert(&outcome.scenario) {
            continue;
        }
        let plays: Vec<&Outcome> = outcomes
            .iter()
            .copied()
            .filter(|o| o.scenario == outcome.scenario)
            .collect();
        let open: Vec<&Outcome> = plays
            .iter()
            .copied()
            .filter(|o| fails(o) && !covered(o))
            .collect();
        let passing: BTreeSet<&str> = plays
            .iter()
            .filter(|o| has_passed(o))
            .map(|o| o.trial.as_str())
            .collect();
        let mut foreign = passing.clone();
        let all = trials.get(&outcome.scenario).into_iter().flatten();
        foreign.extend(
            all.map(String::as_str)
                .filter(|trial| !plays.iter().any(|o| o.trial == *trial)),
        );
        let failing: BTreeSet<&str> = plays
            .iter()
            .filter(|o| fails(o))
            .map(|o| o.trial.as_str())
            .collect();
        for name in names(&outcome.scenario, &open, &foreign, &failing) {
            news.push(entry(name, &open, &plays));
        }
    }
    news
}

/// The fewest names that cover the open failures and none of the trials that belong to nobody: the scenario's, one with
/// the one parameter that all have in common, or a trial's own.
fn names(
    scenario: &str,
    open: &[&Outcome],
    foreign: &BTreeSet<&str>,
    failing: &BTreeSet<&str>,
) -> Vec<String> {
    if foreign.is_subset(failing) {
        return vec![scenario.to_owned()];
    }
    let mut names: Vec<String> = Vec::new();
    let mut left: Vec<&str> = Vec::new();
    for outcome in open {
        if !left.contains(&outcome.trial.as_str()) {
            left.push(&outcome.trial);
        }
    }
    while let Some(trial) = left.first() {
        let has = |trial: &str, parameter: &str| split(trial).1.contains(&parameter);
        let shared = split(trial).1.into_iter().find(|parameter| {
            !foreign.iter().any(|other| has(other, parameter))
                && left.iter().filter(|other| has(other, parameter)).count() > 1
        });
        match shared.map(str::to_owned) {
            Some(parameter) => {
                left.retain(|trial| !has(trial, &parameter));
                names.push(format!("{scenario}[{parameter}]"));
            }
            None => names.push(left.remove(0).to_owned()),
        }
    }
    names
}

/// The entry of that name for those of the open failures that it is about.
fn entry(name: String, open: &[&Outcome], plays: &[&Outcome]) -> Known {
    let mut entry = Known {
        scenario: name,
        step: None,
        expected: "".into(),
        got: "".into(),
        reason: String::new(),
        issue: None,
        link: None,
        version: None,
        sometimes: None,
        until: None,
    };
    let about = |o: &Outcome| entry.is_about(o);
    let (mut expected, mut got) = (Vec::new(), Vec::new());
    let failures = open.iter().filter(|o| about(o));
    for failure in failures.filter_map(|o| o.verdict.failure()) {
        let (wanted, came) = evidence(failure);
        for (text, texts) in [(wanted, &mut expected), (came, &mut got)] {
            let text = steady(text);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    let judged: Vec<_> = plays
        .iter()
        .filter(|o| o.verdict.is_judged() && about(o))
        .collect();
    let passed = judged.iter().filter(|o| has_passed(o)).count();
    let rate = 1.0 - passed as f64 / judged.len().max(1) as f64;
    entry.sometimes = (passed > 0).then_some((rate * 100.0).round().max(1.0) / 100.0);
    entry.expected = expected.into();
    entry.got = got.into();
    entry
}

/// An explained entry of the same scenario, or else of the same requirement.
fn alike<'e>(
    new: &Known,
    outcomes: &[&Outcome],
    entries: impl Iterator<Item = &'e Known>,
) -> Option<&'e Known> {
    let requirements = |scenario: &str| -> BTreeSet<&str> {
        let of = outcomes.iter().find(|o| o.scenario == scenario);
        of.into_iter()
            .flat_map(|o| o.requirements.iter().map(String::as_str))
            .collect()
    };
    let explained: Vec<&Known> = entries.filter(|e| e.reason != NO_REASON).collect();
    let wanted = requirements(new.scenario_name());
    let same = |e: &&&Known| e.scenario_name() == new.scenario_name();
    let near = |e: &&&Known| !requirements(e.scenario_name()).is_disjoint(&wanted);
    let found = explained.iter().find(same);
    found.or_else(|| explained.iter().find(near)).copied()
}

fn versions(target: &Judged) -> String {
    let each = target.versions.iter();
    each.map(|(name, version)| format!("{name} {version}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests as given;

    const OLD: &str = "# What t does.\n\n# Parsing.\n\n# seen by hand\n- scenario: a/b\n  expected: '40'   # as always\n  \
                       got: '41'\n  reason: it parses loosely\n\n- {scenario: a/c, expected: x, got: y, reason: gone}\n";

    fn outcome(trial: &str, verdict: Verdict) -> Outcome {
        Outcome {
            trial: trial.into(),
            scenario: split(trial).0.into(),
            ..given::outcome(true, verdict)
        }
    }

    fn failed(got: &str) -> Verdict {
        let Verdict::Failed { mut failure } = given::failed() else {
            unreachable!("a failure")
        };
        failure.received = Some(got.into());
        Verdict::Failed { failure }
    }

    fn blessed(old: &str, outcomes: Vec<Outcome>, reason: Option<&str>) -> Blessed {
        let run = given::run(outcomes);
        let trials = [(
            "a/d".to_owned(),
            [
                "a/d[x=1,A=p]",
                "a/d[x=1,A=w]",
                "a/d[x=2,A=p]",
                "a/d[x=2,A=w]",
            ]
            .map(str::to_owned)
            .into(),
        )];
        let blessed = bless(old, &run, &run.targets[0], &trials.into(), reason).unwrap();
        // What is written reads back, and a second blessing changes nothing.
        let again = bless(&blessed.text, &run, &run.targets[0], &BTreeMap::new(), None).unwrap();
        assert_eq!(again.text, blessed.text);
        blessed
    }

    #[test]
    fn entries_that_hold_or_were_not_played_stay_byte_for_byte() {
        let blessed = blessed(OLD, vec![outcome("a/b", failed("41"))], None);
        assert_eq!(blessed.text, OLD);
        assert_eq!((blessed.kept, blessed.struck.len()), (2, 0));
    }

    #[test]
    fn what_passes_or_matches_nothing_is_struck_with_the_comment_above_it() {
        let passed = vec![
            outcome("a/b", Verdict::Passed),
            outcome("a/c", Verdict::Passed),
        ];
        let blessed = blessed(OLD, passed, None);
        assert_eq!(blessed.text, "# What t does.\n\n# Parsing.\n\n");
        assert_eq!(blessed.struck, ["a/b", "a/c"]);
    }

    #[test]
    fn new_evidence_takes_over_the_reason_of_its_scenario() {
        let blessed = blessed(
            OLD,
            vec![outcome("a/b", failed("42 at 127.0.0.1:4711"))],
            None,
        );
        assert_eq!(
            (&*blessed.struck, &*blessed.added),
            (&["a/b".into()][..], &["a/b".into()][..])
        );
        assert!(
            blessed.text.ends_with(
                "- scenario: a/b\n  expected: '40'\n  got: 42 at 127.0.0.1:$_\n  reason: it parses loosely\n"
            ),
            "{}",
            blessed.text
        );
    }

    #[test]
    fn a_scenario_whose_trials_all_fail_has_one_entry_with_all_its_evidence() {
        let all = vec![
            outcome("a/d[x=1,A=p]", failed("41")),
            outcome("a/d[x=1,A=w]", failed("4\u{1e}1")),
            outcome("a/d[x=2,A=p]", failed("41")),
            outcome("a/d[x=2,A=w]", failed("41")),
        ];
        let blessed = blessed("", all, Some("so it is"));
        assert_eq!(
            blessed.text,
            "# What t does differently, and why.\n\n- scenario: a/d\n  expected: '40'\n  got:\n    - '41'\n    - \
             \"4\\u001e1\"\n  reason: so it is\n"
        );
        assert_eq!(blessed.unexplained, [""; 0]);
    }

    #[test]
    fn trials_that_pass_or_were_not_played_are_not_spoken_for() {
        let most = |last: Option<Verdict>| {
            let mut outcomes = vec![
                outcome("a/d[x=1,A=p]", failed("41")),
                outcome("a/d[x=1,A=w]", failed("41")),
                outcome("a/d[x=2,A=p]", failed("41")),
            ];
            outcomes.extend(last.map(|verdict| outcome("a/d[x=2,A=w]", verdict)));
            blessed("", outcomes, None)
        };
        for last in [None, Some(Verdict::Passed)] {
            let blessed = most(last);
            assert_eq!(blessed.added, ["a/d[x=1]", "a/d[x=2,A=p]"]);
            assert_eq!(blessed.unexplained, blessed.added);
        }
    }

    #[test]
    fn a_failure_that_comes_and_goes_is_known_with_its_rate() {
        let twice = || {
            vec![
                outcome("a/b", failed("41")),
                outcome("a/b", Verdict::Passed),
                outcome("a/b", Verdict::Passed),
                outcome("a/b", Verdict::Passed),
            ]
        };
        let blessed = blessed(OLD, twice(), None);
        assert!(
            blessed
                .text
                .ends_with("reason: it parses loosely\n  sometimes: 0.25\n"),
            "{}",
            blessed.text
        );
        assert_eq!(
            (blessed.kept, blessed.struck.len(), blessed.added.len()),
            (1, 1, 1)
        );
    }

    #[test]
    fn an_entry_without_a_reason_takes_the_one_that_is_given() {
        let unexplained = blessed("", vec![outcome("a/b", failed("41"))], None);
        assert!(
            unexplained.text.contains("reason: '?'"),
            "{}",
            unexplained.text
        );
        let explained = blessed(
            &unexplained.text,
            vec![outcome("a/b", failed("41"))],
            Some("because"),
        );
        assert!(
            explained.text.contains("reason: because"),
            "{}",
            explained.text
        );
        assert_eq!(explained.unexplained, [""; 0]);
    }

    #[test]
    fn comments_and_order_stay_where_they_were() {
        let entry = |scenario: &str, got: &str| {
            format!(
                "# above {scenario}\n- scenario: {scenario} # beside\n  # inside\n  expected: '40'\n  got: '{got}'\n  reason: so\n"
            )
        };
        let old = format!(
            "# The head.\n\n# First group\n\n{}\n{}\n# Second group\n\n{}\n# The foot.\n",
            entry("a/b", "41"),
            entry("a/c", "41"),
            entry("a/d", "41"),
        );
        let outcomes = || {
            vec![
                outcome("a/b", failed("41")),
                outcome("a/c", Verdict::Passed),
                outcome("a/d", failed("41")),
                outcome("a/e", failed("9")),
            ]
        };
        let blessed = blessed(&old, outcomes(), Some("because"));
        let kept = old.replace(&format!("{}\n", entry("a/c", "41")), "");
        assert_eq!(
            blessed.text,
            format!("{kept}\n- scenario: a/e\n  expected: '40'\n  got: '9'\n  reason: because\n")
        );
    }

    #[test]
    fn a_part_of_a_run_strikes_no_entry_that_another_part_may_show() {
        let known = "- {scenario: a/d, expected: '40', got: '41', reason: so}\n\
                     - {scenario: a/d, expected: '40', got: '44', reason: so}\n";
        let entries: Vec<Known> = serde_yaml::from_str(known).unwrap();
        let part = |outcomes: Vec<Outcome>| {
            let mut run = given::run(outcomes);
            let listed = |entry: &Known| crate::outcome::Baselined {
                entry: entry.clone(),
                trials: 2,
                without_step: false,
            };
            run.targets[0].known = entries.iter().map(listed).collect();
            bless(known, &run, &run.targets[0], &BTreeMap::new(), None)
                .unwrap()
                .struck
                .len()
        };
        let one = || outcome("a/d[A=p]", failed("41"));
        assert_eq!(part(vec![one()]), 0);
        assert_eq!(part(vec![one(), outcome("a/d[A=w]", failed("41"))]), 1);
        assert_eq!(
            part(vec![outcome("a/d[A=p]", Verdict::Passed)]),
            2,
            "what passes is struck by any part"
        );
    }

    #[test]
    fn a_file_that_is_no_list_of_entries_is_refused() {
        let run = given::run(Vec::new());
        let refused = |old| bless(old, &run, &run.targets[0], &BTreeMap::new(), None).is_err();
        assert!(refused("[{scenario: a, expected: b, got: c, reason: d}]\n"));
        assert!(refused("- {scenario: a}\n"));
    }
}
