//! JSON by value: key order is free, `1` is `1.0`, digits are exact, and no nesting is too deep.

use std::collections::HashMap;

use super::captures::Captures;
use super::mismatch::Mismatch;
use super::number;
use super::value::Value;
use crate::scenario::json::{Json, Node};

/// Where a pair of values lies: the pair above it, and the way down from there.
struct Trail {
    above: usize,
    step: String,
}

/// Children that must be equal in their turn: here, there, and the way down to them.
type Children = Vec<(usize, usize, String)>;

impl Json {
    /// Compares a received value with this pattern, and binds its holes. On failure holes may be
    /// bound that were met before it; callers that go on keep a copy of the captures.
    ///
    /// # Errors
    /// The first difference, in the pattern's order.
    pub(super) fn matches(&self, received: &Self, captures: &mut Captures) -> Result<(), Mismatch> {
        let mut trails = vec![Trail {
            above: 0,
            step: String::new(),
        }];
        let mut todo = vec![(0_usize, 0_usize, 0_usize)];
        while let Some((wanted, came, trail)) = todo.pop() {
            let children = self
                .matches_node(wanted, received, came, captures)
                .map_err(|mismatch| mismatch.at(path(&trails, trail)))?;
            for (wanted, came, step) in children.into_iter().rev() {
                todo.push((wanted, came, trails.len()));
                trails.push(Trail { above: trail, step });
            }
        }
        Ok(())
    }

    /// Compares one node, and says which of its children remain to be compared.
    fn matches_node(
        &self,
        wanted: usize,
        received: &Self,
        came: usize,
        captures: &mut Captures,
    ) -> Result<Children, Mismatch> {
        let differ = || Mismatch::new(self.subtree(wanted), received.subtree(came));
        match (self.node(wanted), received.node(came)) {
            (Node::Hole(hole), _) => captures.take(hole, Value::Json(received.subtree(came)))?,
            (Node::Regex(pattern), _) => {
                if !pattern
                    .0
                    .is_match(&Value::Json(received.subtree(came)).raw())
                {
                    return Err(differ());
                }
            }
            (Node::Spliced(template), Node::Text(text)) => template.matches(text, captures)?,
            (Node::Array { items, rest }, Node::Array { items: got, .. }) => {
                if got.len() < items.len() || (got.len() > items.len() && !rest) {
                    let (got, items) = (got.len(), items.len());
                    let reason = format!("of {items} expected items came {got}");
                    return Err(differ().because(reason));
                }
                let pairs = items.iter().zip(got).enumerate();
                return Ok(pairs
                    .map(|(i, (a, b))| (*a, *b, format!("[{i}]")))
                    .collect());
            }
            (Node::Object { entries, rest }, Node::Object { entries: got, .. }) => {
                return keys(entries, *rest, got).map_err(|reason| differ().because(reason));
            }
            (Node::Number(a), Node::Number(b)) if number::same(a, b) => {}
            (Node::Null, Node::Null) => {}
            (Node::Bool(a), Node::Bool(b)) if a == b => {}
            (Node::Text(a), Node::Text(b)) if a == b => {}
            (Node::Bytes(a), Node::Bytes(b)) if a == b => {}
            _ => return Err(differ()),
        }
        Ok(Children::new())
    }
}

/// Pairs the entries of two objects by key. Of a key that came twice the last counts, as in
/// JavaScript.
fn keys(
    wanted: &[(String, usize)],
    rest: bool,
    came: &[(String, usize)],
) -> Result<Children, String> {
    let mut by_key: HashMap<&str, usize> = came.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    let mut pairs = Children::with_capacity(wanted.len());
    for (key, a) in wanted {
        let b = by_key
            .remove(key.as_str())
            .ok_or_else(|| format!("the key {key:?} is missing"))?;
        pairs.push((*a, b, format!(".{key}")));
    }
    match came
        .iter()
        .find(|(key, _)| by_key.contains_key(key.as_str()))
    {
        Some((key, _)) if !rest => Err(format!("the key {key:?} is not expected")),
        _ => Ok(pairs),
    }
}

/// Whether two values without holes are equal.
pub(super) fn same(a: &Json, b: &Json) -> bool {
    a.matches(b, &mut Captures::new()).is_ok()
}

fn path(trails: &[Trail], mut trail: usize) -> String {
    let mut steps = Vec::new();
    while trail != 0 {
        steps.push(trails[trail].step.as_str());
        trail = trails[trail].above;
    }
    steps.reverse();
    steps.concat()
}
