//! `siospec sweep`: a conversation with its connection cut behind each of its bytes.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::servers::Servers;
use super::{refuse, scenarios, signals};
use crate::outcome::Conclusion;
use crate::run::stop::Stop;
use crate::scenario::model::Scenario;
use crate::scenario::trial::Trial;
use crate::sweep::{Figures, Standing, Sweep, Swept, sweep};
use crate::target::server::Server;

/// Play scenarios again and again, the connections of their clients that are `via proxy` cut behind each byte in each
/// direction; after each cut the server must serve, and nothing may be doubled or out of order; in the end it may hold no
/// session, socket or room that it did not hold before. Ends with 1 if anything did not hold, or a conversation fails
/// without a cut, and with 4 if nothing was cut.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Scenario files, or folders of them
    #[arg(value_name = "PATH", required = true)]
    scenarios: Vec<PathBuf>,
    #[command(flatten)]
    servers: Servers,
    /// Cut behind every N-th byte only, beside each end of a request, a frame and a packet
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Play this many cuts at once, each on a server of its own
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// How many milliseconds a step waits for what the cut may have taken with it
    #[arg(long, value_name = "MS", default_value_t = 400)]
    wait: u64,
    /// End each conversation after this time, with what was played by then: 60s, 10m, 1h
    #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = super::time::time)]
    time: Duration,
    /// Write the smallest failing cut to this file, as a scenario
    #[arg(long, value_name = "PATH")]
    smallest: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let scenarios = match scenarios::load(&self.scenarios) {
            Ok(scenarios) => scenarios,
            Err(code) => return code,
        };
        let servers = match self.servers.found(1.0) {
            Ok(servers) => servers,
            Err(error) => return refuse(error),
        };
        let runtime = match tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(error) => return refuse(error),
        };
        let stop = Stop::default();
        signals::listen(
            &stop,
            "stopping; what was played so far is said (again to leave at once)",
        );
        let mut ends = Vec::new();
        for server in &servers {
            runtime.block_on(self.all(&scenarios, server, &stop, &mut ends));
            runtime.block_on(server.close());
        }
        ExitCode::from(code(&ends, stop.is_set()))
    }

    /// Sweeps all conversations over one server.
    async fn all(
        &self,
        scenarios: &[Arc<Scenario>],
        server: &Server,
        stop: &Stop,
        ends: &mut Vec<End>,
    ) {
        if let Err(error) = server.reach().await {
            anstream::eprintln!("siospec: {}: {error}", server.name());
            ends.push(End::Unreachable);
            return;
        }
        for trial in scenarios.iter().flat_map(Trial::of) {
            if stop.is_set() {
                return;
            }
            anstream::println!("{} on {}", trial.name, server.name());
            ends.push(match self.one(Arc::new(trial), server, stop).await {
                Ok(end) => end,
                Err(error) => {
                    anstream::println!("  could not be swept: {error}");
                    End::Unjudged
                }
            });
        }
    }

    async fn one(&self, trial: Arc<Trial>, server: &Server, stop: &Stop) -> Result<End, String> {
        let (tasks, files) = (tasks(), files());
        let order = Sweep {
            trial,
            jobs: usize::from(self.jobs),
            every: self.every,
            wait: Duration::from_millis(self.wait),
            time: self.time,
        };
        let shown = std::io::stderr().is_terminal();
        let swept = sweep(order, server, stop, |standing| {
            if shown {
                show(standing, self.time);
            }
        })
        .await;
        if shown {
            eprint!("\r\x1b[K");
        }
        let figures = match swept? {
            Swept::Cut(figures) => figures,
            Swept::NotOffered(why) => {
                anstream::println!("  not offered: {why}");
                return Ok(End::NotOffered);
            }
            Swept::NotWhole(why) => {
                anstream::println!("  no cut can be judged, since it fails without one: {why}");
                return Ok(End::Unjudged);
            }
        };
        print(&figures);
        // What has just been dropped needs a moment to be gone.
        tokio::time::sleep(Duration::from_millis(300)).await;
        anstream::println!(
            "  before and after: {tasks} and {} tasks, {files} and {} file descriptors",
            self::tasks(),
            self::files()
        );
        if let (Some(path), Some(text)) = (&self.smallest, &figures.smallest) {
            crate::file::put(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            anstream::println!("  the smallest failing cut stands in {}", path.display());
        }
        Ok(match figures.is_sound() {
            true => End::Sound,
            false => End::Broken,
        })
    }
}

