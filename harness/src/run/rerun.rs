//! `--rerun-failed`: what failed last, remembered in the cache folder.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::outcome::Run;
use crate::target::prepare;

fn file() -> PathBuf {
    prepare::cache().join("failed.json")
}

/// The trials, each with its target, that the last run would have played again.
pub fn load() -> Result<BTreeSet<(String, String)>, String> {
    let file = file();
    let text = std::fs::read_to_string(&file).map_err(|_| {
        "--rerun-failed: no earlier run is remembered; run without it first".to_owned()
    })?;
    serde_json::from_str(&text)
        .map_err(|error| format!("--rerun-failed: {}: {error}", file.display()))
}

/// Remembers the run. A cache folder that cannot be written costs the memory and nothing else.
pub fn save(run: &Run) {
    let again = run
        .outcomes
        .iter()
        .filter(|outcome| outcome.verdict.is_to_rerun());
    let failed: BTreeSet<_> = again
        .map(|outcome| (&outcome.target, &outcome.trial))
        .collect();
    if let Ok(text) = serde_json::to_string(&failed) {
        let _ = crate::file::put(&file(), text);
    }
}
