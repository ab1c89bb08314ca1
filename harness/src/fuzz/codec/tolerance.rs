//! Differences in meaning that have a class of their own.

use super::answer::Body;
use super::class::{self, Class};
use super::difference::{Difference, values};
use super::quirk;
use crate::judge::number;
use crate::scenario::json::{Json, Node};

/// The classes that a difference may be of, the likeliest first; none if nobody has said why it is.
#[must_use]
pub fn classes(difference: &Difference) -> Vec<&'static Class> {
    let one = match difference {
        Difference::Namespace(ours, theirs) => {
            let cut = ours.split_once('?').is_some_and(|(name, _)| name == theirs);
            cut.then_some(&class::NAMESPACE_QUERY)
        }
        Difference::Id(kind, ours, theirs) => id(kind, ours.as_deref(), theirs.as_deref()),
        Difference::Body(kind, Body::Text(ours), theirs) => return body(kind, ours, theirs),
        Difference::Data(kind, Some(ours), None) => {
            let null = ours.root() == &Node::Null;
            let mut all: Vec<_> = null
                .then_some(&class::NULL_IS_NOTHING)
                .into_iter()
                .collect();
            all.extend((kind == "disconnect").then_some(&class::DISCONNECT_PAYLOAD));
            return all;
        }
        Difference::Value(ours, theirs) => value(ours, theirs),
        _ => None,
    };
    one.into_iter().collect()
}

fn id(kind: &str, ours: Option<&str>, theirs: Option<&str>) -> Option<&'static Class> {
    let can_have_one = matches!(kind, "event" | "ack");
    match (ours, theirs) {
        (Some(_), None) if !can_have_one => Some(&class::STRAY_ID),
        (Some(ours), None) => ours.parse::<i64>().is_err().then_some(&class::ID_LOST),
        (Some(ours), Some(theirs)) => {
            same_double(ours, theirs).then_some(&class::ID_BEYOND_DOUBLES)
        }
        (None, Some("NaN")) => Some(&class::BLANK_IN_ID),
        _ => None,
    }
}

fn body(kind: &str, ours: &str, theirs: &Body) -> Vec<&'static Class> {
    let read = quirk::loose_json(ours);
    let (dropped, as_json) = match (theirs, read.as_ref().map(|json| (json, json.root()))) {
        (Body::Text(theirs), Some((_, Node::Text(ours)))) => (theirs.is_empty(), ours == theirs),
        (Body::Text(theirs), _) => (theirs.is_empty(), false),
        (Body::Json(theirs), Some((ours, _))) => (false, same_but_for_numbers(ours, theirs)),
        _ => (false, false),
    };
    let mut all = Vec::new();
    all.extend(as_json.then_some(&class::MESSAGE_READ_AS_JSON));
    all.extend((dropped && kind != "message").then_some(&class::ENGINE_DATA_DROPPED));
    all
}

fn same_but_for_numbers(ours: &Json, theirs: &Json) -> bool {
    let mut all = Vec::new();
    values(ours, theirs, &mut all);
    let number = |class: &&Class| [&class::NUMBER_BEYOND_DOUBLES, &class::NAN].contains(class);
    all.iter()
        .all(|difference| classes(difference).iter().any(number))
}

fn value(ours: &Json, theirs: &Json) -> Option<&'static Class> {
    match (ours.root(), theirs.root()) {
        (Node::Number(ours), Node::Number(theirs)) => {
            if same_double(ours, theirs) {
                return Some(&class::NUMBER_BEYOND_DOUBLES);
            }
            next_double(ours, theirs).then_some(&class::NUMBER_ROUNDED)
        }
        (Node::Text(ours), Node::Number(theirs)) => {
            (quirk::unmarked(ours) == Some(theirs)).then_some(&class::NAN)
        }
        (Node::Bytes(_), Node::Bytes(_)) => Some(&class::ATTACHMENTS_BY_POSITION),
        (Node::Bytes(ours), Node::Text(theirs)) => {
            (**ours == *theirs.as_bytes()).then_some(&class::TEXT_AS_ATTACHMENT)
        }
        (Node::Bytes(_), Node::Object { entries, .. }) => entries
            .iter()
            .any(|(key, _)| key == "_placeholder")
            .then_some(&class::PLACEHOLDER_KEPT),
        // A text, where texts are taken for attachments.
        (Node::Object { entries, .. }, Node::Bytes(_) | Node::Text(_) | Node::Null) => {
            placeholder(ours, entries, theirs.root())
        }
        _ => None,
    }
}

/// An object to us, an attachment to them.
fn placeholder(ours: &Json, entries: &[(String, usize)], theirs: &Node) -> Option<&'static Class> {
    // Of a key that comes twice the last counts.
    let member = |name: &str| {
        entries
            .iter()
            .rfind(|(key, _)| key == name)
            .map(|(_, at)| ours.node(*at))
    };
    let (marker, index) = (member("_placeholder")?, member("num")?);
    match (marker, index) {
        (Node::Bool(true), Node::Number(number)) => match (number.parse::<u64>().is_ok(), theirs) {
            (true, Node::Bytes(_)) => Some(&class::ATTACHMENTS_BY_POSITION),
            (true, _) => None,
            (false, _) => Some(&class::PLACEHOLDER_NEGATIVE),
        },
        (Node::Bool(true), Node::Bool(_)) => Some(&class::PLACEHOLDER_NEGATIVE),
        (Node::Bool(false) | Node::Null, _) => None,
        _ => (*theirs != Node::Null).then_some(&class::PLACEHOLDER_TRUTHY),
    }
}

/// Whether both are one number to a language that has only doubles.
fn same_double(ours: &str, theirs: &str) -> bool {
    let double = |text: &str| match text {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        "NaN" => None,
        _ => text.parse::<f64>().ok(),
    };
    number::same(ours, theirs) || (double(ours).is_some() && double(ours) == double(theirs))
}

/// Whether theirs is the double beside ours.
fn next_double(ours: &str, theirs: &str) -> bool {
    match (ours.parse::<f64>(), theirs.parse::<f64>()) {
        (Ok(ours), Ok(theirs)) => theirs == ours.next_up() || theirs == ours.next_down(),
        _ => false,
    }
}
