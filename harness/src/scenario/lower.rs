//! From nodes to the model, by hand: the words, numbers, times and lists that everything is made of.

use std::sync::Arc;
use std::time::Duration;

use super::diagnostic::{Diagnostic, MOST, nearest};
use super::document;
use super::json_read::JsonError;
use super::node::{Node, Value};
use super::packet::Flavour;
use super::source::Source;

/// Reads nodes, and collects what is wrong with them.
pub(super) struct Lowerer {
    pub(super) source: Arc<Source>,
    pub(super) errors: Vec<Diagnostic>,
    /// How packet literals of this scenario compare.
    pub(super) flavour: Flavour,
    /// The client that is meant where a step names none; `None` where it must be named.
    pub(super) only_client: Option<String>,
}

impl Lowerer {
    pub(super) fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            errors: Vec::new(),
            flavour: Flavour::SocketIo,
            only_client: Some("A".to_owned()),
        }
    }

    /// Notes what is wrong with a node. Always `None`, to be returned.
    pub(super) fn fail<T>(
        &mut self,
        node: &Node,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Option<T> {
        if self.errors.len() >= MOST {
            return None;
        }
        let span = document::span(&self.source, node);
        self.errors
            .push(Diagnostic::new(&self.source, span, message).hint(hint));
        None
    }

    /// Notes a literal that could not be read, with the caret where it breaks.
    pub(super) fn broken<T>(&mut self, node: &Node, error: &JsonError) -> Option<T> {
        if self.errors.len() >= MOST {
            return None;
        }
        let mut span = document::span(&self.source, node);
        if node.span.is_some() {
            span.start = (span.start + error.offset).min(span.end);
            span.end = span.end.max(span.start + 1);
        }
        self.errors
            .push(Diagnostic::new(&self.source, span, error.message.clone()));
        None
    }

    /// Notes a word that is not known.
    pub(super) fn unknown<T>(
        &mut self,
        node: &Node,
        what: &str,
        word: &str,
        known: &[&str],
    ) -> Option<T> {
        let hint = nearest(word, known.iter().copied());
        let hint = hint.unwrap_or_else(|| format!("known are {}", known.join(", ")));
        self.fail(node, format!("`{word}` is no {what}"), Some(hint))
    }

    /// A text, as it was written.
    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match node.text() {
            Some(text) if !(node.is_null() && text.is_empty()) => Some(text),
            _ => self.fail(node, format!("{what} must stand here"), None),
        }
    }

    pub(super) fn items<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::Items(items) => Some(items),
            _ => self.fail(
                node,
                format!("{what} must stand here, as a list: `[…]` or lines with `- `"),
                None,
            ),
        }
    }

    pub(super) fn entries<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [(Node, Node)]> {
        match &node.value {
            Value::Entries(entries) => Some(entries),
            _ => self.fail(
                node,
                format!("{what} must stand here, as `{{key: value}}`"),
                None,
            ),
        }
    }

    /// One item, or a list of them.
    pub(super) fn one_or_more<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::Items(items) => items,
            _ => std::slice::from_ref(node),
        }
    }

    /// A mapping whose keys are known. A value is handed out with its key's name.
    pub(super) fn known<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        keys: &[&'static str],
    ) -> Option<Vec<(&'static str, &'n Node)>> {
        let mut found = Vec::new();
        for (key, value) in self.entries(node, what)? {
            let word = key.text().unwrap_or_default();
            match keys.iter().find(|known| **known == word) {
                Some(known) => found.push((*known, value)),
                None => {
                    self.unknown::<()>(key, &format!("key of {what}"), word, keys);
                }
            }
        }
        Some(found)
    }

    /// One word of several.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &Node,
        what: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(node, what)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.unknown(node, what, text, &known)
    }

    pub(super) fn bool(&mut self, node: &Node, what: &str) -> Option<bool> {
        self.word(node, what, &[("true", true), ("false", false)])
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self, node: &Node, what: &str) -> Option<T> {
        let text = self.text(node, what)?;
        match text.parse() {
            Ok(number) => Some(number),
            Err(_) => self.fail(
                node,
                format!("`{text}` is no {what}"),
                Some("a whole number must stand here".into()),
            ),
        }
    }

    pub(super) fn duration(&mut self, node: &Node) -> Option<Duration> {
        let text = self.text(node, "a time")?;
        match duration(text) {
            Some(time) => Some(time),
            None => self.fail(
                node,
                format!("`{text}` is no time"),
                Some("write `300ms`, `1.5s` or `2min`".to_owned()),
            ),
        }
    }

    /// A literal that reads itself.
    pub(super) fn literal<T>(
        &mut self,
        node: &Node,
        what: &str,
        read: impl FnOnce(&str) -> Result<T, JsonError>,
    ) -> Option<T> {
        let text = self.text(node, what)?;
        match read(text) {
            Ok(value) => Some(value),
            Err(error) => self.broken(node, &error),
        }
    }
}

/// `300ms`, `1.5s`, `2min`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (digits, unit) = text.split_at(unit);
    let factor = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "min" => 60.0,
        _ => return None,
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse::<f64>().ok()? * factor;
    // Rounded to microseconds, so that 240 ms is 240 ms.
    Duration::try_from_secs_f64(seconds).ok().map(|d| {
        Duration::from_micros(u64::try_from((d.as_nanos() + 500) / 1000).unwrap_or(u64::MAX))
    })
}
