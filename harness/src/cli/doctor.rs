//! `siospec doctor`: why can I not connect?

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::refuse;
use super::servers::header;
use crate::doctor::{Asked, Problem, diagnose, json, look, text};
use crate::target::url;

/// Say why clients cannot connect to a server: asks what a client would ask, and says what is wrong, with what was sent
/// and what came. Ends with 0 if nothing is wrong, 1 if something is, 3 if nobody answers.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The server: http://…, https://…, or ws://… and wss://… as clients write them
    url: String,
    /// Where the server has Socket.IO, if not at /socket.io/
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// A header for every request (repeatable)
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// Trust the certificates of this PEM file beside the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Ask as a page of this origin would, such as https://app.example.org
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// Do not wait for the first ping, which takes as long as the server's pingInterval
    #[arg(long)]
    quick: bool,
    /// How long each answer may take, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=600))]
    patience: u16,
    /// As JSON, for tools
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let asked = Asked {
            server: url::Asked {
                url: self.address(),
                path: self.path.clone(),
                headers: self.header.clone(),
                ca: self.ca.clone(),
                patience: Duration::from_secs(self.patience.into()),
                ..url::Asked::default()
            },
            origin: self.origin.clone(),
            wait: !self.quick,
        };
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => return refuse(error),
        };
        let seen = match runtime.block_on(look(&asked)) {
            Ok(seen) => seen,
            Err(error) => return refuse(error),
        };
        let findings = diagnose(&seen);
        let said = if self.json { json } else { text };
        anstream::print!("{}", said(&seen, &findings));
        ExitCode::from(match findings.first().map(|finding| finding.problem) {
            None => 0,
            Some(Problem::Unreachable) => 3,
            Some(_) => 1,
        })
    }

    /// The URL as HTTP has it.
    fn address(&self) -> String {
        match self.url.strip_prefix("ws") {
            Some(rest) if rest.starts_with("://") || rest.starts_with("s://") => {
                format!("http{rest}")
            }
            _ => self.url.clone(),
        }
    }
}
