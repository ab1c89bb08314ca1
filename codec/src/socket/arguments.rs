//! Arguments on their way out: JSON text with numbered placeholders, and the attachments.

use bytes::Bytes;
use serde::Serialize;

use super::ack_id::digits;
use super::{AckId, Argument, Packet, PacketType, Value, placeholder};

/// The arguments of an event or an acknowledgement, ready to be written any number of times: a
/// broadcast builds them once.
///
/// Once an attachment is among them, an object of plain JSON that looks like a placeholder reads
/// as one on the other side; the protocol has no way to say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The elements with commas between them, without the brackets.
    json: String,
    attachments: Vec<Bytes>,
}

impl Arguments {
    /// No arguments.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            json: String::new(),
            attachments: Vec::new(),
        }
    }

    /// The elements as JSON text with commas between them, without the brackets.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The attachments in the order of their numbers.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// Adds an argument that is JSON text already. It is taken as it is.
    pub fn push_json(&mut self, json: &str) -> &mut Self {
        self.separate();
        self.json.push_str(json);
        self
    }

    /// Adds an argument that came in, unparsed: its text is copied, its placeholders get the
    /// numbers of this side, its attachments are shared (SIO-BI-07, SIO-BI-22). An attachment
    /// that nothing refers to stays behind (SIO-BI-21).
    pub fn push_argument(&mut self, argument: Argument<'_>) -> &mut Self {
        self.separate();
        let raw = argument.raw();
        let mut copied = 0;
        for found in argument.placeholders() {
            let Some(data) = found
                .index
                .and_then(|index| argument.attachments().get(index))
            else {
                continue;
            };
            self.json.push_str(&raw[copied..found.span.start]);
            self.binary(data.clone());
            copied = found.span.end;
        }
        self.json.push_str(&raw[copied..]);
        self
    }

    /// Adds bytes.
    pub fn push_binary(&mut self, data: impl Into<Bytes>) -> &mut Self {
        self.separate();
        self.binary(data.into());
        self
    }

    /// Adds a tree, with the bytes in it as attachments (SIO-BI-06).
    pub fn push_value(&mut self, value: &Value) -> &mut Self {
        self.separate();
        self.tree(value);
        self
    }

    /// Adds whatever serializes as JSON. Nothing is added if it does not.
    pub fn push<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
    ) -> Result<&mut Self, serde_json::Error> {
        let json = serde_json::to_string(value)?;
        Ok(self.push_json(&json))
    }

    /// Appends an event with these arguments: BINARY_EVENT if it has attachments (SIO-BI-02), with
    /// the count before the namespace and the id after it (SIO-BI-08, SIO-BI-28). The attachments
    /// are the caller's to send, right after it.
    pub fn encode_event(
        &self,
        namespace: &str,
        id: Option<AckId<'_>>,
        name: &str,
        out: &mut String,
    ) {
        let kind = if self.attachments.is_empty() {
            PacketType::Event
        } else {
            PacketType::BinaryEvent
        };
        let header = self.header(kind, namespace, id);
        out.reserve(self.room(&header) + name.len() + r#""","#.len());
        header.encode_header(out);
        out.push('[');
        push_string(name, out);
        if !self.json.is_empty() {
            out.push(',');
            out.push_str(&self.json);
        }
        out.push(']');
    }

    /// Appends an acknowledgement with these arguments: BINARY_ACK if it has attachments
    /// (SIO-ACK-06, SIO-ACK-07), an array even if it is empty (SIO-ACK-02).
    pub fn encode_ack(&self, namespace: &str, id: AckId<'_>, out: &mut String) {
        let kind = if self.attachments.is_empty() {
            PacketType::Ack
        } else {
            PacketType::BinaryAck
        };
        let header = self.header(kind, namespace, Some(id));
        out.reserve(self.room(&header));
        header.encode_header(out);
        out.push('[');
        out.push_str(&self.json);
        out.push(']');
    }

    fn header<'a>(
        &self,
        kind: PacketType,
        namespace: &'a str,
        id: Option<AckId<'a>>,
    ) -> Packet<'a> {
        Packet {
            id,
            ..Packet::new(kind)
                .in_namespace(namespace)
                .with_attachments(self.attachments.len())
        }
    }

    /// How many bytes header, brackets and arguments take at most.
    fn room(&self, header: &Packet<'_>) -> usize {
        let count = match header.kind.is_binary() {
            true => digits(header.attachments as u64) + 1,
            false => 0,
        };
        let id = header.id.map_or(0, AckId::digits);
        "0,[]".len() + count + header.namespace.len() + id + self.json.len()
    }

    fn separate(&mut self) {
        if !self.json.is_empty() {
            self.json.push(',');
        }
    }

    fn binary(&mut self, data: Bytes) {
        placeholder::encode(self.attachments.len(), &mut self.json);
        self.attachments.push(data);
    }

    fn tree(&mut self, value: &Value) {
        match value {
            Value::Json(json) => self.json.push_str(&json.to_string()),
            Value::Binary(data) => self.binary(data.clone()),
            Value::Array(elements) => {
                self.json.push('[');
                for (number, element) in elements.iter().enumerate() {
                    self.json.push_str(if number == 0 { "" } else { "," });
                    self.tree(element);
                }
                self.json.push(']');
            }
            Value::Object(members) => {
                self.json.push('{');
                for (number, (key, member)) in members.iter().enumerate() {
                    self.json.push_str(if number == 0 { "" } else { "," });
                    push_string(key, &mut self.json);
                    self.json.push(':');
                    self.tree(member);
                }
                self.json.push('}');
            }
        }
    }
}

/// Appends a JSON string.
fn push_string(text: &str, out: &mut String) {
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    out.push_str(&serde_json::Value::from(text).to_string());
}

impl<'a> FromIterator<Argument<'a>> for Arguments {
    fn from_iter<I: IntoIterator<Item = Argument<'a>>>(arguments: I) -> Self {
        let mut all = Self::new();
        for argument in arguments {
            all.push_argument(argument);
        }
        all
    }
}

impl FromIterator<Value> for Arguments {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        let mut all = Self::new();
        for value in values {
            all.push_value(&value);
        }
        all
    }
}
