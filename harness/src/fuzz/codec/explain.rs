//! Why two answers to one input differ: the classes that, taken together, turn ours into theirs.
//!
//! A disagreement is explained only when nothing of it is left over. Our codec reads the input again with the rules
//! let pass that the peer seems not to have, or reads what the peer seems to have made of the text; what then still
//! differs must be a difference that has a class of its own.

use siospec_codec::DecodeErrorKind as Rule;

use super::answer::{Answer, End};
use super::class::{self, Class};
use super::difference::between;
use super::input::Input;
use super::ours::{self, Ours, Rules};
use super::quirk::{self, Quirk};
use super::{refusal, tolerance};

/// What became of a pair of answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Same verdict, same meaning.
    Agrees,
    /// They differ, in ways that have a name.
    Known(Vec<&'static Class>),
    /// They differ, and nobody has said why.
    Unknown,
}

/// How many rewritings may explain one input together.
const DEEPEST: usize = 3;

/// Compares the answer of a peer to ours.
#[must_use]
pub fn explain(peer: &str, input: &Input, ours: &Ours, theirs: &Answer) -> Verdict {
    if ours.answer.end.agrees(&theirs.end)
        && tolerated(peer, &ours.answer, theirs) == Some(Vec::new())
    {
        return Verdict::Agrees;
    }
    let mut search = Search {
        peer,
        theirs,
        used: Vec::new(),
    };
    match search.from(input, Rules::default()) {
        Some(mut classes) => {
            classes.sort_by_key(|class| class::ALL.iter().position(|other| other == class));
            classes.dedup();
            Verdict::Known(classes)
        }
        None => Verdict::Unknown,
    }
}

struct Search<'a> {
    peer: &'a str,
    theirs: &'a Answer,
    used: Vec<&'static Quirk>,
}

impl Search<'_> {
    fn from(&mut self, input: &Input, rules: Rules) -> Option<Vec<&'static Class>> {
        let ours = ours::read(input, rules);
        if ours.answer.end.agrees(&self.theirs.end)
            && let Some(classes) = tolerated(self.peer, &ours.answer, self.theirs)
        {
            return Some(classes);
        }
        if let Some(rule) = ours.broken
            && let Some(classes) = self.without(rule, input, rules)
        {
            return Some(classes);
        }
        if let Some(classes) = self.refused(input, &ours) {
            return Some(classes);
        }
        if self.used.len() >= DEEPEST {
            return None;
        }
        for quirk in quirk::all() {
            if self.used.contains(&quirk) || !quirk.class.is_known_of(self.peer) {
                continue;
            }
            let Some(read) = (quirk.rewrite)(input).filter(|read| read != input) else {
                continue;
            };
            self.used.push(quirk);
            let found = self.from(&read, rules);
            self.used.pop();
            if let Some(mut classes) = found {
                classes.push(quirk.class);
                return Some(classes);
            }
        }
        None
    }

    /// As if the rule that we keep were not there.
    fn without(&mut self, rule: Rule, input: &Input, rules: Rules) -> Option<Vec<&'static Class>> {
        let class = class::of_rule(rule).filter(|class| class.is_known_of(self.peer))?;
        let rules = rules.without(rule);
        if ours::read(input, rules).broken == Some(rule) {
            // There is no reading without this rule.
            return None;
        }
        let mut classes = self.from(input, rules)?;
        classes.push(class);
        Some(classes)
    }

    /// They refuse what we read.
    fn refused(&self, input: &Input, ours: &Ours) -> Option<Vec<&'static Class>> {
        if !self.theirs.end.is_refused() {
            return None;
        }
        let seen = self.theirs.packets.len();
        if seen > ours.answer.packets.len()
            || (ours.broken.is_some() && seen == ours.answer.packets.len())
        {
            return None;
        }
        let mut classes = same_packets(self.peer, &ours.answer, self.theirs)?;
        // What they let pass in one packet they may refuse in another, as we do.
        if refusal::is_due(input, seen) {
            return Some(classes);
        }
        let known = |class: &&'static Class| class.is_known_of(self.peer);
        classes.push(refusal::classes(input, seen).into_iter().find(known)?);
        Some(classes)
    }
}

/// The classes of all differences between two answers with the same verdict; `None` if one has no class.
fn tolerated(peer: &str, ours: &Answer, theirs: &Answer) -> Option<Vec<&'static Class>> {
    let (we, they) = (ours.packets.len(), theirs.packets.len());
    let mut classes = same_packets(peer, ours, theirs)?;
    let nothing_before = &class::NOTHING_BEFORE_THE_ERROR;
    match &ours.end {
        _ if we == they => {}
        End::Refused(_) if they < we && nothing_before.is_known_of(peer) => {
            classes.push(nothing_before);
        }
        _ => return None,
    }
    Some(classes)
}

