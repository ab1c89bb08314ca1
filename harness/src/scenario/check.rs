//! What a scenario must be beyond its grammar, so that it can fail, and only for its own reason.

use std::collections::HashSet;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, MOST, nearest};
use super::grammar::KNOBS;
use super::hole::FIELDS;
use super::json::{Json, Node};
use super::literal::{Name, PacketLiteral, Template};
use super::model::{Case, Scenario, Step};
use super::uses::{Uses, uses};
use super::verb::Verb;

/// Everything that is wrong with a scenario's meaning.
#[must_use]
pub(super) fn scenario(scenario: &Scenario) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for case in &scenario.cases {
        let mut checker = Checker::new(scenario);
        checker.can_fail(case);
        checker.steps(&case.steps);
        errors.append(&mut checker.errors);
        if errors.len() >= MOST {
            break;
        }
    }
    errors
}

struct Checker<'s> {
    scenario: &'s Scenario,
    /// Clients that are open, or were opened by a step before.
    open: HashSet<String>,
    /// Names that something before has bound.
    bound: HashSet<Name>,
    errors: Vec<Diagnostic>,
}

impl<'s> Checker<'s> {
    fn new(scenario: &'s Scenario) -> Self {
        let open = scenario
            .clients
            .iter()
            .map(|client| client.name.clone())
            .collect();
        Self {
            scenario,
            open,
            bound: HashSet::new(),
            errors: Vec::new(),
        }
    }

    fn fail(&mut self, step: &Step, message: impl Into<String>, hint: Option<String>) {
        if self.errors.len() >= MOST {
            return;
        }
        let start = step.place.offset();
        let text = &step.place.source().text[start..];
        let length = text.find([':', '\n']).unwrap_or(text.len());
        let error = Diagnostic::new(step.place.source(), start..start + length.max(1), message);
        self.errors.push(error.hint(hint));
    }

    /// A scenario without any step that the server can fail proves nothing.
    fn can_fail(&mut self, case: &Case) {
        if case.steps.iter().any(can_fail) {
            return;
        }
        let source = &self.scenario.source;
        let at = source.text.find("\nsteps:").map_or(0, |at| at + 1);
        let hint = "expect something: `expect`, `nothing`, `alive`, `dead`, `check`, …".to_owned();
        let message = "no step of this scenario can fail";
        let error = Diagnostic::new(&Arc::clone(source), at..at + 5, message);
        self.errors.push(error.hint(Some(hint)));
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        let subject = !step.subject.client.is_empty();
        if step.verb.has_subject() || subject {
            self.subject(step);
        }
        let uses = uses(step);
        self.names(step, &uses);
        self.needs_alone(step);
        match &step.verb {
            Verb::Wait(_) if step.note.is_none() => {
                let hint = "wait for an event (`expect`, `closed`, `nothing`), or say in `note:` why only time will do";
                self.fail(step, "`wait` needs a note", Some(hint.to_owned()));
            }
            Verb::Network(_) => self.through_proxy(step),
            Verb::Repeat(repeat) => {
                if let Some(counter) = &repeat.counter {
                    self.bound.insert(Name::Plain(counter.clone()));
                }
                self.steps(&repeat.steps);
            }
            Verb::Together(steps) => self.steps(steps),
            Verb::Either(branches) => self.branches(step, branches),
            _ => {}
        }
        self.bound.extend(uses.bound);
    }

    fn branches(&mut self, step: &Step, branches: &[Vec<Step>]) {
        if branches.len() < 2 {
            self.fail(step, "`either` has two branches or more", None);
        }
        let before = self.bound.clone();
        let mut after = before.clone();
        for branch in branches {
            match branch.first() {
                Some(first) if first.verb.observes() => {}
                Some(first) => {
                    let hint =
                        "`expect`, `closed`, `dead`, `http.expect`, `poll.expect` or `nothing`";
                    self.fail(
                        first,
                        "a branch begins with a step that observes",
                        Some(hint.to_owned()),
                    );
                }
                None => self.fail(step, "a branch has no steps", None),
            }
            self.bound.clone_from(&before);
            self.steps(branch);
            after.extend(self.bound.drain());
        }
        self.bound = after;
    }

    fn subject(&mut self, step: &Step) {
        let name = &step.subject.client;
        let listed = self
            .scenario
            .clients
            .iter()
            .find(|client| client.name == *name);
        if let Some(member) = step.subject.member {
            match listed.map(|client| client.count) {
                Some(Some(count)) if member < count => {}
                Some(Some(count)) => {
                    let message = format!("`{name}` has the members 0 to {}", count - 1);
                    self.fail(step, message, None);
                }
                _ => self.fail(
                    step,
                    format!("`{name}` is no group"),
                    Some(format!("list `{name}*10: websocket`")),
                ),
            }
        }
        let begins = matches!(
            step.verb,
            Verb::Open(_) | Verb::Connect(_) | Verb::Http(_) | Verb::Bytes(_) | Verb::Network(_)
        );
        if begins {
            self.open.insert(name.clone());
        } else if !self.open.contains(name) {
            let hint = nearest(name, self.open.iter().map(String::as_str)).unwrap_or_else(|| {
                format!(
                    "list `{name}` in `clients:`, or begin with `{name}.open` or `{name}.connect`"
                )
            });
            self.fail(step, format!("nobody has opened `{name}`"), Some(hint));
            self.open.insert(name.clone());
        }
    }

