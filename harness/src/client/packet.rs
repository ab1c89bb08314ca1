//! Packets as they stand on the wire, read just far enough to find one in a queue.

use crate::judge::Received;

/// The head of a Socket.IO packet, read leniently: a client that waits for an acknowledgement must
/// find it by its id whatever the rest looks like, and the judge is strict later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The Socket.IO packet type.
    pub kind: u8,
    /// How many binary packets follow it.
    pub attachments: usize,
    /// The namespace.
    pub ns: &'a str,
    /// The ack id, if there is one.
    pub ack: Option<&'a str>,
    /// What follows: JSON, or nothing.
    pub payload: &'a str,
}

/// Attachments that a head may announce and be believed; more than any scenario asks for.
const ATTACHMENTS_LIMIT: usize = 10_000;

/// The head of the Socket.IO packet inside an Engine.IO message, if there is one.
pub fn head(packet: &Received) -> Option<Head<'_>> {
    let Received::Text(text) = packet else {
        return None;
    };
    let rest = text.strip_prefix('4')?;
    let kind = *rest
        .as_bytes()
        .first()
        .filter(|kind| (b'0'..=b'6').contains(kind))?
        - b'0';
    let mut rest = &rest[1..];
    let mut attachments = 0;
    if matches!(kind, 5 | 6) {
        let (count, after) = rest.split_once('-')?;
        attachments = count.parse().ok().filter(|n| *n <= ATTACHMENTS_LIMIT)?;
        rest = after;
    }
    let mut ns = "/";
    if rest.starts_with('/') {
        (ns, rest) = rest.split_once(',').unwrap_or((rest, ""));
        // The query is no part of the name.
        ns = ns.split_once('?').map_or(ns, |(name, _)| name);
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, payload) = rest.split_at(digits);
    Some(Head {
        kind,
        attachments,
        ns,
        ack: (!id.is_empty()).then_some(id),
        payload,
    })
}

/// The Socket.IO id that the server gives in its answer to a CONNECT.
pub fn given_id(packet: &Received) -> Option<String> {
    let head = head(packet).filter(|head| head.kind == 0)?;
    let payload = siospec_codec::read_json(head.payload).ok()?;
    Some(payload.get("sid")?.as_str()?.to_owned())
}

/// What a packet of the server means for the connected namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control<'a> {
    /// The server accepted a namespace.
    Connected(&'a str),
    /// The server ended or refused a namespace.
    Disconnected(&'a str),
}

pub(crate) fn control(packet: &Received) -> Option<Control<'_>> {
    // The refusals that fences ask for say nothing about the scenario's own namespaces.
    let head = head(packet).filter(|head| !head.ns.starts_with("/none-"))?;
    match head.kind {
        0 => Some(Control::Connected(head.ns)),
        1 | 4 => Some(Control::Disconnected(head.ns)),
        _ => None,
    }
}

/// What a packet is, in words, for the transcript: `message`, `EVENT /custom, ack 7`.
pub fn describe(packet: &Received) -> Vec<String> {
    let Received::Text(text) = packet else {
        return vec!["binary message".to_owned()];
    };
    let engine = match text.as_bytes().first() {
        Some(b'0') => "open",
        Some(b'1') => "close",
        Some(b'2') => "ping",
        Some(b'3') => "pong",
        Some(b'4') => "message",
        Some(b'5') => "upgrade",
        Some(b'6') => "noop",
        Some(b'b') => "base64 message",
        Some(_) => "no Engine.IO packet type",
        None => "empty",
    };
    let mut words = vec![engine.to_owned()];
    if let Some(head) = head(packet) {
        let kind = [
            "CONNECT",
            "DISCONNECT",
            "EVENT",
            "ACK",
            "CONNECT_ERROR",
            "BINARY_EVENT",
            "BINARY_ACK",
        ][usize::from(head.kind)];
        let mut line = format!("{kind} {}", head.ns);
        if let Some(ack) = head.ack {
            line += &format!(", ack id {ack}");
        }
        if head.attachments > 0 {
            line += &format!(", {} attachments follow", head.attachments);
        }
        words.push(line);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Received {
        Received::Text(text.to_owned())
    }

    #[test]
    fn heads_are_read_far_enough_to_find_an_answer() {
        let packet = of("461-/custom,12[\"x\"]");
        assert_eq!(
            head(&packet),
            Some(Head {
                kind: 6,
                attachments: 1,
                ns: "/custom",
                ack: Some("12"),
                payload: "[\"x\"]"
            })
        );
        let packet = of("41/a?b=c");
        assert_eq!(control(&packet), Some(Control::Disconnected("/a")));
        let packet = of("40{\"sid\":1}");
        assert_eq!(control(&packet), Some(Control::Connected("/")));
    }

    #[test]
    fn what_is_no_socket_packet_has_no_head() {
        for text in [
            "",
            "4",
            "2",
            "3probe",
            "4hello",
            "4é",
            "45[\"x\"]",
            "4599999999-[]",
        ] {
            assert_eq!(head(&of(text)), None, "{text}");
        }
        assert_eq!(head(&Received::Binary(bytes::Bytes::new())), None);
    }
}
