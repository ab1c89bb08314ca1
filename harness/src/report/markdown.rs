//! The run as Markdown, for the summary of a build: the last word, a row for each target, what is red and why.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::counts::{Counts, versions};
use super::{failure, remarks, summary, wire};
use crate::outcome::{Conclusion, Judged, Level, Outcome, Run, Verdict};

/// How many red outcomes are shown with everything that is known of them; a build's summary holds 1 MiB.
const SHOWN: usize = 20;
/// How many further trials are listed by name in each list.
const LISTED: usize = 200;

/// Writes the run.
pub fn write(run: &Run, mut to: impl Write) -> io::Result<()> {
    to.write_all(text(run).as_bytes())
}

fn text(run: &Run) -> String {
    let mark = match run.conclusion() {
        Conclusion::Conforms => "✅",
        Conclusion::Red | Conclusion::Unreachable => "❌",
        Conclusion::NothingJudged | Conclusion::Interrupted => "⚠️",
    };
    let mut text = format!("## {mark} siospec: {}\n\n", summary::last(run));
    text.push_str(
        "| target | passed | failed | differ | known | unexpected | errored | not offered | MUST |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for target in &run.targets {
        text.push_str(&row(run, target));
    }
    for target in &run.targets {
        for remark in remarks::of(run, target) {
            let _ = write!(text, "\n- **{}**: {}", cell(&target.name), escaped(&remark));
        }
    }
    if run
        .targets
        .iter()
        .any(|target| !remarks::of(run, target).is_empty())
    {
        text.push('\n');
    }
    let red: Vec<&Outcome> = run
        .outcomes
        .iter()
        .filter(|outcome| outcome.is_red())
        .collect();
    if !red.is_empty() {
        let _ = write!(text, "\n### What is red ({})\n\n", red.len());
    }
    for outcome in red.iter().take(SHOWN) {
        let shown = failure::text(outcome, failure::Style::default());
        let fence = "`".repeat(longest_run(&shown).max(2) + 1);
        let _ = writeln!(
            text,
            "<details><summary><code>{}</code> on {}: {}</summary>\n\n{fence}text\n{}{fence}\n\n</details>",
            html(&outcome.trial),
            html(&outcome.target),
            html(first_line(outcome)),
            shown.lines().fold(String::new(), |text, line| text
                + &wire::visible(line)
                + "\n"),
        );
    }
    list(&mut text, "More that is red", red.iter().skip(SHOWN));
    let differ = run
        .outcomes
        .iter()
        .filter(|o| !o.is_red() && matches!(o.verdict, Verdict::Failed { .. }));
    list(
        &mut text,
        "Differences that do not gate",
        differ.collect::<Vec<_>>().iter(),
    );
    let seconds = run.duration_ms as f64 / 1000.0;
    let _ = writeln!(
        text,
        "\n<sub>siospec {}, {}, {seconds:.1} s</sub>",
        run.siospec,
        run.started.format("%F %T UTC")
    );
    text
}

fn row(run: &Run, target: &Judged) -> String {
    let all = Counts::of(run.of(&target.name));
    let must = Counts::of(
        run.of(&target.name)
            .filter(|outcome| outcome.level == Some(Level::Must)),
    );
    let counts = [
        all.passed,
        all.failed,
        all.differ,
        all.known,
        all.unexpected,
        all.errored,
        all.not_offered,
    ];
    let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
    format!(
        "| {}{} | {} | {} of {} |\n",
        cell(&target.name),
        cell(&versions(target)),
        counts.join(" | "),
        must.passed,
        must.judged(),
    )
}

/// A folded list of trials, each with what is wrong.
fn list<'a>(
    text: &mut String,
    title: &str,
    outcomes: impl ExactSizeIterator<Item = &'a &'a Outcome>,
) {
    let all = outcomes.len();
    if all == 0 {
        return;
    }
    let _ = write!(text, "\n<details><summary>{title} ({all})</summary>\n\n");
    for outcome in outcomes.take(LISTED) {
        let level = outcome.level.map_or("", Level::word);
        let _ = writeln!(
            text,
            "- <code>{}</code> on {}: {level} {}: {}",
            html(&outcome.trial),
            html(&outcome.target),
            html(&outcome.requirements.join(", ")),
            html(first_line(outcome)),
        );
    }
    if all > LISTED {
        let _ = writeln!(text, "- … and {} more", all - LISTED);
    }
    text.push_str("\n</details>\n");
}

fn first_line(outcome: &Outcome) -> &str {
    let words = match &outcome.verdict {
        Verdict::Failed { failure } => failure.message.as_str(),
        Verdict::Errored { reason, .. } => reason,
        other => other.word(),
    };
    words.lines().next().unwrap_or_default()
}

/// The longest run of backticks, which a fence must outdo.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A text inside HTML.
fn html(text: &str) -> String {
    wire::visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A text in a paragraph, in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in html(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    escaped(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::{failed, outcome, run};

    #[test]
    fn a_build_sees_the_counts_and_what_is_red() {
        let text = text(&run(vec![
            outcome(true, failed()),
            outcome(false, failed()),
            outcome(true, Verdict::Passed),
        ]));
        assert!(
            text.starts_with("## ❌ siospec: does not conform (exit code 1)\n\n"),
            "{text}"
        );
        assert!(
            text.contains("| t | 1 | 1 | 1 | 0 | 0 | 0 | 0 | 0 of 0 |"),
            "{text}"
        );
        assert!(text.contains("### What is red (1)"), "{text}");
        assert!(
            text.contains("<details><summary><code>a/b</code> on t: another packet</summary>"),
            "{text}"
        );
        assert!(text.contains("Differences that do not gate (1)"), "{text}");
    }

    #[test]
    fn what_a_server_sent_is_no_markup() {
        let mut hostile = outcome(true, failed());
        if let Verdict::Failed { failure } = &mut hostile.verdict {
            failure.message = "</summary><script>".into();
            failure.received = Some("```\n# not a heading".into());
        }
        let text = text(&run(vec![hostile]));
        assert!(
            text.contains("on t: &lt;/summary&gt;&lt;script&gt;</summary>"),
            "{text}"
        );
        assert!(
            text.contains("\n````text\n") && text.matches("````").count() == 2,
            "{text}"
        );
    }

    #[test]
    fn thousands_of_failures_fit_into_a_summary() {
        let many = (0..5_000).map(|_| outcome(true, failed())).collect();
        let text = text(&run(many));
        assert!(text.len() < 200_000, "{} bytes", text.len());
        assert!(text.contains("- … and 4780 more"));
    }
}
