//! `siospec fuzz`: inputs and conversations that nobody wrote.

mod codec;
mod server;

use std::process::ExitCode;
use std::time::Duration;

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

/// A time such as `90s`, `10m` or `1h`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time such as 90s, 10m or 1h");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * unit))
}
