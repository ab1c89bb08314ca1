//! One HTTP request and its answer, as values.

use bytes::Bytes;
use bytestring::ByteString;
use hyper::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::{HeaderMap, Method};
use siospec_codec::engine;
use std::borrow::Cow;
use std::time::Duration;

/// The parameters of a query, decoded, in the order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(pub Vec<(ByteString, ByteString)>);

impl Query {
    /// Decodes a query; what needs no decoding shares its memory.
    pub fn parse(raw: &ByteString) -> Self {
        let part = |part| match part {
            Cow::Borrowed(part) => raw.slice_ref(part),
            Cow::Owned(part) => part.into(),
        };
        let pairs = engine::Query::parse(raw).pairs.into_iter();
        Self(
            pairs
                .map(|(name, value)| (part(name), part(value)))
                .collect(),
        )
    }

    /// The last value of a parameter (EIO-QE-20); an empty one counts as absent (EIO-QE-25).
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rev().find(|(key, _)| key == name)?;
        Some(&**value).filter(|value| !value.is_empty())
    }

    /// Whether a parameter stands in the query, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Sets a parameter, whether it was there or not.
    pub fn set(&mut self, name: &str, value: impl Into<ByteString>) {
        self.remove(name);
        self.0.push((name.into(), value.into()));
    }

    /// Takes a parameter out.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }
}

/// The head of an HTTP request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The number of the TCP connection, counted from 1.
    pub connection: u64,
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query as it came.
    pub raw_query: ByteString,
    /// The query.
    pub query: Query,
    /// The headers.
    pub headers: HeaderMap,
}

impl Request {
    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether a header is a list that has this token, in any case (EIO-WS-24).
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(token))
    }

    /// Whether it is a GET that asks for a new session.
    pub fn opens(&self) -> bool {
        self.method == Method::GET && self.query.get("sid").is_none()
    }

    /// Whether the client wants to speak WebSocket on this connection.
    pub fn wants_websocket(&self) -> bool {
        self.has_token("connection", "upgrade") && self.has_token("upgrade", "websocket")
    }
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How long it is held back; for ever, if that is [`Duration::MAX`]. A right server holds nothing back.
    pub delay: Duration,
}

impl Response {
    /// An answer with a body of this type.
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self {
            body,
            ..Self::empty(status)
        }
        .with(CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// An answer without body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            delay: Duration::ZERO,
        }
    }

    /// Adds a header, or replaces it.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// No cache keeps it.
    #[must_use]
    pub(crate) fn not_stored(self) -> Self {
        self.with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// Adds a header, or replaces it. What no header can carry is the server's mistake, and its answer says so.
    pub fn set(&mut self, name: HeaderName, value: impl TryInto<HeaderValue>) {
        match value.try_into() {
            Ok(value) => drop(self.headers.insert(name, value)),
            Err(_) => *self = Self::empty(500),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_and_its_last_value_counts() {
        let query = Query::parse(&ByteString::from_static(
            "EIO=3&transport=poll%69ng&EIO=4&x=%zz&sid=",
        ));
        assert_eq!(query.get("transport"), Some("polling"));
        assert_eq!(query.get("EIO"), Some("4"));
        assert_eq!(query.get("x"), Some("%zz"));
        assert_eq!(query.get("sid"), None);
    }
}
