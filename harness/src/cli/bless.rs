//! `siospec bless`: known deviations, brought up to date with a run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{refuse, scenarios};
use crate::outcome::{Judged, Run};
use crate::run::bless::{Blessed, bless};
use crate::scenario::trial::Trial;
use crate::target::bundled::Bundled;
use crate::target::embedded;
use crate::target::manifest::Manifest;

/// Bring the known.yaml of each target up to date with a run: what still holds stays as it is, what matches nothing is
/// struck, new failures are added. Ends with 1 while an entry has no reason; a run refuses such an entry.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The run, as `siospec run --report json=PATH` writes it
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Only this target, by its name or by the path of its target.yaml (repeatable); otherwise every one in the run
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
    /// Why it is so: for new entries, and for those that have no reason yet
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The scenario files, or folders of them, that the run played instead of the embedded ones
    #[arg(long, value_name = "PATH")]
    scenarios: Vec<PathBuf>,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let run = match super::report::read(&self.run) {
            Ok(run) => run,
            Err(error) => return refuse(error),
        };
        let trials = match scenarios::load(&self.scenarios) {
            Ok(scenarios) => scenarios
                .iter()
                .map(|scenario| {
                    let trials = Trial::of(scenario).into_iter().map(|trial| trial.name);
                    (scenario.name.clone(), trials.collect())
                })
                .collect(),
            Err(code) => return code,
        };
        match self.bless(&run, &trials) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => refuse(error),
        }
    }

    /// Whether every entry has a reason now.
    fn bless(&self, run: &Run, trials: &BTreeMap<String, Vec<String>>) -> Result<bool, String> {
        let mut explained = true;
        for (manifest, judged) in self.targets(run)? {
            let file = manifest.known_file();
            if embedded::holds(&file) {
                return Err(format!(
                    "{0} comes with siospec, and so do its known deviations; `siospec new-target {0} DIR` writes a \
                     copy of your own",
                    manifest.name
                ));
            }
            let wrong = |error: String| format!("{}: {error}", file.display());
            let old = match file.is_file() {
                true => std::fs::read_to_string(&file).map_err(|e| wrong(e.to_string()))?,
                false => String::new(),
            };
            let blessed =
                bless(&old, run, judged, trials, self.reason.as_deref()).map_err(wrong)?;
            if !self.dry_run && blessed.text != old {
                std::fs::write(&file, &blessed.text).map_err(|e| wrong(e.to_string()))?;
            }
            say(&manifest.name, &blessed);
            explained &= blessed.unexplained.is_empty();
        }
        Ok(explained)
    }

    /// The targets of the run that have a folder, the asked ones if some are.
    fn targets<'r>(&self, run: &'r Run) -> Result<Vec<(Manifest, &'r Judged)>, String> {
        let of = |name: &str| run.targets.iter().find(|judged| judged.name == name);
        let seek = |name: &str| Manifest::seek(name).map_err(|error| error.to_string());
        if self.target.is_empty() {
            return run
                .targets
                .iter()
                .filter(|judged| judged.name != Bundled::NAME && judged.url.is_none())
                .map(|judged| Ok((seek(&judged.name)?, judged)))
                .collect();
        }
        let asked = self.target.iter().map(|name| {
            let manifest = seek(name)?;
            let judged = of(&manifest.name)
                .ok_or_else(|| format!("the run did not judge {}", manifest.name))?;
            Ok((manifest, judged))
        });
        asked.collect()
    }
}

fn say(target: &str, blessed: &Blessed) {
    anstream::println!(
        "{target}: {} kept, {} struck, {} added",
        blessed.kept,
        blessed.struck.len(),
        blessed.added.len()
    );
    for (word, names) in [
        ("struck", &blessed.struck),
        ("added", &blessed.added),
        ("no reason yet", &blessed.unexplained),
    ] {
        names
            .iter()
            .for_each(|name| anstream::println!("  {word}: {name}"));
    }
    if blessed.errored > 0 {
        anstream::println!(
            "  {} trials could not be judged; nothing is blessed of them",
            blessed.errored
        );
    }
}
