//! A run as other projects read it: `reports/parsers.json`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::{Answer, Body, End, Packet};
use super::class;
use super::explain::Verdict;
use super::input::{Input, Layer};
use super::ours::Ours;
use super::session::{Found, Vector};

/// The whole file.
#[derive(Serialize)]
struct File<'a> {
    /// Where the form of inputs and answers is described.
    about: &'static str,
    seed: u64,
    inputs: u64,
    parsers: Vec<Parser<'a>>,
    classes: Vec<Class<'a>>,
    vectors: Vec<Case<'a>>,
}

#[derive(Serialize)]
struct Parser<'a> {
    name: &'a str,
    versions: &'a BTreeMap<String, String>,
    agrees: u64,
    disagrees: u64,
    unknown: u64,
}

#[derive(Serialize)]
struct Class<'a> {
    name: &'static str,
    reason: &'static str,
    siospec: &'static str,
    requirements: &'static [&'static str],
    counts: BTreeMap<&'a str, u64>,
    example: Case<'a>,
}

#[derive(Serialize)]
struct Case<'a> {
    #[serde(flatten)]
    input: &'a Input,
    /// `accepted`, `waiting` for attachments, or `refused`.
    verdict: &'static str,
    /// The rule that a refusal follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    requirements: Vec<&'static str>,
    answer: Option<Box<RawValue>>,
    parsers: BTreeMap<&'a str, Theirs<'a>>,
}

#[derive(Serialize)]
struct Theirs<'a> {
    /// Whether verdict and meaning are ours.
    agrees: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a RawValue>,
}

/// The classes and the vectors.
#[must_use]
pub fn json(found: &Found) -> String {
    let answers: Vec<_> = found
        .examples
        .iter()
        .map(|(_, vector)| vector)
        .chain(&found.vectors)
        .map(|vector| {
            vector
                .peers
                .iter()
                .map(|(_, _, line)| raw(line))
                .collect::<Vec<_>>()
        })
        .collect();
    let (of_classes, of_vectors) = answers.split_at(found.examples.len());
    let columns = || found.tally.columns.iter();
    let parsers = columns()
        .zip(&found.peers)
        .map(|((name, column), (_, versions))| Parser {
            name,
            versions,
            agrees: column.agreed,
            disagrees: column.known(),
            unknown: column.unknown,
        });
    let classes = found
        .examples
        .iter()
        .zip(of_classes)
        .map(|((class, vector), answers)| Class {
            name: class.name,
            reason: class.reason,
            siospec: class.ours,
            requirements: class.requirements,
            counts: columns()
                .filter_map(|(name, column)| {
                    Some((name.as_str(), *column.classes.get(class.name)?))
                })
                .collect(),
            example: case(vector, answers),
        });
    let file = File {
        about: "inputs and answers are those of the line protocol in targets/parsers/README.md",
        seed: found.seed,
        inputs: found.tally.inputs,
        parsers: parsers.collect(),
        classes: classes.collect(),
        vectors: found
            .vectors
            .iter()
            .zip(of_vectors)
            .map(|(vector, answers)| case(vector, answers))
            .collect(),
    };
    serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
}

fn case<'a>(vector: &'a Vector, answers: &'a [Option<Box<RawValue>>]) -> Case<'a> {
    let theirs = vector
        .peers
        .iter()
        .zip(answers)
        .map(|((name, verdict, _), answer)| {
            let classes = match verdict {
                Verdict::Known(classes) => classes.iter().map(|class| class.name).collect(),
                _ => Vec::new(),
            };
            let agrees = *verdict == Verdict::Agrees;
            let answer = answer.as_deref().filter(|_| !agrees);
            (
                name.as_str(),
                Theirs {
                    agrees,
                    classes,
                    answer,
                },
            )
        });
    Case {
        input: &vector.input,
        verdict: vector.ours.answer.end.word(),
        rule: vector.ours.broken.map(|rule| rule.to_string()),
        requirements: requirements(vector.input.layer, &vector.ours),
        answer: raw(&vector.ours.answer.line()),
        parsers: theirs.collect(),
    }
}

/// A line of the protocol, kept as it is: no tree of values holds a lone surrogate.
fn raw(line: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(line.to_owned()).ok()
}

/// The requirements that our verdict follows from.
#[must_use]
pub fn requirements(layer: Layer, ours: &Ours) -> Vec<&'static str> {
    if let Some(rule) = ours.broken {
        return class::requirements(rule).to_vec();
    }
    let Answer { packets, end } = &ours.answer;
    let mut all: Vec<_> = packets
        .iter()
        .flat_map(|packet| of_packet(layer, packet))
        .copied()
        .collect();
    if *end == End::Waiting {
        all.push("SIO-BI-01");
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn of_packet(layer: Layer, packet: &Packet) -> &'static [&'static str] {
    match packet {
        Packet::Engine {
            body: Body::Binary(_),
            ..
        } if layer == Layer::EnginePacket => &["EIO-WS-17"],
        Packet::Engine {
            body: Body::Binary(_),
            ..
        } => &["EIO-PL-03"],
        Packet::Engine { .. } if layer == Layer::EnginePacket => &["EIO-WS-02"],
        Packet::Engine { .. } => &["EIO-PL-01", "EIO-PL-06"],
        Packet::Socket { kind, .. } => match kind.as_str() {
            "connect" => &["SIO-CN-01", "SIO-CE-09"],
            "disconnect" => &["SIO-DC-01", "SIO-DC-09"],
            "ack" => &["SIO-ACK-02", "SIO-ACK-17"],
            "connect_error" => &["SIO-CE-02"],
            _ => &["SIO-EV-01", "SIO-EV-02"],
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::generate::Source;
    use super::super::ours::{Rules, read};
    use super::*;
    use crate::scenario::corpus::catalogue;

    /// Every class, every refusal and every acceptance names requirements that there are.
    #[test]
    fn every_verdict_follows_from_requirements_of_the_catalogue() {
        let catalogue = catalogue().unwrap();
        let known: BTreeSet<_> = catalogue.all().iter().map(|row| row.id.as_str()).collect();
        let mut named: BTreeSet<_> = class::ALL
            .iter()
            .flat_map(|class| class.requirements)
            .copied()
            .collect();
        let mut source = Source::new(3);
        for _ in 0..5_000 {
            let input = source.input();
            let ours = read(&input, Rules::default());
            let ids = requirements(input.layer, &ours);
            assert!(!ids.is_empty(), "{input} {ours:?}");
            named.extend(ids);
        }
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
