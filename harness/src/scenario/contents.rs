//! What a scenario asks, as a digest: whether it still asks what it asked when a release was frozen.
//!
//! It is of the file as it stands, not of what this version of siospec makes of it, so that digests of one release can
//! be compared with those of another. Titles, requirements, notes and comments ask nothing; nor do a case that was added,
//! or a transport: these are trials of their own. **Nothing here may change**, or every frozen trial counts as changed.

use sha1::{Digest as _, Sha1};

use super::document;
use super::model::{Case, Scenario};
use super::node::{Node, Scalar, Value};

/// What of a header is no part of what a trial asks, or stands in its name.
const BESIDE: [&str; 8] = [
    "title",
    "requirement",
    "aka",
    "note",
    "cases",
    "clients",
    "transports",
    "steps",
];

impl Scenario {
    /// What the trials of a case ask, in twelve hex digits.
    pub fn contents(&self, case: &Case) -> &str {
        let digests = self.digests.get_or_init(|| digests(self));
        let of = self.cases.iter().position(|own| own.labels == case.labels);
        of.and_then(|index| digests.get(index))
            .map_or("", String::as_str)
    }
}

fn digests(scenario: &Scenario) -> Vec<String> {
    let text = scenario.source.text.as_bytes();
    let Ok((_, root)) = document::read(&scenario.source.file, text) else {
        return Vec::new();
    };
    let Value::Entries(header) = &root.value else {
        return Vec::new();
    };
    let find = |name: &str| {
        let found = header.iter().find(|(key, _)| key.text() == Some(name));
        found.map(|(_, node)| node)
    };
    let mut common = Hash(Sha1::new());
    let mut rest: Vec<&(Node, Node)> = header
        .iter()
        .filter(|(key, _)| !BESIDE.contains(&key.text().unwrap_or_default()))
        .collect();
    rest.sort_by_key(|(key, _)| key.text());
    for (key, value) in rest {
        common.node(key);
        common.node(value);
    }
    if let Some(node) = find("transports") {
        common.links(node);
    }
    if let Some(Value::Entries(clients)) = find("clients").map(|node| &node.value) {
        for (name, client) in clients {
            common.node(name);
            common.client(client);
        }
    }
    if let Some(node) = find("steps") {
        common.steps(node);
    }
    let of = |case: &Case| {
        let mut hash = common.clone();
        for (key, label) in &case.labels {
            hash.text(key);
            hash.text(case_text(find("cases"), key, label));
        }
        let digest = hash.0.finalize();
        digest[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    scenario.cases.iter().map(of).collect()
}

/// The text of a label of a key of `cases:`.
fn case_text<'n>(cases: Option<&'n Node>, key: &str, label: &str) -> &'n str {
    let below = |node: &'n Node, name: &str| match &node.value {
        Value::Entries(entries) => {
            let found = entries.iter().find(|(key, _)| key.text() == Some(name));
            found.map(|(_, node)| node)
        }
        _ => None,
    };
    let labels = cases.and_then(|cases| below(cases, key));
    let text = labels.and_then(|labels| below(labels, label));
    text.and_then(Node::text).unwrap_or_default()
}

#[derive(Clone)]
struct Hash(Sha1);

