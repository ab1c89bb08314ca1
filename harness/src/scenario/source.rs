//! The text of a scenario, and where in it a step stands.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// A scenario's text and the name under which people know it.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The path as it is shown, such as `scenarios/engine.io/handshake/polling.yaml`.
    pub file: String,
    /// The whole text.
    pub text: String,
}

/// One step of the way from the root of the document to a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// The value under the n-th key of a mapping, counted from 0.
    Entry(usize),
    /// The n-th key itself.
    Key(usize),
    /// The n-th item of a sequence.
    Item(usize),
}

/// A line and a column, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl Source {
    /// Line and column of a byte offset.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// The byte offset at which the node at `path` begins.
    pub(super) fn locate(&self, path: &[Segment]) -> usize {
        super::locate::offset(&self.text, path).unwrap_or(0)
    }
}

/// Where a piece of a scenario stands. The position is found when it is first asked for.
#[derive(Clone, Debug)]
pub struct Place(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Arc<Source>,
    path: Vec<Segment>,
    offset: OnceLock<usize>,
}

impl Place {
    /// The place of the node at `path` in `source`; `offset` if it is known already.
    pub(super) fn new(source: &Arc<Source>, path: Vec<Segment>, offset: Option<usize>) -> Self {
        let known = OnceLock::new();
        if let Some(offset) = offset {
            known.get_or_init(|| offset);
        }
        Self(Arc::new(Inner {
            source: Arc::clone(source),
            path,
            offset: known,
        }))
    }

    /// The file's name, as it is shown.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.0.source.file
    }

    /// The source that this place is in.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.0.source
    }

    /// The byte offset of the node's first character.
    #[must_use]
    pub fn offset(&self) -> usize {
        *self
            .0
            .offset
            .get_or_init(|| self.0.source.locate(&self.0.path))
    }

    /// Line and column of the node's first character.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.source.position(self.offset())
    }

    /// The text of the node's first line, without indentation and comment.
    #[must_use]
    pub fn line_text(&self) -> &str {
        let line = self.position().line;
        let line = self.0.source.text.lines().nth(line - 1);
        uncommented(line.unwrap_or_default()).trim()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file(), self.position())
    }
}

/// A line of YAML on which a node begins, without the comment at its end.
pub(crate) fn uncommented(line: &str) -> &str {
    // Where a value may begin a quote opens one; inside of a plain text it is a letter.
    let mut begins = true;
    let mut quote = None;
    let mut flow = 0_usize;
    let mut before = ' ';
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        let space = before.is_whitespace();
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '#') if space => return line[..at].trim_end(),
            // Doubled, it goes on.
            (None, '\'') if before == '\'' => quote = Some('\''),
            (None, '"' | '\'') if begins => quote = Some(c),
            (None, '[' | '{') if begins || flow > 0 => {
                flow += 1;
                begins = true;
            }
            (None, ',') if flow > 0 => begins = true,
            (None, ']' | '}') if flow > 0 => {
                flow -= 1;
                begins = false;
            }
            (None, ' ') => begins |= matches!(before, ':' | '-' | '?'),
            (None, _) => begins = false,
        }
        before = c;
    }
    line.trim_end()
}

#[cfg(test)]
mod tests {
    use super::uncommented;

    #[test]
    fn a_comment_is_no_part_of_the_line_and_what_looks_like_one_is() {
        for (line, kept) in [
            ("- A.expect: 42[\"a\"]   # so", "- A.expect: 42[\"a\"]"),
            ("- A.expect: 42[\"a#b\"]", "- A.expect: 42[\"a#b\"]"),
            (
                "- A.expect: '42[\"a # b\"]'  # so",
                "- A.expect: '42[\"a # b\"]'",
            ),
            (
                "- A.expect: \"4\\\" # '2\"  # so",
                "- A.expect: \"4\\\" # '2\"",
            ),
            ("- A.send: 'it''s # this'", "- A.send: 'it''s # this'"),
            ("- A.send: it's # this", "- A.send: it's"),
            (
                "- A.emit: [\"a # b\", 'c # d'] # so",
                "- A.emit: [\"a # b\", 'c # d']",
            ),
            (
                "- A.emit: [join, {a: 'x # y'}] # so",
                "- A.emit: [join, {a: 'x # y'}]",
            ),
            ("- - A.expect: '#'  ", "- - A.expect: '#'"),
            ("- A.nothing: # so", "- A.nothing:"),
            ("# so", ""),
            ("é: 'ü # ä' # so", "é: 'ü # ä'"),
        ] {
            assert_eq!(uncommented(line), kept);
        }
    }
}
