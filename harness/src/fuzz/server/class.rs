//! Classes of failures: what was done, and how what came parts from what was due.

use std::fmt;

use super::conversation::{Conversation, Written};
use crate::outcome::Failure;
use crate::run::ENDED_IT;

/// Characters of an unknown text that tell classes apart.
const SHOWN: usize = 90;

/// What two failures have in common that are counted as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    /// What was done: the name of a feature.
    pub deed: String,
    /// How it went wrong, without what differs from play to play.
    pub what: String,
}

impl Class {
    /// The class of a failure of this conversation.
    pub(super) fn of(failure: &Failure, conversation: &Conversation, written: &Written) -> Self {
        let step: Option<usize> = failure
            .step
            .strip_prefix("step ")
            .and_then(|number| number.split('.').next()?.parse().ok());
        let act = step.and_then(|step| {
            written
                .origins
                .get(step.saturating_sub(1))
                .copied()
                .flatten()
        });
        let deed = conversation.name_of(act).to_owned();
        if failure.notes.iter().any(|note| note.contains(ENDED_IT)) {
            return Self {
                deed,
                what: "the process ended".to_owned(),
            };
        }
        let message = failure.message.split(", at ").next().unwrap_or_default();
        let received = failure.received.as_deref().unwrap_or_default();
        let expected = failure.expected.as_deref().unwrap_or_default();
        // Whoever looks next finds a packet that should not be there: what was done meanwhile is chance.
        if is_socket_packet(received) && shape(received) != shape(expected) {
            return Self {
                deed: "unforeseen".to_owned(),
                what: shape(received),
            };
        }
        let mut what = plain(message);
        if !received.is_empty() {
            what += &format!(" ({})", shape(received));
        }
        Self { deed, what }
    }

    /// A name for its file.
    pub fn slug(&self) -> String {
        let text = format!("{} {}", self.deed, self.what).to_lowercase();
        let words: Vec<_> = text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let mut slug = words.join("-");
        slug.truncate(80);
        slug.trim_end_matches('-').to_owned()
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.deed, self.what)
    }
}

/// Whether a text is a Socket.IO packet on the wire.
fn is_socket_packet(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('4') && chars.next().is_some_and(|c| c.is_ascii_digit())
}

/// A packet by its type, binary or not, and its event, anything else without its numbers.
fn shape(text: &str) -> String {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 0 || digits == text.len() {
        return plain(text);
    }
    let kind = match text.get(..2).unwrap_or_default() {
        "45" => "42",
        "46" => "43",
        kind => kind,
    };
    match text
        .split_once("[\"")
        .and_then(|(_, rest)| rest.split_once('"'))
    {
        Some((name, _)) => format!("{kind}[\"{}\"", plain(name)),
        None => kind.to_owned(),
    }
}

/// A text without numbers, ids and ports.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars().take(SHOWN) {
        match c {
            c if c.is_ascii_digit() => {
                if !plain.ends_with('#') {
                    plain.push('#');
                }
            }
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_play_to_play_makes_no_class() {
        assert_eq!(shape("42[\"msg\",\"x\",17]"), "42[\"msg\"");
        assert_eq!(shape("451-/custom,[\"msg\",{}]"), "42[\"msg\"");
        assert_eq!(shape("41/custom,"), "41");
        assert_eq!(
            shape("a close frame with code 1002"),
            "a close frame with code #"
        );
        let class = Class {
            deed: "echo".to_owned(),
            what: "no answer (42[\"a b\"".to_owned(),
        };
        assert_eq!(class.slug(), "echo-no-answer-42-a-b");
    }
}
