//! What a release of siospec asked of a server, frozen: `scenarios/releases/NAME.yaml`.
//!
//! Whoever pins a release (`siospec run --requirements NAME`) is told of whatever came later, and it does not turn the
//! run red. Frozen are the requirements with their levels, and the trials by name, with a digest of what they ask; a
//! renamed scenario is followed by its `aka`. A trial that asks for something else than it did is played, and reported
//! apart. So a scenario that is to ask for more had better take a new name, or a new case: the pin holds the old one then.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::corpus;
use super::model::{Level, Scenario};
use super::trial::Trial;
use crate::known::split;

/// A frozen set of requirements and trials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Its name, which is its file's: the version of siospec without the patch, such as `0.1`.
    #[serde(rename = "release")]
    pub name: String,
    /// The levels that the requirements had.
    requirements: BTreeMap<String, Level>,
    /// The trials that there were: of each scenario, by the digest of what they ask, what stands in their brackets; an
    /// empty text where there are none.
    trials: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// What a release has to say of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frozen {
    /// It asked the same, at this level.
    Same(Level),
    /// There was a trial of that name, at this level, and it asked for something else.
    Changed(Level),
    /// There was none, or one of its requirements was not there.
    Newer,
}

impl Release {
    /// The release of that name.
    ///
    /// # Errors
    /// There is none, in words that list those that there are.
    pub fn find(name: &str) -> Result<Self, String> {
        let all = corpus::releases();
        let names = || {
            all.iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let found = all.iter().find(|(release, _)| release == name);
        let (_, text) =
            found.ok_or_else(|| format!("there is no release `{name}`; there are {}", names()))?;
        Self::parse(text).map_err(|error| format!("release {name}: {error}"))
    }

    /// Reads a release.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, serde_yaml::Error> {
        serde_yaml::from_str(text)
    }

    /// What these scenarios ask for today.
    pub fn of(name: &str, scenarios: &[Arc<Scenario>]) -> Self {
        let (mut requirements, mut trials) = (BTreeMap::new(), BTreeMap::new());
        for scenario in scenarios {
            let Some(level) = scenario.level else {
                continue;
            };
            requirements.extend(scenario.requirements.iter().map(|id| (id.clone(), level)));
            let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for trial in Trial::of(scenario) {
                let contents = scenario.contents(&trial.case).to_owned();
                asked
                    .entry(contents)
                    .or_default()
                    .push(choices(&trial.name));
            }
            trials.insert(scenario.name.clone(), asked);
        }
        Self {
            name: name.to_owned(),
            requirements,
            trials,
        }
    }

    /// What it has of the trial.
    pub fn frozen(&self, trial: &Trial) -> Frozen {
        let scenario = &trial.scenario;
        let mut names = std::iter::once(&scenario.name).chain(&scenario.aka);
        let wanted = choices(&trial.name);
        let asked = names.find_map(|name| {
            let mut asked = self.trials.get(name)?.iter();
            asked.find(|(_, trials)| trials.contains(&wanted))
        });
        let levels: Option<Vec<Level>> = scenario
            .requirements
            .iter()
            .map(|id| self.requirements.get(id).copied())
            .collect();
        // The levels of a scenario's requirements are one; should they have parted, the laxest is what was promised.
        let level = levels.and_then(|levels| levels.into_iter().max());
        match (asked, level) {
            (Some((contents, _)), Some(level)) if contents == scenario.contents(&trial.case) => {
                Frozen::Same(level)
            }
            (Some(_), Some(level)) => Frozen::Changed(level),
            _ => Frozen::Newer,
        }
    }

    /// The scenarios that the release has.
    pub fn scenarios(&self) -> impl Iterator<Item = &str> {
        self.trials.keys().map(String::as_str)
    }

    /// The file of the release.
    ///
    /// # Errors
    /// It cannot be written as YAML.
    pub fn text(&self) -> Result<String, serde_yaml::Error> {
        let yaml = serde_yaml::to_string(self)?;
        Ok(format!(
            "# What siospec {} asks of a server, for `siospec run --requirements {0}`. Written by `siospec list --freeze {0}`;\n\
             # once the release is out, nothing here changes.\n{yaml}",
            self.name
        ))
    }
}

/// What stands in the brackets of a trial's name.
fn choices(trial: &str) -> String {
    split(trial).1.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::corpus::Corpus;

    #[test]
    fn every_release_has_its_name_and_is_written_as_it_is_read() {
        let releases = corpus::releases();
        assert!(!releases.is_empty());
        for (name, text) in releases {
            let release = Release::parse(&text).unwrap();
            assert_eq!(release.name, name);
            assert_eq!(release.text().unwrap(), text);
        }
    }

    #[test]
    fn nothing_that_a_release_asked_for_is_lost() {
        let catalogue = corpus::catalogue().unwrap();
        let scenarios = Corpus::embedded(&catalogue).scenarios;
        let known = |name: &str| {
            scenarios
                .iter()
                .any(|s| s.name == name || s.aka.iter().any(|aka| aka == name))
        };
        for (name, text) in corpus::releases() {
            let release = Release::parse(&text).unwrap();
            let lost: Vec<_> = release
                .scenarios()
                .filter(|scenario| !known(scenario))
                .collect();
            let lost_ids: Vec<_> = release
                .requirements
                .keys()
                .filter(|id| catalogue.get(id).is_none())
                .collect();
            assert!(
                lost.is_empty() && lost_ids.is_empty(),
                "release {name} has {lost:?} {lost_ids:?}: name a scenario that was renamed in the `aka:` of the new one; as \
                 long as {name} is not out, write it again: siospec list --freeze {name} > scenarios/releases/{name}.yaml"
            );
        }
    }

    #[test]
    fn a_release_that_is_not_there_is_refused_with_those_that_are() {
        let error = Release::find("7.7").unwrap_err();
        assert!(
            error.starts_with("there is no release `7.7`; there are 0.1"),
            "{error}"
        );
    }
}
