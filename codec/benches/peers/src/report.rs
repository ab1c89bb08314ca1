//! The tables: Markdown for people, JSON for programs.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use serde_json::json;

use crate::counts::Counts;
use crate::measure::{About, ROWS, SAMPLES, Times};

/// Nanoseconds of a row over the rounds.
#[derive(Clone, Copy)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

fn spread(rounds: &[Vec<Times>], subject: usize, row: &str) -> Option<Spread> {
    let mut all: Vec<f64> = rounds
        .iter()
        .filter_map(|round| round[subject].get(row).copied())
        .collect();
    all.sort_by(f64::total_cmp);
    Some(Spread {
        median: *all.get(all.len() / 2)?,
        least: *all.first()?,
        most: *all.last()?,
    })
}

/// Writes `codec.md` and `codec.json`.
pub fn write(
    folder: &Path,
    abouts: &[About],
    rounds: &[Vec<Times>],
    counts: &Counts,
) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("codec.md"), markdown(abouts, rounds, counts))?;
    let of = |(subject, about): (usize, &About)| {
        let row = |row: &&str| {
            let Spread {
                median,
                least,
                most,
            } = spread(rounds, subject, row)?;
            let instructions = counts.get(&(about.name.clone(), (*row).to_owned()));
            Some(json!({
                "row": row, "nanoseconds": median, "least": least, "most": most, "instructions": instructions,
            }))
        };
        let rows: Vec<_> = ROWS.iter().filter_map(row).collect();
        json!({ "name": about.name, "versions": about.versions, "does": about.does, "rows": rows })
    };
    let subjects: Vec<_> = abouts.iter().enumerate().map(of).collect();
    let all = json!({ "rounds": rounds.len(), "samples": SAMPLES, "machine": machine(), "subjects": subjects });
    std::fs::write(folder.join("codec.json"), format!("{all:#}\n"))
}

fn markdown(abouts: &[About], rounds: &[Vec<Times>], counts: &Counts) -> String {
    let mut out = String::from("# The codec beside its peers\n\n");
    let _ = writeln!(
        out,
        "Made by `cargo run --release --manifest-path codec/benches/peers/Cargo.toml` on {}: {} interleaved rounds of {SAMPLES} samples. A figure is the median of the rounds, each round's being the median of its samples; in brackets the least and the most round, behind it the ratio to the first column (above 1: slower).\n",
        machine(),
        rounds.len()
    );
    out.push_str("| what | versions | what it does in that time |\n|---|---|---|\n");
    for about in abouts {
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            about.name, about.versions, about.does
        );
    }
    out.push_str("\nrust_socketio is not among them: its packets are private to the crate, so that this program cannot time them. What was seen by hand stands in `reports/performance/rust_socketio.md`.\n\n## Time\n\n| row |");
    for about in abouts {
        let _ = write!(out, " {} |", about.name);
    }
    let _ = writeln!(out, "\n|---|{}", "---|".repeat(abouts.len()));
    for row in ROWS {
        let _ = write!(out, "| {row} |");
        let first = spread(rounds, 0, row);
        for subject in 0..abouts.len() {
            match (spread(rounds, subject, row), first) {
                (Some(own), Some(first)) if subject > 0 => {
                    let _ = write!(out, " {} ×{:.1} |", show(own), own.median / first.median);
                }
                (Some(own), _) => {
                    let _ = write!(out, " {} |", show(own));
                }
                (None, _) => out.push_str("  |"),
            }
        }
        out.push('\n');
    }
    out.push_str("\n## Instructions\n\nOf one time of a row, under valgrind; they do not depend on what else the machine does.\n\n");
    if counts.is_empty() {
        out.push_str("Not counted: valgrind is not installed.\n");
        return out;
    }
    let counted: Vec<&About> = abouts
        .iter()
        .filter(|about| counts.keys().any(|(name, _)| *name == about.name))
        .collect();
    out.push_str("| row |");
    for about in &counted {
        let _ = write!(out, " {} |", about.name);
    }
    let _ = writeln!(out, "\n|---|{}", "---:|".repeat(counted.len()));
    for row in ROWS {
        let _ = write!(out, "| {row} |");
        for about in &counted {
            match counts.get(&(about.name.clone(), row.to_owned())) {
                Some(count) => {
                    let _ = write!(out, " {count:.0} |");
                }
                None => out.push_str("  |"),
            }
        }
        out.push('\n');
    }
    out
}

fn show(spread: Spread) -> String {
    let (unit, name) = match spread.median {
        below if below < 1_000.0 => (1.0, "ns"),
        below if below < 1_000_000.0 => (1_000.0, "µs"),
        _ => (1_000_000.0, "ms"),
    };
    let digits = |value: f64| {
        let value = value / unit;
        if value < 10.0 {
            format!("{value:.1}")
        } else {
            format!("{value:.0}")
        }
    };
    format!(
        "{} {name} ({}–{})",
        digits(spread.median),
        digits(spread.least),
        digits(spread.most)
    )
}

/// Processor and number of cores, as far as the system says.
fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("an unnamed processor", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, {}", std::env::consts::OS)
}
