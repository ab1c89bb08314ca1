//! The figures as one HTML page: opens from disk, fetches nothing, needs no script.

use std::fmt::Write as _;

use super::figures::{Figures, Row};
use super::measure::Measure;
use super::plot::{self, Bar, Dots, escape};
use super::table::{self, Table, digits, is_words, whole};
use super::{notes, report};

const PAGE: &str = include_str!("page.html");
const CSS: &str = include_str!("../report/page/page.css");

/// The page of one run, or of several one after the other.
pub(super) fn render(runs: &[Figures]) -> String {
    let mut body = String::new();
    for figures in runs {
        section(figures, &mut body);
    }
    PAGE.replace("{{css}}", CSS).replace("{{body}}", &body)
}

fn section(figures: &Figures, out: &mut String) {
    out.push_str("<section><div class=\"scroll\"><table>");
    for (name, what) in report::about(figures) {
        let what = escape(&what.replace('`', ""));
        let _ = write!(out, "<tr><th>{name}</th><td>{what}</td></tr>");
    }
    out.push_str("</table></div>");
    let caveats = notes::caveats(figures);
    if !caveats.is_empty() {
        out.push_str("<h2>To be said against these figures</h2><ul>");
        for note in caveats {
            let _ = write!(out, "<li>{}</li>", escape(&note));
        }
        out.push_str("</ul>");
    }
    for table in table::tables(figures) {
        let _ = write!(out, "<h2>{}</h2>", escape(&table.title));
        out.push_str(&plots(figures, &table));
        html(&table, out);
    }
    out.push_str("</section>");
}

fn html(table: &Table, out: &mut String) {
    let class = |name: &str| {
        if is_words(name) {
            ""
        } else {
            " class=\"number\""
        }
    };
    out.push_str("<div class=\"scroll\"><table><thead><tr>");
    for name in &table.head {
        let _ = write!(out, "<th{}>{}</th>", class(name), escape(name));
    }
    out.push_str("</tr></thead><tbody>");
    for row in &table.rows {
        out.push_str("<tr>");
        for (cell, name) in row.iter().zip(&table.head) {
            let _ = write!(out, "<td{}>{}</td>", class(name), escape(cell));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

/// The plots that belong over a table.
fn plots(figures: &Figures, table: &Table) -> String {
    let rows: Vec<&Row> = figures
        .rows
        .iter()
        .filter(|row| table.title == format!("{}, {}", row.measure.title(), row.cell.transport))
        .collect();
    let measure = rows.first().map(|row| row.measure);
    match measure {
        Some(Measure::Latency) => percentiles(figures, &rows, &table.title),
        Some(measure) => bars(figures, &rows, measure, &table.title),
        None => String::new(),
    }
}

fn series(figures: &Figures, row: &Row) -> usize {
    let place = figures
        .targets
        .iter()
        .position(|target| target.name == row.target);
    place.unwrap_or(0)
}

fn bars(figures: &Figures, rows: &[&Row], measure: Measure, title: &str) -> String {
    let mut counts: Vec<usize> = rows.iter().map(|row| row.cell.connections).collect();
    counts.sort_unstable();
    counts.dedup();
    let bar = |row: &&Row| {
        let (spread, unit) = match measure {
            Measure::Memory => (row.spread(|sample| sample.bytes)?, "kB"),
            _ => (row.spread(|sample| sample.per_second)?, "/s"),
        };
        let value = match measure {
            Measure::Memory => digits(spread.median / 1000.0),
            _ => whole(spread.median),
        };
        Some(Bar {
            label: row.target.clone(),
            series: series(figures, row),
            spread,
            value: format!("{value} {unit}"),
        })
    };
    let groups: Vec<(String, Vec<Bar>)> = counts
        .into_iter()
        .map(|count| {
            let mut of_count: Vec<&Row> = rows
                .iter()
                .copied()
                .filter(|row| row.cell.connections == count)
                .collect();
            of_count.sort_by_key(|row| series(figures, row));
            let name = format!("{} connections", whole(count as f64));
            (name, of_count.iter().filter_map(bar).collect())
        })
        .collect();
    plot::bars(title, &groups)
}

fn percentiles(figures: &Figures, rows: &[&Row], title: &str) -> String {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (row.cell.connections, row.rate, series(figures, row)));
    let dots = |row: &&Row| {
        let at = |name, number| Some((name, row.percentile(number)?.median));
        Dots {
            label: format!(
                "{} at {}/s × {}",
                row.target,
                row.rate.unwrap_or(0),
                row.cell.connections
            ),
            series: series(figures, row),
            points: [
                at("p50", |sample| sample.latency.p50),
                at("p99", |sample| sample.latency.p99),
                at("p99.9", |sample| sample.latency.p999),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    };
    plot::percentiles(title, &rows.iter().map(dots).collect::<Vec<_>>())
}
