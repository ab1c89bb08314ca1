//! Several runs put together to one: the parts that `--shard` made, or runs of different targets.
//!
//! What comes out does not hang on the order in which the runs are given. Whatever does not fit is refused in words:
//! another version of siospec, other flags, another version of a target, one trial judged twice.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

use crate::outcome::{Judged, Outcome, Run, Selection, Shards};

/// The whole of which the named runs are parts. With `partial`, parts may be missing.
///
/// # Errors
/// They are not parts of one whole, or not all of them.
pub fn merge(mut runs: Vec<(String, Run)>, partial: bool) -> Result<Run, String> {
    runs.sort_by_key(|(_, run)| {
        let held = run
            .selection
            .shards
            .as_ref()
            .map(|shards| shards.held.clone());
        let targets: Vec<_> = run
            .targets
            .iter()
            .map(|target| target.name.clone())
            .collect();
        (held, targets, run.started)
    });
    let mut rest = runs.iter();
    let Some((first_name, first)) = rest.next() else {
        return Err("there is no run to report".into());
    };
    let mut whole = Run {
        started: runs
            .iter()
            .map(|(_, run)| run.started)
            .min()
            .unwrap_or(first.started),
        ..first.clone()
    };
    whole.outcomes.clear();
    whole.targets.clear();
    let mut judged_in: BTreeMap<(String, String, u32), usize> = BTreeMap::new();
    let mut kept: Vec<Outcome> = Vec::new();
    let mut owners: Vec<&str> = Vec::new();
    for (name, run) in &runs {
        fits((first_name, first), (name, run))?;
        let later = (run.started - whole.started)
            .num_milliseconds()
            .max(0)
            .unsigned_abs();
        whole.interrupted |= run.interrupted;
        whole.duration_ms = whole.duration_ms.max(later + run.duration_ms);
        for argument in &run.selection.arguments {
            if !whole.selection.arguments.contains(argument) {
                whole.selection.arguments.push(argument.clone());
            }
        }
        for target in &run.targets {
            add(&mut whole.targets, target, later).map_err(|what| {
                format!(
                    "{first_name} and {name} do not belong together: of {}, {what}",
                    target.name
                )
            })?;
        }
        for outcome in &run.outcomes {
            let key = (
                outcome.target.clone(),
                outcome.trial.clone(),
                outcome.repetition,
            );
            let outcome = Outcome {
                started_ms: outcome.started_ms + later,
                ..outcome.clone()
            };
            match judged_in.get(&key) {
                Some(at) if kept[*at] == outcome => {}
                Some(at) => {
                    return Err(format!(
                        "{} and {name} both judged {} on {}, and not the same: a trial is merged once",
                        owners[*at], key.1, key.0
                    ));
                }
                None => {
                    judged_in.insert(key, kept.len());
                    kept.push(outcome);
                    owners.push(name);
                }
            }
        }
    }
    whole.outcomes = kept;
    whole.selection.shards = shards(&runs, partial)?;
    whole.sort();
    whole.find_stale();
    Ok(whole)
}

/// Whether a run can be of one whole with the first.
fn fits(first: (&str, &Run), other: (&str, &Run)) -> Result<(), String> {
    let mut unlike = String::new();
    let mut compare = |what: &str, one: &dyn Debug, another: &dyn Debug| {
        let (one, another) = (format!("{one:?}"), format!("{another:?}"));
        if one != another {
            let _ = write!(unlike, "; {what}: {one} and {another}");
        }
    };
    let (one, another) = (first.1, other.1);
    compare("format", &one.format, &another.format);
    compare("version of siospec", &one.siospec, &another.siospec);
    let count = |selection: &Selection| selection.shards.as_ref().map(|shards| shards.of);
    let (a, b) = (&one.selection, &another.selection);
    compare("--shard is of n", &count(a), &count(b));
    compare("--gate", &a.gate, &b.gate);
    compare("--requirements", &a.requirements, &b.requirements);
    compare("--require", &a.require, &b.require);
    compare("--repeat", &a.repeat, &b.repeat);
    compare("--time-scale", &a.time_scale, &b.time_scale);
    compare("scenarios", &a.scenarios, &b.scenarios);
    compare("--filter", &a.filter, &b.filter);
    compare("--skip", &a.skip, &b.skip);
    compare("--exact", &a.exact, &b.exact);
    compare("--stress", &a.stress, &b.stress);
    compare("--rerun-failed", &a.rerun_failed, &b.rerun_failed);
    compare("trials before any filter", &a.of_all, &b.of_all);
    match unlike.strip_prefix("; ") {
        Some(unlike) => Err(format!(
            "{} and {} do not belong together: {unlike}",
            first.0, other.0
        )),
        None => Ok(()),
    }
}

