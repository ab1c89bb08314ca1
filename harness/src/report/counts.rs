//! What came of a target's trials, counted, and what it is.

use crate::outcome::{Judged, Outcome, Verdict};

/// How many of some outcomes there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Passed.
    pub(super) passed: usize,
    /// Failed, and gate.
    pub(super) failed: usize,
    /// Failed without gating.
    pub(super) differ: usize,
    /// Known deviations.
    pub(super) known: usize,
    /// Unexpected passes.
    pub(super) unexpected: usize,
    /// Could not be judged.
    pub(super) errored: usize,
    /// What they need is not offered.
    pub(super) not_offered: usize,
}

impl Counts {
    pub(super) fn of<'o>(outcomes: impl IntoIterator<Item = &'o Outcome>) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            *match outcome.verdict {
                Verdict::Passed => &mut counts.passed,
                Verdict::Failed { .. } if outcome.gates => &mut counts.failed,
                Verdict::Failed { .. } => &mut counts.differ,
                Verdict::KnownDeviation { .. } => &mut counts.known,
                Verdict::UnexpectedPass { .. } => &mut counts.unexpected,
                Verdict::Errored { .. } => &mut counts.errored,
                Verdict::NotOffered { .. } => &mut counts.not_offered,
            } += 1;
        }
        counts
    }

    /// Those that were tried and said something about the target.
    pub(super) fn judged(&self) -> usize {
        self.offered() - self.errored
    }

    /// Those whose needs are offered.
    pub(super) fn offered(&self) -> usize {
        self.passed + self.failed + self.differ + self.known + self.unexpected + self.errored
    }
}

/// ` (flask-socketio 5.6.0, …)`; nothing where no version is known.
pub(super) fn versions(target: &Judged) -> String {
    let versions: Vec<String> = target
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    match versions.is_empty() {
        true => String::new(),
        false => format!(" ({})", versions.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests as given;

    #[test]
    fn a_failure_counts_by_whether_it_gates() {
        let errored = Verdict::Errored {
            reason: "busy".into(),
            failure: None,
        };
        let not_offered = Verdict::NotOffered {
            reason: "rooms".into(),
        };
        let outcomes = [
            given::outcome(true, given::failed()),
            given::outcome(false, given::failed()),
            given::outcome(false, given::failed()),
            given::outcome(true, errored),
            given::outcome(true, not_offered),
            given::outcome(true, Verdict::Passed),
        ];
        let counts = Counts::of(&outcomes);
        assert_eq!((counts.failed, counts.differ), (1, 2));
        assert_eq!((counts.judged(), counts.offered()), (4, 5));
    }
}
