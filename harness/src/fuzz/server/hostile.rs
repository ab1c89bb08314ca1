//! Packets and frames that are wrong, and what a server may do with them: the corpus has a scenario for each.

use std::sync::LazyLock;

use super::feature::Feature;

mod acks;
mod binary;
mod events;
mod frames;
mod namespaces;
mod sizes;

/// One thing that is wrong.
#[derive(Debug)]
pub struct Hostile {
    /// Its name, and the scenarios that check the same.
    pub feature: Feature,
    /// What is sent, one step each.
    pub sends: &'static [Sent],
    /// What may come of it.
    pub outcome: Outcome,
    /// Only on a WebSocket.
    pub websocket: bool,
    /// Only where the client has, or has not, joined `/`; `None` where that is no matter.
    pub joined: Option<bool>,
}

impl Hostile {
    /// Whether it has about so many bytes that a slow connection would take its time.
    pub fn is_long(&self, limit: u64) -> bool {
        const LONG: u64 = 50_000;
        self.sends.iter().any(|sent| match sent {
            Sent::Packet(literal) => literal.contains("*100000"),
            Sent::Sized(_) => limit > LONG,
            Sent::Frame(_) => false,
        })
    }

    /// Whether it makes sense where a client may send this much: what is wrong with it is not its size, or just that.
    pub fn fits(&self, limit: u64) -> bool {
        const LONGEST: u64 = 200_000;
        let sized = self.sends.iter().any(|sent| matches!(sent, Sent::Sized(_)));
        sized || !self.is_long(limit) || limit > LONGEST
    }
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub enum Sent {
    /// A packet, as a literal.
    Packet(&'static str),
    /// A frame below the library, as YAML.
    Frame(&'static str),
    /// An event without a handler whose packet has so many bytes more than the client may send; 0 is just right.
    Sized(u64),
}

impl Sent {
    /// The packet as a literal, where the client may send this much; `None` where it is a frame.
    pub fn literal(&self, limit: u64) -> Option<String> {
        let event = |fill: u64| format!("42[\"ignored\",\"$(a*{fill})\"]");
        match self {
            Self::Packet(literal) => Some((*literal).to_owned()),
            Self::Sized(more) => Some(event((limit + more).saturating_sub(16))),
            Self::Frame(_) => None,
        }
    }
}

/// What the server may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It must end the connection.
    Closes,
    /// It must ignore it.
    Ignores,
    /// It may do either.
    Either,
    /// It may also wait for the rest of what was only begun.
    Waits,
}

const fn packets(
    name: &'static str,
    sends: &'static [Sent],
    outcome: Outcome,
    joined: Option<bool>,
    like: &'static [&'static str],
) -> Hostile {
    let feature = Feature {
        name,
        needs: &[],
        fixture: false,
        like,
    };
    Hostile {
        feature,
        sends,
        outcome,
        websocket: false,
        joined,
    }
}

const fn frames(
    name: &'static str,
    sends: &'static [Sent],
    outcome: Outcome,
    like: &'static [&'static str],
) -> Hostile {
    let feature = Feature {
        name,
        needs: &[],
        fixture: false,
        like,
    };
    Hostile {
        feature,
        sends,
        outcome,
        websocket: true,
        joined: None,
    }
}

/// With a handler that would answer it, were it right.
const fn to_the_app(mut row: Hostile) -> Hostile {
    row.feature.fixture = true;
    row
}

/// Over HTTP a request can be refused, and the session lives on.
const fn on_websocket(mut row: Hostile) -> Hostile {
    row.websocket = true;
    row
}

const JOINED: Option<bool> = Some(true);

/// Everything that is tried.
pub static TABLE: LazyLock<Vec<&'static Hostile>> = LazyLock::new(|| {
    let nouns = [
        events::ROWS,
        acks::ROWS,
        binary::ROWS,
        namespaces::ROWS,
        sizes::ROWS,
        frames::ROWS,
    ];
    nouns.into_iter().flatten().collect()
});
