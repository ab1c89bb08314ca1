//! What was found: one for each class, small, replayed, and written out.

use std::path::{Path, PathBuf};

use super::class::Class;
use crate::outcome::Failure;

/// How often a written-out scenario failed as the finding did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Plays that failed in the same way.
    pub same: u32,
    /// Plays.
    pub of: u32,
}

impl Repeats {
    /// Whether every play failed in the same way, three at least.
    pub fn stable(self) -> bool {
        self.of >= 3 && self.same == self.of
    }
}

/// A class of failures, with its smallest conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub class: Class,
    /// The seed of the first conversation that failed so.
    pub seed: u64,
    /// How many conversations failed so.
    pub count: u64,
    /// Acts of that conversation, and of what was left of it.
    pub acts: (usize, usize),
    /// What is done in it, act by act.
    pub deeds: Vec<&'static str>,
    /// The failure in lines: what was expected, what came.
    pub said: Vec<String>,
    /// The scenario.
    pub text: String,
    /// How often it failed when it was played again.
    pub repeats: Repeats,
    /// Where it was written to.
    pub file: Option<PathBuf>,
}

impl Finding {
    /// What was done last before it showed, beside looking.
    pub fn culprit(&self) -> &str {
        let looking = |deed: &&&str| **deed != "fence";
        self.deeds
            .iter()
            .rev()
            .find(looking)
            .copied()
            .unwrap_or(&self.class.deed)
    }

    /// Writes the scenario into a folder, which is made where there is none.
    pub(super) fn write(&mut self, folder: &Path) -> Result<(), String> {
        let file = folder.join(format!("{}.yaml", self.class.slug()));
        let wrong = |error: std::io::Error| format!("{}: {error}", file.display());
        crate::file::put(&file, &self.text).map_err(wrong)?;
        self.file = Some(file);
        Ok(())
    }
}

/// A failure in lines.
pub(super) fn said(failure: &Failure) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", failure.step, failure.message)];
    lines.extend(
        failure
            .expected
            .iter()
            .map(|text| format!("expected   {text}")),
    );
    lines.extend(
        failure
            .received
            .iter()
            .map(|text| format!("received   {text}")),
    );
    lines.extend(failure.path.iter().map(|text| format!("at         {text}")));
    lines.extend(failure.notes.iter().cloned());
    lines
}
