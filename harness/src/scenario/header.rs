//! The header of a scenario: everything but its steps.

use std::path::Path;

use super::catalogue::Catalogue;
use super::diagnostic::nearest;
use super::grammar::{CAPABILITIES, HEADER, KNOBS};
use super::lower::Lowerer;
use super::model::{Client, Config, Level, Link, Transport};
use super::node::{Node, Value};
use super::packet::Flavour;

/// A key of `cases:` with its labels and their texts.
pub(super) type CaseKey = (String, Vec<(String, String)>);

/// What a header says.
#[derive(Default)]
pub(super) struct Header<'n> {
    pub(super) title: String,
    pub(super) requirements: Vec<String>,
    pub(super) level: Option<Level>,
    pub(super) needs: Vec<String>,
    pub(super) config: Config,
    pub(super) clients: Vec<Client>,
    pub(super) transports: bool,
    pub(super) path: String,
    pub(super) alone: bool,
    pub(super) stress: bool,
    pub(super) manual_heartbeat: bool,
    pub(super) drain: Option<&'n Node>,
    pub(super) note: Option<String>,
    pub(super) aka: Vec<String>,
    pub(super) cases: Vec<CaseKey>,
    pub(super) steps: Option<&'n Node>,
}

impl Lowerer {
    /// Reads the header; what is wrong with it is noted and left out.
    pub(super) fn header<'n>(&mut self, root: &'n Node, catalogue: &Catalogue) -> Header<'n> {
        let mut header = Header {
            path: "/socket.io/".to_owned(),
            ..Header::default()
        };
        let Some(entries) = self.known(root, "the header", &HEADER) else {
            return header;
        };
        let find = |name: &str| {
            entries
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, node)| *node)
        };
        for name in ["title", "steps"] {
            if find(name).is_none() {
                self.fail::<()>(root, format!("the header has no `{name}:`"), None);
            }
        }
        if let (Some(_), Some(clients)) = (find("transports"), find("clients")) {
            self.fail::<()>(
                clients,
                "`transports:` and `clients:` cannot stand side by side",
                None,
            );
        }
        for (key, node) in &entries {
            self.header_key(key, node, &mut header, catalogue);
        }
        self.flavour = if header.path == "/engine.io/" {
            Flavour::EngineIo
        } else {
            Flavour::SocketIo
        };
        self.only_client = match header.clients.as_slice() {
            [] => Some("A".to_owned()),
            [one] => Some(one.name.clone()),
            _ => None,
        };
        header
    }

    fn header_key<'n>(
        &mut self,
        key: &str,
        node: &'n Node,
        header: &mut Header<'n>,
        catalogue: &Catalogue,
    ) {
        match key {
            "title" => header.title = self.text(node, "a sentence").unwrap_or_default().to_owned(),
            "requirement" => {
                (header.requirements, header.level) = self.requirements(node, catalogue);
            }
            "needs" => header.needs = self.needs(node),
            "config" => header.config = self.config(node).unwrap_or_default(),
            "clients" => header.clients = self.clients(node).unwrap_or_default(),
            "transports" => {
                header.transports = true;
                let links = self.links(node);
                header.clients = vec![Client {
                    name: "A".to_owned(),
                    count: None,
                    links,
                    opened: true,
                    reconnecting: None,
                }];
            }
            "path" => {
                let words = [
                    ("/socket.io/", "/socket.io/"),
                    ("/engine.io/", "/engine.io/"),
                ];
                header.path = self
                    .word(node, "path", &words)
                    .unwrap_or("/socket.io/")
                    .to_owned();
            }
            "cases" => header.cases = self.cases(node).unwrap_or_default(),
            "alone" => header.alone = self.bool(node, "switch").unwrap_or_default(),
            "stress" => header.stress = self.bool(node, "switch").unwrap_or_default(),
            "heartbeat" => {
                let manual = self.word(node, "heartbeat", &[("manual", true), ("answered", false)]);
                header.manual_heartbeat = manual.unwrap_or_default();
            }
            "drain" => {
                let drain = self.bool(node, "switch").unwrap_or_default();
                header.drain = drain.then_some(node);
            }
            "note" => header.note = self.text(node, "a sentence").map(str::to_owned),
            "aka" => header.aka = self.words(node, "an earlier name"),
            _ => header.steps = Some(node),
        }
    }

    fn words(&mut self, node: &Node, what: &str) -> Vec<String> {
        let nodes = self.one_or_more(node);
        nodes
            .iter()
            .filter_map(|node| self.text(node, what).map(str::to_owned))
            .collect()
    }

    fn requirements(&mut self, node: &Node, catalogue: &Catalogue) -> (Vec<String>, Option<Level>) {
        let mut ids: Vec<String> = Vec::new();
        let mut level = None;
        for node in self.one_or_more(node) {
            let Some(id) = self.text(node, "the id of a requirement") else {
                continue;
            };
            let Some(found) = catalogue.get(id) else {
                let hint = nearest(id, catalogue.ids());
                self.fail::<()>(
                    node,
                    format!("`{id}` is no requirement of the catalogue"),
                    hint,
                );
                continue;
            };
            if ids.iter().any(|earlier| earlier == id) {
                self.fail::<()>(node, format!("`{id}` stands here twice"), None);
            }
            match level {
                Some(level) if level != found.level => {
                    let message = format!(
                        "`{id}` is {}, the requirements before it are {level}",
                        found.level
                    );
                    self.fail::<()>(
                        node,
                        message,
                        Some("a scenario checks requirements of one level".into()),
                    );
                }
                _ => level = Some(found.level),
            }
            ids.push(id.to_owned());
        }
        (ids, level)
    }

    fn needs(&mut self, node: &Node) -> Vec<String> {
        let mut needs = Vec::new();
        for node in self.one_or_more(node) {
            let Some(word) = self.text(node, "a capability") else {
                continue;
            };
            if CAPABILITIES.contains(&word) {
                needs.push(word.to_owned());
            } else {
                self.unknown::<()>(node, "capability", word, &CAPABILITIES);
            }
        }
        needs
    }

    fn config(&mut self, node: &Node) -> Option<Config> {
        let mut config = Config::default();
        for (knob, node) in self.known(node, "the configuration", &KNOBS)? {
            let text = |node: &Node| node.text().unwrap_or_default().to_owned();
            match knob {
                "pingInterval" => config.ping_interval = self.duration(node),
                "pingTimeout" => config.ping_timeout = self.duration(node),
                "connectTimeout" => config.connect_timeout = self.duration(node),
                "upgradeTimeout" => config.upgrade_timeout = self.duration(node),
                "recoveryWindow" => config.recovery_window = self.duration(node),
                "maxPayload" => config.max_payload = self.number(node, "number of bytes"),
                "recovery" => config.recovery = self.bool(node, "switch"),
                "upgrades" => config.upgrades = self.bool(node, "switch"),
                "cors" => config.cors = Some(text(node)),
                "cookie" => config.cookie = Some(text(node)),
                _ => config.initial_packet = Some(text(node)),
            }
        }
        Some(config)
    }

    fn clients(&mut self, node: &Node) -> Option<Vec<Client>> {
        let mut clients: Vec<Client> = Vec::new();
        for (key, value) in self.entries(node, "clients")? {
            let (name, count) = match self.client_name(key) {
                Some(name) => name,
                None => continue,
            };
            if clients.iter().any(|client| client.name == name) {
                self.fail::<()>(key, format!("`{name}` stands here twice"), None);
            }
            let client = self.client(name, count, value);
            clients.push(client);
        }
        Some(clients)
    }

    /// `A`, or `W*200`.
    fn client_name(&mut self, key: &Node) -> Option<(String, Option<u32>)> {
        let text = self.text(key, "a client's name")?;
        let (name, count) = match text.split_once('*') {
            None => (text, None),
            Some((name, digits)) => match digits.parse::<u32>() {
                Ok(count @ 1..=100_000) => (name, Some(count)),
                _ => {
                    return self.fail(
                        key,
                        format!("`{digits}` is no number of clients"),
                        Some("write `W*200`".into()),
                    );
                }
            },
        };
        if !is_client(name) {
            let hint = "a client's name begins with a capital letter, such as `A` or `Observer`";
            return self.fail(
                key,
                format!("`{name}` is no name of a client"),
                Some(hint.to_owned()),
            );
        }
        Some((name.to_owned(), count))
    }

    /// `websocket`, `polling via proxy`, or a list of such.
    pub(super) fn links(&mut self, node: &Node) -> Vec<Link> {
        let mut links = Vec::new();
        for node in self.one_or_more(node) {
            let words = [
                (
                    "polling",
                    Link {
                        transport: Transport::Polling,
                        via_proxy: false,
                    },
                ),
                (
                    "websocket",
                    Link {
                        transport: Transport::WebSocket,
                        via_proxy: false,
                    },
                ),
                (
                    "polling via proxy",
                    Link {
                        transport: Transport::Polling,
                        via_proxy: true,
                    },
                ),
                (
                    "websocket via proxy",
                    Link {
                        transport: Transport::WebSocket,
                        via_proxy: true,
                    },
                ),
            ];
            let Some(link) = self.word(node, "transport", &words) else {
                continue;
            };
            if links.contains(&link) {
                self.fail::<()>(node, format!("`{link}` stands here twice"), None);
            } else {
                links.push(link);
            }
        }
        if let Value::Items(items) = &node.value
            && items.is_empty()
        {
            self.fail::<()>(node, "a transport must stand here", None);
        }
        links
    }

    /// `{key: {label: text, …}, …}`
    fn cases(&mut self, node: &Node) -> Option<Vec<CaseKey>> {
        let mut cases = Vec::new();
        for (key, labels) in self.entries(node, "cases")? {
            let Some(name) = self.case_word(key) else {
                continue;
            };
            let mut texts = Vec::new();
            for (label, value) in self.entries(labels, "labelled texts")? {
                let Some(label) = self.case_word(label) else {
                    continue;
                };
                match value.text() {
                    Some(text) => texts.push((label, text.to_owned())),
                    None => {
                        self.fail::<()>(
                            value,
                            "a text must stand here",
                            Some("quote it: `'[1]'`".to_owned()),
                        );
                    }
                }
            }
            if texts.is_empty() {
                self.fail::<()>(key, "a case needs at least one labelled text", None);
            }
            cases.push((name, texts));
        }
        Some(cases)
    }

    fn case_word(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "a word")?;
        let fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.chars().all(fine) {
            return Some(text.to_owned());
        }
        let hint = "it becomes part of the trial's name: letters, digits, `-`, `_`, `.`";
        self.fail(node, format!("`{text}` is no label"), Some(hint.to_owned()))
    }
}

/// Whether a word is a client's name.
pub(super) fn is_client(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A scenario's name: its path below the corpus, without the ending.
#[must_use]
pub(super) fn name_of(path: &Path) -> String {
    let parts: Vec<String> = path
        .with_extension("")
        .components()
        .map(|c| c.as_os_str().to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}
