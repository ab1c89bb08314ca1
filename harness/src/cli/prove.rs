//! `siospec prove`: every fault of the bundled server, and who catches it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use siospec_reference_server::faults::{self, Fault};

use super::{refuse, scenarios, signals};
use crate::prove::{Book, Order, State, markdown, prove, summary};
use crate::run::plan::Plan;
use crate::run::selection::Filter;
use crate::run::stop::Stop;

/// Break the bundled server in one rule at a time and show that a scenario of that rule fails, that no other does, and
/// that there is no scenario which never fails.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only faults whose name or requirement begins with this (repeatable)
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// How many scenarios of other requirements each fault is shown
    #[arg(long, value_name = "N", default_value_t = 6)]
    sample: usize,
    /// Play this many trials at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Captures on record: a fault that is caught no longer, or only for reasons that are not on it, is red
    #[arg(long, value_name = "PATH")]
    compare: Option<PathBuf>,
    /// Write the kill matrix: md=PATH or json=PATH (repeatable)
    #[arg(long, value_name = "KIND=PATH", value_parser = report)]
    report: Vec<Report>,
    /// Scenario files, or folders of them, instead of the embedded ones
    #[arg(value_name = "PATH")]
    scenarios: Vec<PathBuf>,
}

#[derive(Debug, Clone)]
enum Report {
    Markdown(PathBuf),
    Json(PathBuf),
}

fn report(text: &str) -> Result<Report, String> {
    match text.split_once('=') {
        Some(("md", path)) => Ok(Report::Markdown(path.into())),
        Some(("json", path)) => Ok(Report::Json(path.into())),
        _ => Err("write md=PATH or json=PATH".to_owned()),
    }
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let all = match scenarios::load(&self.scenarios) {
            Ok(all) => all,
            Err(code) => return code,
        };
        let record = match self.compare.as_ref().map(read).transpose() {
            Ok(record) => record.unwrap_or_default(),
            Err(error) => return refuse(error),
        };
        let faults: Vec<&'static Fault> = faults::all().filter(|fault| self.wants(fault)).collect();
        if faults.is_empty() {
            return refuse("no fault has that name or requirement; `siospec coverage` lists them");
        }
        let count = faults.len();
        let order = Order {
            faults,
            trials: Filter {
                stress: true,
                ..Filter::default()
            }
            .trials(&all),
            sample: self.sample,
            jobs: self.jobs.map_or_else(Plan::jobs, usize::from),
            progress: Arc::new(|proof| {
                let by = proof.kills.first().map_or("nobody", |kill| &kill.trial);
                let word = if proof.state == State::Caught {
                    "caught"
                } else {
                    "NOT CAUGHT"
                };
                anstream::println!("{word:<10} {:<32} by {by}", proof.fault);
            }),
        };
        let stop = Stop::default();
        signals::listen(&stop, "stopping; what was proven so far is reported");
        let runtime = match tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(error) => return refuse(error),
        };
        let mut book = runtime.block_on(async { prove(order, stop).await });
        if self.filter.is_empty() && book.proofs.len() == count {
            book.ask_about(all.iter().map(|scenario| &*scenario.name));
        }
        let changes = book.changes(&record);
        book.remember(&record);
        anstream::print!("{}", summary(&book, &changes));
        for wanted in &self.report {
            if let Err(error) = write(wanted, &book) {
                return refuse(error);
            }
        }
        match book.is_green() && changes.is_empty() && book.proofs.len() == count {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }

    fn wants(&self, fault: &Fault) -> bool {
        let names = |text: &String| {
            fault.name.starts_with(text.as_str())
                || fault
                    .requirements
                    .iter()
                    .any(|id| id.starts_with(text.as_str()))
        };
        self.filter.is_empty() || self.filter.iter().any(names)
    }
}

fn read(path: &PathBuf) -> Result<Book, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(wanted: &Report, book: &Book) -> Result<(), String> {
    let (path, text) = match wanted {
        Report::Markdown(path) => (path, markdown(book)),
        Report::Json(path) => {
            let json = serde_json::to_string_pretty(book).map_err(|error| error.to_string())?;
            (path, json + "\n")
        }
    };
    crate::file::put(path, text)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}
