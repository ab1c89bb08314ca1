//! `siospec schema`: the JSON Schemas of what siospec reads and writes.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::report::json;
use crate::scenario::schema;

/// Print a JSON Schema: of scenario files, for editors, or of a run's JSON, for tools.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Of what
    #[arg(value_enum, default_value_t)]
    of: Of,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Of {
    /// A scenario file.
    #[default]
    Scenario,
    /// What `siospec run --report json=PATH` writes.
    Run,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let schema = match self.of {
            Of::Scenario => schema::schema(),
            Of::Run => json::schema(),
        };
        anstream::print!("{schema}");
        ExitCode::SUCCESS
    }
}
