//! The codec beside its peers, in one run: `cargo run --release --manifest-path codec/benches/peers/Cargo.toml`.
//!
//! Writes `reports/performance/codec.md` and `codec.json`, or into the folder named on the command line. Needs Node.js
//! with npm and Python 3 for the peers in those languages, and valgrind for the counts of instructions; what is missing
//! is left out, and the table says so.
//!
//! Rounds of all subjects are interleaved. In each round a row is sampled many times for a few hundred microseconds,
//! shorter than a time slice, and the median of the samples counts: what the machine does beside it stays out.

mod counts;
mod foreign;
mod measure;
mod report;
mod siospec;
mod socketioxide;
#[allow(dead_code, reason = "it serves three programs")]
#[path = "../../workload/mod.rs"]
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use measure::Subject;

/// Odd, so that there is a median.
const ROUNDS: usize = 7;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut native = vec![
        siospec::from_text(),
        siospec::from_bytes(),
        siospec::from_values(),
        socketioxide::packet(),
        socketioxide::with_values(),
    ];
    if let [flag, subject, row, times] = arguments.as_slice()
        && flag == "--once"
    {
        counts::work(&mut native, subject, row, times);
        return ExitCode::SUCCESS;
    }
    if !siospec::texts_are_good() {
        eprintln!("a text of the workload does not decode");
        return ExitCode::FAILURE;
    }
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = match arguments.first() {
        Some(folder) => PathBuf::from(folder),
        None => home.join("../../../reports/performance"),
    };
    let mut subjects: Vec<Box<dyn Subject>> = Vec::new();
    for subject in native {
        subjects.push(Box::new(subject));
    }
    for prepare in [foreign::node, foreign::python] {
        match prepare(&home) {
            Ok(subject) => subjects.push(Box::new(subject)),
            Err(error) => eprintln!("left out: {error}"),
        }
    }
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        let mut all = Vec::new();
        for subject in &mut subjects {
            eprintln!("round {round} of {ROUNDS}: {}", subject.about().name);
            match subject.round() {
                Ok(times) => all.push(times),
                Err(error) => {
                    eprintln!("{}: {error}", subject.about().name);
                    return ExitCode::FAILURE;
                }
            }
        }
        rounds.push(all);
    }
    let abouts: Vec<_> = subjects
        .iter()
        .map(|subject| subject.about().clone())
        .collect();
    let counts = counts::of(&abouts);
    match report::write(&folder, &abouts, &rounds, &counts) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}
