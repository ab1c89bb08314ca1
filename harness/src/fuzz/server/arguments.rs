//! Arguments of events: as a scenario's `emit` writes them, and as the wire must show them.

use std::fmt::Write as _;

/// One argument of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A string.
    Text(String),
    /// Bytes, which travel as an attachment.
    Bytes(Vec<u8>),
    /// An array.
    List(Vec<Argument>),
    /// An object.
    Map(Vec<(String, Argument)>),
    /// The Socket.IO id of a client, as the scenario names it: `$B.id(/custom)`.
    Id(String),
}

impl Argument {
    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A whole number.
    pub fn integer(value: impl Into<i64>) -> Self {
        Self::Number(value.into().to_string())
    }

    /// At most how many bytes it has on the wire, its attachments in base64 included.
    pub fn weight(&self) -> u64 {
        let size = |text: &str| {
            // Six bytes is the longest escape of what is one, or the half of a pair of four.
            6 * text.chars().filter(|c| !c.is_ascii_alphanumeric()).count() + text.len() + 2
        };
        let own = match self {
            Self::Null | Self::Bool(_) => 5,
            Self::Number(digits) => digits.len(),
            Self::Text(text) => size(text),
            Self::Bytes(bytes) => 40 + 2 * bytes.len(),
            Self::Id(_) => 30,
            Self::List(items) => {
                return 2 + items.iter().map(|item| item.weight() + 1).sum::<u64>();
            }
            Self::Map(entries) => {
                let entry = |(key, value): &(String, Self)| size(key) as u64 + value.weight() + 2;
                return 2 + entries.iter().map(entry).sum::<u64>();
            }
        };
        own as u64
    }

    /// Whether it holds bytes anywhere.
    pub fn is_binary(&self) -> bool {
        match self {
            Self::Bytes(_) => true,
            Self::List(items) => items.iter().any(Self::is_binary),
            Self::Map(entries) => entries.iter().any(|(_, value)| value.is_binary()),
            _ => false,
        }
    }

    /// As a flow value of a scenario's `emit` or `ack`.
    pub fn yaml(&self) -> String {
        match self {
            Self::Bytes(bytes) => format!("!hex '{}'", hex(bytes)),
            Self::List(items) => yaml(items),
            Self::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| format!("{}: {}", json(key), value.yaml()));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
            other => other.wire(&mut Vec::new()),
        }
    }

    /// As JSON in a packet; bytes become placeholders, in the order in which they stand.
    fn wire(&self, attachments: &mut Vec<Vec<u8>>) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(digits) => digits.clone(),
            Self::Text(text) => json(text),
            Self::Id(hole) => hole.clone(),
            Self::Bytes(bytes) => {
                attachments.push(bytes.clone());
                format!(
                    "{{\"_placeholder\":true,\"num\":{}}}",
                    attachments.len() - 1
                )
            }
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| item.wire(attachments)).collect();
                format!("[{}]", items.join(","))
            }
            Self::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("{}:{}", json(key), value.wire(attachments)))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }
}

/// Arguments as a flow sequence of a scenario.
pub fn yaml(arguments: &[Argument]) -> String {
    let items: Vec<_> = arguments.iter().map(Argument::yaml).collect();
    format!("[{}]", items.join(", "))
}

/// What a packet is, beside its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Whether it is an acknowledgement.
    pub ack: bool,
    /// The namespace.
    pub ns: &'a str,
    /// The acknowledgement id or a hole for it; empty for none.
    pub id: &'a str,
}

/// The literals of an EVENT or ACK with these arguments: the header, and its attachments.
pub fn packet(head: Head<'_>, arguments: &[Argument]) -> Vec<String> {
    let mut attachments = Vec::new();
    let items: Vec<_> = arguments
        .iter()
        .map(|argument| argument.wire(&mut attachments))
        .collect();
    let kind = match (head.ack, attachments.is_empty()) {
        (false, true) => "2".to_owned(),
        (true, true) => "3".to_owned(),
        (false, false) => format!("5{}-", attachments.len()),
        (true, false) => format!("6{}-", attachments.len()),
    };
    let header = format!("4{kind}{}{}[{}]", prefix(head.ns), head.id, items.join(","));
    let bytes = attachments
        .iter()
        .map(|bytes| format!("<{}>", spaced(bytes)));
    std::iter::once(header).chain(bytes).collect()
}

/// The namespace as a packet has it: with its comma, and not at all for `/`.
pub fn prefix(ns: &str) -> String {
    match ns {
        "/" => String::new(),
        ns => format!("{ns},"),
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn spaced(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_placeholders_in_order_wherever_they_stand() {
        let arguments = [
            Argument::text("x"),
            Argument::Map(vec![("a".to_owned(), Argument::Bytes(vec![1, 255]))]),
            Argument::List(vec![Argument::Bytes(Vec::new()), Argument::Null]),
        ];
        let head = Head {
            ack: false,
            ns: "/custom",
            id: "",
        };
        assert_eq!(
            packet(head, &arguments),
            [
                "452-/custom,[\"x\",{\"a\":{\"_placeholder\":true,\"num\":0}},[{\"_placeholder\":true,\"num\":1},null]]",
                "<01 ff>",
                "<>"
            ]
        );
        assert_eq!(
            yaml(&arguments),
            "[\"x\", {\"a\": !hex '01ff'}, [!hex '', null]]"
        );
    }

    #[test]
    fn an_acknowledgement_has_its_id_behind_the_namespace() {
        let head = Head {
            ack: true,
            ns: "/",
            id: "$c1",
        };
        assert_eq!(packet(head, &[Argument::Bool(true)]), ["43$c1[true]"]);
    }
}
