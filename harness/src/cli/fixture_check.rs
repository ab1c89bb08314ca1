//! `siospec fixture-check`: does the app under test do what the fixture contract says.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::servers::Servers;
use super::{refuse, signals};
use crate::report::summary;
use crate::run::contract;
use crate::run::plan::Plan;
use crate::run::session::Session;
use crate::run::stop::Stop;

/// Play the fixture contract itself, each handler once on one client: what fails here is the app's to mend, before any
/// scenario counts.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    servers: Servers,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let checks = match contract::scenarios() {
            Ok(checks) => checks,
            Err(errors) => {
                return refuse(
                    errors
                        .first()
                        .map(|error| error.render(true))
                        .unwrap_or_default(),
                );
            }
        };
        let servers = match self.servers.found(1.0) {
            Ok(servers) => servers,
            Err(error) => return refuse(error),
        };
        // What is known to differ is known of scenarios.
        let servers = servers
            .into_iter()
            .map(|server| server.knowing(Vec::new()))
            .collect();
        let stop = Stop::default();
        signals::listen(&stop, "stopping");
        let session = match Session::begin(
            Plan {
                contract: false,
                ..Plan::new(checks, servers)
            },
            stop,
        ) {
            Ok(session) => session,
            Err(error) => return refuse(error),
        };
        session.play(&libtest_mimic::Arguments {
            test_threads: Some(Plan::jobs()),
            ..libtest_mimic::Arguments::default()
        });
        let run = session.finish();
        let _ = write!(anstream::stdout(), "{}", summary::text(&run));
        ExitCode::from(run.conclusion().code())
    }
}
