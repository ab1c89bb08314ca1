//! What a target can be asked for.

use std::collections::BTreeSet;

use super::act::{Act, Deed};
use super::feature;
use super::setup::{LARGE, Setup};
use crate::known::Known;

/// What a target declares, and what somebody has seen it do differently.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    capabilities: BTreeSet<String>,
    fixture: bool,
    websocket: bool,
    known: BTreeSet<String>,
    setups: Vec<Setup>,
    limit: u64,
}

/// How a deed is used on a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// It is done, and what must come of it is asked for.
    Asked,
    /// It is done, and only others must not suffer: the target is known to answer it in its own way.
    Endured,
    /// It is not done.
    LeftOut,
}

impl Vocabulary {
    /// What a server declares, less what its known deviations name.
    pub fn new(
        capabilities: impl IntoIterator<Item = String>,
        fixture: bool,
        transports: &[String],
        known: &[Known],
    ) -> Self {
        let scenario = |entry: &Known| entry.scenario.split('[').next().map(str::to_owned);
        Self {
            capabilities: capabilities.into_iter().collect(),
            fixture,
            websocket: transports.is_empty() || transports.iter().any(|one| one == "websocket"),
            known: known.iter().filter_map(scenario).collect(),
            setups: vec![Setup::Plain],
            limit: LARGE,
        }
    }

    /// The same, where the server can be started in these ways, and takes so many bytes where it is plain.
    #[must_use]
    pub fn set_up(mut self, setups: Vec<Setup>, limit: Option<u64>) -> Self {
        self.setups = setups;
        self.limit = limit.unwrap_or(LARGE);
        self
    }

    /// In which ways the server can be started.
    pub fn setups(&self) -> &[Setup] {
        &self.setups
    }

    /// The bytes that a client may send where the server is plain.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How a deed is used.
    pub fn of(&self, deed: &Deed) -> Usage {
        let features = feature::of(deed);
        let lacks = |needed: &&str| !self.capabilities.contains(*needed);
        if features
            .iter()
            .any(|feature| feature.needs.iter().any(lacks) || feature.fixture && !self.fixture)
            || matches!(deed, Deed::Upgrade) && !self.websocket
        {
            return Usage::LeftOut;
        }
        let known = features
            .iter()
            .flat_map(|feature| feature.like)
            .any(|scenario| self.known.contains(*scenario));
        match (known, deed) {
            (false, _) => Usage::Asked,
            (true, Deed::Hostile(_)) => Usage::Endured,
            (true, _) => Usage::LeftOut,
        }
    }

    /// Whether clients may use WebSocket.
    pub fn websocket(&self) -> bool {
        self.websocket
    }

    /// Whether the server has the app of the fixture contract.
    pub fn fixture(&self) -> bool {
        self.fixture
    }
}

/// What is special about an act, as classes name it.
pub(super) fn name(act: &Act) -> &'static str {
    feature::of(&act.deed)
        .last()
        .map_or("nothing", |feature| feature.name)
}
