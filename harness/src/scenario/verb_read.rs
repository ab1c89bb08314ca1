//! The value of each verb.

use super::args::Use;
use super::expression::Check;
use super::grammar::{Grammar, written};
use super::json::Json;
use super::literal::{PacketLiteral, PacketPattern, StatusSet, Template};
use super::lower::Lowerer;
use super::model::{Layer, Subject, Transport};
use super::node::{Node, Value};
use super::packet::Flavour;
use super::steps::Beside;
use super::verb::{Close, Connect, Emit, Loss, Open, Poll, Repeat, TargetAction, Verb};

impl Lowerer {
    pub(super) fn verb(
        &mut self,
        grammar: &Grammar,
        subject: &Subject,
        key: &Node,
        value: &Node,
        beside: &Beside<'_>,
    ) -> Option<Verb> {
        let find = |name: &str| {
            beside
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, node)| *node)
        };
        let nothing = |this: &mut Self, verb: Verb| {
            if value.is_null() {
                return Some(verb);
            }
            let name = written(grammar, subject.layer);
            this.fail(
                value,
                format!("`{name}:` has no value"),
                Some("leave it empty".to_owned()),
            )
        };
        match grammar.name {
            "open" => self
                .open(subject.layer, value, find("refused"))
                .map(Verb::Open),
            "connect" => self.connect(value).map(Verb::Connect),
            "send" => self
                .literal(value, "a packet", PacketLiteral::parse)
                .map(Verb::Send),
            "emit" => {
                let mut emit = self.emit(value, find("ack"))?;
                if let Some(node) = find("volatile") {
                    emit.volatile = self.bool(node, "switch")?;
                }
                if let Some(node) = find("timeout") {
                    emit.timeout = Some(self.duration(node)?);
                }
                Some(Verb::Emit(emit))
            }
            "expect" if subject.layer == Layer::Tcp => {
                self.answer(value, false).map(Verb::HttpExpect)
            }
            "expect" => self.packets(value).map(Verb::Expect),
            "expect.any-order" => self.packets(value).map(Verb::ExpectAnyOrder),
            "expect.raw" => {
                let read = |text: &str| PacketPattern::parse(text, Flavour::Raw);
                self.literal(value, "a packet", read).map(Verb::ExpectRaw)
            }
            "nothing" => nothing(self, Verb::Nothing),
            "silence" => self.duration(value).map(Verb::Silence),
            "alive" => nothing(self, Verb::Alive),
            "dead" if value.is_null() => Some(Verb::Dead(None)),
            "dead" => self.duration(value).map(|time| Verb::Dead(Some(time))),
            "close" => self.close(subject.layer, value).map(Verb::Close),
            "closed" => self.closed(value).map(Verb::Closed),
            "drop" => {
                let words = [("reset", Loss::Reset), ("fin", Loss::Fin)];
                self.word(value, "way to drop a connection", &words)
                    .map(Verb::Drop)
            }
            "http" => self.request(value).map(Verb::Http),
            "http.expect" => self.answer(value, false).map(Verb::HttpExpect),
            "poll" if value.is_null() => Some(Verb::Poll(Poll::Now)),
            "poll" => self
                .word(value, "way to poll", &[("hang", Poll::Hang)])
                .map(Verb::Poll),
            "poll.expect" => self.answer(value, true).map(Verb::PollExpect),
            "frame" => self.frame(value).map(Verb::Frame),
            "frame.expect" => self.frame_pattern(value).map(Verb::FrameExpect),
            "bytes" => self.content(value).map(Verb::Bytes),
            "network" => self.network(value).map(Verb::Network),
            "target" => {
                let words = [
                    ("restart", TargetAction::Restart),
                    ("stop", TargetAction::Stop),
                    ("start", TargetAction::Start),
                    ("pause", TargetAction::Pause),
                    ("resume", TargetAction::Resume),
                    ("term", TargetAction::Term),
                ];
                self.word(value, "action on the target", &words)
                    .map(Verb::Target)
            }
            "target.exit" => nothing(self, Verb::TargetExit),
            "check" => self
                .literal(value, "a comparison", Check::parse)
                .map(Verb::Check),
            "wait" => self.duration(value).map(Verb::Wait),
            "repeat" => self.repeat(key, value).map(Verb::Repeat),
            "together" => Some(Verb::Together(self.steps(value))),
            _ => self.branches(value).map(Verb::Either),
        }
    }

    fn open(&mut self, layer: Layer, value: &Node, refused: Option<&Node>) -> Option<Open> {
        let refused = match refused {
            Some(node) => Some(self.status(node)?),
            None => None,
        };
        let open = Open {
            refused,
            ..Open::default()
        };
        if value.is_null() {
            return Some(open);
        }
        if let Value::Scalar(text, _) = &value.value {
            if text.starts_with('/') {
                let path = self.literal(value, "a path", Template::parse)?;
                return Some(Open {
                    path: Some(path),
                    ..open
                });
            }
            let transport = Some(self.transport(value)?);
            return Some(Open { transport, ..open });
        }
        self.open_fields(layer, value, open)
    }

    fn open_fields(&mut self, layer: Layer, value: &Node, mut open: Open) -> Option<Open> {
        for (field, node) in
            self.known(value, "open", &["transport", "path", "query", "headers"])?
        {
            match field {
                "transport" if layer == Layer::Ws => {
                    return self.fail(node, "`ws.open` is always a WebSocket", None);
                }
                "transport" => open.transport = Some(self.transport(node)?),
                "path" => open.path = Some(self.literal(node, "a path", Template::parse)?),
                "query" => open.query = self.pairs(node, "a query")?,
                _ => open.headers = self.pairs(node, "headers")?,
            }
        }
        Some(open)
    }

    fn transport(&mut self, node: &Node) -> Option<Transport> {
        let words = [
            ("polling", Transport::Polling),
            ("websocket", Transport::WebSocket),
        ];
        self.word(node, "transport", &words)
    }

    /// Names with texts.
    fn pairs(&mut self, node: &Node, what: &str) -> Option<Vec<(String, Template)>> {
        let mut pairs = Vec::new();
        for (key, value) in self.entries(node, what)? {
            let name = key.text().unwrap_or_default().to_owned();
            let text = value.text().unwrap_or_default();
            match Template::parse_text(text) {
                Ok(text) => pairs.push((name, text)),
                Err(error) => return self.broken(value, &error),
            }
        }
        Some(pairs)
    }

    fn connect(&mut self, value: &Node) -> Option<Connect> {
        let plain = |ns: &str| Connect {
            ns: Template::plain(ns),
            auth: None,
        };
        if value.is_null() {
            return Some(plain("/"));
        }
        if matches!(value.value, Value::Scalar(..)) {
            return Some(Connect {
                ns: self.namespace_literal(value)?,
                auth: None,
            });
        }
        let mut connect = plain("/");
        for (field, node) in self.known(value, "connect", &["ns", "auth"])? {
            match field {
                "ns" => connect.ns = self.namespace_literal(node)?,
                _ => connect.auth = Some(self.json_or_text(node, Use::Send)?),
            }
        }
        Some(connect)
    }

    fn namespace_literal(&mut self, node: &Node) -> Option<Template> {
        let text = self.text(node, "a namespace")?;
        if !text.starts_with('/') {
            return self.fail(
                node,
                format!("`{text}` is no namespace"),
                Some(format!("write `/{text}`")),
            );
        }
        self.literal(node, "a namespace", Template::parse)
    }

    fn emit(&mut self, value: &Node, ack: Option<&Node>) -> Option<Emit> {
        let items = self.items(value, "the event's name and its arguments")?;
        if items.is_empty() {
            return self.fail(
                value,
                "an event has a name",
                Some("write `[name, argument, …]`".to_owned()),
            );
        }
        let args = self.json(value, Use::Send)?;
        let ack_fails = ack.and_then(Node::text) == Some("failed");
        let ack = match ack {
            None => None,
            Some(_) if ack_fails => None,
            Some(node) => {
                self.items(node, "the arguments of the acknowledgement")?;
                Some(self.json(node, Use::Expect)?)
            }
        };
        Some(Emit {
            args,
            ack,
            ack_fails,
            volatile: false,
            timeout: None,
        })
    }

    fn packets(&mut self, value: &Node) -> Option<Vec<PacketPattern>> {
        let flavour = self.flavour;
        if let Value::Items(items) = &value.value
            && items.is_empty()
        {
            return self.fail(value, "a packet must stand here", None);
        }
        self.literals(value, "a packet", |text| {
            PacketPattern::parse(text, flavour)
        })
    }

    fn close(&mut self, layer: Layer, value: &Node) -> Option<Close> {
        if layer == Layer::Tcp {
            return if value.is_null() {
                Some(Close::Tcp)
            } else {
                self.fail(value, "`tcp.close:` has no value", None)
            };
        }
        if value.is_null() {
            return Some(Close::Default);
        }
        if matches!(value.value, Value::Scalar(..)) {
            return Some(Close::Code(
                self.number(value, "close code")?,
                String::new(),
            ));
        }
        let mut code = 1000;
        let mut reason = String::new();
        for (field, node) in self.known(value, "close", &["code", "reason"])? {
            match field {
                "code" => code = self.number(node, "close code")?,
                _ => self.text(node, "a reason")?.clone_into(&mut reason),
            }
        }
        Some(Close::Code(code, reason))
    }

    fn repeat(&mut self, key: &Node, value: &Node) -> Option<Repeat> {
        let mut times = None;
        let mut counter = None;
        let mut steps = None;
        for (field, node) in self.known(value, "repeat", &["times", "as", "steps"])? {
            match field {
                "times" => times = Some(self.number(node, "number of times")?),
                "as" => {
                    let word = node.text().unwrap_or_default();
                    if word.starts_with('$') {
                        return self.fail(node, "the counter is named without its `$`", None);
                    }
                    if !word.starts_with(|c: char| c.is_ascii_lowercase()) {
                        return self.fail(
                            node,
                            format!("`{word}` is no name"),
                            Some("write `as: i`".to_owned()),
                        );
                    }
                    counter = Some(word.to_owned());
                }
                _ => steps = Some(self.steps(node)),
            }
        }
        match (times, steps) {
            (Some(times), Some(steps)) => Some(Repeat {
                times,
                counter,
                steps,
            }),
            _ => self.fail(
                key,
                "`repeat` needs `times` and `steps`",
                Some("write `{times: 3, steps: […]}`".into()),
            ),
        }
    }

    /// `200`, `[400, 413]`, `4xx`, `cut`.
    pub(super) fn status(&mut self, node: &Node) -> Option<StatusSet> {
        use super::literal::Status;
        let mut set = Vec::new();
        for node in self.one_or_more(node) {
            let text = self.text(node, "a status")?;
            let class = text
                .strip_suffix("xx")
                .and_then(|digit| digit.parse::<u8>().ok());
            set.push(match (text, class, text.parse::<u16>()) {
                ("cut", ..) => Status::Cut,
                (_, Some(class @ 1..=5), _) => Status::Class(class),
                (_, _, Ok(code @ 100..=599)) => Status::Code(code),
                _ => {
                    let hint = "write `200`, `[400, 413]`, `4xx` or `cut`";
                    return self.fail(
                        node,
                        format!("`{text}` is no status"),
                        Some(hint.to_owned()),
                    );
                }
            });
        }
        Some(StatusSet(set))
    }

    pub(super) fn json_pattern(&mut self, node: &Node) -> Option<Json> {
        self.json_or_text(node, Use::Expect)
    }
}
