//! `siospec list`: what there is to play.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{refuse, scenarios};
use crate::run::selection::Filter;
use crate::scenario::release::Release;
use crate::scenario::trial::Trial;

/// List scenarios with their requirements, levels and needs.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Scenario files, or folders of them; the embedded scenarios if there are none
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only those whose name or requirement contains this (repeatable)
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// A line for each trial instead of each scenario
    #[arg(long)]
    trials: bool,
    /// Print instead what they ask of a server as a frozen release of that name (scenarios/releases)
    #[arg(long, value_name = "RELEASE", conflicts_with_all = ["filter", "trials"])]
    freeze: Option<String>,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let all = match scenarios::load(&self.paths) {
            Ok(all) => all,
            Err(code) => return code,
        };
        if let Some(name) = &self.freeze {
            return match Release::of(name, &all).text() {
                Ok(text) => {
                    anstream::print!("{text}");
                    ExitCode::SUCCESS
                }
                Err(error) => refuse(error),
            };
        }
        let filter = Filter {
            wanted: self.filter,
            stress: true,
            ..Filter::default()
        };
        let mut out = anstream::stdout().lock();
        let mut last = "";
        let trials = filter.trials(&all);
        for trial in &trials {
            if !self.trials && trial.scenario.name == last {
                continue;
            }
            last = &trial.scenario.name;
            if writeln!(out, "{}", self::line(trial, self.trials)).is_err() {
                break;
            }
        }
        ExitCode::SUCCESS
    }
}

/// `name  MUST EIO-HS-01  needs rooms  "title"`.
fn line(trial: &Trial, by_trial: bool) -> String {
    let scenario = &trial.scenario;
    let mut words = vec![if by_trial {
        trial.name.clone()
    } else {
        scenario.name.clone()
    }];
    if let Some(level) = scenario.level {
        words.push(format!(
            "{} {}",
            level.word(),
            scenario.requirements.join(" ")
        ));
    }
    if !scenario.needs.is_empty() {
        words.push(format!("needs {}", scenario.needs.join(" ")));
    }
    words.extend(scenario.alone.then(|| "alone".to_owned()));
    words.extend(scenario.stress.then(|| "stress".to_owned()));
    words.push(scenario.title.clone());
    words.join("  ")
}
