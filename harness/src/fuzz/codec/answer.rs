//! What a parser says to an input, in a form that can be compared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::scenario::json::{Json, Node};
use crate::scenario::json_write::quote;

/// Packets, and what came after the last one.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What was read, up to the first error.
    pub packets: Vec<Packet>,
    /// Why there are no more.
    pub end: End,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All of the input was read.
    Whole,
    /// A header still waits for attachments.
    Waiting,
    /// Something was refused; the parser's own words.
    Refused(String),
}

impl End {
    /// Whether both are the same verdict; nobody's words are compared.
    #[must_use]
    pub const fn agrees(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Whole, Self::Whole)
                | (Self::Waiting, Self::Waiting)
                | (Self::Refused(_), Self::Refused(_))
        )
    }

    /// Whether it is a refusal.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// One word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Whole => "accepted",
            Self::Waiting => "waiting",
            Self::Refused(_) => "refused",
        }
    }
}

/// A packet of either protocol.
#[derive(Debug, Clone, PartialEq)]
pub enum Packet {
    /// Engine.IO.
    Engine {
        /// The protocol's name of the type.
        kind: String,
        /// What it carries.
        body: Body,
    },
    /// Socket.IO.
    Socket {
        /// The protocol's name of the type in lower case; a binary event is an event.
        kind: String,
        /// The namespace.
        namespace: String,
        /// The id, digits in a good answer.
        id: Option<String>,
        /// The payload, with bytes where attachments belong.
        data: Option<Json>,
    },
}

/// What an Engine.IO packet carries.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// A value that the parser made of the text.
    Json(Json),
}

/// Why a line is no answer.
type Rubbish = &'static str;

impl Answer {
    /// Reads a line of the protocol.
    ///
    /// # Errors
    /// Says what the line lacks.
    pub fn parse(line: &str) -> Result<Self, Rubbish> {
        let json = Json::parse(line).map_err(|_| "it is not JSON")?;
        let mut answer = Self {
            packets: Vec::new(),
            end: End::Whole,
        };
        let mut seen = false;
        for (key, value) in members(&json, 0).ok_or("it is not an object")? {
            match (key, json.node(value)) {
                ("packets", Node::Array { items, .. }) => {
                    seen = true;
                    let packets = items.iter().map(|item| packet(&json, *item));
                    answer.packets = packets.collect::<Result<_, _>>()?;
                }
                ("error", Node::Text(words)) => answer.end = End::Refused(words.clone()),
                ("waiting", Node::Bool(true)) if answer.end == End::Whole => {
                    answer.end = End::Waiting;
                }
                ("waiting", Node::Bool(_)) => {}
                _ => return Err("it has a key that no answer has"),
            }
        }
        seen.then_some(answer).ok_or("it has no `packets`")
    }
}

