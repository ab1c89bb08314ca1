//! `siospec sweep`: a conversation with its connection cut behind each of its bytes.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::servers::Servers;
use super::{refuse, scenarios};
use crate::scenario::trial::Trial;
use crate::sweep::{Figures, Sweep, sweep};
use crate::target::server::Server;

/// Play scenarios again and again, the connections of their clients that are `via proxy` cut behind each byte in each
/// direction; after each cut the server must serve, and nothing may be doubled or out of order. Ends with 1 if anything
/// did not hold.
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
        let mut sound = true;
        for server in &servers {
            for trial in scenarios.iter().flat_map(Trial::of) {
                match runtime.block_on(self.one(trial, server)) {
                    Ok(kept) => sound &= kept,
                    Err(error) => return refuse(error),
                }
            }
            runtime.block_on(server.close());
        }
        ExitCode::from(u8::from(!sound))
    }

    async fn one(&self, trial: Trial, server: &Server) -> Result<bool, String> {
        server.reach().await?;
        let (tasks, files) = (tasks(), files());
        let order = Sweep {
            trial: Arc::new(trial),
            jobs: usize::from(self.jobs),
            every: self.every,
            wait: Duration::from_millis(self.wait),
        };
        let figures = sweep(order.clone(), server).await?;
        anstream::println!("{} on {}", order.trial.name, server.name());
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
        Ok(figures.violations.is_empty() && figures.sessions_left.unwrap_or(0) == 0)
    }
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
    let seconds = figures.took.as_secs_f64();
    anstream::println!(
        "  {} cuts in {seconds:.1} s, {:.0} a second; the conversation survived {}",
        figures.cuts,
        figures.cuts as f64 / seconds.max(0.001),
        figures.survived
    );
    for (client, account) in &figures.ledger {
        anstream::println!("  events to {client}: {account}");
    }
    match figures.sessions_left {
        Some(left) => anstream::println!("  {left} sessions left"),
        None => anstream::println!("  the server does not tell its sessions"),
    }
    anstream::println!("  {} violations", figures.violations.len());
    for violation in figures.violations.iter().take(10) {
        let (client, at, what) = (&violation.client, violation.at, &violation.what);
        anstream::println!("    {client} cut {at}: {what}");
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
