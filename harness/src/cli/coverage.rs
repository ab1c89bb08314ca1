//! `siospec coverage`: requirement → scenarios → faults, and back.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use siospec_reference_server::faults;

use super::{refuse, scenarios};
use crate::coverage::{Named, Wanted, account, markdown};
use crate::scenario::catalogue::Requirement;

/// Account for every requirement: which scenarios check it, which fault proves them. Ends with 1 if anything answers to
/// nothing.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// As JSON, for tools
    #[arg(long)]
    json: bool,
    /// Only the counts and the orphans
    #[arg(long, short)]
    quiet: bool,
    /// Scenario files, or folders of them, instead of the embedded ones
    #[arg(value_name = "PATH")]
    scenarios: Vec<PathBuf>,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let (catalogue, corpus) = match scenarios::read(&self.scenarios) {
            Ok(read) => read,
            Err(code) => return code,
        };
        let wanted: Vec<_> = catalogue.all().iter().map(wanted).collect();
        let scenarios: Vec<_> = corpus
            .scenarios
            .iter()
            .map(|s| Named {
                name: s.name.clone(),
                requirements: s.requirements.clone(),
                stress: s.stress,
            })
            .collect();
        let faults: Vec<_> = faults::all()
            .map(|f| Named {
                name: f.name.to_owned(),
                requirements: f.requirements.iter().map(|id| (*id).to_owned()).collect(),
                stress: false,
            })
            .collect();
        let coverage = account(&wanted, &scenarios, &faults);
        if self.json {
            match serde_json::to_string_pretty(&coverage) {
                Ok(json) => anstream::println!("{json}"),
                Err(error) => return refuse(error),
            }
        } else if self.quiet {
            let t = &coverage.total;
            anstream::println!(
                "{} requirements: {} with scenario, {} with scenario and fault, {} not checkable",
                t.rows,
                t.checked,
                t.with_fault,
                t.unchecked
            );
            coverage
                .orphans
                .iter()
                .for_each(|orphan| anstream::println!("orphan: {orphan}"));
        } else {
            anstream::print!("{}", markdown(&coverage));
        }
        match coverage.orphans.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

fn wanted(requirement: &Requirement) -> Wanted {
    Wanted {
        id: requirement.id.clone(),
        level: requirement.level.word().to_owned(),
        group: requirement.group.clone(),
        fault: Some(requirement.fault.clone()),
        unchecked: requirement.unchecked.clone(),
    }
}