impl Answer {
    /// The answer as a line of the protocol.
    #[must_use]
    pub fn line(&self) -> String {
        let packets: Vec<_> = self.packets.iter().map(Packet::json).collect();
        let end = match &self.end {
            End::Whole => String::new(),
            End::Waiting => r#","waiting":true"#.to_owned(),
            End::Refused(words) => format!(r#","error":{}"#, quoted(words)),
        };
        format!(r#"{{"packets":[{}]{end}}}"#, packets.join(","))
    }
}

impl Packet {
    /// The packet as the protocol writes it.
    fn json(&self) -> String {
        match self {
            Self::Engine { kind, body } => {
                let (key, value) = match body {
                    Body::Text(text) => ("text", quoted(text)),
                    Body::Binary(data) => ("binary", quoted(&STANDARD.encode(data))),
                    Body::Json(json) => ("json", tagged(json)),
                };
                format!(r#"{{"type":{},"{key}":{value}}}"#, quoted(kind))
            }
            Self::Socket {
                kind,
                namespace,
                id,
                data,
            } => {
                let (kind, namespace) = (quoted(kind), quoted(namespace));
                let id = id
                    .as_deref()
                    .map_or_else(String::new, |id| format!(r#","id":{}"#, quoted(id)));
                let data = data
                    .as_ref()
                    .map_or_else(String::new, |data| format!(r#","data":{}"#, tagged(data)));
                format!(r#"{{"type":{kind},"namespace":{namespace}{id}{data}}}"#)
            }
        }
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    quote(text, &mut out);
    out
}

/// The value with tags where bytes stand, and numbers without a JSON word.
fn tagged(json: &Json) -> String {
    let mut json = json.clone();
    for node in &mut json.nodes {
        if let Node::Object { entries, .. } = node {
            for (key, _) in entries.iter_mut().filter(|(key, _)| key.starts_with('$')) {
                key.insert(0, '$');
            }
        }
    }
    json.write(&mut |node, out| match node {
        Node::Bytes(data) => {
            out.push_str(&format!(r#"{{"$bytes":"{}"}}"#, STANDARD.encode(data)));
            true
        }
        Node::Number(word) if matches!(word.as_str(), "NaN" | "Infinity" | "-Infinity") => {
            out.push_str(&format!(r#"{{"$number":"{word}"}}"#));
            true
        }
        _ => false,
    })
}

fn members(json: &Json, index: usize) -> Option<impl Iterator<Item = (&str, usize)>> {
    match json.node(index) {
        Node::Object { entries, .. } => {
            Some(entries.iter().map(|(key, value)| (key.as_str(), *value)))
        }
        _ => None,
    }
}

fn packet(json: &Json, index: usize) -> Result<Packet, Rubbish> {
    let (mut kind, mut namespace, mut id, mut data, mut body) = (None, None, None, None, None);
    for (key, value) in members(json, index).ok_or("a packet is not an object")? {
        match (key, json.node(value)) {
            ("type", Node::Text(text)) => kind = Some(text.clone()),
            ("namespace", Node::Text(text)) => namespace = Some(text.clone()),
            ("id", Node::Text(text)) => id = Some(text.clone()),
            ("data", _) => data = Some(untagged(json.subtree(value))?),
            ("text", Node::Text(text)) => body = Some(Body::Text(text.clone())),
            ("binary", Node::Text(text)) => body = Some(Body::Binary(bytes(text)?)),
            ("json", _) => body = Some(Body::Json(untagged(json.subtree(value))?)),
            _ => return Err("a packet has a key that no packet has"),
        }
    }
    let kind = kind.ok_or("a packet has no `type`")?;
    match (body, namespace) {
        (Some(body), None) if id.is_none() && data.is_none() => Ok(Packet::Engine { kind, body }),
        (None, Some(namespace)) => Ok(Packet::Socket {
            kind,
            namespace,
            id,
            data,
        }),
        _ => Err("a packet is neither of Engine.IO nor of Socket.IO"),
    }
}

fn bytes(base64: &str) -> Result<Bytes, Rubbish> {
    let decoded = STANDARD.decode(base64);
    decoded.map(Bytes::from).map_err(|_| "base64 is broken")
}

/// Puts bytes, and numbers without a JSON word, where their tags stand, and takes the escape off keys.
fn untagged(mut json: Json) -> Result<Json, Rubbish> {
    for at in 0..json.nodes.len() {
        let Node::Object { entries, .. } = &json.nodes[at] else {
            continue;
        };
        let tag = match entries.as_slice() {
            [(key, value)] if matches!(key.as_str(), "$bytes" | "$number") => {
                match json.node(*value) {
                    Node::Text(text) if key == "$bytes" => Some(Node::Bytes(bytes(text)?)),
                    Node::Text(text) => Some(Node::Number(text.clone())),
                    _ => return Err("a tag holds no text"),
                }
            }
            _ => None,
        };
        match (tag, &mut json.nodes[at]) {
            (Some(tag), node) => *node = tag,
            (None, Node::Object { entries, .. }) => {
                for (key, _) in entries.iter_mut().filter(|(key, _)| key.starts_with('$')) {
                    key.remove(0);
                }
            }
            _ => {}
        }
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_packets_and_an_end() {
        let line = r#"{"packets":[{"type":"event","namespace":"/a","id":"7","data":["m",{"$bytes":"AQID"},{"$$y":{"$number":"NaN"}}]}],"error":"no"}"#;
        let answer = Answer::parse(line).unwrap();
        assert_eq!(answer.end, End::Refused("no".into()));
        let [Packet::Socket { id, data, .. }] = answer.packets.as_slice() else {
            panic!("one packet of Socket.IO")
        };
        assert_eq!(id.as_deref(), Some("7"));
        let shown = data.as_ref().map(ToString::to_string);
        assert_eq!(shown.as_deref(), Some(r#"["m",!hex 010203,{"$y":NaN}]"#));
        assert_eq!(answer.line(), line);
    }

    #[test]
    fn rubbish_is_named() {
        for (line, why) in [
            ("hello", "it is not JSON"),
            ("[]", "it is not an object"),
            ("{}", "it has no `packets`"),
            (r#"{"packets":[{}]}"#, "a packet has no `type`"),
            (
                r#"{"packets":[{"type":"ping"}]}"#,
                "a packet is neither of Engine.IO nor of Socket.IO",
            ),
            (r#"{"packets":[],"x":1}"#, "it has a key that no answer has"),
        ] {
            assert_eq!(Answer::parse(line), Err(why), "{line}");
        }
    }
}
