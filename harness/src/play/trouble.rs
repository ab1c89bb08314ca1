//! Why a step did not pass, before it is known which one it was.

use std::time::Duration;

use crate::client::{Arrival, NoAnswer, NoSession, What};
use crate::judge::{Mismatch, Received, Unbound, shorten};

/// What went wrong in a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble {
    pub(super) summary: String,
    pub(super) expected: Option<String>,
    pub(super) received: Option<String>,
    pub(super) json_path: Option<String>,
    pub(super) notes: Vec<String>,
    pub(super) timing: bool,
    /// How far a time that was measured is beyond what the tolerance forgives.
    pub(super) missed: Option<Duration>,
    /// The harness could not judge; the server is not to blame.
    pub(super) errored: bool,
}

impl Trouble {
    pub(super) fn new(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            ..Self::default()
        }
    }

    /// The scenario, or the harness, asks for what cannot be done.
    pub(super) fn errored(summary: impl Into<String>) -> Self {
        Self {
            errored: true,
            ..Self::new(summary)
        }
    }

    /// A deadline passed.
    pub(super) fn late(summary: impl Into<String>) -> Self {
        Self {
            timing: true,
            ..Self::new(summary)
        }
    }

    pub(super) fn expected(mut self, expected: impl std::fmt::Display) -> Self {
        self.expected = Some(shorten(&expected.to_string()));
        self
    }

    pub(super) fn received(mut self, received: impl std::fmt::Display) -> Self {
        self.received = Some(shorten(&received.to_string()));
        self
    }

    /// Says what else was waiting.
    pub(super) fn waiting(mut self, arrivals: &[Arrival]) -> Self {
        const SHOWN: usize = 5;
        let packets: Vec<&What> = arrivals
            .iter()
            .map(|arrival| &arrival.what)
            .filter(|what| !matches!(what, What::Control(..)))
            .collect();
        for what in packets.iter().take(SHOWN) {
            self.notes.push(format!("unread: {}", shown(what)));
        }
        if packets.len() > SHOWN {
            let more = packets.len() - SHOWN;
            self.notes.push(format!("unread: {more} more"));
        }
        self
    }
}

/// Something that arrived, as a message shows it.
pub(super) fn shown(what: &What) -> String {
    match what {
        What::Packet(packet) => match packet {
            Received::Text(text) if text.is_empty() => "an empty packet".to_owned(),
            packet => shorten(&packet.to_string()),
        },
        What::Control(10, _) => "a pong frame".to_owned(),
        What::Control(opcode, _) => format!("a frame of opcode {opcode}"),
        What::Ended(ending) => format!("the end of the connection: {ending}"),
        What::Broken(why) => why.clone(),
    }
}

impl From<Mismatch> for Trouble {
    fn from(mismatch: Mismatch) -> Self {
        let mut trouble = Self::new("something else came than was expected")
            .expected(&mismatch.expected)
            .received(&mismatch.received);
        if !mismatch.path.is_empty() {
            trouble.summary = format!(
                "something else came than was expected, at {}",
                mismatch.path
            );
            trouble.json_path = Some(mismatch.path);
        }
        trouble.notes.extend(mismatch.reason);
        trouble
    }
}

impl From<Unbound> for Trouble {
    fn from(unbound: Unbound) -> Self {
        Self::errored(unbound.to_string())
    }
}

impl From<NoAnswer> for Trouble {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Request(_) => Self::errored(error.to_string()),
            error => Self::new(error.to_string()),
        }
    }
}

impl From<NoSession> for Trouble {
    fn from(error: NoSession) -> Self {
        match &error {
            NoSession::Request(_) => Self::errored(error.to_string()),
            _ => Self::new(error.to_string()),
        }
    }
}
