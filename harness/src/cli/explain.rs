//! `siospec explain`: what does this on the wire mean?

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use super::refuse;
use crate::explain::{binary, payload, print, read_har};

/// Take wire text apart layer by layer: a packet as a browser's frames tab shows it (`452-["echo",…]`), a polling
/// payload (␞ or U+001E between its packets), or a HAR file.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The text; `-` or nothing reads standard input
    text: Option<String>,
    /// A HAR file, as browsers' developer tools save it
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    har: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        if let Some(path) = &self.har {
            return har(path);
        }
        let text = match self.text.filter(|text| text != "-") {
            Some(text) => text,
            None => {
                let mut text = String::new();
                if let Err(error) = std::io::stdin().read_to_string(&mut text) {
                    return refuse(format!("standard input cannot be read: {error}"));
                }
                text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)
            }
        };
        match explain(&text) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

/// Prints each packet of a text; whether all of them are right.
fn explain(text: &str) -> bool {
    let packets = payload(text);
    let count = packets.len();
    for (number, (message, chain)) in packets.iter().enumerate() {
        if count > 1 {
            anstream::println!("packet {} of {count}", number + 1);
        }
        anstream::print!("{}", print(message, chain));
    }
    packets.iter().all(|(_, chain)| chain.error.is_none())
}

fn har(path: &PathBuf) -> ExitCode {
    let found = match std::fs::read_to_string(path) {
        Ok(json) => {
            read_har(&json).map_err(|error| format!("{} is no HAR file: {error}", path.display()))
        }
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    };
    let found = match found {
        Ok(found) if found.is_empty() => {
            return refuse(format!(
                "{} holds no request with EIO in its query",
                path.display()
            ));
        }
        Ok(found) => found,
        Err(error) => return refuse(error),
    };
    let mut right = true;
    for message in found {
        let at = message
            .at
            .map(|at| format!("{at:.1} ms "))
            .unwrap_or_default();
        let arrow = if message.sent { "→" } else { "←" };
        anstream::println!("{at}{arrow} {}", message.what);
        match STANDARD.decode(&message.text) {
            Ok(bytes) if message.binary => anstream::print!("{}", print("", &binary(&bytes))),
            _ if message.text.is_empty() || message.text == "ok" => {}
            _ => right &= explain(&message.text),
        }
    }
    match right {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
