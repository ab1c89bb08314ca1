//! Instructions of one time of a row, under valgrind: the same on a quiet machine and on a busy one.
//!
//! This program calls itself, doing the row many times or nothing at all; the difference is the row's.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::measure::{About, Native};

/// Instructions by subject and row.
pub type Counts = BTreeMap<(String, String), f64>;

/// Does a row so many times.
pub fn work(subjects: &mut [Native], subject: &str, row: &str, times: &str) {
    let times = times.parse().unwrap_or(0);
    for subject in subjects
        .iter_mut()
        .filter(|each| each.about.name == subject)
    {
        for (_, work) in subject.rows.iter_mut().filter(|(name, _)| *name == row) {
            (0..times).for_each(|_| work());
        }
    }
}

/// The counts of all native rows; none without valgrind.
pub fn of(abouts: &[About]) -> Counts {
    let mut counts = Counts::new();
    for about in abouts {
        if ["Node.js", "Python"].contains(&&*about.name) {
            continue;
        }
        for row in crate::measure::ROWS {
            // Long rows are counted in few times, since valgrind is slow.
            let (few, many) = if row.starts_with("1 MiB") {
                (1, 3)
            } else {
                (100, 300)
            };
            let Some((less, more)) =
                count(&about.name, row, few).zip(count(&about.name, row, many))
            else {
                return counts;
            };
            let each = (more - less) / f64::from(many - few);
            if each >= 5.0 {
                counts.insert((about.name.clone(), row.to_owned()), each);
            }
        }
    }
    counts
}

fn count(subject: &str, row: &str, times: u32) -> Option<f64> {
    let this = std::env::current_exe().ok()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg::<&Path>(&this)
        .args(["--once", subject, row, &times.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.split_whitespace().last()?.parse().ok()
}
