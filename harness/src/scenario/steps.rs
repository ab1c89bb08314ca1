//! The steps of a scenario: who, which verb, what stands beside it.

use super::diagnostic::nearest;
use super::document;
use super::grammar::{self, Grammar, MODIFIERS, VERBS};
use super::header::is_client;
use super::json_read::JsonError;
use super::lower::Lowerer;
use super::model::{Layer, Step, Subject};
use super::node::{Node, Value};
use super::source::Place;

/// What stands beside a verb, by name.
pub(super) type Beside<'n> = Vec<(&'static str, &'n Node)>;

impl Lowerer {
    /// A list of steps; those with errors are noted and left out.
    pub(super) fn steps(&mut self, node: &Node) -> Vec<Step> {
        let Some(items) = self.items(node, "steps") else {
            return Vec::new();
        };
        items.iter().filter_map(|item| self.step(item)).collect()
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        if let Some(text) = node.text() {
            let hint = match text.split_once(':') {
                Some((verb, rest)) if !rest.is_empty() => {
                    format!("a space must follow the colon: `{verb}: {rest}`")
                }
                _ => format!("end the verb with a colon: `{text}:`"),
            };
            return self.fail(node, "a step is written `subject.verb: value`", Some(hint));
        }
        let mut verb: Option<(&Node, &Node)> = None;
        let mut beside = Beside::new();
        for (key, value) in self.entries(node, "a step")? {
            let word = key.text().unwrap_or_default();
            if let Some(modifier) = MODIFIERS.iter().find(|name| **name == word) {
                beside.push((modifier, value));
            } else if let Some((first, _)) = verb {
                let known: Vec<&str> = MODIFIERS.to_vec();
                let message = format!(
                    "`{word}` cannot stand beside `{}`",
                    first.text().unwrap_or_default()
                );
                let hint = nearest(word, known)
                    .or_else(|| Some("a second step begins with `- `".to_owned()));
                self.fail::<()>(key, message, hint);
            } else {
                verb = Some((key, value));
            }
        }
        let Some((key, value)) = verb else {
            return self.fail(node, "this step has no verb", None);
        };
        let (subject, grammar) = self.subject(key)?;
        self.refuse_beside(key, grammar, &beside);
        let verb = self.verb(grammar, &subject, key, value, &beside);
        let find = |name: &str| {
            beside
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, node)| *node)
        };
        let place = Place::new(
            &self.source,
            key.path.clone(),
            key.span.as_ref().map(|span| span.start),
        );
        Some(Step {
            place,
            subject,
            within: find("within").and_then(|node| self.duration(node)),
            not_before: find("not-before").and_then(|node| self.duration(node)),
            ns: find("ns").and_then(|node| self.namespace(node)),
            at: find("at").and_then(|node| self.bound_name(node)),
            note: find("note").and_then(|node| self.text(node, "a sentence").map(str::to_owned)),
            verb: verb?,
        })
    }

    /// Splits `A.ws.expect` into who, the layer and the verb.
    fn subject(&mut self, key: &Node) -> Option<(Subject, &'static Grammar)> {
        let text = self.text(key, "a verb")?;
        let (first, behind) = text.split_once('.').unwrap_or((text, ""));
        let bare = first.split('[').next().unwrap_or_default();
        let (client, member, rest) = if is_client(bare) {
            let member = match first.strip_prefix(bare).filter(|m| !m.is_empty()) {
                None => None,
                Some(index) => match index.trim_matches(['[', ']']).parse() {
                    Ok(index) => Some(index),
                    Err(_) => {
                        return self.fail(
                            key,
                            format!("`{first}` is no member of a group"),
                            Some(format!("write `{bare}[0]`")),
                        );
                    }
                },
            };
            (Some(bare.to_owned()), member, behind)
        } else {
            (None, None, text)
        };
        let (layer, verb) = split_layer(rest);
        let Some(grammar) = grammar::verb(verb) else {
            return self.unknown_verb(key, rest, verb);
        };
        if grammar.layers.is_empty() {
            let lonely = client.is_none() && layer == Layer::Client;
            if !lonely && grammar.name != "check" {
                return self.fail(
                    key,
                    format!("`{verb}` has no subject"),
                    Some(format!("write `{verb}:` alone")),
                );
            }
            let client = client.unwrap_or_default();
            return Some((
                Subject {
                    client,
                    member,
                    layer,
                },
                grammar,
            ));
        }
        let layer = match grammar.layers {
            [own @ (Layer::Poll | Layer::Http), ..] if layer == Layer::Client => *own,
            layers if layers.contains(&layer) => layer,
            layers => {
                let ways: Vec<String> = layers
                    .iter()
                    .map(|layer| grammar::written(grammar, *layer))
                    .collect();
                let message = match layer {
                    Layer::Client => format!("`{verb}` needs its layer"),
                    layer => format!("`{}` has no `{verb}`", layer.word()),
                };
                return self.fail(
                    key,
                    message,
                    Some(format!("write `{}`", ways.join("` or `"))),
                );
            }
        };
        let Some(client) = client.or_else(|| self.only_client.clone()) else {
            return self.fail(
                key,
                "several clients are listed; say which one",
                Some(format!("write `A.{rest}:`")),
            );
        };
        Some((
            Subject {
                client,
                member,
                layer,
            },
            grammar,
        ))
    }

    fn unknown_verb<T>(&mut self, key: &Node, rest: &str, verb: &str) -> Option<T> {
        let mut words: Vec<String> = Vec::new();
        for known in &VERBS {
            words.push(known.name.to_owned());
            words.extend(
                known
                    .layers
                    .iter()
                    .map(|layer| grammar::written(known, *layer)),
            );
        }
        let hint = nearest(rest, words.iter().map(String::as_str));
        let hint = hint
            .or_else(|| nearest(verb, words.iter().map(String::as_str)))
            .or_else(|| {
                let names: Vec<&str> = VERBS.iter().map(|verb| verb.name).collect();
                Some(format!("the verbs are {}", names.join(", ")))
            });
        let what = if verb.is_empty() {
            "a verb must follow the subject".to_owned()
        } else {
            format!("`{rest}` is no verb")
        };
        self.fail(key, what, hint)
    }

    fn refuse_beside(&mut self, key: &Node, grammar: &Grammar, beside: &Beside<'_>) {
        for (name, node) in beside {
            if *name == "note" || grammar.modifiers.contains(name) {
                continue;
            }
            let verb = key.text().unwrap_or_default();
            let allowed = grammar.modifiers.join("`, `");
            let hint = if allowed.is_empty() {
                "only `note:` can".to_owned()
            } else {
                format!("beside it can stand `{allowed}`, `note`")
            };
            // The caret belongs under the word, which stands before its value.
            let at = document::span(&self.source, node);
            let line = self.source.text[..at.start].rfind(name).unwrap_or(at.start);
            let span = line..line + name.len();
            let message = format!("`{name}` cannot stand beside `{verb}`");
            self.errors.push(
                super::diagnostic::Diagnostic::new(&self.source, span, message).hint(Some(hint)),
            );
        }
    }

    fn namespace(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "a namespace")?;
        if text.starts_with('/') {
            return Some(text.to_owned());
        }
        self.fail(
            node,
            format!("`{text}` is no namespace"),
            Some(format!("write `/{text}`")),
        )
    }

    /// `$t`: a name that the step binds.
    pub(super) fn bound_name(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "a name such as `$t`")?;
        let name = text.strip_prefix('$').unwrap_or_default();
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fine) {
            return Some(name.to_owned());
        }
        self.fail(
            node,
            format!("`{text}` is no name that can be bound"),
            Some("write `$t`".to_owned()),
        )
    }

    /// Reads each item of a list with the same literal.
    pub(super) fn literals<T>(
        &mut self,
        node: &Node,
        what: &str,
        read: impl Fn(&str) -> Result<T, JsonError>,
    ) -> Option<Vec<T>> {
        let nodes = self.one_or_more(node);
        let literals: Vec<T> = nodes
            .iter()
            .filter_map(|node| self.literal(node, what, &read))
            .collect();
        (literals.len() == nodes.len()).then_some(literals)
    }

    /// The blocks of `either`.
    pub(super) fn branches(&mut self, node: &Node) -> Option<Vec<Vec<Step>>> {
        let branches = self.items(node, "branches")?;
        let mut read = Vec::new();
        for branch in branches {
            if !matches!(branch.value, Value::Items(_)) {
                return self.fail(
                    branch,
                    "a branch is a list of steps",
                    Some("write `- [step, …]`, or `- - step`".to_owned()),
                );
            }
            read.push(self.steps(branch));
        }
        Some(read)
    }
}

/// `ws.expect` is the layer `ws` and the verb `expect`; `poll.expect` is one verb.
fn split_layer(rest: &str) -> (Layer, &str) {
    for layer in [Layer::Ws, Layer::Tcp] {
        if let Some(verb) = rest
            .strip_prefix(layer.word())
            .and_then(|verb| verb.strip_prefix('.'))
        {
            return (layer, verb);
        }
    }
    (Layer::Client, rest)
}
