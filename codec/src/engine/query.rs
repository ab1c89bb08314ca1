//! The query of a request to the engine's path.

use std::borrow::Cow;

use super::Transport;

/// The pairs of a query string, percent-decoded (EIO-HS-15), in order.
///
/// Any text is a query. Unknown names are kept and mean nothing to the engine (EIO-HS-14); where a
/// name comes twice, the last one counts (EIO-QE-20).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query<'a> {
    /// Names and values.
    pub pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Reads what stands after the `?` of a request target, without the `?`.
    #[must_use]
    pub fn parse(query: &'a str) -> Self {
        Self {
            pairs: form_urlencoded::parse(query.as_bytes()).collect(),
        }
    }

    /// The value of the last pair of that name; names are compared exactly.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_ref())
    }

    /// The protocol version as written (EIO-QE-01, EIO-QE-02, EIO-QE-03).
    #[must_use]
    pub fn eio(&self) -> Option<&str> {
        self.get("EIO")
    }

    /// The session id; an empty one counts as absent (EIO-QE-25).
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.get("sid").filter(|sid| !sid.is_empty())
    }

    /// The transport, if it is there and has a known name (EIO-QE-04, EIO-QE-05).
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.get("transport").and_then(Transport::from_name)
    }
}
