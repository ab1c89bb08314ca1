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

    /// The text of the node's first line, without indentation.
    #[must_use]
    pub fn line_text(&self) -> &str {
        let line = self.position().line;
        self.0
            .source
            .text
            .lines()
            .nth(line - 1)
            .unwrap_or_default()
            .trim()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file(), self.position())
    }
}
