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
    /// The file to bring up to date, made if it is not there: for a server behind a URL, or a target in the place of
    /// its own; `siospec run --known FILE` reads it
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
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
        for (file, judged) in self.files(run)? {
            let wrong = |error: String| format!("{}: {error}", file.display());
            let old = match file.is_file() {
                true => std::fs::read_to_string(&file).map_err(|e| wrong(e.to_string()))?,
                false => String::new(),
            };
            let blessed =
                bless(&old, run, judged, trials, self.reason.as_deref()).map_err(wrong)?;
            if !self.dry_run && blessed.text != old {
                crate::file::put(&file, &blessed.text).map_err(|e| wrong(e.to_string()))?;
            }
            say(&judged.name, &blessed);
            explained &= blessed.unexplained.is_empty();
        }
        Ok(explained)
    }

    /// The files, each with the server that it is about.
    fn files<'r>(&self, run: &'r Run) -> Result<Vec<(PathBuf, &'r Judged)>, String> {
        if let Some(file) = &self.known {
            let of_all =
                |judged: &&Judged| self.target.is_empty() || self.target.contains(&judged.name);
            let judged: Vec<&Judged> = run.targets.iter().filter(of_all).collect();
            return match judged.as_slice() {
                [one] => Ok(vec![(file.clone(), one)]),
                [] => Err(format!("the run did not judge {}", self.target.join(", "))),
                several => {
                    let names: Vec<&str> = several.iter().map(|one| one.name.as_str()).collect();
                    Err(format!(
                        "--known is about one server; say with --target which of {}",
                        names.join(", ")
                    ))
                }
            };
        }
        let targets = self.targets(run)?;
        if targets.is_empty() {
            return Err(
                "the run judged no target that has a known.yaml of its own; say with --known FILE which is to be written"
                    .into(),
            );
        }
        let file = |(manifest, judged): (Manifest, &'r Judged)| {
            let file = manifest.known_file();
            match embedded::holds(&file) {
                false => Ok((file, judged)),
                true => Err(format!(
                    "{0} comes with siospec, and so do its known deviations; `--known FILE` writes them elsewhere, and \
                     `siospec new-target {0} DIR` a copy of the target",
                    manifest.name
                )),
            }
        };
        targets.into_iter().map(file).collect()
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
