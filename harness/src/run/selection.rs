//! Which trials are played.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use sha1::{Digest, Sha1};

use crate::known::names;
use crate::scenario::model::Scenario;
use crate::scenario::trial::Trial;

/// What `--filter`, `--exact`, `--skip`, `--stress` and `--rerun-failed` say.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Play what matches any of these; everything if there are none.
    pub wanted: Vec<String>,
    /// Leave out what matches any of these.
    pub skipped: Vec<String>,
    /// Names must be equal instead of contain.
    pub exact: bool,
    /// Play scenarios with `stress: true` too.
    pub stress: bool,
    /// Only these trials, each with its target: what failed last time.
    pub failed: Option<BTreeSet<(String, String)>>,
    /// Of all these, only this part.
    pub shard: Option<Shard>,
}

/// One of several parts of equal size into which trials fall by their names, whatever else is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(number, of)| {
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            (1 <= number && number <= of).then_some(Self { number, of })
        });
        parsed.ok_or_else(|| "write i/n, such as 1/3 for the first of three parts".into())
    }
}

impl Shard {
    /// Whether the trial of that name is in this part.
    pub fn holds(self, trial: &str) -> bool {
        let hash = Sha1::digest(trial)
            .iter()
            .take(8)
            .fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        hash % u64::from(self.of) == u64::from(self.number - 1)
    }
}

impl Filter {
    /// The trials that are played.
    pub fn trials(&self, scenarios: &[Arc<Scenario>]) -> Vec<Arc<Trial>> {
        self.part(self.selected(scenarios))
    }

    /// Of the selected trials those of the shard; all where there is none.
    pub fn part(&self, mut selected: Vec<Arc<Trial>>) -> Vec<Arc<Trial>> {
        selected.retain(|trial| self.shard.is_none_or(|shard| shard.holds(&trial.name)));
        selected
    }

    /// The trials that are selected, in whichever shard.
    pub fn selected(&self, scenarios: &[Arc<Scenario>]) -> Vec<Arc<Trial>> {
        let playable = scenarios
            .iter()
            .filter(|scenario| self.stress || !scenario.stress);
        playable
            .flat_map(Trial::of)
            .map(Arc::new)
            .filter(|trial| self.admits(trial))
            .collect()
    }

    /// Whether the trial is wanted on that target.
    pub fn admits_on(&self, target: &str, trial: &Trial) -> bool {
        let key = || (target.to_owned(), trial.name.clone());
        self.failed
            .as_ref()
            .is_none_or(|failed| failed.contains(&key()))
    }

    fn admits(&self, trial: &Trial) -> bool {
        let matches = |words: &String| self.matches(trial, words);
        (self.wanted.is_empty() || self.wanted.iter().any(matches))
            && !self.skipped.iter().any(matches)
    }

    /// A name, the beginning of it, an earlier name, or a requirement's id.
    fn matches(&self, trial: &Trial, words: &str) -> bool {
        let scenario = &trial.scenario;
        let whole = [&scenario.name]
            .into_iter()
            .chain(&scenario.aka)
            .chain(&scenario.requirements);
        let trials = names(&scenario.name, &scenario.aka, &trial.name);
        let mut names = whole.cloned().chain(trials);
        match self.exact {
            true => names.any(|name| name == words),
            false => names.any(|name| name.contains(words)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::catalogue::Catalogue;
    use crate::scenario::load::load;

    fn trials(filter: &Filter) -> Vec<String> {
        let catalogue = Catalogue::parse("[]").unwrap();
        let scenario = |number: u32| {
            let yaml = format!(
                "title: x\naka: [old/{number}]\ntransports: [polling, websocket]\nsteps:\n  - A.alive:\n"
            );
            load(
                &format!("new/{number}"),
                "x.yaml",
                yaml.as_bytes(),
                &catalogue,
            )
            .unwrap()
        };
        let scenarios: Vec<_> = (0..100).map(scenario).collect();
        filter
            .trials(&scenarios)
            .iter()
            .map(|trial| trial.name.clone())
            .collect()
    }

    #[test]
    fn every_trial_is_in_exactly_one_shard() {
        let whole: BTreeSet<_> = trials(&Filter::default()).into_iter().collect();
        let mut parts = Vec::new();
        for number in 1..=3 {
            let part = trials(&Filter {
                shard: Some(Shard { number, of: 3 }),
                ..Filter::default()
            });
            assert!((30..=105).contains(&part.len()), "of {} trials", part.len());
            parts.extend(part);
        }
        assert_eq!(parts.len(), whole.len());
        assert_eq!(parts.into_iter().collect::<BTreeSet<_>>(), whole);
    }

    #[test]
    fn the_shard_of_a_trial_hangs_on_its_name_alone() {
        let shard = Shard { number: 2, of: 3 };
        let all = trials(&Filter {
            shard: Some(shard),
            ..Filter::default()
        });
        let few = trials(&Filter {
            shard: Some(shard),
            wanted: vec!["new/4".into()],
            ..Filter::default()
        });
        assert!(!few.is_empty() && few.iter().all(|name| all.contains(name)));
    }

    #[test]
    fn a_shard_is_written_as_a_part_of_a_whole() {
        assert_eq!("2/3".parse(), Ok(Shard { number: 2, of: 3 }));
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", "-1/3", "1/3/5"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_filter_follows_a_renamed_scenario() {
        let filter = |wanted: &str, exact| Filter {
            wanted: vec![wanted.into()],
            exact,
            ..Filter::default()
        };
        assert_eq!(
            trials(&filter("old/42", true)),
            ["new/42[A=polling]", "new/42[A=websocket]"]
        );
        assert_eq!(
            trials(&filter("old/42[A=polling]", true)),
            ["new/42[A=polling]"]
        );
        assert_eq!(
            trials(&filter("old/42[A=poll", false)),
            ["new/42[A=polling]"]
        );
    }
}