/// Adds what a part says of a target, which may say that it was not reached this time.
fn add(targets: &mut Vec<Judged>, part: &Judged, later: u64) -> Result<(), String> {
    let mut part = part.clone();
    part.duration_ms += later;
    let Some(target) = targets.iter_mut().find(|target| target.name == part.name) else {
        targets.push(part);
        return Ok(());
    };
    if part.unreachable.is_some() {
        target.unreachable = target.unreachable.take().or(part.unreachable);
        return Ok(());
    }
    if target.unreachable.is_some() {
        part.unreachable = target.unreachable.take();
        part.deaths.splice(0..0, std::mem::take(&mut target.deaths));
        part.duration_ms = part.duration_ms.max(target.duration_ms);
        *target = part;
        return Ok(());
    }
    let unlike = |what: &str, one: &dyn Debug, another: &dyn Debug| {
        let (one, another) = (format!("{one:?}"), format!("{another:?}"));
        (one != another).then(|| format!("{what}: {one} and {another}"))
    };
    let unlike = unlike("versions", &target.versions, &part.versions)
        .or_else(|| unlike("url", &target.url, &part.url))
        .or_else(|| unlike("capabilities", &target.capabilities, &part.capabilities))
        .or_else(|| unlike("known.yaml", &target.known, &part.known))
        .or_else(|| unlike("trials that are selected", &target.selected, &part.selected));
    if let Some(unlike) = unlike {
        return Err(unlike);
    }
    target.duration_ms = target.duration_ms.max(part.duration_ms);
    for death in part.deaths {
        if !target.deaths.contains(&death) {
            target.deaths.push(death);
        }
    }
    Ok(())
}

