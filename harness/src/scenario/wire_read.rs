//! The values of the verbs below Socket.IO: HTTP, frames, bytes.

use super::literal::{
    AnswerPattern, ClosedPattern, Content, EndingKind, FramePattern, PacketPattern, Status,
    StatusSet, Template, TextPattern,
};
use super::lower::Lowerer;
use super::node::{Node, Value};
use super::packet::{hex_pairs, whole_regex};
use super::template::SEPARATOR;
use super::verb::{Frame, Request};

impl Lowerer {
    pub(super) fn request(&mut self, value: &Node) -> Option<Request> {
        if matches!(value.value, Value::Scalar(..)) {
            let (method, target) = self.request_line(value)?;
            return Some(Request {
                method,
                target,
                headers: Vec::new(),
                body: None,
            });
        }
        let mut line = None;
        let mut headers = Vec::new();
        let mut body = None;
        for (field, node) in self.known(value, "http", &["request", "headers", "body"])? {
            match field {
                "request" => line = Some(self.request_line(node)?),
                "headers" => {
                    for (key, value) in self.entries(node, "headers")? {
                        let name = key.text().unwrap_or_default().to_owned();
                        if value.is_null() {
                            headers.push((name, None));
                            continue;
                        }
                        let text = self.text(value, "a header's value")?;
                        match Template::parse_text(text) {
                            Ok(text) => headers.push((name, Some(text))),
                            Err(error) => return self.broken(value, &error),
                        }
                    }
                }
                _ => body = Some(self.content(node)?),
            }
        }
        match line {
            Some((method, target)) => Some(Request {
                method,
                target,
                headers,
                body,
            }),
            None => self.fail(
                value,
                "`http` needs its `request`",
                Some("write `request: GET /socket.io/?EIO=4&transport=polling`".into()),
            ),
        }
    }

    fn request_line(&mut self, node: &Node) -> Option<(String, Template)> {
        let text = self.text(node, "a method and a path")?;
        match text.split_once(' ') {
            Some((method, target)) if !method.is_empty() && !target.is_empty() => {
                match Template::parse_text(target) {
                    Ok(target) => Some((method.to_owned(), target)),
                    Err(error) => self.broken(node, &error),
                }
            }
            _ => self.fail(
                node,
                "a method and a path must stand here",
                Some("write `GET /socket.io/?EIO=4`".into()),
            ),
        }
    }

    /// A text, or `!hex 0102`.
    pub(super) fn content(&mut self, node: &Node) -> Option<Content> {
        if let Value::Tagged(_, inner) = &node.value {
            let text = inner.text().unwrap_or_default();
            return match hex_pairs(text) {
                Some(bytes) => Some(Content::Bytes(bytes)),
                None => self.fail(inner, format!("`{text}` is not made of hex pairs"), None),
            };
        }
        if node.is_null() {
            return Some(Content::Text(Template::default()));
        }
        self.literal(node, "a text", Template::parse)
            .map(Content::Text)
    }

    fn text_pattern(&mut self, node: &Node) -> Option<TextPattern> {
        if let Some(text) = node.text() {
            match whole_regex(text) {
                Ok(Some(pattern)) => return Some(TextPattern::Regex(pattern)),
                Ok(None) => {}
                Err(error) => return self.broken(node, &error),
            }
        }
        Some(match self.content(node)? {
            Content::Text(text) => TextPattern::Text(text),
            Content::Bytes(bytes) => TextPattern::Bytes(bytes),
        })
    }

    /// What an answer must be. A literal alone is the whole body with status 200: as packets where
    /// it answers a poll, as text elsewhere.
    pub(super) fn answer(&mut self, value: &Node, poll: bool) -> Option<AnswerPattern> {
        let mut answer = AnswerPattern {
            status: StatusSet(vec![Status::Code(200)]),
            headers: Vec::new(),
            body: None,
            json: None,
            packets: None,
            further: false,
        };
        let Value::Entries(_) = &value.value else {
            let text = self.text(value, "a body, or what the answer must be")?;
            if poll && !text.starts_with("~/") {
                answer.packets = Some(self.payload(value, text)?);
            } else {
                answer.body = Some(self.text_pattern(value)?);
            }
            return Some(answer);
        };
        for (field, node) in self.known(
            value,
            "the answer",
            &["status", "headers", "body", "json", "packets"],
        )? {
            match field {
                "status" => answer.status = self.status(node)?,
                "headers" => answer.headers = self.header_patterns(node)?,
                "body" => answer.body = Some(self.text_pattern(node)?),
                "json" => answer.json = Some(self.json_pattern(node)?),
                _ => {
                    let flavour = self.flavour;
                    let read = |text: &str| PacketPattern::parse(text, flavour);
                    let nodes = self.one_or_more(node);
                    let last = nodes.last().and_then(Node::text);
                    answer.further = nodes.len() > 1 && last == Some("...");
                    let nodes = &nodes[..nodes.len() - usize::from(answer.further)];
                    answer.packets = nodes
                        .iter()
                        .map(|node| self.literal(node, "a packet", read))
                        .collect::<Option<_>>()
                        .map(Some)?;
                }
            }
        }
        Some(answer)
    }

