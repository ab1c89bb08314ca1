//! What a sweep brought to light.

use std::collections::BTreeMap;
use std::time::Duration;

use super::census::Left;
use crate::ledger::Account;
use crate::network::{Traffic, Trigger};

/// How a sweep of one conversation over one server ended.
#[derive(Debug, Clone)]
pub enum Swept {
    /// Cuts were played.
    Cut(Box<Figures>),
    /// The server does not have what the conversation needs.
    NotOffered(String),
    /// The conversation fails without any cut, so that none can be judged: where, and why.
    NotWhole(String),
}

/// A cut after which something did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Whose connection was cut.
    pub client: String,
    /// Behind what.
    pub at: Trigger,
    /// What did not hold.
    pub what: String,
}

/// What a sweep found.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// What passed in the whole conversation, upward and downward, by client.
    pub traffic: BTreeMap<String, (Traffic, Traffic)>,
    /// How many cuts there are.
    pub places: usize,
    /// How many of them were played.
    pub cuts: usize,
    /// How many of these the conversation survived as written: reconnecting clients go on.
    pub survived: usize,
    /// Everything delivered, by client, over all cuts.
    pub ledger: BTreeMap<String, Account>,
    /// What did not hold, smallest cut first.
    pub violations: Vec<Violation>,
    /// What was left on the servers when all clients were gone.
    pub left: Left,
    /// How often the same did not hold when the smallest failing cut was played again, and how often it was.
    pub again: Option<(u32, u32)>,
    /// The smallest failing cut as a scenario.
    pub smallest: Option<String>,
    /// How long the cuts took, and the whole with the wait for what was left.
    pub took: (Duration, Duration),
    /// Whether it was stopped by hand.
    pub interrupted: bool,
}

impl Figures {
    /// Whether everything held, and nothing was left.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty() && self.left.is_nothing()
    }
}

/// How far a sweep is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    /// Cuts played.
    pub cuts: usize,
    /// Cuts there are.
    pub places: usize,
    /// What did not hold.
    pub violations: usize,
    /// Since it began.
    pub took: Duration,
}
