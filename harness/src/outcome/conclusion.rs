//! How a run ends.

use super::{Outcome, Run};

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Nothing that gates failed.
    Conforms,
    /// A gating trial failed or errored, one passed unexpectedly, an entry is stale, or a required capability is
    /// missing.
    Red,
    /// A target could not be reached or started.
    Unreachable,
    /// The selection matched nothing, or nothing that gates was offered.
    NothingJudged,
    /// It was stopped by hand; the reports hold what was judged so far.
    Interrupted,
}

impl Conclusion {
    /// The exit code of `siospec run`.
    pub fn code(self) -> u8 {
        match self {
            Conclusion::Conforms => 0,
            Conclusion::Red => 1,
            Conclusion::Unreachable => 3,
            Conclusion::NothingJudged => 4,
            Conclusion::Interrupted => 130,
        }
    }
}

impl Run {
    /// How the run ends, as design and exit codes have it. Whether a part of a run judged enough is for the whole to
    /// say: a part in which nothing was to be played conforms.
    pub fn conclusion(&self) -> Conclusion {
        if self.interrupted {
            return Conclusion::Interrupted;
        }
        if self.targets.iter().any(|t| t.unreachable.is_some()) {
            return Conclusion::Unreachable;
        }
        let red = self
            .targets
            .iter()
            .any(|t| !t.stale.is_empty() || !t.missing.is_empty());
        if red || self.outcomes.iter().any(Outcome::is_red) {
            return Conclusion::Red;
        }
        let is_part =
            self.selection.shards.is_some() && self.targets.iter().any(|t| t.selected > 0);
        let judged = |o: &Outcome| o.gates && o.verdict.is_judged();
        match is_part || self.outcomes.iter().any(judged) {
            true => Conclusion::Conforms,
            false => Conclusion::NothingJudged,
        }
    }
}
