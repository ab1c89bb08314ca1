//! Which trials are played against a fault.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::scenario::trial::Trial;

/// The trials for one fault.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// Trials of the requirements that it breaks.
    pub own: Vec<Arc<Trial>>,
    /// Trials of others, which must not notice it.
    pub others: Vec<Arc<Trial>>,
}

/// All trials of these requirements, and `sample` of the others: always the same ones for the same fault and corpus.
/// Stress scenarios and those that need the process for themselves are left out of the sample, since they are slow.
#[must_use]
pub fn choose(fault: &str, requirements: &[&str], trials: &[Arc<Trial>], sample: usize) -> Chosen {
    let mut chosen = Chosen::default();
    let mut others: Vec<(u64, &Arc<Trial>)> = Vec::new();
    for trial in trials {
        let scenario = &trial.scenario;
        if scenario
            .requirements
            .iter()
            .any(|id| requirements.contains(&id.as_str()))
        {
            chosen.own.push(trial.clone());
        } else if !scenario.stress && !scenario.alone {
            others.push((rank(fault, &trial.name), trial));
        }
    }
    others.sort_by_key(|(rank, _)| *rank);
    // One trial of a scenario says nearly all that the next one would.
    let mut seen = BTreeSet::new();
    let fresh = others
        .into_iter()
        .filter(|(_, trial)| seen.insert(trial.scenario.name.clone()));
    chosen.others = fresh.take(sample).map(|(_, trial)| trial.clone()).collect();
    chosen
}

fn rank(fault: &str, trial: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (fault, trial).hash(&mut hasher);
    hasher.finish()
}
