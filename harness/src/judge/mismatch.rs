//! What was expected, what came, and where the two part.

use std::fmt;

/// The result of a comparison that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where, such as `[1].name`, `ack id`, `status`; empty for the whole.
    pub path: String,
    /// What was expected there, as the scenario writes it.
    pub expected: String,
    /// What came there, shortened where it is long.
    pub received: String,
    /// Why they differ, where the two texts do not show it.
    pub reason: Option<String>,
}

/// Characters of a value that a message shows before it is cut.
const SHOWN: usize = 400;

impl Mismatch {
    /// A mismatch of the whole.
    #[must_use]
    pub fn new(expected: impl fmt::Display, received: impl fmt::Display) -> Self {
        Self {
            path: String::new(),
            expected: shorten(&expected.to_string()),
            received: shorten(&received.to_string()),
            reason: None,
        }
    }

    /// The same, found at this place.
    #[must_use]
    pub fn at(mut self, path: impl fmt::Display) -> Self {
        let path = path.to_string();
        self.path = if path.is_empty() || self.path.is_empty() || self.path.starts_with('[') {
            format!("{path}{}", self.path)
        } else {
            format!("{path}.{}", self.path)
        };
        self
    }

    /// The same, with a reason.
    #[must_use]
    pub fn because(mut self, reason: impl fmt::Display) -> Self {
        self.reason = Some(reason.to_string());
        self
    }
}

/// A text cut in the middle where it is long, so that both ends are seen.
#[must_use]
pub fn shorten(text: &str) -> String {
    let count = text.chars().count();
    if count <= SHOWN {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN * 3 / 4).collect();
    let tail: String = text.chars().skip(count - SHOWN / 4).collect();
    format!("{head} … {} characters … {tail}", count - SHOWN)
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at {}: ", self.path)?;
        }
        write!(f, "expected {}, received {}", self.expected, self.received)?;
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}
