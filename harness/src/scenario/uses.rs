//! Which names a step fills in, and which it binds.

use super::expression::{Check, Condition, Term};
use super::json::{Json, Node};
use super::literal::{
    AckId, AnswerPattern, Content, Name, PacketLiteral, PacketPattern, PacketShape, Template,
    TextPattern,
};
use super::model::Step;
use super::verb::Verb;

/// The names of one step, those of steps within it apart.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Must be bound before.
    pub(super) filled: Vec<Name>,
    /// Are bound at first sight.
    pub(super) bound: Vec<Name>,
}

/// Collects the names of a step.
pub(super) fn uses(step: &Step) -> Uses {
    let mut uses = Uses::default();
    let Uses { filled, bound } = &mut uses;
    match &step.verb {
        Verb::Open(open) => {
            open.path.iter().for_each(|path| template(path, filled));
            open.query
                .iter()
                .chain(&open.headers)
                .for_each(|(_, text)| template(text, filled));
        }
        Verb::Connect(connect) => {
            template(&connect.ns, filled);
            connect.auth.iter().for_each(|auth| json(auth, filled));
        }
        Verb::Send(PacketLiteral::Text(text)) => template(text, filled),
        Verb::Emit(emit) => {
            json(&emit.args, filled);
            emit.ack.iter().for_each(|ack| json(ack, bound));
        }
        Verb::Expect(patterns) | Verb::ExpectAnyOrder(patterns) => {
            patterns.iter().for_each(|pattern| packet(pattern, bound));
        }
        Verb::ExpectRaw(pattern) => packet(pattern, bound),
        Verb::Closed(closed) => closed
            .reason
            .iter()
            .for_each(|reason| text_pattern(reason, bound)),
        Verb::Http(request) => {
            template(&request.target, filled);
            request
                .headers
                .iter()
                .filter_map(|(_, text)| text.as_ref())
                .for_each(|text| template(text, filled));
            request.body.iter().for_each(|body| content(body, filled));
        }
        Verb::HttpExpect(answer) | Verb::PollExpect(answer) => answer_names(answer, bound),
        Verb::FrameExpect(frame) => frame
            .payload
            .iter()
            .for_each(|data| text_pattern(data, bound)),
        Verb::Frame(frame) => content(&frame.payload, filled),
        Verb::Bytes(bytes) => content(bytes, filled),
        Verb::Check(check) => check_names(check, filled),
        _ => {}
    }
    bound.extend(step.at.iter().map(|name| Name::Plain(name.clone())));
    uses
}

fn template(template: &Template, names: &mut Vec<Name>) {
    names.extend(template.holes().map(|hole| hole.name.clone()));
}

fn json(json: &Json, names: &mut Vec<Name>) {
    for node in &json.nodes {
        match node {
            Node::Hole(hole) => names.push(hole.name.clone()),
            Node::Spliced(text) => template(text, names),
            _ => {}
        }
    }
}

fn packet(pattern: &PacketPattern, names: &mut Vec<Name>) {
    match &pattern.shape {
        PacketShape::Text(text) => template(text, names),
        PacketShape::Open(payload) => json(payload, names),
        PacketShape::Socket(packet) => {
            template(&packet.ns, names);
            if let AckId::Hole(hole) = &packet.ack {
                names.push(hole.name.clone());
            }
            packet
                .payload
                .iter()
                .for_each(|payload| json(payload, names));
        }
        PacketShape::Any | PacketShape::Binary(_) | PacketShape::Regex(_) => {}
    }
}

fn text_pattern(pattern: &TextPattern, names: &mut Vec<Name>) {
    if let TextPattern::Text(text) = pattern {
        template(text, names);
    }
}

fn content(content: &Content, names: &mut Vec<Name>) {
    if let Content::Text(text) = content {
        template(text, names);
    }
}

fn answer_names(answer: &AnswerPattern, names: &mut Vec<Name>) {
    answer
        .headers
        .iter()
        .filter_map(|(_, text)| text.as_ref())
        .for_each(|text| text_pattern(text, names));
    answer
        .body
        .iter()
        .for_each(|body| text_pattern(body, names));
    answer.json.iter().for_each(|value| json(value, names));
    answer
        .packets
        .iter()
        .flatten()
        .for_each(|pattern| packet(pattern, names));
}

fn check_names(check: &Check, names: &mut Vec<Name>) {
    match &check.condition {
        Condition::Compare(left, _, right) => {
            term(left, names);
            term(right, names);
        }
        Condition::Distinct(terms) => terms.iter().for_each(|inner| term(inner, names)),
    }
}

fn term(of: &Term, names: &mut Vec<Name>) {
    match of {
        Term::Value(name) => names.push(name.clone()),
        Term::Len(inner) | Term::Apart(inner) => term(inner, names),
        Term::Arithmetic(left, _, right) => {
            term(left, names);
            term(right, names);
        }
        Term::Number(_) | Term::Time(_) | Term::Text(_) => {}
    }
}
