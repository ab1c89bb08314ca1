//! What is wrong with a file, where, and what to do about it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::source::{Position, Source};

/// How many mistakes of one file are told. Each costs a look through the file, and nobody reads more.
pub(super) const MOST: usize = 100;

/// Mistakes in the order of the file, each once and no more than [`MOST`]; the last one says when there may be more.
pub(super) fn in_order(mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let more = errors.len() >= MOST;
    errors.sort_by_key(|error| error.span.start);
    errors.dedup_by(|a, b| a.span == b.span && a.message == b.message);
    errors.truncate(MOST);
    if more && let Some(last) = errors.last_mut() {
        last.hint = Some("there may be more mistakes: mend these first".to_owned());
    }
    errors
}

/// One thing that is wrong with a scenario.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The file's text.
    pub source: Arc<Source>,
    /// The bytes of the text that are meant.
    pub span: Range<usize>,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do, such as "did you mean `expect`?".
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A diagnostic about these bytes; a range that does not lie in the text is moved into it.
    pub(super) fn new(
        source: &Arc<Source>,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        let text = &source.text;
        let floor = |at: usize| {
            (0..=at.min(text.len()))
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0)
        };
        let start = floor(span.start);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor(span.end).clamp(start, line_end.max(start));
        Self {
            source: Arc::clone(source),
            span: start..end,
            message: message.into(),
            hint: None,
        }
    }

    /// The same, with what to do.
    #[must_use]
    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Line and column of what is meant.
    #[must_use]
    pub fn position(&self) -> Position {
        self.source.position(self.span.start)
    }

    /// The lines around it, with a caret; with colours where a terminal shows them.
    #[must_use]
    pub fn render(&self, colours: bool) -> String {
        let snippet = Snippet::source(&self.source.text)
            .path(&self.source.file)
            .annotation(AnnotationKind::Primary.span(self.span.clone()));
        let mut group = Level::ERROR.primary_title(&self.message).element(snippet);
        if let Some(hint) = &self.hint {
            group = group.element(Level::HELP.message(hint));
        }
        let renderer = if colours {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.render(&[group])
    }
}

/// `file:line:column: message`, in one line.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}",
            self.source.file,
            self.position(),
            self.message
        )?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// "did you mean …?" for a word that is not among the known ones, if one of them is near.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
    let lower = word.to_lowercase();
    let (distance, best) = known
        .into_iter()
        .map(|candidate| (distance(&lower, &candidate.to_lowercase()), candidate))
        .min()?;
    (distance <= 1 + word.chars().count() / 4).then(|| format!("did you mean `{best}`?"))
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
