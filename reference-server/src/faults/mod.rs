//! The rules that this server can be told to break, one at a time.

use crate::seams::Seams;
use std::sync::Arc;

/// One rule broken on purpose.
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// The requirements whose rule it breaks.
    pub requirements: &'static [&'static str],
    /// What it breaks, in one sentence.
    pub breaks: &'static str,
    /// Requirements that fall with it, and why each cannot stand.
    pub also: &'static [(&'static str, &'static str)],
    /// What it overrides; made anew for each server, so that it may have state.
    pub make: fn() -> Arc<dyn Seams>,
}

impl Fault {
    /// What it overrides.
    pub fn seams(&self) -> Arc<dyn Seams> {
        (self.make)()
    }
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fault").field(&self.name).finish()
    }
}

/// All faults, family by family.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    std::iter::empty()
}

/// The fault of that name.
pub fn find(name: &str) -> Option<&'static Fault> {
    all().find(|fault| fault.name == name)
}
