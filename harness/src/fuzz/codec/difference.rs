//! What two answers differ in, packet by packet and value by value.

use std::collections::HashMap;

use super::answer::{Body, Packet};
use crate::judge::number;
use crate::scenario::json::{Json, Node};

/// One place where ours is not theirs; ours stands first.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// The type.
    Kind(String, String),
    /// The namespace.
    Namespace(String, String),
    /// The id of a packet of that type.
    Id(String, Option<String>, Option<String>),
    /// What an Engine.IO packet of that type carries.
    Body(String, Body, Body),
    /// The payload of a packet of that type, where only one has any.
    Data(String, Option<Json>, Option<Json>),
    /// A value somewhere in the payload.
    Value(Json, Json),
    /// A packet of the other protocol.
    Layer,
}

/// All places in which two packets differ.
#[must_use]
pub fn between(ours: &Packet, theirs: &Packet) -> Vec<Difference> {
    let mut all = Vec::new();
    match (ours, theirs) {
        (Packet::Engine { kind, body }, Packet::Engine { kind: k, body: b }) => {
            kinds(kind, k, &mut all);
            if body != b {
                all.push(Difference::Body(kind.clone(), body.clone(), b.clone()));
            }
        }
        (
            Packet::Socket {
                kind,
                namespace,
                id,
                data,
            },
            Packet::Socket {
                kind: k,
                namespace: n,
                id: i,
                data: d,
            },
        ) => {
            kinds(kind, k, &mut all);
            if namespace != n {
                all.push(Difference::Namespace(namespace.clone(), n.clone()));
            }
            if !same_id(id.as_deref(), i.as_deref()) {
                all.push(Difference::Id(kind.clone(), id.clone(), i.clone()));
            }
            match (data, d) {
                (Some(one), Some(two)) => values(one, two, &mut all),
                (None, None) => {}
                _ => all.push(Difference::Data(kind.clone(), data.clone(), d.clone())),
            }
        }
        _ => all.push(Difference::Layer),
    }
    all
}

fn kinds(ours: &str, theirs: &str, all: &mut Vec<Difference>) {
    if ours != theirs {
        all.push(Difference::Kind(ours.to_owned(), theirs.to_owned()));
    }
}

fn same_id(ours: Option<&str>, theirs: Option<&str>) -> bool {
    match (ours, theirs) {
        (Some(one), Some(two)) => number::same_integer(one, two),
        (None, None) => true,
        _ => false,
    }
}

/// The deepest values that differ. Objects are compared by key, and the last of a key counts.
pub fn values(ours: &Json, theirs: &Json, all: &mut Vec<Difference>) {
    let mut todo = vec![(0, 0)];
    while let Some((one, two)) = todo.pop() {
        match (ours.node(one), theirs.node(two)) {
            (Node::Array { items: a, .. }, Node::Array { items: b, .. }) if a.len() == b.len() => {
                todo.extend(a.iter().copied().zip(b.iter().copied()));
            }
            (Node::Object { entries: a, .. }, Node::Object { entries: b, .. }) => {
                match pairs(a, b) {
                    Some(pairs) => todo.extend(pairs),
                    None => all.push(Difference::Value(ours.subtree(one), theirs.subtree(two))),
                }
            }
            (Node::Number(a), Node::Number(b)) if number::same(a, b) => {}
            // Arrays of different lengths hold indices, which say nothing.
            (a, b) if a == b && !matches!(a, Node::Array { .. }) => {}
            _ => all.push(Difference::Value(ours.subtree(one), theirs.subtree(two))),
        }
    }
}

/// The values of the same keys; `None` where one has a key that the other lacks.
fn pairs(ours: &[(String, usize)], theirs: &[(String, usize)]) -> Option<Vec<(usize, usize)>> {
    let last = |entries: &'_ [(String, usize)]| -> HashMap<String, usize> {
        entries.iter().cloned().collect()
    };
    let (ours, theirs) = (last(ours), last(theirs));
    if ours.len() != theirs.len() {
        return None;
    }
    ours.iter()
        .map(|(key, one)| theirs.get(key).map(|two| (*one, *two)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differ(ours: &str, theirs: &str) -> Vec<String> {
        let (ours, theirs) = (Json::parse(ours).unwrap(), Json::parse(theirs).unwrap());
        let mut all = Vec::new();
        values(&ours, &theirs, &mut all);
        let shown = |difference| match difference {
            Difference::Value(one, two) => format!("{one} {two}"),
            _ => unreachable!("only values are compared"),
        };
        all.into_iter().map(shown).collect()
    }

    #[test]
    fn values_are_compared_by_what_they_say() {
        assert!(differ(r#"{"a":1.0,"b":[1e2]}"#, r#"{"b":[100],"a":1}"#).is_empty());
        assert!(differ(r#"{"a":1,"a":2}"#, r#"{"a":2}"#).is_empty());
        assert!(differ("[]", "[]").is_empty());
        assert_eq!(differ(r#"[1,[{"a":2}]]"#, r#"[1,[{"a":3}]]"#), ["2 3"]);
        assert_eq!(differ("[1]", "[1,2]"), ["[1] [1,2]"]);
        assert_eq!(differ("[]", "[0]"), ["[] [0]"]);
        assert_eq!(differ(r#"{"a":1}"#, r#"{"b":1}"#), [r#"{"a":1} {"b":1}"#]);
    }
}
