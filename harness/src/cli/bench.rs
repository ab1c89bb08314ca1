//! `siospec bench`: how fast servers are, one beside the other.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use siospec_codec::engine::Transport;

use super::servers::Servers;
use super::{refuse, signals};
use crate::bench::cores::Cores;
use crate::bench::figures::Figures;
use crate::bench::measure::{self, Measure};
use crate::bench::plan::Plan;
use crate::bench::report::Wanted;
use crate::bench::session::Session;
use crate::bench::{notes, table};
use crate::run::stop::Stop;

/// Measure servers, one beside the other in one run: round trips, events, broadcasts, latency, connections made, memory.
/// Every answer is checked; what is lost or wrong is an error, and no speed. The first target is what the others are
/// compared with. Ends with 1 if anything was lost or wrong, and with 3 if a target could not be started.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    servers: Servers,

    /// What is measured: acks, latency, events, fan-out, connect, memory
    #[arg(
        long,
        value_name = "MEASURES",
        value_delimiter = ',',
        help_heading = "Load"
    )]
    only: Vec<Measure>,
    /// On these transports: websocket, polling
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = measure::transport, help_heading = "Load")]
    transport: Vec<Transport>,
    /// With so many connections
    #[arg(long, value_name = "N", value_delimiter = ',', help_heading = "Load")]
    connections: Vec<usize>,
    /// Memory is read at so many idle connections, upwards on one server
    #[arg(long, value_name = "N", value_delimiter = ',', help_heading = "Load")]
    idle: Vec<usize>,
    /// Events a second of the open loop, all connections together
    #[arg(long, value_name = "N", value_delimiter = ',', help_heading = "Load")]
    rate: Vec<u32>,
    /// How often everything is measured; medians are of these
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Load")]
    rounds: Option<u32>,
    /// How long one measurement takes
    #[arg(long, value_name = "S", value_parser = seconds, help_heading = "Load")]
    seconds: Option<Duration>,
    /// How long idle connections are held before memory is read; heartbeats come every 10 seconds
    #[arg(long, value_name = "S", value_parser = seconds, help_heading = "Load")]
    hold: Option<Duration>,
    /// Two rounds of a fifth of a second: a look, no figures to show
    #[arg(long, help_heading = "Load")]
    quick: bool,
    /// Let client and servers share all processors, instead of one for the client and the others for the servers
    #[arg(long, help_heading = "Load")]
    shared_cores: bool,
    /// Load a server that is not on this machine
    #[arg(long, requires = "url", help_heading = "Load")]
    i_own_this_server: bool,

    /// Write the figures: json=PATH, md=PATH or html=PATH (repeatable)
    #[arg(long, value_name = "KIND=PATH", help_heading = "Output")]
    report: Vec<Wanted>,
    /// Show the figures of earlier runs (their JSON) instead of measuring (repeatable)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "url", "only"], help_heading = "Output")]
    read: Vec<PathBuf>,
    /// Put this Markdown at the end of a report in Markdown (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    include: Vec<PathBuf>,
    /// Say nothing while it runs
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no number of seconds");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// What is given, each once; or the default.
fn or<T: Clone + PartialEq>(given: &[T], default: &[T]) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    for value in if given.is_empty() { default } else { given } {
        if !all.contains(value) {
            all.push(value.clone());
        }
    }
    all
}

impl Arguments {
    fn plan(&self) -> Plan {
        let (rounds, time, hold) = match self.quick {
            true => (2, Duration::from_millis(200), Duration::from_millis(200)),
            false => (5, Duration::from_millis(400), Duration::from_millis(500)),
        };
        Plan {
            measures: or(&self.only, &Measure::ALL),
            transports: or(&self.transport, &[Transport::Websocket, Transport::Polling]),
            connections: or(&self.connections, &[1, 50, 500]),
            idle: or(&self.idle, &[500]),
            rates: or(&self.rate, &[1000]),
            rounds: self.rounds.unwrap_or(rounds),
            time: self.seconds.unwrap_or(time),
            hold: self.hold.unwrap_or(hold),
        }
    }

    pub(super) fn execute(self) -> ExitCode {
        let included = self.include.iter().map(|path| read(path));
        let included = match included.collect::<Result<Vec<_>, _>>() {
            Ok(included) => included,
            Err(error) => return refuse(error),
        };
        let runs = match self.read.is_empty() {
            true => self.measure().map(|figures| vec![figures]),
            false => self.read.iter().map(|path| figures(path)).collect(),
        };
        let runs = match runs {
            Ok(runs) => runs,
            Err(error) => return refuse(error),
        };
        runs.iter().for_each(print);
        for wanted in &self.report {
            if let Err(error) = wanted.write(&runs, &included) {
                return refuse(format!("cannot write {}: {error}", wanted.path.display()));
            }
        }
        ExitCode::from(runs.iter().map(code).max().unwrap_or(0))
    }

    fn measure(&self) -> Result<Figures, String> {
        let plan = self.plan();
        plan.check()?;
        let servers = self.servers.found(1.0)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let stop = Stop::default();
        signals::listen(
            &stop,
            "stopping; what was measured so far is shown (again to leave at once)",
        );
        let session = Session {
            plan: &plan,
            servers: &servers,
            cores: Cores::found(!self.shared_cores),
            stop,
            runtime: runtime.handle().clone(),
            anywhere: self.i_own_this_server,
            say: match self.quiet {
                true => |_| {},
                false => |text| anstream::eprintln!("siospec: {text}"),
            },
        };
        let mut figures = session.run()?;
        let typed = std::env::args().skip(1);
        figures.command = std::iter::once("siospec".to_owned())
            .chain(typed)
            .collect::<Vec<_>>()
            .join(" ");
        Ok(figures)
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn figures(path: &Path) -> Result<Figures, String> {
    Figures::read(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn print(figures: &Figures) {
    let mut out = anstream::stdout().lock();
    for table in table::tables(figures) {
        let _ = writeln!(out, "{}", table.text());
    }
    for note in notes::caveats(figures) {
        let _ = writeln!(out, "note: {note}");
    }
}

fn code(figures: &Figures) -> u8 {
    if figures.interrupted {
        130
    } else if figures
        .targets
        .iter()
        .any(|target| target.trouble.is_some())
    {
        3
    } else if figures.rows.is_empty() {
        4
    } else {
        u8::from(figures.errors().sum() > 0)
    }
}
