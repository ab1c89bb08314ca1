//! What the corpus covers, both ways: requirement → scenarios → fault, and back.
//!
//! Pure: names in, a table and its orphans out. A row counts as covered when a scenario names it, as
//! proven when a fault that breaks it exists as well; `siospec prove` shows that the two meet.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// A requirement, as far as coverage goes.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its id.
    pub id: String,
    /// Its level, as in the catalogue.
    pub level: String,
    /// Its group.
    pub group: String,
    /// The fault that is to break it. Where one does not reach all scenarios of the requirement there are further ones.
    pub fault: Option<String>,
    /// Why no scenario can see it.
    pub unchecked: Option<String>,
}

/// A scenario or a fault, and the requirements that it names.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// The requirements' ids.
    pub requirements: Vec<String>,
    /// Whether it is played under `--stress` only.
    pub stress: bool,
}

/// One requirement and what answers to it.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The requirement.
    pub id: String,
    /// Its level.
    pub level: String,
    /// Its group.
    pub group: String,
    /// The scenarios that check it.
    pub scenarios: Vec<String>,
    /// Whether all of them are played under `--stress` only.
    pub stress_only: bool,
    /// The faults that break it.
    pub faults: Vec<String>,
    /// Why no scenario can see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<String>,
}

/// How many rows there are and how far they are answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Rows.
    pub rows: usize,
    /// Rows with a scenario.
    pub checked: usize,
    /// Rows with a scenario and a fault.
    pub with_fault: usize,
    /// Rows that cannot be checked, with their reason.
    pub unchecked: usize,
}

/// The whole account.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    /// Every requirement, in the catalogue's order.
    pub rows: Vec<Row>,
    /// By level.
    pub levels: BTreeMap<String, Tally>,
    /// By group.
    pub groups: BTreeMap<String, Tally>,
    /// Altogether.
    pub total: Tally,
    /// What answers to nothing, or is answered by nothing: each is red.
    pub orphans: Vec<String>,
}

/// Brings requirements, scenarios and faults together.
#[must_use]
pub fn account(wanted: &[Wanted], scenarios: &[Named], faults: &[Named]) -> Coverage {
    let by_requirement = |named: &'_ [Named]| {
        let mut map: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
        for one in named {
            for id in &one.requirements {
                map.entry(id.clone())
                    .or_default()
                    .push((one.name.clone(), one.stress));
            }
        }
        map
    };
    let (checks, breaks) = (by_requirement(scenarios), by_requirement(faults));
    let rows: Vec<Row> = wanted
        .iter()
        .map(|w| {
            let found = checks.get(&w.id).cloned().unwrap_or_default();
            Row {
                id: w.id.clone(),
                level: w.level.clone(),
                group: w.group.clone(),
                stress_only: !found.is_empty() && found.iter().all(|(_, stress)| *stress),
                scenarios: found.into_iter().map(|(name, _)| name).collect(),
                faults: breaks
                    .get(&w.id)
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone())
                    .collect(),
                unchecked: w.unchecked.clone(),
            }
        })
        .collect();
    let mut coverage = Coverage {
        levels: tallies(&rows, |row| &row.level),
        groups: tallies(&rows, |row| &row.group),
        total: tally(rows.iter()),
        orphans: Vec::new(),
        rows,
    };
    coverage.orphans = orphans(wanted, scenarios, faults, &coverage.rows);
    coverage
}

fn tallies(rows: &[Row], key: impl Fn(&Row) -> &String) -> BTreeMap<String, Tally> {
    let keys: BTreeSet<&String> = rows.iter().map(&key).collect();
    keys.into_iter()
        .map(|k| (k.clone(), tally(rows.iter().filter(|row| key(row) == k))))
        .collect()
}

fn tally<'a>(rows: impl Iterator<Item = &'a Row>) -> Tally {
    rows.fold(Tally::default(), |mut tally, row| {
        tally.rows += 1;
        tally.checked += usize::from(!row.scenarios.is_empty());
        tally.with_fault += usize::from(!row.scenarios.is_empty() && !row.faults.is_empty());
        tally.unchecked += usize::from(row.unchecked.is_some());
        tally
    })
}

