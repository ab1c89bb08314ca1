//! `siospec run`: plays scenarios against servers and judges them.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::servers::Servers;
use super::{refuse, signals};
use crate::outcome::Gate;
use crate::report::kind::Wanted;
use crate::report::summary;
use crate::run::plan::Plan;
use crate::run::rerun;
use crate::run::selection::{Filter, Shard};
use crate::run::session::Session;
use crate::run::stop::Stop;
use crate::scenario::release::Release;
use crate::target::manifest;
use crate::target::server::Server;

/// How often a terminal is told how far the run is.
const PROGRESS: Duration = Duration::from_secs(10);

/// Play scenarios against servers and judge them. Without flags: every embedded scenario, against the bundled
/// reference server.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Scenario files, or folders of them, instead of the embedded ones
    #[arg(value_name = "PATH")]
    scenarios: Vec<PathBuf>,

    #[command(flatten)]
    servers: Servers,

    /// Play trials whose name or requirement contains this (repeatable)
    #[arg(long, value_name = "TEXT", help_heading = "Selection")]
    filter: Vec<String>,
    /// Leave out trials whose name or requirement contains this (repeatable)
    #[arg(long, value_name = "TEXT", help_heading = "Selection")]
    skip: Vec<String>,
    /// `--filter` and `--skip` give whole names
    #[arg(long, help_heading = "Selection")]
    exact: bool,
    /// Play stress scenarios too: hundreds of connections, memory figures
    #[arg(long, help_heading = "Selection")]
    stress: bool,
    /// Play only what failed in the last run
    #[arg(long, help_heading = "Selection")]
    rerun_failed: bool,
    /// Play one of n parts of what is selected; `siospec report` puts the parts' JSON together again
    #[arg(long, value_name = "i/n", help_heading = "Selection")]
    shard: Option<Shard>,
    /// Print the names of the selected trials and play nothing
    #[arg(long, help_heading = "Selection")]
    list: bool,

    /// Which levels turn the run red, beside declared capabilities
    #[arg(long, value_enum, default_value_t, help_heading = "Judging")]
    gate: Gate,
    /// Only what this release of siospec asked for turns the run red, such as 0.1; what is newer is reported
    #[arg(long, value_name = "RELEASE", help_heading = "Judging")]
    requirements: Option<String>,
    /// What the server is known to do differently, a known.yaml as `siospec bless --known FILE` writes it; of a target,
    /// instead of its own
    #[arg(long, value_name = "FILE", help_heading = "Judging")]
    known: Option<PathBuf>,
    /// Capabilities that every target must declare; `all` is every one that a scenario needs
    #[arg(
        long,
        value_name = "CAPS",
        value_delimiter = ',',
        help_heading = "Judging"
    )]
    require: Vec<String>,
    /// Play each trial this often
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Judging")]
    repeat: u32,
    /// Multiply deadlines and the tolerance, for slow machines and distant servers
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = factor, help_heading = "Judging")]
    time_scale: f64,
    /// Play this many trials at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Judging")]
    jobs: Option<u16>,

    /// Write a report: json, junit, html, md, tap or ctrf=PATH (repeatable)
    #[arg(long, value_name = "KIND=PATH", help_heading = "Output")]
    report: Vec<Wanted>,
    /// A character for each trial instead of a line
    #[arg(long, short, conflicts_with_all = ["verbose", "trace"], help_heading = "Output")]
    quiet: bool,
    /// Failures show their whole transcript
    #[arg(long, short, help_heading = "Output")]
    verbose: bool,
    /// Every trial shows its whole transcript when it ends
    #[arg(long, help_heading = "Output")]
    trace: bool,
    /// Say every so many seconds on stderr how far the run is; on a terminal every 10 without this
    #[arg(long, value_name = "S", value_parser = seconds, help_heading = "Output")]
    progress: Option<Duration>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    let range = (0.1..=3600.0).contains(&seconds);
    range
        .then(|| Duration::from_secs_f64(seconds))
        .ok_or_else(|| "it lies between 0.1 and 3600".into())
}

