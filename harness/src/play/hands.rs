//! Which sessions the scenario handles itself, so that the client keeps its hands off them.

use std::collections::BTreeSet;

use crate::scenario::literal::{Content, Name, Part, Template};
use crate::scenario::model::{Layer, Step, Verb};

/// Names of clients, or of groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hands {
    polled: BTreeSet<String>,
    touched: BTreeSet<String>,
}

impl Hands {
    /// What the steps of a scenario do themselves.
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut hands = Self::default();
        hands.collect(steps);
        hands
    }

    /// Whether the scenario polls for this client: by `A.poll` or `A.http`, or by a request of
    /// another client that names `$A.sid`. A GET of the client's own would be the second one, which
    /// ends the session (EIO-PO-07).
    pub(super) fn polls(&self, client: &str) -> bool {
        self.polled.contains(client)
    }

    /// Whether any request of the scenario's own names the client's session.
    pub(super) fn touches(&self, client: &str) -> bool {
        let group = client.split('[').next().unwrap_or(client);
        self.touched.contains(group) || self.polled.contains(group)
    }

    fn collect(&mut self, steps: &[Step]) {
        for step in steps {
            match &step.verb {
                Verb::Repeat(repeat) => self.collect(&repeat.steps),
                Verb::Together(steps) => self.collect(steps),
                Verb::Either(branches) => branches.iter().for_each(|branch| self.collect(branch)),
                Verb::Http(request) => {
                    self.own(step);
                    self.named(&request.target, request.method == "GET");
                }
                Verb::Bytes(Content::Text(text)) => {
                    let gets = |part: &Part| matches!(part, Part::Text(t) if t.contains("GET "));
                    self.named(text, text.parts.iter().any(gets));
                }
                _ => self.own(step),
            }
        }
    }

    fn own(&mut self, step: &Step) {
        if step.verb.has_subject() && matches!(step.subject.layer, Layer::Poll | Layer::Http) {
            self.polled.insert(step.subject.client.clone());
        }
    }

    fn named(&mut self, text: &Template, get: bool) {
        for hole in text.holes() {
            if let Name::Of { client, field, .. } = &hole.name
                && field == "sid"
            {
                self.touched.insert(client.clone());
                if get {
                    self.polled.insert(client.clone());
                }
            }
        }
    }
}
