//! `siospec fuzz`: inputs and conversations that nobody wrote.

mod codec;
mod server;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Try inputs and conversations that nobody wrote.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Codec(codec::Arguments),
    Server(Box<server::Arguments>),
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        match self.what {
            What::Codec(arguments) => arguments.execute(),
            What::Server(arguments) => arguments.execute(),
        }
    }
}