    fn through_proxy(&mut self, step: &Step) {
        let name = &step.subject.client;
        let listed = self
            .scenario
            .clients
            .iter()
            .find(|client| client.name == *name);
        if listed.is_some_and(|client| client.links.iter().all(|link| link.via_proxy)) {
            return;
        }
        let hint = format!("write `clients: {{{name}: websocket via proxy}}`");
        self.fail(
            step,
            format!("`{name}` is not connected through the proxy"),
            Some(hint),
        );
    }

    fn names(&mut self, step: &Step, uses: &Uses) {
        for name in uses.filled.iter().chain(&uses.bound) {
            self.known_name(step, name);
        }
        for name in &uses.filled {
            let by_player = match name {
                Name::Any | Name::Config(_) => true,
                Name::Of { field, .. } => FIELDS.contains(&field.as_str()),
                Name::Plain(_) => false,
            };
            if *name == Name::Any {
                let hint = "`$_` is only for what is expected";
                self.at_name(step, name, "`$_` has no value", Some(hint.to_owned()));
            } else if !by_player && !self.bound.contains(name) && !uses.bound.contains(name) {
                let known = self
                    .bound
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>();
                let hint =
                    nearest(&name.to_string(), known.iter().map(String::as_str)).or_else(|| {
                        Some("an `expect` or `at:` before this step must bind it".to_owned())
                    });
                self.at_name(step, name, &format!("nothing has bound `{name}`"), hint);
            }
        }
    }

    /// Clients and knobs that a name speaks of must exist.
    fn known_name(&mut self, step: &Step, name: &Name) {
        match name {
            Name::Of { client, field, .. } => {
                let listed = self.scenario.clients.iter().find(|c| c.name == *client);
                if !self.open.contains(client) {
                    let hint = nearest(client, self.open.iter().map(String::as_str));
                    self.at_name(step, name, &format!("there is no client `{client}`"), hint);
                } else if field == "n" && listed.is_none_or(|client| client.count.is_none()) {
                    self.at_name(
                        step,
                        name,
                        &format!("`{client}` is no group, so it has no `n`"),
                        None,
                    );
                }
            }
            Name::Config(knob) if !KNOBS.contains(&knob.as_str()) => {
                let hint = nearest(knob, KNOBS);
                self.at_name(step, name, &format!("`{knob}` is no knob"), hint);
            }
            _ => {}
        }
    }

    /// Puts the caret under a name in the step, if it stands there as it is.
    fn at_name(&mut self, step: &Step, name: &Name, message: &str, hint: Option<String>) {
        if self.errors.len() >= MOST {
            return;
        }
        let source = step.place.source();
        let start = step.place.offset();
        let written = name.to_string();
        match source.text[start..].find(&written) {
            Some(at) if !source.text[start..start + at].contains("\n  - ") => {
                let span = start + at..start + at + written.len();
                self.errors
                    .push(Diagnostic::new(source, span, message).hint(hint));
            }
            _ => self.fail(step, message, hint),
        }
    }

    /// Steps that other trials on the same server would feel.
    fn needs_alone(&mut self, step: &Step) {
        if self.scenario.alone {
            return;
        }
        let reason = match &step.verb {
            Verb::Target(_) | Verb::TargetExit => Some("it acts on the server process".to_owned()),
            Verb::Http(request) => {
                let figures = request
                    .target
                    .as_plain()
                    .is_some_and(|target| target.starts_with("/fixture"));
                figures.then(|| "the figures are those of the whole process".to_owned())
            }
            Verb::Emit(emit) => event_reason(&emit.args),
            Verb::Send(PacketLiteral::Text(text)) => sent_reason(text),
            _ => None,
        };
        if let Some(reason) = reason {
            self.fail(
                step,
                format!("this needs `alone: true`: {reason}"),
                Some("add it to the header".to_owned()),
            );
        }
    }
}

fn can_fail(step: &Step) -> bool {
    match &step.verb {
        Verb::Emit(emit) => emit.ack.is_some(),
        Verb::Send(_)
        | Verb::Close(_)
        | Verb::Drop(_)
        | Verb::Http(_)
        | Verb::Frame(_)
        | Verb::Bytes(_)
        | Verb::Network(_)
        | Verb::Target(_)
        | Verb::Wait(_) => false,
        Verb::Poll(poll) => *poll == super::verb::Poll::Hang,
        Verb::Repeat(repeat) => repeat.steps.iter().any(can_fail),
        Verb::Together(steps) => steps.iter().any(can_fail),
        Verb::Either(branches) => branches.iter().flatten().any(can_fail),
        _ => true,
    }
}

/// Why an event of the fixture contract concerns every socket of the server.
fn event_reason(args: &Json) -> Option<String> {
    let Node::Array { items, .. } = args.root() else {
        return None;
    };
    let Node::Text(event) = args.node(*items.first()?) else {
        return None;
    };
    match event.as_str() {
        "throw" => Some("an error in a handler can end the server process".to_owned()),
        "emit-to" | "call-many" => {
            let to = items.get(1).and_then(|options| match args.node(*options) {
                Node::Object { entries, .. } => entries
                    .iter()
                    .find(|(key, _)| key == "to")
                    .map(|(_, to)| args.node(*to)),
                _ => None,
            });
            let whole = match to {
                None => true,
                Some(Node::Array { items, .. }) => items.is_empty(),
                Some(_) => false,
            };
            whole.then(|| "it is a broadcast to a whole namespace".to_owned())
        }
        _ => None,
    }
}

/// The same for an event that is sent as a packet.
fn sent_reason(text: &Template) -> Option<String> {
    let written = text.to_string();
    let packet = written.strip_prefix("42")?;
    let payload = &packet[packet.find('[')?..];
    event_reason(&Json::parse_pattern(payload).ok()?)
}