fn orphans(wanted: &[Wanted], scenarios: &[Named], faults: &[Named], rows: &[Row]) -> Vec<String> {
    let ids: BTreeSet<&str> = wanted.iter().map(|w| w.id.as_str()).collect();
    let existing: BTreeSet<&str> = faults.iter().map(|f| f.name.as_str()).collect();
    let mut found = Vec::new();
    for row in rows {
        match (
            &row.unchecked,
            row.scenarios.is_empty(),
            row.faults.is_empty(),
        ) {
            (Some(_), false, _) => found.push(format!(
                "{} is said to be unchecked, and a scenario checks it",
                row.id
            )),
            (None, true, _) => found.push(format!("{} has no scenario and no reason why", row.id)),
            (None, false, true) => found.push(format!("{} has no fault", row.id)),
            _ => {}
        }
    }
    for (what, named) in [("scenario", scenarios), ("fault", faults)] {
        for one in named {
            for id in one
                .requirements
                .iter()
                .filter(|id| !ids.contains(id.as_str()))
            {
                found.push(format!(
                    "{what} {} names {id}, which is not in the catalogue",
                    one.name
                ));
            }
            if one.requirements.is_empty() {
                found.push(format!("{what} {} names no requirement", one.name));
            }
        }
    }
    let unmade = wanted
        .iter()
        .filter(|w| w.unchecked.is_none())
        .filter_map(|w| w.fault.as_deref());
    found.extend(
        unmade
            .filter(|name| !existing.contains(name))
            .map(|name| format!("fault {name} of the catalogue does not exist")),
    );
    found
}

/// The account as Markdown: by level, by group, then the rows that need a word.
#[must_use]
pub fn markdown(coverage: &Coverage) -> String {
    let mut out = String::from(
        "# Coverage\n\n| | requirements | with scenario | with scenario and fault | not checkable |\n|---|--:|--:|--:|--:|\n",
    );
    let mut line = |name: &str, t: &Tally| {
        out.push_str(&format!(
            "| {name} | {} | {} | {} | {} |\n",
            t.rows, t.checked, t.with_fault, t.unchecked
        ));
    };
    line("**all**", &coverage.total);
    for level in ["MUST", "SHOULD", "MAY", "DE-FACTO"] {
        if let Some(tally) = coverage.levels.get(level) {
            line(level, tally);
        }
    }
    for (group, tally) in &coverage.groups {
        line(group, tally);
    }
    let unchecked: Vec<_> = coverage
        .rows
        .iter()
        .filter_map(|row| Some((row, row.unchecked.as_ref()?)))
        .collect();
    if !unchecked.is_empty() {
        out.push_str("\n## Not checkable\n\n");
        for (row, why) in unchecked {
            out.push_str(&format!("- {}: {why}\n", row.id));
        }
    }
    out.push_str("\n## Requirement, scenarios, faults\n\n| requirement | level | scenarios | faults |\n|---|---|---|---|\n");
    for row in &coverage.rows {
        let stress = if row.stress_only { " (`--stress`)" } else { "" };
        out.push_str(&format!(
            "| {} | {} | {}{stress} | {} |\n",
            row.id,
            row.level,
            row.scenarios.join("<br>"),
            row.faults.join("<br>")
        ));
    }
    if !coverage.orphans.is_empty() {
        out.push_str("\n## Orphans\n\n");
        coverage
            .orphans
            .iter()
            .for_each(|orphan| out.push_str(&format!("- {orphan}\n")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(id: &str, fault: &str) -> Wanted {
        Wanted {
            id: id.into(),
            level: "MUST".into(),
            group: id[..6].into(),
            fault: Some(fault.into()),
            unchecked: None,
        }
    }

    fn named(name: &str, requirement: &str) -> Named {
        Named {
            name: name.into(),
            requirements: vec![requirement.into()],
            stress: false,
        }
    }

    #[test]
    fn a_row_with_scenario_and_fault_leaves_no_orphan() {
        let coverage = account(
            &[wanted("EIO-HS-01", "f")],
            &[named("a", "EIO-HS-01")],
            &[named("f", "EIO-HS-01")],
        );
        assert_eq!(coverage.orphans, [] as [&str; 0]);
        assert_eq!(
            coverage.total,
            Tally {
                rows: 1,
                checked: 1,
                with_fault: 1,
                unchecked: 0
            }
        );
        assert!(markdown(&coverage).contains("| EIO-HS-01 | MUST | a | f |"));
    }

    #[test]
    fn each_way_to_answer_to_nothing_is_an_orphan() {
        let rows = [wanted("EIO-HS-01", "f"), wanted("EIO-HS-02", "g")];
        let coverage = account(
            &rows,
            &[named("a", "EIO-HS-01"), named("b", "EIO-XX-01")],
            &[named("h", "EIO-HS-02")],
        );
        assert_eq!(
            coverage.orphans,
            [
                "EIO-HS-01 has no fault",
                "EIO-HS-02 has no scenario and no reason why",
                "scenario b names EIO-XX-01, which is not in the catalogue",
                "fault f of the catalogue does not exist",
                "fault g of the catalogue does not exist",
            ]
        );
    }

    #[test]
    fn a_row_that_cannot_be_checked_needs_neither_but_may_not_be_checked_after_all() {
        let mut row = wanted("EIO-PO-26", "f");
        row.unchecked = Some("it does not arise".into());
        assert_eq!(account(&[row.clone()], &[], &[]).orphans, [] as [&str; 0]);
        assert_eq!(
            account(&[row], &[named("a", "EIO-PO-26")], &[])
                .orphans
                .len(),
            1
        );
    }
}
