//! What an event says: its name and its arguments.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{Placeholder, Value, placeholder};
use crate::json::{Elements, read_json, unescape};

/// The payload of an EVENT or BINARY_EVENT that has a name.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    name: &'a str,
    args: Elements<'a>,
}

impl<'a> Event<'a> {
    /// The event that a payload is; `None` if it is no array that starts with a string or a number.
    #[must_use]
    pub fn of(payload: &'a str) -> Option<Self> {
        let mut args = Elements::new(payload)?;
        let name = args.next()?;
        matches!(name.as_bytes()[0], b'"' | b'-' | b'0'..=b'9').then_some(Self { name, args })
    }

    /// The name (SIO-EV-21, SIO-EV-23).
    #[must_use]
    pub fn name(&self) -> EventName<'a> {
        match self.name.starts_with('"') {
            true => EventName::Text(unescape(self.name)),
            false => EventName::Number(self.name),
        }
    }

    /// The name as it was written, quotes and escapes included.
    #[must_use]
    pub const fn raw_name(&self) -> &'a str {
        self.name
    }

    /// The arguments as they were written (SIO-EV-02).
    pub fn raw_args(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.args.clone()
    }

    /// All arguments as one text, as they were written: what stands between the name's comma and
    /// the array's end. Empty if there are none.
    #[must_use]
    pub fn raw_args_text(&self) -> &'a str {
        let rest = self.args.rest().unwrap_or_default().trim_end();
        rest.strip_suffix(']').unwrap_or(rest).trim_end()
    }
}

/// A string, or a number as it was written (SIO-EV-10).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventName<'a> {
    /// What the JSON string says.
    Text(Cow<'a, str>),
    /// The digits of the JSON number.
    Number(&'a str),
}

impl EventName<'_> {
    /// The name, if it is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) => None,
        }
    }
}

impl PartialEq<str> for EventName<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for EventName<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(other)
    }
}

impl fmt::Display for EventName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Number(digits) => formatter.write_str(digits),
        }
    }
}

/// One argument of an event or an acknowledgement, with the attachments of its message at hand.
#[derive(Debug, Clone, Copy)]
pub struct Argument<'a> {
    raw: &'a str,
    attachments: &'a [Bytes],
}

impl<'a> Argument<'a> {
    /// An argument that is JSON text and refers to these attachments; to none if they are empty.
    #[must_use]
    pub const fn new(raw: &'a str, attachments: &'a [Bytes]) -> Self {
        Self { raw, attachments }
    }

    /// The JSON as it was written, placeholders included.
    #[must_use]
    pub const fn raw(&self) -> &'a str {
        self.raw
    }

    /// The attachments of the message that this is an argument of.
    #[must_use]
    pub const fn attachments(&self) -> &'a [Bytes] {
        self.attachments
    }

    /// The bytes, if the argument is a placeholder and nothing else.
    #[must_use]
    pub fn as_binary(&self) -> Option<&'a Bytes> {
        match self.placeholders().as_slice() {
            [only] if only.span == (0..self.raw.len()) => self.attachments.get(only.index?),
            _ => None,
        }
    }

    /// The placeholders in it, in order. None in a message without attachments (SIO-BI-20).
    #[must_use]
    pub fn placeholders(&self) -> Vec<Placeholder> {
        if self.attachments.is_empty() {
            return Vec::new();
        }
        placeholder::find(self.raw)
    }

    /// The argument as a tree, with attachments where their placeholders stood.
    ///
    /// Fails where `serde_json` reads no value: nesting beyond 127, a lone surrogate escape.
    pub fn value(&self) -> Result<Value, serde_json::Error> {
        Value::read(self.raw, self.attachments)
    }

    /// The argument as a type of the caller's; placeholders are ordinary objects to it.
    ///
    /// A `serde_json::Value` is read as by [`read_json`]; one inside another type is not, so it takes an object with a
    /// private key of `serde_json` for what that key says.
    pub fn parse<T: DeserializeOwned + 'static>(&self) -> Result<T, serde_json::Error> {
        let mut read = None::<T>;
        if let Some(tree) = (&mut read as &mut dyn Any).downcast_mut::<Option<serde_json::Value>>()
        {
            *tree = Some(read_json(self.raw)?);
        }
        read.map_or_else(|| serde_json::from_str(self.raw), Ok)
    }
}
