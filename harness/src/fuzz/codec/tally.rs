//! What was found so far, counted.

use std::collections::BTreeMap;

use super::class::{self, Class};
use super::input::Input;

/// A peer's row.
#[derive(Debug, Clone, Default)]
pub struct Column {
    /// Inputs that it answered.
    pub asked: u64,
    /// Answers that agree with ours.
    pub agreed: u64,
    /// Inputs of layers that it does not parse.
    pub not_offered: u64,
    /// Disagreements by the name of their class; an input may be in several.
    pub classes: BTreeMap<&'static str, u64>,
    /// Disagreements without a class, and inputs that broke the peer.
    pub unknown: u64,
}

impl Column {
    /// Disagreements that have a class.
    #[must_use]
    pub const fn known(&self) -> u64 {
        self.asked - self.agreed - self.unknown
    }
}

/// The smallest input of a class that a peer disagreed on.
#[derive(Debug, Clone)]
pub struct Example {
    /// The input.
    pub input: Input,
    /// Whether it shows this class and no other.
    pub pure: bool,
}

/// All counts of a run.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// By peer, in the order of the flags.
    pub columns: Vec<(String, Column)>,
    /// The smallest example of each class and peer.
    pub examples: BTreeMap<(&'static str, String), Example>,
    /// Inputs so far.
    pub inputs: u64,
}

impl Tally {
    /// Nothing yet, for these peers.
    #[must_use]
    pub fn new(peers: &[String]) -> Self {
        Self {
            columns: peers
                .iter()
                .map(|name| (name.clone(), Column::default()))
                .collect(),
            ..Self::default()
        }
    }

    /// The counts of a peer.
    pub fn column(&mut self, peer: usize) -> &mut Column {
        &mut self.columns[peer].1
    }

    /// Counts a disagreement, and keeps its input if it is the smallest of its class; one that shows only this class
    /// is better than a smaller one that shows others too.
    pub fn disagree(&mut self, peer: usize, classes: &[&'static Class], input: &Input) {
        let (name, column) = &mut self.columns[peer];
        for class in classes {
            *column.classes.entry(class.name).or_default() += 1;
            let new = Example {
                input: input.clone(),
                pure: classes.len() == 1,
            };
            let key = (class.name, name.clone());
            let rank =
                |example: &Example| (!example.pure, example.input.size(), example.input.clone());
            match self.examples.get_mut(&key) {
                Some(old) if rank(old) <= rank(&new) => {}
                Some(old) => *old = new,
                None => _ = self.examples.insert(key, new),
            }
        }
    }

    /// The classes that were seen, in the order of [`class::ALL`].
    pub fn seen(&self) -> impl Iterator<Item = &'static Class> {
        class::ALL.iter().copied().filter(|class| {
            let counted = |(_, column): &(String, Column)| column.classes.contains_key(class.name);
            self.columns.iter().any(counted)
        })
    }

    /// The smallest example of a class of any peer.
    #[must_use]
    pub fn example(&self, class: &Class) -> Option<&Example> {
        let of = self
            .examples
            .iter()
            .filter(|((name, _), _)| *name == class.name);
        of.map(|(_, example)| example)
            .min_by_key(|example| (!example.pure, example.input.size(), &example.input))
    }

    /// Disagreements that nobody has explained.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.columns.iter().map(|(_, column)| column.unknown).sum()
    }
}
