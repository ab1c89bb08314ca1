//! YAML values as JSON: the arguments of `emit`, what an `ack` must carry, a CONNECT payload.

use super::document::is_plain;
use super::json::{Json, Node as JsonNode};
use super::json_read::number_length;
use super::literal::{Part, Template};
use super::lower::Lowerer;
use super::node::{Node, Scalar, Value};
use super::packet::{hex_pairs, whole_regex};

/// Whether a value is sent or expected: only what is expected can have `...` and `~/regex/`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Send,
    Expect,
}

impl Lowerer {
    /// A value; a text that begins with a bracket is JSON.
    pub(super) fn json_or_text(&mut self, node: &Node, usage: Use) -> Option<Json> {
        match node.text() {
            Some(text) if text.starts_with(['{', '[']) => {
                self.literal(node, "JSON", Json::parse_pattern)
            }
            _ => self.json(node, usage),
        }
    }

    /// A YAML value as JSON.
    pub(super) fn json(&mut self, node: &Node, usage: Use) -> Option<Json> {
        let mut json = Json { nodes: Vec::new() };
        self.value(node, usage, &mut json)?;
        Some(json)
    }

    /// Adds a value to the nodes, and returns its index. YAML nests at most 128 deep.
    fn value(&mut self, node: &Node, usage: Use, json: &mut Json) -> Option<usize> {
        let index = json.nodes.len();
        json.nodes.push(JsonNode::Null);
        json.nodes[index] = match &node.value {
            Value::Scalar(text, kind) => self.scalar(node, text, *kind, usage)?,
            Value::Items(items) => self.array(items, usage, json)?,
            Value::Entries(entries) => self.object(entries, usage, json)?,
            Value::Tagged(_, inner) => {
                let text = self.text(inner, "hex pairs")?;
                match hex_pairs(text) {
                    Some(bytes) => JsonNode::Bytes(bytes),
                    None => {
                        return self.fail(
                            inner,
                            format!("`{text}` is not made of hex pairs"),
                            None,
                        );
                    }
                }
            }
        };
        Some(index)
    }

    fn array(&mut self, items: &[Node], usage: Use, json: &mut Json) -> Option<JsonNode> {
        let rest = items.last().is_some_and(|last| self.is_rest(last));
        if rest && usage == Use::Send {
            return self.fail(
                &items[items.len() - 1],
                "`...` is only for what is expected",
                None,
            );
        }
        let items = &items[..items.len() - usize::from(rest)];
        let items = items
            .iter()
            .map(|item| self.value(item, usage, json))
            .collect::<Option<_>>()?;
        Some(JsonNode::Array { items, rest })
    }

    fn object(
        &mut self,
        entries: &[(Node, Node)],
        usage: Use,
        json: &mut Json,
    ) -> Option<JsonNode> {
        let mut found = Vec::with_capacity(entries.len());
        let mut rest = false;
        for (key, value) in entries {
            if self.is_rest(key) && value.is_null() {
                if usage == Use::Send {
                    return self.fail(key, "`...` is only for what is expected", None);
                }
                rest = true;
                continue;
            }
            let name = key.text().unwrap_or_default().to_owned();
            found.push((name, self.value(value, usage, json)?));
        }
        Some(JsonNode::Object {
            entries: found,
            rest,
        })
    }

    fn is_rest(&self, node: &Node) -> bool {
        node.text() == Some("...") && is_plain(&self.source, node)
    }

    fn scalar(&mut self, node: &Node, text: &str, kind: Scalar, usage: Use) -> Option<JsonNode> {
        match kind {
            Scalar::Null => Some(JsonNode::Null),
            Scalar::Bool => Some(JsonNode::Bool(text.eq_ignore_ascii_case("true"))),
            Scalar::Number if number_length(text) == Some(text.len()) => {
                Some(JsonNode::Number(text.to_owned()))
            }
            Scalar::Number => {
                let hint = "write it as JSON does, or quote it to mean the text";
                self.fail(
                    node,
                    format!("JSON has no number `{text}`"),
                    Some(hint.to_owned()),
                )
            }
            Scalar::Text if self.is_double_quoted(node) => Some(JsonNode::Text(text.to_owned())),
            Scalar::Text => {
                if let Some(pattern) =
                    whole_regex(text).map_or_else(|e| self.broken(node, &e), Some)?
                {
                    if usage == Use::Send {
                        let hint = "put it in double quotes to send the text itself";
                        return self.fail(
                            node,
                            "a regular expression is only for what is expected",
                            Some(hint.to_owned()),
                        );
                    }
                    return Some(JsonNode::Regex(pattern));
                }
                let template = self.spliced(node, text)?;
                Some(match template.parts.as_slice() {
                    [Part::Hole { hole, .. }] => JsonNode::Hole(hole.clone()),
                    _ => match template.as_plain() {
                        Some(plain) => JsonNode::Text(plain.to_owned()),
                        None => JsonNode::Spliced(template),
                    },
                })
            }
        }
    }

    /// A text with holes; quotes within it are plain characters, and so are brackets.
    fn spliced(&mut self, node: &Node, text: &str) -> Option<Template> {
        match Template::parse_text(text) {
            Ok(template) => Some(template),
            Err(error) => self.broken(node, &error),
        }
    }

    /// Whether the value stands in double quotes in the file, where nothing is a hole.
    fn is_double_quoted(&self, node: &Node) -> bool {
        let at = match &node.span {
            Some(span) => return self.source.text[..span.start].ends_with('"'),
            None => self.source.locate(&node.path),
        };
        self.source.text[at..].starts_with('"')
    }
}
