//! What a failure prints: the line of YAML, expected and received, the transcript around it, the command to replay.

use std::fmt::Write as _;

use annotate_snippets::renderer::{AnsiColor, Style as Colour};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::outcome::{Failure, Outcome, Verdict};
use crate::report::wire;

/// Entries of the transcript that a failure shows; `--verbose` shows all.
const SHOWN: usize = 16;

/// How much a text says, and whether it is coloured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// The whole transcript instead of its end.
    pub verbose: bool,
    /// With escape codes; the printer strips them where there is no terminal.
    pub coloured: bool,
}

/// The text of an outcome.
pub fn text(outcome: &Outcome, style: Style) -> String {
    let mut text = headline(outcome);
    match &outcome.verdict {
        Verdict::Passed => text.push_str("passed\n"),
        Verdict::NotOffered { reason } => lines(&mut text, "not offered", reason),
        Verdict::UnexpectedPass { known } => {
            lines(
                &mut text,
                "unexpected pass",
                "the scenario passed, and the target's `known.yaml` says that it fails",
            );
            lines(
                &mut text,
                "the entry",
                &format!(
                    "{} (expected {}, got {})",
                    known.scenario, known.expected, known.got
                ),
            );
            lines(
                &mut text,
                "what to do",
                "strike the entry from known.yaml (`siospec bless` does), or give it `sometimes: RATE`",
            );
        }
        Verdict::Errored { reason, failure } => {
            lines(&mut text, "not judged", reason);
            if let Some(failure) = failure {
                text.push_str(&place(failure, style));
                details(&mut text, failure, style);
            }
        }
        Verdict::Failed { failure } => {
            text.push_str(&place(failure, style));
            details(&mut text, failure, style);
        }
        Verdict::KnownDeviation { failure, known } => {
            text.push_str(&place(failure, style));
            details(&mut text, failure, style);
            lines(&mut text, "known", &known.reason);
        }
    }
    if let Some(transcript) = &outcome.transcript {
        text.push_str(&wire::lines(
            transcript,
            if style.verbose { usize::MAX } else { SHOWN },
        ));
    }
    lines(&mut text, "replay", &outcome.replay);
    text
}

/// The outcome with its whole transcript, for `--trace`.
pub fn whole(outcome: &Outcome) -> String {
    let style = Style {
        verbose: true,
        coloured: true,
    };
    format!(
        "== {} on {}: {}\n{}",
        outcome.trial,
        outcome.target,
        outcome.verdict.word(),
        text(outcome, style)
    )
}

fn headline(outcome: &Outcome) -> String {
    let requirements = outcome.requirements.join(", ");
    let level = outcome.level.map_or("", crate::outcome::Level::word);
    match requirements.is_empty() {
        true => format!("{}\n", outcome.title),
        false => format!("{level} {requirements}: {}\n", outcome.title),
    }
}

/// The file, line and column, the YAML there, and a caret.
fn place(failure: &Failure, style: Style) -> String {
    let source = failure.snippet.lines.join("\n");
    let start = failure.line.saturating_sub(failure.snippet.first_line) as usize;
    let before: usize = failure
        .snippet
        .lines
        .iter()
        .take(start)
        .map(|line| line.len() + 1)
        .sum();
    let line = failure.snippet.lines.get(start).map_or("", String::as_str);
    let at = |characters: u32| {
        line.char_indices()
            .nth(characters as usize)
            .map_or(line.len(), |(at, _)| at)
    };
    let from = before + at(failure.column.saturating_sub(1));
    let to = (before + at(failure.column.saturating_sub(1) + failure.length)).max(from);
    let annotation = AnnotationKind::Primary
        .span(from..to)
        .label(failure.step.as_str());
    let snippet = Snippet::source(source.as_str())
        .line_start(failure.snippet.first_line as usize)
        .path(failure.file.as_str())
        .annotation(annotation);
    let report = [Level::ERROR
        .no_name()
        .primary_title(failure.message.as_str())
        .element(snippet)];
    let renderer = if style.coloured {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    format!("{}\n", renderer.render(&report))
}

fn details(text: &mut String, failure: &Failure, style: Style) {
    let (green, red) = (AnsiColor::Green.on_default(), AnsiColor::Red.on_default());
    let plain = Colour::new();
    for (name, value, colour) in [
        ("client", &failure.client, plain),
        ("expected", &failure.expected, green),
        ("received", &failure.received, red),
        ("at", &failure.path, plain),
    ] {
        let Some(value) = value else { continue };
        let value = wire::visible(value);
        match style.coloured {
            true => lines(text, name, &format!("{colour}{value}{colour:#}")),
            false => lines(text, name, &value),
        }
    }
    for note in &failure.notes {
        lines(text, "note", note);
    }
}

/// A named value; its further lines stand under the first.
fn lines(text: &mut String, name: &str, value: &str) {
    for (number, line) in value.lines().enumerate() {
        let name = if number == 0 { name } else { "" };
        let _ = writeln!(text, "  {name:<10} {line}");
    }
}
