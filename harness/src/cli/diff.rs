//! `siospec diff`: what changed between two runs.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::refuse;
use crate::report::diff::diff;

/// Say what changed between two runs. Ends with 0 where nothing got worse, with 1 where something did.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The earlier run, as `siospec run --report json=PATH` writes it
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The later run
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// As JSON, for tools
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let (old, new) = match (
            super::report::read(&self.old),
            super::report::read(&self.new),
        ) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(error), _) | (_, Err(error)) => return refuse(error),
        };
        let diff = diff(&old, &new);
        let text = match self.json {
            true => serde_json::to_string_pretty(&diff).map(|json| json + "\n"),
            false => Ok(diff.text()),
        };
        match text {
            Ok(text) => drop(write!(anstream::stdout(), "{text}")),
            Err(error) => return refuse(error),
        }
        match diff.worse {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        }
    }
}
