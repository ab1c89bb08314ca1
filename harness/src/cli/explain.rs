//! `siospec explain`: what does this on the wire mean?

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use super::refuse;
use crate::explain::{binary, pasted, payload, print, read_har, transcript};
use crate::outcome::Run;
use crate::report::json;
use crate::transcript::Transcript;

/// Take wire text apart layer by layer: a packet as a browser's frames tab shows it (`452-["echo",…]`), a polling
/// payload (␞ or U+001E between its packets), lines of a transcript as a failure prints them, a HAR file, or a run's JSON.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The text; `-` or nothing reads standard input. JSON of a run or a transcript, and HAR, are known by themselves
    text: Option<String>,
    /// A HAR file, as browsers' developer tools save it
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    har: Option<PathBuf>,
    /// A run, as `--report json=FILE` wrote it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "har"])]
    run: Option<PathBuf>,
    /// Of a run, the trials whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    filter: String,
    /// Of a run, this target only
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
}

impl Arguments {
    pub(super) fn execute(self) -> ExitCode {
        let file = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .map_err(|error| refuse(format!("cannot read {}: {error}", path.display())))
        };
        if let Some(path) = &self.har {
            return match file(path) {
                Ok(json) => har(&json, &path.display().to_string()),
                Err(code) => code,
            };
        }
        if let Some(path) = &self.run {
            return match file(path).map(|json| json::read(&json)) {
                Ok(Ok(run)) => self.run(&run),
                Ok(Err(error)) => refuse(format!("{}: {error}", path.display())),
                Err(code) => code,
            };
        }
        let text = match self.text.clone().filter(|text| text != "-") {
            Some(text) => text,
            None => {
                let mut text = String::new();
                if let Err(error) = std::io::stdin().read_to_string(&mut text) {
                    return refuse(format!("standard input cannot be read: {error}"));
                }
                text.strip_suffix('\n').map(str::to_owned).unwrap_or(text)
            }
        };
        if text.trim_start().starts_with('{') {
            return self.document(&text);
        }
        code(match pasted(&text) {
            Some(lines) => all(&lines),
            None => explain(&text),
        })
    }

    /// A JSON document, by what is in it.
    fn document(&self, text: &str) -> ExitCode {
        let value: serde_json::Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => return refuse(format!("this begins like JSON and is none: {error}")),
        };
        if value.get("log").is_some() {
            return har(text, "this");
        }
        if value.get("format").is_some() {
            return match json::read(text) {
                Ok(run) => self.run(&run),
                Err(error) => refuse(error),
            };
        }
        match serde_json::from_value::<Transcript>(value) {
            Ok(told) => {
                anstream::print!("{}", transcript(&told));
                ExitCode::SUCCESS
            }
            Err(error) => refuse(format!(
                "this is JSON, but no HAR file, no run and no transcript: {error}"
            )),
        }
    }

    /// The transcripts of a run.
    fn run(&self, run: &Run) -> ExitCode {
        let wanted = run.outcomes.iter().filter(|outcome| {
            let target = self
                .target
                .as_ref()
                .is_none_or(|name| *name == outcome.target);
            target && outcome.trial.contains(&self.filter)
        });
        let mut some = false;
        for outcome in wanted {
            let Some(told) = &outcome.transcript else {
                continue;
            };
            some = true;
            let (trial, target) = (&outcome.trial, &outcome.target);
            anstream::println!("---- {trial} on {target}: {} ----", outcome.verdict.word());
            anstream::println!("{}", transcript(told));
        }
        match some {
            true => ExitCode::SUCCESS,
            false => refuse("the run has no transcript of such a trial"),
        }
    }
}

fn code(right: bool) -> ExitCode {
    match right {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Prints lines of a transcript, and behind each its packet taken apart; whether all of them are right.
fn all(lines: &[(&str, Option<&str>)]) -> bool {
    let mut right = true;
    for (line, packet) in lines {
        anstream::println!("{line}");
        right &= packet.is_none_or(explain);
    }
    right
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

fn har(json: &str, name: &str) -> ExitCode {
    let found = match read_har(json) {
        Ok(found) if found.is_empty() => {
            return refuse(format!("{name} holds no request with EIO in its query"));
        }
        Ok(found) => found,
        Err(error) => return refuse(format!("{name} is no HAR file: {error}")),
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
    code(right)
}