pub(super) fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().map_err(|error| error.to_string())?;
    (0.1..=100.0)
        .contains(&factor)
        .then_some(factor)
        .ok_or_else(|| "it lies between 0.1 and 100".into())
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let scenarios = match super::scenarios::load(&self.scenarios) {
            Ok(scenarios) => scenarios,
            Err(code) => return code,
        };
        let servers = match self.servers() {
            Ok(servers) => servers,
            Err(error) => return refuse(error),
        };
        let failed = match self.rerun_failed.then(rerun::load).transpose() {
            Ok(failed) => failed,
            Err(error) => return refuse(error),
        };
        let release = match self.requirements.as_deref().map(Release::find).transpose() {
            Ok(release) => release,
            Err(error) => return refuse(format!("--requirements: {error}")),
        };
        let plan = Plan {
            release,
            given: self.given(),
            filter: Filter {
                shard: self.shard,
                wanted: self.filter.clone(),
                skipped: self.skip.clone(),
                exact: self.exact,
                stress: self.stress,
                failed,
            },
            gate: self.gate,
            require: self.require.clone(),
            repeat: self.repeat,
            time_scale: self.time_scale,
            verbose: self.verbose,
            trace: self.trace,
            progress: self
                .progress
                .or_else(|| std::io::stderr().is_terminal().then_some(PROGRESS)),
            arguments: self.repeated(),
            ..Plan::new(scenarios, servers)
        };
        if self.list {
            return list(&plan);
        }
        self.play(plan)
    }

    fn play(&self, plan: Plan) -> ExitCode {
        if let Err(error) = Wanted::ready(&self.report) {
            return refuse(error);
        }
        let jobs = self.jobs.map_or_else(|| plan.at_once(), usize::from);
        let stop = Stop::default();
        signals::listen(
            &stop,
            "stopping; what was judged so far is reported (again to leave at once)",
        );
        let session = match Session::begin(plan, stop) {
            Ok(session) => session,
            Err(error) => return refuse(error),
        };
        session.play(&libtest_mimic::Arguments {
            test_threads: Some(jobs),
            quiet: self.quiet,
            ..libtest_mimic::Arguments::default()
        });
        let run = session.finish();
        rerun::save(&run);
        let _ = write!(anstream::stdout(), "{}", summary::text(&run));
        super::report::write(&run, &self.report)
    }

    /// The servers, with what is known of them.
    fn servers(&self) -> Result<Vec<Server>, String> {
        let mut servers = self.servers.found(self.time_scale)?;
        let Some(file) = &self.known else {
            return Ok(servers);
        };
        let known = manifest::known(file).map_err(|error| format!("--known: {error}"))?;
        match (servers.pop(), servers.is_empty()) {
            (Some(Server::Bundled(_)), true) => Err(
                "--known is about somebody's server, a --url or a --target; the bundled one has no deviations".into(),
            ),
            (Some(one), true) => Ok(vec![one.knowing(known)]),
            _ => Err("--known is about one server, and several are to be judged; give each a run of its own".into()),
        }
    }

    fn given(&self) -> Vec<String> {
        self.scenarios
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    /// What a replay needs beside target and trial.
    fn repeated(&self) -> Vec<String> {
        let mut words = self.given();
        words.extend(self.servers.repeated());
        words.extend(
            self.known
                .iter()
                .map(|file| format!("--known {}", file.display())),
        );
        words.extend(self.stress.then(|| "--stress".to_owned()));
        words.extend((self.time_scale != 1.0).then(|| format!("--time-scale {}", self.time_scale)));
        words
    }
}

/// The selected trials by name; no target is started.
fn list(plan: &Plan) -> ExitCode {
    let mut out = anstream::stdout().lock();
    let trials = plan.filter.trials(&plan.scenarios);
    for trial in &trials {
        if writeln!(out, "{}", trial.name).is_err() {
            break;
        }
    }
    let code = if trials.is_empty() {
        crate::outcome::Conclusion::NothingJudged.code()
    } else {
        0
    };
    ExitCode::from(code)
}
