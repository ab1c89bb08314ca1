//! Values that holes are bound to, and when two of them are equal.

use bytes::Bytes;

use super::{json, number};
use crate::scenario::json::{Json, Node};
use crate::scenario::literal::Kind;

/// A bound value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A JSON value, from inside a payload.
    Json(Json),
    /// Raw text: an ack id, a piece of a URL or header, an id.
    Text(String),
    /// A number, such as a time in milliseconds.
    Number(f64),
    /// The bytes of a binary packet.
    Bytes(Bytes),
    /// One value for each member of a group.
    List(Vec<Value>),
}

impl Value {
    /// The value as raw text, outside JSON: a string without its quotes.
    #[must_use]
    pub fn raw(&self) -> String {
        match self {
            Self::Json(value) => match value.root() {
                Node::Text(text) => text.clone(),
                _ => value.to_string(),
            },
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::List(_) => self.json().to_string(),
        }
    }

    /// The value as JSON.
    #[must_use]
    pub fn json(&self) -> Json {
        match self {
            Self::Json(value) => value.clone(),
            Self::Text(text) => Json::text(text.clone()),
            Self::Number(number) => Json::leaf(Node::Number(number.to_string())),
            Self::Bytes(bytes) => Json::leaf(Node::Bytes(bytes.clone())),
            Self::List(values) => Json::array(values.iter().map(Self::json)),
        }
    }

    /// Whether two values are one. Digits that were bound as raw text equal the number.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Text(text), value) | (value, Self::Text(text)) => {
                let raw = value.raw();
                raw == *text || number::same_integer(&raw, text)
            }
            (a, b) => json::same(&a.json(), &b.json()),
        }
    }

    /// Whether a typed hole takes it.
    #[must_use]
    pub fn is(&self, kind: Kind) -> bool {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match (kind, self) {
            (Kind::Any, _) => true,
            (Kind::Number, Self::Text(text)) => digits(text),
            (Kind::String, Self::Text(_)) | (Kind::Number, Self::Number(_)) => true,
            (Kind::Bytes, Self::Bytes(_)) | (Kind::Array, Self::List(_)) => true,
            (_, Self::Json(value)) => matches!(
                (kind, value.root()),
                (Kind::Number, Node::Number(_))
                    | (Kind::String, Node::Text(_))
                    | (Kind::Bool, Node::Bool(_))
                    | (Kind::Array, Node::Array { .. })
                    | (Kind::Object, Node::Object { .. })
                    | (Kind::Bytes, Node::Bytes(_))
            ),
            _ => false,
        }
    }
}

/// As a message shows it.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            _ => write!(f, "{}", self.json()),
        }
    }
}