/// What of the parts is still missing: `None` if the whole is here.
fn shards(runs: &[(String, Run)], partial: bool) -> Result<Option<Shards>, String> {
    let parts = || {
        runs.iter()
            .flat_map(|(_, run)| run.targets.iter().map(move |target| (target, run)))
    };
    // Targets may have been judged on different machines: each must have all its parts.
    let mut of_target: BTreeMap<&str, Shards> = BTreeMap::new();
    for (target, run) in parts() {
        let Some(shards) = &run.selection.shards else {
            continue;
        };
        let held = &mut of_target
            .entry(&target.name)
            .or_insert_with(|| Shards {
                of: shards.of,
                held: Default::default(),
            })
            .held;
        held.extend(&shards.held);
    }
    for (target, shards) in &of_target {
        let missing: Vec<String> = shards
            .missing()
            .map(|part| format!("{part}/{}", shards.of))
            .collect();
        if !missing.is_empty() && !partial {
            return Err(format!(
                "of {target}, the part {} is missing; give its run too, or say --partial",
                missing.join(", ")
            ));
        }
    }
    // What all targets have is what the whole has.
    let held = of_target.values().map(|shards| shards.held.clone());
    let held = held.reduce(|one, another| one.intersection(&another).copied().collect());
    let of = of_target.values().next().map(|shards| shards.of);
    Ok(of
        .zip(held)
        .map(|(of, held)| Shards { of, held })
        .filter(|shards| shards.missing().next().is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Baselined, Conclusion, Verdict, tests as given};

    fn outcome(trial: &str, verdict: Verdict) -> Outcome {
        Outcome {
            trial: trial.into(),
            ..given::outcome(true, verdict)
        }
    }

    /// A part, begun `minutes` after the first.
    fn part(number: u32, minutes: i64, outcomes: Vec<Outcome>) -> (String, Run) {
        let mut run = given::run(outcomes);
        run.started += chrono::TimeDelta::minutes(minutes);
        run.duration_ms = 1_000;
        run.selection.shards = Some(Shards {
            of: 2,
            held: [number].into(),
        });
        run.targets[0].selected = 2;
        (format!("{number}.json"), run)
    }

    fn halves() -> Vec<(String, Run)> {
        let passed = || Verdict::Passed;
        vec![
            part(1, 0, vec![outcome("a/b[A=x]", passed())]),
            part(2, 1, vec![outcome("a/b[A=w]", passed())]),
        ]
    }

    #[test]
    fn the_parts_are_the_whole_in_whatever_order_they_come() {
        let whole = merge(halves(), false).unwrap();
        let trials: Vec<_> = whole
            .outcomes
            .iter()
            .map(|o| (o.trial.as_str(), o.started_ms))
            .collect();
        assert_eq!(trials, [("a/b[A=w]", 60_000), ("a/b[A=x]", 0)]);
        assert_eq!(
            (whole.selection.shards.clone(), whole.duration_ms),
            (None, 61_000)
        );
        assert_eq!(whole.conclusion(), Conclusion::Conforms);
        let mut backwards = halves();
        backwards.reverse();
        assert_eq!(merge(backwards, false).unwrap(), whole);
        let again = vec![("whole".to_owned(), whole.clone())];
        assert_eq!(merge(again, false).unwrap(), whole, "a whole is itself");
    }

    #[test]
    fn one_part_given_twice_is_merged_once() {
        let mut runs = halves();
        runs.push(runs[0].clone());
        assert_eq!(merge(runs, false).unwrap().outcomes.len(), 2);
    }

    #[test]
    fn a_missing_part_is_named() {
        let one = || vec![halves().remove(0)];
        assert_eq!(
            merge(one(), false).unwrap_err(),
            "of t, the part 2/2 is missing; give its run too, or say --partial"
        );
        let part = merge(one(), true).unwrap();
        assert_eq!(
            part.selection.shards,
            Some(Shards {
                of: 2,
                held: [1].into()
            })
        );
    }

    #[test]
    fn a_trial_that_was_judged_twice_and_not_alike_is_refused() {
        let mut runs = halves();
        runs[1].1.outcomes = vec![outcome("a/b[A=x]", given::failed())];
        assert_eq!(
            merge(runs, false).unwrap_err(),
            "1.json and 2.json both judged a/b[A=x] on t, and not the same: a trial is merged once"
        );
    }

    #[test]
    fn what_is_not_of_one_whole_is_refused_in_words() {
        let refused = |change: &dyn Fn(&mut Run)| {
            let mut runs = halves();
            change(&mut runs[1].1);
            merge(runs, false).unwrap_err()
        };
        assert_eq!(
            refused(&|run| run.siospec = "9".into()),
            r#"1.json and 2.json do not belong together: version of siospec: "0" and "9""#
        );
        assert!(
            refused(&|run| run.selection.filter = vec!["x".into()])
                .contains(r#"--filter: [] and ["x"]"#)
        );
        let version = refused(&|run| drop(run.targets[0].versions.insert("x".into(), "2".into())));
        assert!(
            version.contains(r#"of t, versions: {} and {"x": "2"}"#),
            "{version}"
        );
    }

    #[test]
    fn runs_of_different_targets_stand_side_by_side() {
        let run = |target: &str| {
            let mut run = given::run(vec![Outcome {
                target: target.into(),
                ..outcome("a/b", Verdict::Passed)
            }]);
            run.targets[0].name = target.into();
            (format!("{target}.json"), run)
        };
        let whole = merge(vec![run("flask"), run("node")], false).unwrap();
        let names: Vec<_> = whole
            .targets
            .iter()
            .map(|target| target.name.as_str())
            .collect();
        assert_eq!((names, whole.outcomes.len()), (vec!["flask", "node"], 2));
    }

    #[test]
    fn an_entry_that_matches_nothing_is_stale_only_in_the_whole() {
        let mut runs = halves();
        for (_, run) in &mut runs {
            run.targets[0].known = vec![Baselined {
                entry: given::known(),
                trials: 2,
                without_step: false,
            }];
            for outcome in &mut run.outcomes {
                outcome.verdict = given::failed();
            }
        }
        for (_, run) in &mut runs {
            run.find_stale();
            assert_eq!(run.targets[0].stale, []);
        }
        let whole = merge(runs, false).unwrap();
        assert_eq!(whole.targets[0].stale[0].why, "it matched none of 2 plays");
    }

    #[test]
    fn a_target_that_one_part_did_not_reach_was_not_reached() {
        let mut runs = halves();
        runs[0].1.targets[0].unreachable = Some("no".into());
        runs[0].1.targets[0].selected = 0;
        runs[0].1.outcomes.clear();
        let whole = merge(runs, false).unwrap();
        assert_eq!(whole.conclusion(), Conclusion::Unreachable);
        assert_eq!(whole.targets[0].selected, 2);
    }

    #[test]
    fn a_part_that_was_stopped_makes_the_whole_stopped() {
        let mut runs = halves();
        runs[1].1.interrupted = true;
        assert_eq!(
            merge(runs, false).unwrap().conclusion(),
            Conclusion::Interrupted
        );
    }
}
