//! `siospec check`: are these scenarios, and if not, why not.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::scenarios;

/// Check scenario files: everything that is wrong with them, with file, line, column and what to do.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Scenario files, or folders of them; the embedded scenarios if there are none
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let (_, corpus) = match scenarios::read(&self.paths) {
            Ok(read) => read,
            Err(code) => return code,
        };
        if !corpus.errors.is_empty() {
            return scenarios::complain(&corpus);
        }
        let count = corpus.scenarios.len();
        let _ = writeln!(
            anstream::stdout(),
            "{count} scenario{}, nothing wrong",
            if count == 1 { "" } else { "s" }
        );
        ExitCode::SUCCESS
    }
}
