//! `siospec report`: a run's JSON rendered again; the parts of a run put together.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::refuse;
use crate::outcome::Run;
use crate::report::kind::Wanted;
use crate::report::merge::merge;
use crate::report::{json, summary};

/// Render runs again from their JSON. Several are put together first: the parts that `--shard` made, or runs of
/// different targets. Ends as the whole run would.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Runs, as `siospec run --report json=PATH` writes them
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Write a report: json, junit, html, md, tap or ctrf=PATH (repeatable)
    #[arg(long, value_name = "KIND=PATH")]
    report: Vec<Wanted>,
    /// Parts of the run may be missing
    #[arg(long)]
    partial: bool,
    /// Print nothing where all is well
    #[arg(long, short)]
    quiet: bool,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let mut runs = Vec::new();
        for path in &self.runs {
            match read(path) {
                Ok(run) => runs.push((path.display().to_string(), run)),
                Err(error) => return refuse(error),
            }
        }
        // A single part is rendered as what it is.
        let partial = self.partial || runs.len() == 1;
        let run = match merge(runs, partial) {
            Ok(run) => run,
            Err(error) => return refuse(error),
        };
        if !self.quiet {
            let _ = write!(anstream::stdout(), "{}", summary::text(&run));
        }
        write(&run, &self.report)
    }
}

/// The run in that file.
pub(super) fn read(path: &std::path::Path) -> Result<Run, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| json::read(&text))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes the reports and ends as the run does, or with 2 where one cannot be written.
pub(super) fn write(run: &Run, reports: &[Wanted]) -> ExitCode {
    let mut code = run.conclusion().code();
    for wanted in reports {
        if let Err(error) = wanted.write(run) {
            anstream::eprintln!("siospec: cannot write {}: {error}", wanted.path.display());
            code = code.max(super::Code::Wrong as u8);
        }
    }
    ExitCode::from(code)
}
