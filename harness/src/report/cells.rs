//! A run in the shape that the page wants it in: an index that is read at once, and parts that are unpacked when a cell
//! is opened.

use std::collections::BTreeMap;
use std::ops::Not;

use serde::Serialize;

use super::answers::answers;
use crate::explain;
use crate::outcome::{Judged, Level, Outcome, Run, Selection, Verdict};
use crate::scenario::catalogue::Catalogue;
use crate::scenario::corpus;
use crate::transcript::{Elided, Entry, Transcript};

/// How many rows of the matrix are packed together: few enough to unpack unseen, and the same trial's transcripts on
/// all targets lie side by side, where they compress well.
pub(super) const ROWS_PER_PART: usize = 16;

/// Characters of a packet's field that are repeated beside its meaning; the packet itself is shown whole.
const FIELD: usize = 400;

/// What the page needs to show everything but a cell.
#[derive(Serialize)]
pub(super) struct Index<'a> {
    siospec: &'a str,
    started: chrono::DateTime<chrono::Utc>,
    duration_ms: u64,
    interrupted: bool,
    selection: &'a Selection,
    targets: Vec<Judged>,
    requirements: BTreeMap<&'a str, Cited>,
    rows: Vec<Row<'a>>,
    rows_per_part: usize,
}

/// What the page says of a requirement.
#[derive(Serialize)]
struct Cited {
    level: &'static str,
    statement: String,
    source: String,
    link: Option<String>,
}

/// A row of the matrix: a trial, and what came of it on each target.
#[derive(Serialize)]
struct Row<'a> {
    trial: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aka: &'a [String],
    file: &'a str,
    title: &'a str,
    requirements: &'a [String],
    level: Option<&'static str>,
    group: &'a str,
    needs: &'a [String],
    cells: Vec<Cell<'a>>,
}

/// One outcome in brief; a target has several in a row where trials were repeated.
#[derive(Serialize)]
struct Cell<'a> {
    target: usize,
    verdict: String,
    gates: bool,
    #[serde(skip_serializing_if = "Not::not")]
    newer: bool,
    #[serde(skip_serializing_if = "Not::not")]
    changed: bool,
    ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

/// What stands behind some rows.
#[derive(Serialize)]
pub(super) struct Part<'a> {
    /// The YAML of their scenarios, by file.
    sources: BTreeMap<&'a str, &'static str>,
    /// For each row the details of its cells, in the order of the index.
    rows: Vec<Vec<Detail<'a>>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    verdict: &'a Verdict,
    replay: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    entries: Vec<Line<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elided: Option<&'a Elided>,
}

/// An entry of a transcript, with what it means.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    /// Field, characters, meaning; outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    chain: Vec<(&'static str, String, String)>,
    /// The rule that the packet breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<String>,
    /// The entry that this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<usize>,
}

/// The outcomes in the order of the page: by trial, then by target, then by repetition.
pub(super) struct Table<'a> {
    run: &'a Run,
    targets: Vec<Judged>,
    rows: Vec<(&'a str, Vec<(usize, &'a Outcome)>)>,
}

impl<'a> Table<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        let mut targets = run.targets.clone();
        // What of these is true stands in the verdicts, and the rest is stale.
        targets.iter_mut().for_each(|target| target.known.clear());
        let mut rows: BTreeMap<&str, Vec<(usize, &Outcome)>> = BTreeMap::new();
        for outcome in &run.outcomes {
            let column = targets.iter().position(|t| t.name == outcome.target);
            let column = column.unwrap_or_else(|| {
                targets.push(Judged {
                    name: outcome.target.clone(),
                    ..Judged::default()
                });
                targets.len() - 1
            });
            rows.entry(&outcome.trial)
                .or_default()
                .push((column, outcome));
        }
        for row in rows.values_mut() {
            row.sort_by_key(|(column, outcome)| (*column, outcome.repetition));
        }
        Self {
            run,
            targets,
            rows: rows.into_iter().collect(),
        }
    }

    pub(super) fn index(&self, catalogue: &Catalogue) -> Index<'a> {
        Index {
            siospec: &self.run.siospec,
            started: self.run.started,
            duration_ms: self.run.duration_ms,
            interrupted: self.run.interrupted,
            selection: &self.run.selection,
            targets: self.targets.clone(),
            requirements: cited(self.run, catalogue),
            rows: self
                .rows
                .iter()
                .map(|(trial, row)| brief(trial, row))
                .collect(),
            rows_per_part: ROWS_PER_PART,
        }
    }

    /// The parts, in the order of the rows.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part<'a>> {
        self.rows.chunks(ROWS_PER_PART).map(|rows| {
            let outcomes = rows.iter().flat_map(|(_, row)| row);
            Part {
                sources: outcomes
                    .filter_map(|(_, outcome)| source(outcome))
                    .collect(),
                rows: rows
                    .iter()
                    .map(|(_, row)| row.iter().map(|(_, outcome)| detail(outcome)).collect())
                    .collect(),
            }
        })
    }
}

