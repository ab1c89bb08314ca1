//! Round trips: what proves that everything the server had for a client has arrived, and that a
//! connection is still usable.

use crate::client::packet::head;
use crate::judge::Received;

/// Ids of fences begin here, far from those of scenarios.
const FIRST: u64 = 900_000_000;
/// Namespaces that no server has; their refusal is the answer that any server gives.
const NOWHERE: &str = "/none-";
/// What an Engine.IO echo sends back.
const ECHO: &str = "4fence-";

/// What is sent, and the answer that it will get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fence {
    pub(super) packet: Received,
    answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// The acknowledgement of `message-with-ack`.
    Ack { ns: String, id: u64 },
    /// The refusal of an unknown namespace.
    Refusal { ns: String },
    /// The same text.
    Echo(Received),
}

impl Fence {
    /// A round trip to the fixture's handlers in a namespace.
    pub(super) fn ack(ns: &str, number: u64) -> Self {
        let id = FIRST + number;
        let prefix = match ns {
            "/" => String::new(),
            ns => format!("{ns},"),
        };
        Self {
            packet: Received::Text(format!("42{prefix}{id}[\"message-with-ack\",\"fence\"]")),
            answer: Answer::Ack {
                ns: ns.to_owned(),
                id,
            },
        }
    }

    /// A round trip that any Socket.IO server answers.
    pub(super) fn refusal(number: u64) -> Self {
        let ns = format!("{NOWHERE}{}", FIRST + number);
        Self {
            packet: Received::Text(format!("40{ns},")),
            answer: Answer::Refusal { ns },
        }
    }

    /// A round trip to an Engine.IO echo.
    pub(super) fn echo(number: u64) -> Self {
        let packet = Received::Text(format!("{ECHO}{}", FIRST + number));
        Self {
            packet: packet.clone(),
            answer: Answer::Echo(packet),
        }
    }

    /// Whether a packet is the answer.
    pub(super) fn is_answered_by(&self, packet: &Received) -> bool {
        match &self.answer {
            Answer::Ack { ns, id } => head(packet).is_some_and(|head| {
                head.kind == 3
                    && head.ns == ns
                    && head.ack == Some(id.to_string().as_str())
                    && echoes(head.payload)
            }),
            Answer::Refusal { ns } => {
                head(packet).is_some_and(|head| head.kind == 4 && head.ns == ns)
            }
            Answer::Echo(text) => packet == text,
        }
    }
}

/// Whether an acknowledgement carries what a fence sent, and so is none of the scenario's.
fn echoes(payload: &str) -> bool {
    serde_json::from_str::<Vec<String>>(payload).is_ok_and(|arguments| arguments == ["fence"])
}

/// Whether a packet answers some fence; one that nobody waits for any more is passed over.
pub(super) fn answers_a_fence(packet: &Received) -> bool {
    let ours = |digits: &str| digits.parse::<u64>().is_ok_and(|id| id >= FIRST);
    match head(packet) {
        Some(head) if head.kind == 3 => head.ack.is_some_and(ours) && echoes(head.payload),
        Some(head) if head.kind == 4 => head.ns.strip_prefix(NOWHERE).is_some_and(ours),
        Some(_) => false,
        None => match packet {
            Received::Text(text) => text.strip_prefix(ECHO).is_some_and(ours),
            Received::Binary(_) => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fence_knows_its_answer_and_no_other() {
        for (fence, answer) in [
            (Fence::ack("/", 1), "43900000001[\"fence\"]"),
            (Fence::ack("/custom", 2), "43/custom,900000002[\"fence\"]"),
            (
                Fence::refusal(3),
                "44/none-900000003,{\"message\":\"Invalid namespace\"}",
            ),
            (Fence::echo(4), "4fence-900000004"),
        ] {
            let answer = Received::Text(answer.to_owned());
            assert!(fence.is_answered_by(&answer), "{answer}");
            assert!(answers_a_fence(&answer), "{answer}");
        }
        for other in [
            "431[\"x\"]",
            "44/none-1,{}",
            "4fence-1",
            "42[\"x\"]",
            "2",
            "432147483648[1]",
        ] {
            let other = Received::Text(other.to_owned());
            assert!(!answers_a_fence(&other), "{other}");
            assert!(!Fence::ack("/", 1).is_answered_by(&other));
        }
    }
}
