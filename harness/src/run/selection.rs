//! Which trials are played.

use std::collections::BTreeSet;
use std::sync::Arc;

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
}

impl Filter {
    /// Every trial of the scenarios that may be played at all.
    pub fn trials(&self, scenarios: &[Arc<Scenario>]) -> Vec<Arc<Trial>> {
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
        let mut names = [&trial.name, &scenario.name]
            .into_iter()
            .chain(&scenario.aka)
            .chain(&scenario.requirements);
        if self.exact {
            return names.any(|name| name == words);
        }
        names.any(|name| name.contains(words))
    }
}