    fn payload(&mut self, node: &Node, text: &str) -> Option<Vec<PacketPattern>> {
        let mut packets = Vec::new();
        let mut at = 0;
        for part in text.split(SEPARATOR) {
            match PacketPattern::parse(part, self.flavour) {
                Ok(pattern) => packets.push(pattern),
                Err(error) => return self.broken(node, &super::packet::shift(error, at)),
            }
            at += part.len() + SEPARATOR.len_utf8();
        }
        Some(packets)
    }

    fn header_patterns(&mut self, node: &Node) -> Option<Vec<(String, Option<TextPattern>)>> {
        let mut headers = Vec::new();
        for (key, value) in self.entries(node, "headers")? {
            let name = key.text().unwrap_or_default().to_lowercase();
            let pattern = if value.is_null() {
                None
            } else {
                Some(self.text_pattern(value)?)
            };
            headers.push((name, pattern));
        }
        Some(headers)
    }

    pub(super) fn closed(&mut self, value: &Node) -> Option<ClosedPattern> {
        let mut closed = ClosedPattern::default();
        if value.is_null() {
            return Some(closed);
        }
        if matches!(value.value, Value::Scalar(..)) {
            closed.code = Some(vec![self.number(value, "close code")?]);
            return Some(closed);
        }
        for (field, node) in self.known(value, "closed", &["code", "reason", "how"])? {
            match field {
                "code" => {
                    let nodes = self.one_or_more(node);
                    closed.code = Some(
                        nodes
                            .iter()
                            .filter_map(|node| self.number(node, "close code"))
                            .collect(),
                    );
                }
                "reason" => closed.reason = Some(self.text_pattern(node)?),
                _ => {
                    let words = [
                        ("frame", EndingKind::Frame),
                        ("fin", EndingKind::Fin),
                        ("reset", EndingKind::Reset),
                        ("packet", EndingKind::Packet),
                        ("gone", EndingKind::Gone),
                        ("refused", EndingKind::Refused),
                    ];
                    let nodes = self.one_or_more(node);
                    closed.how = Some(
                        nodes
                            .iter()
                            .filter_map(|node| self.word(node, "kind of end", &words))
                            .collect(),
                    );
                }
            }
        }
        Some(closed)
    }

    pub(super) fn frame(&mut self, value: &Node) -> Option<Frame> {
        let mut frame = Frame {
            opcode: 1,
            fin: true,
            rsv: 0,
            masked: true,
            payload: Content::Text(Template::default()),
            length: None,
        };
        for (field, node) in self.known(
            value,
            "frame",
            &["opcode", "fin", "rsv", "masked", "payload", "length"],
        )? {
            match field {
                "opcode" => frame.opcode = self.opcode(node)?,
                "fin" => frame.fin = self.bool(node, "switch")?,
                "rsv" => frame.rsv = self.number(node, "number from 0 to 7")?,
                "masked" => frame.masked = self.bool(node, "switch")?,
                "payload" => frame.payload = self.content(node)?,
                _ => frame.length = Some(self.number(node, "number of bytes")?),
            }
        }
        if frame.rsv > 7 {
            return self.fail(value, "`rsv` is three bits: 0 to 7", None);
        }
        Some(frame)
    }

    pub(super) fn frame_pattern(&mut self, value: &Node) -> Option<FramePattern> {
        let mut opcode = None;
        let mut payload = None;
        for (field, node) in self.known(value, "frame.expect", &["opcode", "payload"])? {
            match field {
                "opcode" => opcode = Some(self.opcode(node)?),
                _ => payload = Some(self.text_pattern(node)?),
            }
        }
        match opcode {
            Some(opcode @ 9..=10) => Some(FramePattern { opcode, payload }),
            _ => {
                let hint = "messages are packets (`ws.expect`), and a close frame is `ws.closed`";
                self.fail(
                    value,
                    "`frame.expect` awaits a `ping` or a `pong`",
                    Some(hint.to_owned()),
                )
            }
        }
    }

    fn opcode(&mut self, node: &Node) -> Option<u8> {
        let words = [
            ("continuation", 0),
            ("text", 1),
            ("binary", 2),
            ("close", 8),
            ("ping", 9),
            ("pong", 10),
        ];
        match node.text().and_then(|text| text.parse::<u8>().ok()) {
            Some(opcode @ 0..=15) => Some(opcode),
            Some(_) => self.fail(node, "an opcode is four bits: 0 to 15", None),
            None => self.word(node, "opcode", &words),
        }
    }
}
