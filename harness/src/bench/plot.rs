//! Plots as SVG: text in, text out, no script.

use std::fmt::Write as _;

use super::statistics::Spread;

const LABEL: f64 = 190.0;
const WIDTH: f64 = 560.0;
const VALUE: f64 = 120.0;
const LINE: f64 = 20.0;
const GAP: f64 = 10.0;

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What it is of.
    pub label: String,
    /// Which colour: the number of its target.
    pub series: usize,
    /// How long it is, and between what it lies.
    pub spread: Spread,
    /// The value in words.
    pub value: String,
}

/// Bars in groups, each as long as its median, with a line from least to greatest.
pub fn bars(title: &str, groups: &[(String, Vec<Bar>)]) -> String {
    let bars = groups.iter().flat_map(|(_, bars)| bars);
    let most = bars
        .map(|bar| bar.spread.high)
        .fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| LABEL + WIDTH * (value / most).clamp(0.0, 1.0);
    let mut body = String::new();
    let mut y = GAP;
    for (name, bars) in groups {
        let _ = write!(
            body,
            r#"<text class="group" x="0" y="{}">{}</text>"#,
            y + 14.0,
            escape(name)
        );
        y += LINE;
        for bar in bars {
            let middle = y + LINE / 2.0;
            let (low, high) = (x(bar.spread.low), x(bar.spread.high));
            let _ = write!(
                body,
                r#"<text x="{}" y="{}" text-anchor="end">{}</text><rect class="s{}" x="{LABEL}" y="{}" width="{:.1}" height="{}"/><path class="spread" d="M{low:.1} {middle}H{high:.1}M{low:.1} {}v8M{high:.1} {}v8"/><text x="{:.1}" y="{}">{}</text>"#,
                LABEL - 6.0,
                y + 14.0,
                escape(&bar.label),
                bar.series % 6,
                y + 3.0,
                x(bar.spread.median) - LABEL,
                LINE - 6.0,
                middle - 4.0,
                middle - 4.0,
                high + 8.0,
                y + 14.0,
                escape(&bar.value),
            );
            y += LINE;
        }
        y += GAP;
    }
    svg(title, y, &body)
}

/// A line of percentiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Dots {
    /// What it is of.
    pub label: String,
    /// Which colour: the number of its target.
    pub series: usize,
    /// Microseconds, with their names, upwards.
    pub points: Vec<(&'static str, f64)>,
}

/// Percentiles on a logarithmic axis of time.
pub fn percentiles(title: &str, rows: &[Dots]) -> String {
    let values = || {
        rows.iter()
            .flat_map(|row| &row.points)
            .map(|(_, value)| value.max(1.0).log10())
    };
    let low = values().fold(f64::INFINITY, f64::min).floor();
    let high = values()
        .fold(f64::NEG_INFINITY, f64::max)
        .ceil()
        .max(low + 1.0);
    if !low.is_finite() {
        return String::new();
    }
    let x = |value: f64| LABEL + WIDTH * (value.max(1.0).log10() - low) / (high - low);
    let bottom = GAP + LINE * (rows.len() as f64 + 1.0);
    let mut body = String::new();
    let mut decade = low;
    while decade <= high {
        let value = 10f64.powf(decade);
        let _ = write!(
            body,
            r#"<path class="grid" d="M{0:.1} {GAP}V{bottom:.1}"/><text class="tick" x="{0:.1}" y="{1:.1}" text-anchor="middle">{2}</text>"#,
            x(value),
            bottom + 14.0,
            escape(&super::table::duration(value)),
        );
        decade += 1.0;
    }
    for (number, row) in rows.iter().enumerate() {
        let y = GAP + LINE * (number as f64 + 0.5);
        let _ = write!(
            body,
            r#"<text x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
            LABEL - 6.0,
            y + 4.0,
            escape(&row.label)
        );
        if let (Some((_, first)), Some((_, last))) = (row.points.first(), row.points.last()) {
            let _ = write!(
                body,
                r#"<path class="spread" d="M{:.1} {y:.1}H{:.1}"/>"#,
                x(*first),
                x(*last)
            );
        }
        for (name, value) in &row.points {
            let _ = write!(
                body,
                r#"<circle class="s{}" cx="{:.1}" cy="{y:.1}" r="5"><title>{name} {}</title></circle>"#,
                row.series % 6,
                x(*value),
                escape(&super::table::duration(*value)),
            );
        }
    }
    svg(title, bottom + LINE, &body)
}

fn svg(title: &str, height: f64, body: &str) -> String {
    let width = LABEL + WIDTH + VALUE;
    format!(
        r#"<svg viewBox="0 0 {width} {height:.0}" role="img" aria-label="{}">{body}</svg>"#,
        escape(title)
    )
}

/// Text that stays text in HTML and SVG.
pub fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_plot_and_half_of_it_is_half_as_long() {
        let bar = |label: &str, value: f64| Bar {
            label: label.into(),
            series: 0,
            spread: Spread {
                median: value,
                low: value,
                high: value,
            },
            value: value.to_string(),
        };
        let plot = bars(
            "t",
            &[("50".into(), vec![bar("<a>", 100.0), bar("b", 50.0)])],
        );
        assert!(
            plot.contains(r#"width="560.0""#) && plot.contains(r#"width="280.0""#),
            "{plot}"
        );
        assert!(plot.contains("&lt;a&gt;") && !plot.contains("<a>"));
    }

    #[test]
    fn ten_times_as_long_is_one_step_of_the_axis() {
        let row = Dots {
            label: "a".into(),
            series: 1,
            points: vec![("p50", 100.0), ("p99", 1000.0)],
        };
        let plot = percentiles("t", &[row]);
        assert!(
            plot.contains(r#"cx="190.0""#) && plot.contains(r#"cx="750.0""#),
            "{plot}"
        );
        assert_eq!(percentiles("t", &[]), "");
    }
}