/// The classes of the differences between the packets that both have.
fn same_packets(peer: &str, ours: &Answer, theirs: &Answer) -> Option<Vec<&'static Class>> {
    let pairs = ours.packets.iter().zip(&theirs.packets);
    let known = |class: &&'static Class| class.is_known_of(peer);
    pairs
        .flat_map(|(ours, theirs)| between(ours, theirs))
        .map(|difference| tolerance::classes(&difference).into_iter().find(known))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::input::{Frame, Layer};
    use super::*;

    fn verdict(peer: &str, layer: Layer, text: &str, theirs: &str) -> String {
        let input = Input::text(layer, text);
        let theirs = Answer::parse(theirs).unwrap();
        match explain(peer, &input, &ours::read(&input, Rules::default()), &theirs) {
            Verdict::Agrees => "agrees".into(),
            Verdict::Unknown => "unknown".into(),
            Verdict::Known(classes) => {
                let names: Vec<_> = classes.iter().map(|class| class.name).collect();
                names.join(" ")
            }
        }
    }

    #[test]
    fn the_same_meaning_agrees_however_it_is_written() {
        let theirs = r#"{"packets":[{"type":"event","namespace":"/","id":"7","data":["m",{"b":2,"a":1.0}]}]}"#;
        assert_eq!(
            verdict(
                "node",
                Layer::Socket,
                r#"2007["m",{"a":1,"b":2e0}]"#,
                theirs
            ),
            "agrees"
        );
        assert_eq!(
            verdict("node", Layer::Socket, "9", r#"{"packets":[],"error":"no"}"#),
            "agrees"
        );
    }

    #[test]
    fn a_rule_that_a_peer_lacks_explains_what_it_read_and_nothing_else() {
        let read = |data: &str| {
            format!(r#"{{"packets":[{{"type":"event","namespace":"/","data":{data}}}]}}"#)
        };
        let text = r#"2["connect",1]"#;
        assert_eq!(
            verdict("python", Layer::Socket, text, &read(r#"["connect",1]"#)),
            "reserved-event-name"
        );
        assert_eq!(
            verdict("python", Layer::Socket, text, &read(r#"["connect",2]"#)),
            "unknown"
        );
        // What a bundled peer is not known to do is news; of anybody else nothing is known.
        assert_eq!(
            verdict("node", Layer::Socket, text, &read(r#"["connect",1]"#)),
            "unknown"
        );
        assert_eq!(
            verdict("cmd:mine", Layer::Socket, text, &read(r#"["connect",1]"#)),
            "reserved-event-name"
        );
    }

    #[test]
    fn several_classes_may_meet_in_one_input() {
        let theirs =
            r#"{"packets":[{"type":"event","namespace":"/a","data":[{"$number":"NaN"}]}]}"#;
        assert_eq!(
            verdict("python", Layer::Socket, "2/a?x,[NaN]", theirs),
            "query-cut-off-the-namespace nan-is-a-number"
        );
    }

    #[test]
    fn a_refusal_of_what_we_read_needs_a_reason_too() {
        let refused = r#"{"packets":[],"error":"no"}"#;
        assert_eq!(
            verdict("socketioxide", Layer::Socket, r#"2["m",1e400]"#, refused),
            "number-out-of-range-refused"
        );
        assert_eq!(
            verdict("socketioxide", Layer::Socket, r#"2["m",1e40]"#, refused),
            "unknown"
        );
        assert_eq!(
            verdict("node", Layer::EnginePacket, "4hello", refused),
            "unknown"
        );
    }

    #[test]
    fn what_a_peer_lets_pass_in_one_packet_it_may_refuse_in_another() {
        let theirs = r#"{"packets":[{"type":"ack","namespace":"/"}],"error":"no"}"#;
        let behind = |text: &str, theirs: &str| {
            let input = Input {
                layer: Layer::Socket,
                frames: vec![
                    Frame::Text("61-".into()),
                    Frame::Binary(Vec::new()),
                    Frame::Text(text.into()),
                ],
            };
            let ours = ours::read(&input, Rules::default());
            explain("node", &input, &ours, &Answer::parse(theirs).unwrap())
        };
        // It lacks the id that we want, and node refuses it for something else.
        for text in ["60-", "61-null"] {
            let verdict = behind(text, theirs);
            assert!(matches!(verdict, Verdict::Known(_)), "{text}: {verdict:?}");
        }
        assert_eq!(behind(r#"2["m"]"#, theirs), Verdict::Unknown);
    }
}
