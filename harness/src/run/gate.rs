//! What can turn a run red.

use crate::outcome::{Gate, Level};

impl Gate {
    /// Whether a failure gates.
    ///
    /// MUST requirements do, and so does everything behind a capability that the target declares, since a declared
    /// capability is a promise; what is offered at all has its capabilities declared. A scenario of somebody's own,
    /// without requirements, is played because its owner wants it to hold.
    pub fn holds(self, level: Option<Level>, needs: &[String]) -> bool {
        match level {
            None | Some(Level::Must) => true,
            Some(_) if !needs.is_empty() => true,
            Some(Level::Should) => self != Gate::Must,
            Some(Level::May | Level::DeFacto) => self == Gate::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn must_and_declared_capabilities_always_gate() {
        assert!(Gate::Must.holds(Some(Level::Must), &[]));
        assert!(Gate::Must.holds(Some(Level::DeFacto), &["rooms".into()]));
        assert!(Gate::Must.holds(None, &[]));
        assert!(!Gate::Must.holds(Some(Level::Should), &[]));
        assert!(!Gate::Must.holds(Some(Level::DeFacto), &[]));
    }

    #[test]
    fn the_gate_can_be_widened() {
        assert!(Gate::Should.holds(Some(Level::Should), &[]));
        assert!(!Gate::Should.holds(Some(Level::DeFacto), &[]));
        assert!(Gate::All.holds(Some(Level::DeFacto), &[]));
        assert!(Gate::All.holds(Some(Level::May), &[]));
    }
}
