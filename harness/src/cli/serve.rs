//! `siospec serve`: the bundled reference server, alone.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use siospec_reference_server::Transports;
use siospec_reference_server::faults::{self, Fault};
use siospec_reference_server::fixture::{self, FixtureConfig};

use super::{refuse, signals};
use crate::run::stop::Stop;
use crate::target::knobs;

/// Run the bundled reference server, with the app of the fixture contract. It prints `READY <port>` when it listens
/// and ends on Ctrl-C. What no flag says is read from the contract's environment variables (PORT, PING_INTERVAL_MS, …).
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// A knob of the fixture contract, such as pingInterval=300 (milliseconds), maxPayload=1000 or recovery=1
    /// (repeatable)
    #[arg(long = "set", value_name = "KNOB=VALUE", value_parser = knob)]
    knobs: Vec<(&'static str, String)>,
    /// Offer this transport only, as servers behind a balancer without sticky sessions do
    #[arg(long, value_name = "polling|websocket", value_parser = only)]
    transport: Option<Transports>,
    /// Break one rule on purpose; `siospec coverage` lists the faults
    #[arg(long, value_name = "NAME", value_parser = fault)]
    fault: Option<&'static Fault>,
    /// Print for each message the way it takes: TCP connection, HTTP request or WebSocket frame, Engine.IO packet,
    /// Socket.IO packet, handler, emit, and back down
    #[arg(long)]
    trace: bool,
}

/// One transport of the two.
fn only(name: &str) -> Result<Transports, String> {
    let (polling, websocket) = (name == "polling", name == "websocket");
    match polling || websocket {
        true => Ok(Transports { polling, websocket }),
        false => Err("there are polling and websocket".to_owned()),
    }
}

fn fault(name: &str) -> Result<&'static Fault, String> {
    faults::find(name).ok_or_else(|| format!("there is no fault `{name}`"))
}

/// The variable of the contract and its value.
fn knob(text: &str) -> Result<(&'static str, String), String> {
    let all = || knobs::names().collect::<Vec<_>>().join(", ");
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("write KNOB=VALUE; knobs are {}", all()))?;
    let variable = knobs::variable(name)
        .ok_or_else(|| format!("there is no knob `{name}`; there are {}", all()))?;
    Ok((variable, value.to_owned()))
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let set = |name: &str| {
            self.knobs
                .iter()
                .rev()
                .find(|(knob, _)| *knob == name)
                .map(|(_, value)| value.clone())
        };
        let mut config =
            FixtureConfig::from_variables(|name| set(name).or_else(|| std::env::var(name).ok()));
        config.port = self.port.unwrap_or(config.port);
        config.fault = self.fault;
        config.server.transports = self.transport.unwrap_or_default();
        if self.trace {
            config.tracer = Some(Arc::new(|record| anstream::eprintln!("{record}")));
        }
        let port = config.port;
        // Whoever talks to this server does so from the same machine and needs the other half of it.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut builder = match cores.div_ceil(2) {
            // One queue, first come, first served. A thread that could have helpers keeps 256 tasks for itself and lays
            // the rest where it seldom looks while it has work: of 500 busy connections some would wait 60 ms.
            1 => tokio::runtime::Builder::new_current_thread(),
            threads => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                builder.worker_threads(threads);
                builder
            }
        };
        let runtime = match builder.enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return refuse(error),
        };
        runtime.block_on(async {
            let running = match fixture::serve(config).await {
                Ok(running) => running,
                Err(error) => return refuse(format!("cannot listen on 127.0.0.1:{port}: {error}")),
            };
            println!("READY {}", running.address().port());
            let stop = Stop::default();
            signals::listen(&stop, "");
            stop.set().await;
            running.stop().await;
            ExitCode::SUCCESS
        })
    }
}
