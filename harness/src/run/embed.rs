//! The whole suite as a `harness = false` test, in a server's own repository or in this one.

use std::io::Write as _;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial as Test};

use super::plan::Plan;
use super::session::Session;
use super::stop::Stop;
use crate::report::summary;
use crate::scenario::corpus::{self, Corpus};
use crate::target::server::Server;

/// Plays the embedded scenarios against the servers, as the `main` of a test without a harness: `cargo test`'s filters
/// and cargo-nextest work on the trials, and what does not gate is ignored with its reason.
///
/// ```no_run
/// use siospec::{run::embed, target::{manifest::Manifest, server::Server}};
///
/// fn main() -> std::process::ExitCode {
///     embed::main(|| vec![Server::foreign(Manifest::find("tests/target.yaml").expect("a target"))])
/// }
/// ```
pub fn main(servers: impl FnOnce() -> Vec<Server>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    let plan = match plan(servers) {
        Ok(plan) => plan,
        Err(error) => {
            anstream::eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if arguments.list {
        let names = plan.filter.trials(&plan.scenarios);
        let tests = names
            .iter()
            .map(|trial| Test::test(trial.name.clone(), || Ok(())))
            .collect();
        return libtest_mimic::run(&arguments, tests).exit_code();
    }
    arguments.test_threads.get_or_insert_with(Plan::jobs);
    let session = match Session::begin(plan, Stop::default()) {
        Ok(session) => session,
        Err(error) => {
            anstream::eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let conclusion = libtest_mimic::run(&arguments, session.tests());
    let run = session.finish();
    let _ = write!(anstream::stdout(), "{}", summary::text(&run));
    match conclusion.has_failed() || matches!(run.conclusion().code(), 1 | 3) {
        true => ExitCode::from(101),
        false => ExitCode::SUCCESS,
    }
}

fn plan(servers: impl FnOnce() -> Vec<Server>) -> Result<Plan, String> {
    let catalogue = corpus::catalogue().map_err(|error| error.to_string())?;
    let corpus = Corpus::embedded(&catalogue);
    if let Some(error) = corpus.errors.first() {
        return Err(error.render(true));
    }
    Ok(Plan::new(corpus.scenarios, servers()))
}
