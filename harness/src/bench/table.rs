//! The figures as tables, for terminals and for Markdown.

use std::fmt::Write as _;

use super::figures::{Figures, Number, Row};
use super::measure::Measure;
use super::statistics::Spread;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its heading.
    pub title: String,
    /// The names of its columns.
    pub head: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<String>>,
}

/// One column: its name, and what stands in it.
type Column = (String, fn(&Figures, &Row) -> String);

const PER_SECOND: Number = |sample| sample.per_second;
const SERVER: Number = |sample| sample.server_time;
const BYTES: Number = |sample| sample.bytes;

/// All tables: one for each measure and transport.
pub fn tables(figures: &Figures) -> Vec<Table> {
    let mut tables = Vec::new();
    for measure in Measure::ALL {
        let mut transports: Vec<_> = Vec::new();
        for row in figures.rows.iter().filter(|row| row.measure == measure) {
            if !transports.contains(&row.cell.transport) {
                transports.push(row.cell.transport);
            }
        }
        for transport in transports {
            let columns = columns(measure);
            let mut rows: Vec<&Row> = figures
                .rows
                .iter()
                .filter(|row| row.measure == measure && row.cell.transport == transport)
                .collect();
            let place = |row: &Row| {
                let is = |target: &super::figures::Target| target.name == row.target;
                figures.targets.iter().position(is)
            };
            rows.sort_by_key(|row| (row.cell.connections, row.rate, place(row)));
            let cells = |row: &&Row| {
                let cell = |(_, cell): &Column| cell(figures, row);
                columns.iter().map(cell).collect()
            };
            tables.push(Table {
                title: format!("{}, {transport}", measure.title()),
                head: columns.iter().map(|(name, _)| name.clone()).collect(),
                rows: rows.iter().map(cells).collect(),
            });
        }
    }
    tables
}

fn columns(measure: Measure) -> Vec<Column> {
    let mut columns: Vec<Column> = vec![(
        match measure {
            Measure::Connect => "at once".into(),
            _ => "connections".into(),
        },
        |_, row| row.cell.connections.to_string(),
    )];
    if measure == Measure::Latency {
        columns.push(("sent/s".into(), |_, row| {
            row.rate
                .map_or_else(String::new, |rate| whole(f64::from(rate)))
        }));
    }
    columns.push(("target".into(), |_, row| row.target.clone()));
    if measure == Measure::Memory {
        columns.push(("kB each".into(), |_, row| {
            row.spread(BYTES)
                .map_or_else(none, |spread| digits(spread.median / 1000.0))
        }));
        columns.push(("±".into(), |_, row| of(row.spread(BYTES))));
        columns.push(("×".into(), |all, row| times(all, row, BYTES)));
        columns.push(("pings".into(), |_, row| {
            row.samples
                .iter()
                .map(|sample| sample.pings)
                .sum::<u64>()
                .to_string()
        }));
        columns.push(("errors".into(), |_, row| errors(row)));
        return columns;
    }
    columns.push((format!("{}/s", plural(measure.unit())), |_, row| {
        row.spread(PER_SECOND)
            .map_or_else(none, |spread| whole(spread.median))
    }));
    columns.push(("±".into(), |_, row| of(row.spread(PER_SECOND))));
    if measure != Measure::Latency {
        columns.push(("×".into(), |all, row| times(all, row, PER_SECOND)));
    }
    columns.push(("p50".into(), |_, row| {
        took(row, |sample| sample.latency.p50)
    }));
    columns.push(("p99".into(), |_, row| {
        took(row, |sample| sample.latency.p99)
    }));
    columns.push(("p99.9".into(), |_, row| {
        took(row, |sample| sample.latency.p999)
    }));
    if measure == Measure::Latency {
        columns.push(("sent late, p99".into(), |_, row| {
            took(row, |sample| sample.late_p99)
        }));
    }
    columns.push((format!("server µs/{}", measure.unit()), |_, row| {
        row.spread(SERVER)
            .map_or_else(none, |spread| digits(spread.median))
    }));
    columns.push(("±".into(), |_, row| of(row.spread(SERVER))));
    columns.push(("×".into(), |all, row| times(all, row, SERVER)));
    columns.push(("server".into(), |_, row| {
        share(row, |sample| sample.server_share)
    }));
    columns.push(("client".into(), |_, row| {
        share(row, |sample| Some(sample.client_share))
    }));
    columns.push(("limit".into(), |_, row| limit(row)));
    columns.push(("errors".into(), |_, row| errors(row)));
    columns
}

