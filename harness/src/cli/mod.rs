//! The command line: one verb, one file. Exit codes stand in [`Code`].

mod bench;
mod bless;
mod check;
mod coverage;
mod diff;
mod doctor;
mod explain;
mod fixture_check;
mod fuzz;
mod list;
mod new_target;
mod prove;
mod report;
mod run;
mod scenarios;
mod schema;
mod serve;
mod servers;
mod signals;
mod sweep;
mod time;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How siospec ends, beside what [`Conclusion`](crate::outcome::Conclusion) says of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A scenario, a target or a flag is wrong.
    Wrong = 2,
}

/// Judges Socket.IO servers: plays scenarios against them and says where they part from the protocol.
#[derive(Debug, Parser)]
#[command(
    name = "siospec",
    version,
    about,
    after_help = "Exit codes: 0 conforms; 1 a gating trial failed or errored, passed unexpectedly, or an entry of known \
                  deviations is stale; 2 a scenario, target or flag is wrong; 3 a target could not be reached or \
                  started; 4 nothing that gates was judged; 130 stopped by Ctrl-C."
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(Box<run::Arguments>),
    Check(check::Arguments),
    List(list::Arguments),
    Report(report::Arguments),
    Diff(diff::Arguments),
    Bench(Box<bench::Arguments>),
    Bless(bless::Arguments),
    Prove(prove::Arguments),
    Coverage(coverage::Arguments),
    Explain(explain::Arguments),
    Doctor(doctor::Arguments),
    Serve(serve::Arguments),
    Schema(schema::Arguments),
    FixtureCheck(fixture_check::Arguments),
    NewTarget(new_target::Arguments),
    Sweep(sweep::Arguments),
    Fuzz(fuzz::Arguments),
}

/// Does what the command line says.
pub fn main() -> ExitCode {
    match Arguments::parse().verb {
        Verb::Run(arguments) => arguments.execute(),
        Verb::Check(arguments) => arguments.execute(),
        Verb::List(arguments) => arguments.execute(),
        Verb::Report(arguments) => arguments.execute(),
        Verb::Diff(arguments) => arguments.execute(),
        Verb::Bench(arguments) => arguments.execute(),
        Verb::Bless(arguments) => arguments.execute(),
        Verb::Prove(arguments) => arguments.execute(),
        Verb::Coverage(arguments) => arguments.execute(),
        Verb::Explain(arguments) => arguments.execute(),
        Verb::Doctor(arguments) => arguments.execute(),
        Verb::Serve(arguments) => arguments.execute(),
        Verb::Schema(arguments) => arguments.execute(),
        Verb::FixtureCheck(arguments) => arguments.execute(),
        Verb::NewTarget(arguments) => arguments.execute(),
        Verb::Sweep(arguments) => arguments.execute(),
        Verb::Fuzz(arguments) => arguments.execute(),
    }
}

/// Says on stderr why nothing is done, and ends with [`Code::Wrong`].
fn refuse(why: impl std::fmt::Display) -> ExitCode {
    anstream::eprintln!("siospec: {why}");
    ExitCode::from(Code::Wrong as u8)
}
