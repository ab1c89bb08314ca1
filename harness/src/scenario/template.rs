//! Texts with holes: everything outside double quotes that begins with `$`.

use std::fmt;

use super::hole;
use super::json_read::JsonError;
use super::literal::{Hole, Part, Pattern, Template};

/// How the record separator U+001E is written in a scenario.
pub const SEPARATOR: char = '␞';

impl Template {
    /// Reads a text. `$$` is a dollar and `␞` the record separator; within double quotes nothing
    /// is a hole.
    ///
    /// # Errors
    /// A `$` that starts no hole.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        Self::read(text, true)
    }

    /// Reads a text in which quotes and brackets mean nothing.
    ///
    /// # Errors
    /// A `$` that starts no hole.
    pub fn parse_text(text: &str) -> Result<Self, JsonError> {
        Self::read(text, false)
    }

    fn read(text: &str, json: bool) -> Result<Self, JsonError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut quoted = false;
        let mut depth = 0_usize;
        let mut at = 0;
        loop {
            // Most of a text means nothing but itself.
            let special = text[at..].find(['$', '"', '\\', '[', ']', '{', '}', SEPARATOR]);
            let end = special.map_or(text.len(), |length| at + length);
            plain.push_str(&text[at..end]);
            at = end;
            let Some(c) = text[at..].chars().next() else {
                break;
            };
            let mut length = c.len_utf8();
            match c {
                SEPARATOR => plain.push('\u{1e}'),
                '\\' if quoted => {
                    let escaped = text[at + 1..].chars().next();
                    plain.push('\\');
                    plain.extend(escaped);
                    length += escaped.map_or(0, char::len_utf8);
                }
                '"' => {
                    quoted = json && !quoted;
                    plain.push(c);
                }
                '$' if !quoted && text[at + 1..].starts_with('$') => {
                    plain.push('$');
                    length = 2;
                }
                '$' if !quoted => {
                    let (hole, read) = hole::read(&text[at..]).map_err(|message| JsonError {
                        offset: at,
                        message,
                    })?;
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Hole {
                        hole,
                        json: depth > 0,
                    });
                    length = read;
                }
                _ => {
                    match c {
                        '[' | '{' if json && !quoted => depth += 1,
                        ']' | '}' if !quoted => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    plain.push(c);
                }
            }
            at += length;
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// A text without holes.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        Self {
            parts: vec![Part::Text(text.to_owned())],
        }
    }

    /// The text, if there is no hole in it.
    #[must_use]
    pub fn as_plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The holes in it.
    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole { hole, .. } => Some(hole),
            Part::Text(_) => None,
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(&text.replace('\u{1e}', "␞"))?,
                Part::Hole { hole, .. } => write!(f, "{hole}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "~/{}/", self.0.as_str().replace('/', "\\/"))
    }
}