/// The requirements that the run's scenarios name, as far as the catalogue knows them.
fn cited<'a>(run: &'a Run, catalogue: &Catalogue) -> BTreeMap<&'a str, Cited> {
    let ids = run
        .outcomes
        .iter()
        .flat_map(|outcome| &outcome.requirements);
    ids.filter_map(|id| Some((id.as_str(), catalogue.get(id)?)))
        .map(|(id, row)| {
            let cited = Cited {
                level: row.level.word(),
                statement: row.statement.clone(),
                source: row.source.clone(),
                link: row.link.clone(),
            };
            (id, cited)
        })
        .collect()
}

fn brief<'a>(trial: &'a str, row: &[(usize, &'a Outcome)]) -> Row<'a> {
    // A row is made by its first outcome.
    let first = row[0].1;
    let cell = |(target, outcome): &(usize, &'a Outcome)| Cell {
        target: *target,
        verdict: outcome.verdict.word().replace(' ', "-"),
        gates: outcome.gates,
        newer: outcome.newer,
        changed: outcome.changed,
        ms: outcome.duration_ms,
        why: why(&outcome.verdict),
    };
    Row {
        trial,
        aka: &first.aka,
        file: &first.file,
        title: &first.title,
        requirements: &first.requirements,
        level: first.level.map(Level::word),
        group: &first.group,
        needs: &first.needs,
        cells: row.iter().map(cell).collect(),
    }
}

fn why(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::NotOffered { reason } | Verdict::Errored { reason, .. } => Some(reason),
        _ => verdict.failure().map(|failure| failure.message.as_str()),
    }
}

/// The text of a scenario that comes with the program, where it is the one that was played.
fn source(outcome: &Outcome) -> Option<(&str, &'static str)> {
    let text = corpus::source(&outcome.scenario)?;
    let embedded = outcome
        .file
        .strip_prefix("scenarios/")?
        .strip_suffix(".yaml")?;
    let same = embedded == outcome.scenario
        && text.contains(&outcome.title)
        && outcome.verdict.failure().is_none_or(|failure| {
            let from = (failure.snippet.first_line as usize).saturating_sub(1);
            let lines = text.lines().skip(from);
            failure.file != outcome.file
                || failure
                    .snippet
                    .lines
                    .iter()
                    .map(String::as_str)
                    .eq(lines.take(failure.snippet.lines.len()))
        });
    same.then_some((outcome.file.as_str(), text))
}

fn detail(outcome: &Outcome) -> Detail<'_> {
    Detail {
        verdict: &outcome.verdict,
        replay: &outcome.replay,
        transcript: outcome.transcript.as_deref().map(told),
    }
}

fn told(transcript: &Transcript) -> Told<'_> {
    let answered = answers(&transcript.entries);
    let lines = transcript.entries.iter().zip(answered);
    Told {
        entries: lines.map(|(entry, answers)| line(entry, answers)).collect(),
        elided: transcript.elided.as_ref(),
    }
}

fn line(entry: &Entry, answers: Option<usize>) -> Line<'_> {
    let chain = explain::entry(entry);
    let wrong = chain.as_ref().and_then(|chain| chain.error);
    let fields = chain.map(|chain| chain.parts).unwrap_or_default();
    Line {
        entry,
        chain: fields
            .into_iter()
            .map(|part| (part.field, shortened(part.raw), part.meaning))
            .collect(),
        wrong: wrong.map(|error| format!("{} (at byte {})", error.kind, error.offset)),
        answers,
    }
}

fn shortened(mut text: String) -> String {
    if let Some((cut, _)) = text.char_indices().nth(FIELD) {
        text.truncate(cut);
        text.push('…');
    }
    text
}
