//! The reconnecting client beside the official one: both play the same cases through the proxy against the reference
//! server, and their traces agree: the order of requests, of packets each way, and of the decisions.
//!
//! Needs Node.js and `npm ci` in `harness/tests/official-client`. Without them the cases are ignored, with the reason;
//! where the variable CI is set, they fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

mod cases;
mod stage;
mod trace;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use libtest_mimic::{Arguments, Completion, Trial};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/official-client");

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Each case is two programs that mostly wait.
    arguments.test_threads.get_or_insert(4);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let (runtime, missing) = (Arc::new(runtime), missing());
    let trials = cases::all().into_iter().map(|(name, case)| {
        let (runtime, missing) = (runtime.clone(), missing.clone());
        Trial::ignorable_test(name, move || match missing {
            Some(why) if std::env::var_os("CI").is_some() => Err(why.into()),
            Some(why) => Ok(Completion::ignored_with(why)),
            None => {
                runtime.block_on(case(name));
                Ok(Completion::Completed)
            }
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// What of the official client is not there.
fn missing() -> Option<String> {
    if Command::new("node").arg("--version").output().is_err() {
        return Some("Node.js is not installed".to_owned());
    }
    let installed = Path::new(CLIENT).join("node_modules/socket.io-client");
    (!installed.is_dir()).then(|| format!("run `npm ci` in {CLIENT} first"))
}
