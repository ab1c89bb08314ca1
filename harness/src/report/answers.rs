//! What in a transcript answers what: an HTTP answer its request, a pong its ping, an acknowledgement its event, a
//! CONNECT reply the CONNECT.

use std::collections::HashMap;
use std::sync::Arc;

use siospec_codec::socket::{PacketType, Split};

use crate::transcript::{Direction, Entry, Layer};

/// What an entry asks for, and an answer is recognised by.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Question {
    /// The answer to a request of this connection.
    Http(Arc<str>),
    /// A pong with this data.
    Pong(String),
    /// To be joined to this namespace, or refused.
    Connect(String),
    /// The acknowledgement with this id, in this namespace.
    Ack(String, String),
}

/// Whose question, to whom.
type Asked = (Option<Arc<str>>, Direction, Question);

/// For each entry the index of the one that it answers. Where several questions are the same, the oldest is answered
/// first.
pub(crate) fn answers(entries: &[Entry]) -> Vec<Option<usize>> {
    let mut open: HashMap<Asked, Vec<usize>> = HashMap::new();
    let mut found = vec![None; entries.len()];
    for (index, entry) in entries.iter().enumerate() {
        let (asks, tells) = read(entry);
        if let Some(told) = tells {
            let asked = (entry.client.clone(), other(entry.direction), told);
            if let Some(waiting) = open.get_mut(&asked).filter(|waiting| !waiting.is_empty()) {
                found[index] = Some(waiting.remove(0));
                continue;
            }
        }
        if let Some(question) = asks {
            let key = (entry.client.clone(), entry.direction, question);
            open.entry(key).or_default().push(index);
        }
    }
    found
}

/// What an entry asks, and what it may answer.
fn read(entry: &Entry) -> (Option<Question>, Option<Question>) {
    let text = entry.raw.text().unwrap_or_default();
    match entry.layer {
        Layer::Http => {
            let question = || Some(Question::Http(entry.lane.clone()));
            match entry.direction {
                Direction::Sent => (question(), None),
                _ => (None, question()),
            }
        }
        Layer::Frame | Layer::Engine => packet(text),
        Layer::Tcp | Layer::Socket | Layer::Note | Layer::Deadline => (None, None),
    }
}

fn packet(text: &str) -> (Option<Question>, Option<Question>) {
    if let Some(data) = text.strip_prefix('2') {
        return (Some(Question::Pong(data.to_owned())), None);
    }
    if let Some(data) = text.strip_prefix('3') {
        return (None, Some(Question::Pong(data.to_owned())));
    }
    let Some(message) = text.strip_prefix('4') else {
        return (None, None);
    };
    let split = Split::of(message);
    let ns = split.namespace.unwrap_or("/").to_owned();
    // `/?a=1` asks for `/`.
    let ns = ns.split('?').next().unwrap_or_default().to_owned();
    let ack = || Question::Ack(ns.clone(), split.id.unwrap_or_default().to_owned());
    match split.kind() {
        Some(PacketType::Connect) => {
            let connect = || Some(Question::Connect(ns.clone()));
            (connect(), connect())
        }
        Some(PacketType::ConnectError) => (None, Some(Question::Connect(ns))),
        Some(PacketType::Event | PacketType::BinaryEvent) => (split.id.map(|_| ack()), None),
        Some(PacketType::Ack | PacketType::BinaryAck) => (None, Some(ack())),
        Some(PacketType::Disconnect) | None => (None, None),
    }
}

fn other(direction: Direction) -> Direction {
    match direction {
        Direction::Sent => Direction::Received,
        Direction::Received => Direction::Sent,
        Direction::None => Direction::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Lane, Recorder};

    fn of(lines: &[(&str, &str, Layer, &str)]) -> Vec<Option<usize>> {
        let recorder = Recorder::start();
        for (client, lane, layer, text) in lines {
            let (direction, text) = match text.split_at(1) {
                (">", text) => (Direction::Sent, text),
                (_, text) => (Direction::Received, text),
            };
            let lane = Lane::client(client).of(*lane);
            recorder.wire(&lane, *layer, direction, text.as_bytes(), Vec::new());
        }
        answers(&recorder.transcript().entries)
    }

    #[test]
    fn an_acknowledgement_answers_the_event_with_its_id_and_namespace() {
        use Layer::Frame;
        let found = of(&[
            ("A", "ws", Frame, ">421[\"a\"]"),
            ("A", "ws", Frame, ">42/x,1[\"a\"]"),
            ("B", "ws", Frame, "<431[]"),
            ("A", "ws", Frame, "<43/x,1[]"),
            ("A", "ws", Frame, "<431[]"),
            ("A", "ws", Frame, "<431[]"),
        ]);
        assert_eq!(found, [None, None, None, Some(1), Some(0), None]);
    }

    #[test]
    fn a_request_is_answered_on_its_own_connection_and_a_ping_by_the_other_side() {
        use Layer::{Engine, Http};
        let found = of(&[
            ("A", "get 1", Http, ">GET /"),
            ("A", "post 1", Http, ">POST /"),
            ("A", "polling", Engine, "<2"),
            ("A", "post 2", Engine, ">3"),
            ("A", "post 1", Http, "<HTTP/1.1 200 OK"),
            ("A", "get 1", Http, "<HTTP/1.1 200 OK"),
            ("A", "polling", Engine, ">2probe"),
            ("A", "polling", Engine, "<3probe"),
        ]);
        assert_eq!(
            found,
            [None, None, None, Some(2), Some(1), Some(0), None, Some(6)]
        );
    }

    #[test]
    fn a_namespace_is_joined_or_refused() {
        use Layer::Frame;
        let found = of(&[
            ("A", "ws", Frame, ">40"),
            ("A", "ws", Frame, ">40/x,{}"),
            ("A", "ws", Frame, "<44/x,{\"message\":\"no\"}"),
            ("A", "ws", Frame, "<40{\"sid\":\"a\"}"),
        ]);
        assert_eq!(found, [None, None, Some(1), Some(0)]);
    }
}