/// How the sweep of one conversation over one server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Sound,
    Broken,
    NotOffered,
    /// It fails without a cut, or could not be played.
    Unjudged,
    Unreachable,
}

/// The exit code of all of them.
fn code(ends: &[End], interrupted: bool) -> u8 {
    let conclusion = match () {
        () if interrupted => Conclusion::Interrupted,
        () if ends.contains(&End::Unreachable) => Conclusion::Unreachable,
        () if ends.contains(&End::Broken) || ends.contains(&End::Unjudged) => Conclusion::Red,
        () if ends.contains(&End::Sound) => Conclusion::Conforms,
        () => Conclusion::NothingJudged,
    };
    conclusion.code()
}

fn show(standing: &Standing, time: Duration) {
    let seconds = standing.took.as_secs_f64();
    eprint!(
        "\r\x1b[K  {} of {} cuts, {:.0} a second, {} violations, at most {} s left",
        standing.cuts,
        standing.places,
        standing.cuts as f64 / seconds.max(0.001),
        standing.violations,
        time.saturating_sub(standing.took).as_secs()
    );
    let _ = std::io::stderr().flush();
}

fn print(figures: &Figures) {
    for (client, (up, down)) in &figures.traffic {
        for (way, passed) in [("up", up), ("down", down)] {
            anstream::println!(
                "  {client} {way}: {} bytes, {} requests, {} frames, {} packets",
                passed.bytes,
                passed.requests,
                passed.frames,
                passed.packets
            );
        }
    }
    let seconds = figures.took.0.as_secs_f64();
    let (cuts, places) = (figures.cuts, figures.places);
    let why = match figures.interrupted {
        true => "it was stopped",
        false => "its time was over",
    };
    let all = match cuts == places {
        true => format!("{cuts} cuts"),
        false => format!("{cuts} of {places} cuts, spread over all, until {why},"),
    };
    anstream::println!(
        "  {all} in {seconds:.1} s, {:.0} a second; the conversation survived {}",
        cuts as f64 / seconds.max(0.001),
        figures.survived
    );
    for (client, account) in &figures.ledger {
        anstream::println!("  events to {client}: {account}");
    }
    anstream::println!("  {}", figures.left);
    anstream::println!("  {} violations", figures.violations.len());
    for violation in figures.violations.iter().take(10) {
        let (client, at, what) = (&violation.client, violation.at, &violation.what);
        anstream::println!("    {client} cut {at}: {what}");
    }
    if let Some((same, of)) = figures.again {
        let why = match same == of {
            true => "",
            false => ": it does not hang on the cut alone",
        };
        anstream::println!("  the first of them came again {same} times of {of}{why}");
    }
}

fn tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}

/// How many file descriptors this process has, where the system tells.
fn files() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_hold_or_could_not_be_judged_is_red_and_nothing_cut_is_no_success() {
        assert_eq!(code(&[End::Sound, End::NotOffered], false), 0);
        assert_eq!(code(&[End::Sound, End::Broken], false), 1);
        assert_eq!(code(&[End::Sound, End::Unjudged], false), 1);
        assert_eq!(code(&[End::Broken, End::Unreachable], false), 3);
        assert_eq!(code(&[End::NotOffered], false), 4);
        assert_eq!(code(&[End::Sound], true), 130);
    }
}
