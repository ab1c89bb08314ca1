//! What there is to say of a target as a whole, in one sentence each.

use std::collections::BTreeMap;

use crate::outcome::{Judged, Outcome, Run, Verdict};

/// What turns a run red beside its trials: what it is about, and what is wrong.
pub fn red(target: &Judged) -> impl Iterator<Item = (&'static str, String)> + '_ {
    let unreachable = target.unreachable.iter().map(|why| ("target", why.clone()));
    let stale = target.stale.iter().map(|stale| {
        (
            "known deviations",
            format!("{}: {}", stale.scenario, stale.why),
        )
    });
    let missing = target.missing.iter().map(|cap| {
        (
            "capabilities",
            format!("{cap} is required and not declared"),
        )
    });
    unreachable.chain(stale).chain(missing)
}

/// Everything, the gravest first.
pub fn of(run: &Run, target: &Judged) -> Vec<String> {
    let mut remarks = Vec::new();
    remarks.extend(
        target
            .unreachable
            .iter()
            .map(|why| format!("not judged: {why}")),
    );
    let deaths = target.deaths.iter();
    remarks
        .extend(deaths.map(|death| format!("an instance died while trials were running: {death}")));
    remarks.extend(unanswered(run, target));
    remarks.extend(target.stale.iter().map(|stale| {
        format!(
            "stale entry in `known.yaml`: {}: {}; strike or correct it",
            stale.scenario, stale.why
        )
    }));
    let missing = target.missing.iter();
    remarks.extend(
        missing.map(|missing| format!("--require: the capability {missing} is not declared")),
    );
    remarks.extend(since(run, target, "newer than", |outcome| outcome.newer));
    remarks.extend(since(run, target, "changed since", |outcome| {
        outcome.changed
    }));
    remarks.extend(other_versions(run, target));
    remarks
}

/// Trials under which a shared instance fell silent: any of them may have shut it up.
fn unanswered(run: &Run, target: &Judged) -> Option<String> {
    let mut moved = run.of(&target.name).filter(|outcome| outcome.moved);
    let first = moved.next()?;
    let which = match moved.count() {
        0 => format!("1 trial ({}) was", first.trial),
        more => format!("{} trials ({} and others) were", more + 1, first.trial),
    };
    Some(format!(
        "an instance that trials share fell silent: {which} played again, each on an instance of its own"
    ))
}

/// What came, or became another, after the release that the run is pinned to.
fn since(
    run: &Run,
    target: &Judged,
    word: &str,
    is_so: impl Fn(&Outcome) -> bool,
) -> Option<String> {
    let since: Vec<&Outcome> = run
        .of(&target.name)
        .filter(|outcome| is_so(outcome))
        .collect();
    let release = run
        .selection
        .requirements
        .as_ref()
        .filter(|_| !since.is_empty())?;
    let stuck =
        |o: &&&Outcome| matches!(o.verdict, Verdict::Failed { .. } | Verdict::Errored { .. });
    let (all, bad) = (since.len(), since.iter().filter(stuck).count());
    Some(format!(
        "{all} {} {word} {release} and do not gate; {bad} of them would turn the run red without \
         `--requirements {release}`",
        if all == 1 { "trial is" } else { "trials are" }
    ))
}

/// Known deviations that were seen on other versions than these.
fn other_versions(run: &Run, target: &Judged) -> Vec<String> {
    let mut entries: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for known in &target.known {
        let played = run
            .of(&target.name)
            .any(|outcome| known.entry.is_about(outcome));
        if let Some(seen) = known
            .entry
            .seen_on_other(&target.versions)
            .filter(|_| played)
        {
            entries.entry(seen).or_default().push(&known.entry.scenario);
        }
    }
    let said = entries.into_iter().map(|(seen, scenarios)| {
        let now: Vec<String> = seen
            .split(", ")
            .filter_map(|seen| seen.rsplit_once(' '))
            .filter_map(|(name, _)| Some(format!("{name} {}", target.versions.get(name)?)))
            .collect();
        let count = match scenarios.as_slice() {
            [one] => format!("1 known deviation was ({one})"),
            all => format!("{} known deviations were", all.len()),
        };
        format!("{count} seen on {seen}, and this is {}", now.join(", "))
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Baselined, Known, tests as given};

    #[test]
    fn what_is_newer_or_changed_is_counted_and_said() {
        let newer = |verdict| Outcome {
            newer: true,
            ..given::outcome(false, verdict)
        };
        let changed = Outcome {
            changed: true,
            ..given::outcome(false, Verdict::Passed)
        };
        let mut run = given::run(vec![
            newer(given::failed()),
            newer(Verdict::Passed),
            changed,
        ]);
        run.selection.requirements = Some("0.1".into());
        assert_eq!(
            of(&run, &run.targets[0]),
            [
                "2 trials are newer than 0.1 and do not gate; 1 of them would turn the run red without `--requirements 0.1`",
                "1 trial is changed since 0.1 and do not gate; 0 of them would turn the run red without `--requirements 0.1`"
            ]
        );
    }

    #[test]
    fn a_shared_instance_that_fell_silent_is_said() {
        let moved = Outcome {
            moved: true,
            ..given::outcome(true, Verdict::Passed)
        };
        let run = given::run(vec![
            moved.clone(),
            given::outcome(true, given::failed()),
            moved,
        ]);
        assert_eq!(
            of(&run, &run.targets[0]),
            [
                "an instance that trials share fell silent: 2 trials (a/b and others) were played again, each on an \
                 instance of its own"
            ]
        );
    }

    #[test]
    fn an_entry_that_was_seen_on_another_version_is_said() {
        let mut run = given::run(vec![given::outcome(true, given::failed())]);
        let entry = Known {
            version: Some("x 1.0, y 2".into()),
            ..given::known()
        };
        run.targets[0].known = vec![Baselined {
            entry,
            trials: 1,
            without_step: false,
        }];
        run.targets[0].versions = [
            ("x".to_owned(), "1.1".to_owned()),
            ("y".to_owned(), "2".to_owned()),
        ]
        .into();
        assert_eq!(
            of(&run, &run.targets[0]),
            ["1 known deviation was (a/b) seen on x 1.0, and this is x 1.1"]
        );
    }
}