fn plural(unit: &str) -> String {
    match unit.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{unit}s"),
    }
}

fn none() -> String {
    "–".into()
}

fn of(spread: Option<Spread>) -> String {
    spread.map_or_else(String::new, |spread| {
        format!("{:.0} %", spread.relative() * 100.0)
    })
}

fn times(figures: &Figures, row: &Row, number: Number) -> String {
    let first = figures.first_of(row);
    let ratio = first.and_then(|first| row.ratio(first, number));
    ratio.map_or_else(none, |ratio| match ratio {
        small if small < 0.1 => format!("{small:.3}"),
        other => format!("{other:.2}"),
    })
}

fn share(row: &Row, number: Number) -> String {
    let spread = row.spread(number);
    spread.map_or_else(none, |spread| format!("{:.0} %", spread.median * 100.0))
}

fn took(row: &Row, number: Number) -> String {
    row.percentile(number)
        .map_or_else(none, |spread| duration(spread.median))
}

/// Who is at the end of what it can do.
fn limit(row: &Row) -> String {
    let busy = row.spread(|sample| sample.server_share);
    if row.is_bound_by_client() {
        "client".into()
    } else if busy.is_some_and(|busy| busy.median >= 0.9) {
        "server".into()
    } else {
        String::new()
    }
}

fn errors(row: &Row) -> String {
    let errors = row.errors();
    let parts = [
        (errors.missing, "missing"),
        (errors.wrong, "wrong"),
        (errors.unasked, "unasked"),
        (errors.lost, "connections lost"),
    ];
    let mut parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let failed = row
        .samples
        .iter()
        .filter(|sample| sample.trouble.is_some())
        .count();
    if failed > 0 {
        parts.push(format!("{failed} rounds failed"));
    }
    if parts.is_empty() {
        "0".into()
    } else {
        parts.join(", ")
    }
}

/// Microseconds in the unit in which they are short.
pub fn duration(microseconds: f64) -> String {
    match microseconds {
        short if short < 1000.0 => format!("{} µs", digits(short)),
        longer if longer < 1_000_000.0 => format!("{} ms", digits(longer / 1000.0)),
        long => format!("{} s", digits(long / 1_000_000.0)),
    }
}

/// Three digits, as far as there are.
pub fn digits(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => whole(value),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A whole number with its thousands apart.
pub fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 {
        format!("-{text}")
    } else {
        text
    }
}

impl Table {
    /// For a terminal.
    pub fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&self.head]);
            cells
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut text = format!("{}\n", self.title);
        for row in std::iter::once(&self.head).chain(&self.rows) {
            let mut line = String::from(" ");
            for ((cell, width), name) in row.iter().zip(&widths).zip(&self.head) {
                let _ = match is_words(name) {
                    true => write!(line, " {cell:<width$} "),
                    false => write!(line, " {cell:>width$} "),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// For Markdown, without the heading.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule: Vec<String> = self
            .head
            .iter()
            .map(|name| if is_words(name) { "---" } else { "--:" }.to_owned())
            .collect();
        let mut text = line(&self.head) + &line(&rule);
        self.rows.iter().for_each(|row| text.push_str(&line(row)));
        text
    }
}

/// Whether the column of that name holds words, which begin at the left.
pub fn is_words(name: &str) -> bool {
    matches!(name, "target" | "limit" | "errors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(whole(1234567.4), "1,234,567");
        assert_eq!(whole(999.0), "999");
        assert_eq!(
            (digits(7.0), digits(12.345), digits(4321.0)),
            ("7.00".into(), "12.3".into(), "4,321".into())
        );
        assert_eq!(
            (duration(87.0), duration(1500.0), duration(2e6)),
            ("87.0 µs".into(), "1.50 ms".into(), "2.00 s".into())
        );
    }

    #[test]
    fn a_table_stands_in_columns() {
        let table = Table {
            title: "T".into(),
            head: vec!["connections".into(), "target".into()],
            rows: vec![
                vec!["50".into(), "a".into()],
                vec!["1".into(), "reference".into()],
            ],
        };
        assert_eq!(
            table.text(),
            "T\n  connections  target\n           50  a\n            1  reference\n"
        );
        assert_eq!(
            table.markdown(),
            "| connections | target |\n| --: | --- |\n| 50 | a |\n| 1 | reference |\n"
        );
    }
}
