//! A JSON value in which bytes may stand.

use bytes::Bytes;
use serde::de::Error as _;

use super::placeholder;
use crate::json::{Elements, Members, read_json, unescape};

/// How deep a tree may be: what `serde_json` reads.
const DEEPEST: usize = 127;

/// An argument as a tree. Only what holds bytes is spelt out; all else is a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A value with no bytes in it.
    Json(serde_json::Value),
    /// Bytes, an attachment on the wire.
    Binary(Bytes),
    /// An array with bytes somewhere in it.
    Array(Vec<Value>),
    /// An object with bytes somewhere in it, in its order.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Reads JSON text, putting attachments where their placeholders stand (SIO-BI-04, SIO-BI-29).
    pub(crate) fn read(json: &str, attachments: &[Bytes]) -> Result<Self, serde_json::Error> {
        if attachments.is_empty() {
            return read_json(json).map(Self::Json);
        }
        read(json, attachments, DEEPEST)
    }

    /// The value, if there are no bytes in it.
    #[must_use]
    pub const fn as_json(&self) -> Option<&serde_json::Value> {
        match self {
            Self::Json(json) => Some(json),
            _ => None,
        }
    }

    /// The text, if it is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_json()?.as_str()
    }

    /// The bytes, if it is nothing but them.
    #[must_use]
    pub const fn as_binary(&self) -> Option<&Bytes> {
        match self {
            Self::Binary(data) => Some(data),
            _ => None,
        }
    }
}

fn read(json: &str, attachments: &[Bytes], depth: usize) -> Result<Value, serde_json::Error> {
    let found = placeholder::find(json);
    if let [only] = found.as_slice()
        && only.span == (0..json.len())
        && let Some(data) = only.index.and_then(|index| attachments.get(index))
    {
        return Ok(Value::Binary(data.clone()));
    }
    if found.is_empty() {
        return read_json(json).map(Value::Json);
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(serde_json::Error::custom("recursion limit exceeded"));
    };
    if let Some(elements) = Elements::new(json) {
        return elements
            .map(|element| read(element, attachments, depth))
            .collect::<Result<_, _>>()
            .map(Value::Array);
    }
    let members = Members::new(json).into_iter().flatten();
    let member = |(key, value)| Ok((unescape(key).into_owned(), read(value, attachments, depth)?));
    members
        .map(member)
        .collect::<Result<_, _>>()
        .map(Value::Object)
}

impl From<Bytes> for Value {
    fn from(data: Bytes) -> Self {
        Self::Binary(data)
    }
}

impl From<Vec<u8>> for Value {
    fn from(data: Vec<u8>) -> Self {
        Self::Binary(data.into())
    }
}

macro_rules! from_json {
    ($($json:ty),*) => {
        $(impl From<$json> for Value {
            fn from(json: $json) -> Self {
                Self::Json(json.into())
            }
        })*
    };
}

from_json!(
    serde_json::Value,
    (),
    bool,
    i32,
    i64,
    u32,
    u64,
    usize,
    f64,
    &str,
    String
);
