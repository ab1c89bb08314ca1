//! [`Json`] as text.

use super::json::{Json, Node};
use super::json_read::surrogate;

/// One thing that is still to be written.
enum Todo<'j> {
    Node(usize),
    Text(&'static str),
    Key(&'j str),
}

impl Json {
    /// The value as compact JSON text. What JSON has no text for (holes, bytes) is written by
    /// `special`, which returns whether it did; otherwise it is written as a scenario would.
    pub(crate) fn write(&self, special: &mut dyn FnMut(&Node, &mut String) -> bool) -> String {
        let mut out = String::new();
        let mut todo = vec![Todo::Node(0)];
        while let Some(next) = todo.pop() {
            match next {
                Todo::Text(text) => out.push_str(text),
                Todo::Key(key) => {
                    quote(key, &mut out);
                    out.push(':');
                }
                Todo::Node(index) => match self.nodes.get(index).unwrap_or(&Node::Null) {
                    Node::Array { items, rest } => {
                        out.push('[');
                        todo.push(Todo::Text(end(
                            *rest,
                            items.is_empty(),
                            "]",
                            ",...]",
                            "...]",
                        )));
                        for (i, item) in items.iter().enumerate().rev() {
                            todo.push(Todo::Node(*item));
                            if i > 0 {
                                todo.push(Todo::Text(","));
                            }
                        }
                    }
                    Node::Object { entries, rest } => {
                        out.push('{');
                        todo.push(Todo::Text(end(
                            *rest,
                            entries.is_empty(),
                            "}",
                            ",...}",
                            "...}",
                        )));
                        for (i, (key, value)) in entries.iter().enumerate().rev() {
                            todo.push(Todo::Node(*value));
                            todo.push(Todo::Key(key));
                            if i > 0 {
                                todo.push(Todo::Text(","));
                            }
                        }
                    }
                    node if special(node, &mut out) => {}
                    node => leaf(node, &mut out),
                },
            }
        }
        out
    }
}

/// As a scenario would write it.
impl std::fmt::Display for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.write(&mut |_, _| false))
    }
}

fn end(
    rest: bool,
    empty: bool,
    closed: &'static str,
    more: &'static str,
    only: &'static str,
) -> &'static str {
    match (rest, empty) {
        (false, _) => closed,
        (true, false) => more,
        (true, true) => only,
    }
}

fn leaf(node: &Node, out: &mut String) {
    match node {
        Node::Null => out.push_str("null"),
        Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Node::Number(digits) => out.push_str(digits),
        Node::Text(text) => quote(text, out),
        Node::Bytes(bytes) => {
            out.push_str("!hex ");
            for byte in bytes {
                out.push_str(&format!("{byte:02x}"));
            }
        }
        Node::Hole(hole) => out.push_str(&hole.to_string()),
        Node::Spliced(template) => out.push_str(&template.to_string()),
        Node::Regex(pattern) => out.push_str(&pattern.to_string()),
        Node::Array { .. } | Node::Object { .. } => {}
    }
}

/// A JSON string in quotes.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => match surrogate(c) {
                Some(unit) => out.push_str(&format!("\\u{unit:04x}")),
                None => out.push(c),
            },
        }
    }
    out.push('"');
}
