//! The layers of Engine.IO.

use bytes::Bytes;
use engineioxide_core::{Packet, ProtocolVersion, payload};
use futures_util::{FutureExt as _, StreamExt as _};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{Answer, encoded};

/// One packet.
pub fn packet(text: String) -> Answer {
    match Packet::parse(ProtocolVersion::V4, text) {
        Ok(packet) => Answer {
            packets: vec![plain(&packet)],
            ..Answer::default()
        },
        Err(error) => Answer {
            error: Some(error.to_string()),
            ..Answer::default()
        },
    }
}

/// A polling body; the server stops at the first error too.
pub fn payload(body: String) -> Answer {
    let body = Full::new(Bytes::from(body));
    let packets = payload::decoder(body, None, ProtocolVersion::V4, u64::MAX).collect::<Vec<_>>();
    let packets = packets.now_or_never().expect("the whole body is there");
    let mut answer = Answer::default();
    for packet in packets {
        match packet {
            Ok(packet) => answer.packets.push(plain(&packet)),
            Err(error) => {
                answer.error = Some(error.to_string());
                break;
            }
        }
    }
    answer
}

fn plain(packet: &Packet) -> Value {
    let text = |kind: &str, text: &str| json!({"type": kind, "text": text});
    match packet {
        Packet::Open(_) => text("open", ""),
        Packet::Close => text("close", ""),
        Packet::Ping => text("ping", ""),
        Packet::PingUpgrade => text("ping", "probe"),
        Packet::Pong => text("pong", ""),
        Packet::PongUpgrade => text("pong", "probe"),
        Packet::Message(message) => text("message", message),
        Packet::Upgrade => text("upgrade", ""),
        Packet::Noop => text("noop", ""),
        Packet::Binary(data) | Packet::BinaryV3(data) => {
            json!({"type": "message", "binary": encoded(data)})
        }
    }
}
