//! `siospec fuzz codec`: the same inputs to our codec and to other people's parsers.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::Args;

use super::super::{refuse, signals};
use crate::cli::time::time;
use crate::fuzz::codec::peer::Asked;
use crate::fuzz::codec::session::{Bound, Found, Plan, Progress, run};
use crate::fuzz::codec::{table, vectors};
use crate::run::stop::Stop;
use crate::target::embedded;

/// Put the same inputs to siospec's codec and to other people's parsers, and compare verdict and meaning. Each
/// disagreement has a class with a reason; one that has none is printed with the smallest input that shows it, and ends
/// the run with 1.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Ask this parser: node, python, socketioxide, or cmd:COMMAND (repeatable); the first three if none
    #[arg(long, value_name = "PEER")]
    against: Vec<String>,
    /// Which inputs; the same seed gives the same
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many inputs
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20_000,
        conflicts_with = "time"
    )]
    count: u64,
    /// Go on for this time instead, such as 60s
    #[arg(long = "for", id = "time", value_name = "TIME", value_parser = time)]
    time: Option<Duration>,
    /// Write a report: markdown=PATH or json=PATH (repeatable)
    #[arg(long, value_name = "KIND=PATH")]
    report: Vec<Report>,
}

#[derive(Debug, Clone)]
struct Report {
    write: fn(&Found) -> String,
    path: PathBuf,
}

impl FromStr for Report {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let write: fn(&Found) -> String = match text.split_once('=') {
            Some(("markdown", _)) => table::markdown,
            Some(("json", _)) => vectors::json,
            _ => return Err("write markdown=PATH or json=PATH".into()),
        };
        let path = text
            .split_once('=')
            .map(|(_, path)| path)
            .unwrap_or_default();
        Ok(Self {
            write,
            path: path.into(),
        })
    }
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let against = match self.peers() {
            Ok(against) => against,
            Err(error) => return refuse(error),
        };
        let stop = Stop::default();
        signals::listen(
            &stop,
            "stopping; what was found so far is reported (again to leave at once)",
        );
        let plan = Plan {
            against,
            seed: self.seed.unwrap_or_else(rand::random),
            bound: self.time.map_or(Bound::Count(self.count), Bound::Time),
            stop,
        };
        let runtime = match tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(error) => return refuse(error),
        };
        let mut line = Line::new(plan.bound);
        let found = runtime.block_on(run(&plan, |progress| line.show(progress)));
        line.clear();
        let found = match found {
            Ok(found) => found,
            Err(_) if plan.stop.is_set() => return ExitCode::from(130),
            Err(error) => {
                anstream::eprintln!("siospec: {error}");
                return ExitCode::from(3);
            }
        };
        anstream::print!("{}", table::text(&found));
        let mut written = true;
        for report in &self.report {
            if let Err(error) = crate::file::put(&report.path, (report.write)(&found)) {
                anstream::eprintln!("siospec: cannot write {}: {error}", report.path.display());
                written = false;
            }
        }
        match (found.tally.unknown(), found.stopped) {
            (0, false) if written => ExitCode::SUCCESS,
            (_, true) => ExitCode::from(130),
            _ => ExitCode::FAILURE,
        }
    }

    fn peers(&self) -> Result<Vec<Asked>, String> {
        let mut names = self.against.clone();
        if names.is_empty() {
            names = embedded::parsers().into_iter().map(str::to_owned).collect();
        }
        let mut peers: Vec<Asked> = Vec::new();
        for name in &names {
            let peer = Asked::find(name)?;
            if peers.iter().any(|other| other.name == peer.name) {
                return Err(format!("two parsers are called {}", peer.name));
            }
            peers.push(peer);
        }
        Ok(peers)
    }
}

/// The line that says how far it is, on a terminal.
struct Line {
    bound: Bound,
    shown: Option<Instant>,
    terminal: bool,
}

impl Line {
    fn new(bound: Bound) -> Self {
        Self {
            bound,
            shown: None,
            terminal: std::io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, progress: Progress) {
        let recent = |shown: Instant| shown.elapsed() < Duration::from_millis(200);
        if !self.terminal || self.shown.is_some_and(recent) {
            return;
        }
        self.shown = Some(Instant::now());
        let rate = progress.inputs as f64 / progress.took.as_secs_f64().max(0.001);
        let left = match self.bound {
            Bound::Time(time) => time.saturating_sub(progress.took).as_secs_f64(),
            Bound::Count(count) => count.saturating_sub(progress.inputs) as f64 / rate.max(1.0),
        };
        eprint!(
            "\r\x1b[K{} inputs, {rate:.0} a second, {} classes, {} unknown, {left:.0} s left",
            progress.inputs, progress.classes, progress.unknown
        );
    }

    fn clear(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