impl Hash {
    /// A text, told apart from its neighbours.
    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
    }

    fn node(&mut self, node: &Node) {
        match &node.value {
            Value::Scalar(text, kind) => {
                self.0.update(match kind {
                    Scalar::Text => b"t",
                    Scalar::Number => b"n",
                    Scalar::Bool => b"b",
                    Scalar::Null => b"0",
                });
                self.text(text);
            }
            Value::Items(items) => {
                self.0.update(b"[");
                items.iter().for_each(|item| self.node(item));
                self.0.update(b"]");
            }
            Value::Entries(entries) => {
                self.0.update(b"{");
                for (key, value) in entries {
                    self.node(key);
                    self.node(value);
                }
                self.0.update(b"}");
            }
            Value::Tagged(tag, inner) => {
                self.0.update(b"!");
                self.text(tag);
                self.node(inner);
            }
        }
    }

    /// How a client connects; of several ways each is a trial with a name of its own.
    fn links(&mut self, node: &Node) {
        match &node.value {
            Value::Items(items) if items.len() > 1 => {}
            Value::Items(items) => items.iter().for_each(|item| self.node(item)),
            _ => self.node(node),
        }
    }

    fn client(&mut self, node: &Node) {
        let Value::Entries(fields) = &node.value else {
            return self.links(node);
        };
        let reconnects = |(key, value): &(Node, Node)| {
            key.text() == Some("client") && value.text() == Some("reconnecting")
        };
        // One that reconnects goes through its transports in one trial.
        let reconnects = fields.iter().any(reconnects);
        for (key, value) in fields {
            match key.text() {
                Some("note") => {}
                Some("transport" | "transports") if !reconnects => self.links(value),
                _ => {
                    self.node(key);
                    self.node(value);
                }
            }
        }
    }

    /// Steps without their notes, through blocks and branches.
    fn steps(&mut self, node: &Node) {
        let Value::Items(steps) = &node.value else {
            return self.node(node);
        };
        self.0.update(b"[");
        for step in steps {
            match &step.value {
                Value::Items(_) => self.steps(step),
                Value::Entries(entries) => self.step(entries),
                _ => self.node(step),
            }
        }
        self.0.update(b"]");
    }

    fn step(&mut self, entries: &[(Node, Node)]) {
        self.0.update(b"{");
        for (key, value) in entries {
            match (key.text(), &value.value) {
                (Some("note"), _) => {}
                (Some("together" | "either" | "steps"), _) => {
                    self.node(key);
                    self.steps(value);
                }
                (Some("repeat"), Value::Entries(inner)) => {
                    self.node(key);
                    self.step(inner);
                }
                _ => {
                    self.node(key);
                    self.node(value);
                }
            }
        }
        self.0.update(b"}");
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::catalogue::Catalogue;
    use crate::scenario::load::load;

    const YAML: &str = "title: x\nclients: {A: [polling, websocket], B: websocket}\ncases: {what: {one: hi, two: ho}}\n\
                        steps:\n  - A.emit: [message, $(what)]\n  - repeat:\n      times: 2\n      steps:\n        - \
                        B.alive:\n";

    fn digests(yaml: &str) -> Vec<String> {
        let catalogue = Catalogue::parse("[]").unwrap();
        let scenario = load("a/b", "b.yaml", yaml.as_bytes(), &catalogue).unwrap();
        let cases = scenario.cases.iter();
        cases
            .map(|case| scenario.contents(case).to_owned())
            .collect()
    }

    #[test]
    fn a_digest_is_the_same_in_every_release() {
        assert_eq!(digests(YAML), ["71a6e9f373ea", "5e8f312dd5e0"]);
    }

    #[test]
    fn what_asks_nothing_changes_nothing() {
        let before = digests(YAML);
        for (from, to) in [
            ("title: x", "title: y\nnote: why\naka: a/old"),
            ("steps:\n  - A", "# a remark\nsteps:\n  # another\n  - A"),
            ("$(what)]\n", "$(what)] # so\n    note: that\n"),
            ("B.alive:\n", "B.alive:\n          note: that\n"),
            (
                "[polling, websocket]",
                "[websocket, polling, polling via proxy]",
            ),
            ("[message, $(what)]", "['message', \"$(what)\"]"),
        ] {
            assert_eq!(digests(&YAML.replacen(from, to, 1)), before, "{to}");
        }
        let more = digests(&YAML.replace("two: ho", "two: ho, three: ha"));
        assert_eq!(more[..2], before);
    }

    #[test]
    fn what_asks_for_something_else_changes_the_cases_that_do() {
        let before = digests(YAML);
        for (from, to) in [
            ("title: x", "title: x\nneeds: rooms"),
            ("title: x", "title: x\nconfig: {pingTimeout: 1s}"),
            ("B: websocket", "B: polling"),
            ("B: websocket", "B: {transport: websocket, via: proxy}"),
            ("[message, $(what)]", "[message, $(what), 1]"),
            ("times: 2", "times: 3"),
            ("B.alive", "A.alive"),
        ] {
            let after = digests(&YAML.replacen(from, to, 1));
            assert!(after[0] != before[0] && after[1] != before[1], "{to}");
        }
        let one = digests(&YAML.replace("two: ho", "two: ha"));
        assert!(one[0] == before[0] && one[1] != before[1]);
        // A number is no text.
        let number = |text: &str| digests(&YAML.replace("[message, $(what)]", text));
        assert_ne!(number("[message, 1]"), number("[message, '1']"));
    }
}
