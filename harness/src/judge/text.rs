//! Texts with holes: filled to be sent, matched against what came.

use bytes::Bytes;
use regex::Regex;

use super::captures::{Captures, Unbound};
use super::mismatch::Mismatch;
use super::value::Value;
use crate::scenario::json::Json;
use crate::scenario::literal::{Content, Hole, Name, Part, Template, TextPattern};

impl Template {
    /// The text with its holes filled.
    ///
    /// # Errors
    /// A hole to which nothing is bound.
    pub fn render(&self, captures: &Captures) -> Result<String, Unbound> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Hole { hole, json } => {
                    let value = captures.fill(&hole.name)?;
                    text.push_str(&if *json {
                        value.json().to_string()
                    } else {
                        value.raw()
                    });
                }
            }
        }
        Ok(text)
    }

    /// Compares a whole text with this one; holes take as little of it as they can.
    ///
    /// # Errors
    /// The texts differ.
    pub fn matches(&self, text: &str, captures: &mut Captures) -> Result<(), Mismatch> {
        if let Some(plain) = self.as_plain() {
            return if plain == text {
                Ok(())
            } else {
                Err(Mismatch::new(shown(plain), shown(text)))
            };
        }
        let mut source = String::from("(?s)^");
        let mut taken: Vec<(&Hole, bool)> = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => source.push_str(&regex::escape(plain)),
                Part::Hole { hole, json } => match captures.get(&hole.name) {
                    Some(value) if hole.name != Name::Any => {
                        let filled = if *json {
                            value.json().to_string()
                        } else {
                            value.raw()
                        };
                        source.push_str(&regex::escape(&filled));
                    }
                    _ => {
                        source.push_str("(.*?)");
                        taken.push((hole, *json));
                    }
                },
            }
        }
        source.push('$');
        let differ = || Mismatch::new(self, shown(text));
        let regex = Regex::new(&source)
            .map_err(|_| differ().because("the text is too long to be matched"))?;
        let found = regex.captures(text).ok_or_else(differ)?;
        for ((hole, json), group) in taken.into_iter().zip(found.iter().skip(1)) {
            let raw = group.map_or("", |g| g.as_str());
            let value = match Json::parse(raw) {
                Ok(value) if json => Value::Json(value),
                _ => Value::Text(raw.to_owned()),
            };
            captures.take(hole, value)?;
        }
        Ok(())
    }
}

impl Content {
    /// The bytes to send.
    ///
    /// # Errors
    /// A hole to which nothing is bound.
    pub fn render(&self, captures: &Captures) -> Result<Bytes, Unbound> {
        match self {
            Self::Text(text) => text.render(captures).map(Bytes::from),
            Self::Bytes(bytes) => Ok(bytes.clone()),
        }
    }
}

impl TextPattern {
    /// Compares bytes that came.
    ///
    /// # Errors
    /// They differ, or are not UTF-8 where a text is expected.
    pub fn matches(&self, bytes: &[u8], captures: &mut Captures) -> Result<(), Mismatch> {
        if let Self::Bytes(wanted) = self {
            let hex = |bytes: &[u8]| super::Received::Binary(Bytes::copy_from_slice(bytes));
            return if wanted == bytes {
                Ok(())
            } else {
                Err(Mismatch::new(hex(wanted), hex(bytes)))
            };
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            let lossy = String::from_utf8_lossy(bytes);
            return Err(Mismatch::new(self, shown(&lossy)).because("it is not UTF-8"));
        };
        match self {
            Self::Text(template) => template.matches(text, captures),
            Self::Regex(pattern) if pattern.0.is_match(text) => Ok(()),
            _ => Err(Mismatch::new(self, shown(text))),
        }
    }
}

impl std::fmt::Display for TextPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(template) => write!(f, "{template}"),
            Self::Regex(pattern) => write!(f, "{pattern}"),
            Self::Bytes(bytes) => write!(f, "{}", super::Received::Binary(bytes.clone())),
        }
    }
}

/// A text as messages show it: an empty one, and U+001E, would not be seen.
pub(super) fn shown(text: &str) -> String {
    if text.is_empty() {
        "(nothing)".to_owned()
    } else {
        text.replace('\u{1e}', "␞")
    }
}
