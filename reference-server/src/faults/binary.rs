//! Faults of binary data (SIO-BI).

use super::heard::{
    Hears, Memory, emitted, handled, heard, incoming_of_members, mishears, refuses,
};
use super::{Fault, hooks};
use crate::namespace::Body;
use crate::outgoing::Says;
use crate::seams::{Seams, View};
use crate::session::{Edge, Frame, Source};
use crate::{Args, Binary};
use bytes::Bytes;
use siospec_codec::engine::{OwnedPacket, PacketType};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "bi-no-reconstruct",
        requirements: &["SIO-BI-01"],
        breaks: "two attachments, the second a byte longer, reach the handler as plain objects",
        also: &[],
        make: || {
            handled(|_, args| {
                if let [first, second] = args.attachments()
                    && first.len() == 2
                    && second.len() == 3
                {
                    *args = Args::from_json(args.json().to_owned());
                }
            })
        },
    },
    Fault {
        name: "bi-type2-with-placeholder",
        requirements: &["SIO-BI-02"],
        breaks: "an event of three attachments is sent as type 2 without their number",
        also: &[],
        make: || sent(|text| Some(format!("42{}", text.strip_prefix("453-")?))),
    },
    Fault {
        name: "bi-placeholder-shape",
        requirements: &["SIO-BI-03"],
        breaks: "the placeholder under a key `shape` has a key more",
        also: &[],
        make: || {
            sent(|text| {
                let placeholder = r#"{"shape":{"_placeholder":true,"#;
                text.contains(placeholder).then(|| {
                    text.replace(placeholder, r#"{"shape":{"_placeholder":true,"more":1,"#)
                })
            })
        },
    },
    Fault {
        name: "bi-positional",
        requirements: &["SIO-BI-04"],
        breaks: "attachments are matched by their position, whatever the placeholders say",
        also: &[],
        make: || {
            mishears(|text| {
                let swapped = r#"{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}"#;
                let right = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#;
                text.contains(swapped).then(|| text.replace(swapped, right))
            })
        },
    },
    Fault {
        name: "bi-placeholder-order",
        requirements: &["SIO-BI-29"],
        breaks: "a placeholder whose `num` comes first is an object like others",
        also: &[],
        make: || {
            mishears(|text| {
                let other_way = r#"{"num":0,"_placeholder":true}"#;
                text.contains(other_way)
                    .then(|| text.replace(other_way, r#"{"num":0,"placeholder":true}"#))
            })
        },
    },
    Fault {
        name: "bi-interleaved",
        requirements: &["SIO-BI-05"],
        breaks: "another event comes between the header of a numbered event and its two attachments",
        also: &[],
        make: || {
            hooks::outward(|_, _, frames| {
                let numbered = |frame: &Frame| match frame {
                    Frame::Text(text) => text
                        .strip_prefix("452-[\"message-back\",")
                        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
                    Frame::Binary(_) => false,
                };
                if let Some(at) = frames.iter().position(numbered) {
                    frames.insert(at + 1, Frame::Text("42[\"between\"]".into()));
                }
            })
        },
    },
    Fault {
        name: "bi-top-level-only",
        requirements: &["SIO-BI-06"],
        breaks: "a buffer in an object within an array reaches the handler as a plain object",
        also: &[],
        make: || {
            handled(|_, args| {
                if args.json().contains(r#"[{"b":{"_placeholder""#) {
                    *args = Args::from_json(args.json().to_owned());
                }
            })
        },
    },
    Fault {
        name: "bi-drops-plain-args",
        requirements: &["SIO-BI-07"],
        breaks: "a null next to a buffer is dropped",
        also: &[],
        make: || {
            mishears(|text| {
                (text.starts_with("51-[") && text.contains(",null,"))
                    .then(|| text.replacen(",null,", ",", 1))
            })
        },
    },
    Fault {
        name: "bi-namespace-before-count",
        requirements: &["SIO-BI-08"],
        breaks: "a binary event of /custom has its namespace before the number of its attachments",
        also: &[],
        make: || {
            sent(|text| {
                let event = text.strip_prefix("451-/custom,[\"message-back\"")?;
                Some(format!("45/custom,1-[\"message-back\"{event}"))
            })
        },
    },
    Fault {
        name: "bi-polling-raw",
        requirements: &["SIO-BI-09"],
        breaks: "on polling an attachment of the bytes 7, 8, 9 is sent as it is, not as base64",
        also: &[],
        make: || {
            hooks::outward(|_, edge, frames| {
                for frame in frames {
                    if edge == Edge::Poll && *frame == Frame::Binary(Bytes::from_static(&[7, 8, 9]))
                    {
                        *frame = Frame::Text("b\u{7}\u{8}\u{9}".into());
                    }
                }
            })
        },
    },
    Fault {
        name: "bi-state-per-request",
        requirements: &["SIO-BI-10"],
        breaks: "a second attachment, of the bytes 4 and 5, is forgotten if it comes in a later POST",
        also: &[],
        make: || {
            hooks::inward(|_, source, packet, packets| {
                if !(source == Source::Post && is_binary(&packet, &[4, 5])) {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "bi-empty-attachment-lost",
        requirements: &["SIO-BI-11"],
        breaks: "an empty attachment is lost",
        also: &[],
        make: || {
            hooks::inward(|_, _, packet, packets| {
                if !is_binary(&packet, &[]) {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "bi-text-as-attachment",
        requirements: &["SIO-BI-12"],
        breaks: "a text packet while an attachment is due is taken for it",
        also: &[],
        make: || {
            Counting::attachments(|due, packet| match packet {
                OwnedPacket::Text {
                    kind: PacketType::Message,
                    data,
                } if due.count == 1 && !due.opens => {
                    vec![OwnedPacket::Binary(Bytes::copy_from_slice(data.as_bytes()))]
                }
                packet => vec![packet],
            })
        },
    },
    Fault {
        name: "bi-ping-breaks-decoder",
        requirements: &["SIO-BI-13"],
        breaks: "a pong while an attachment is due ends the connection",
        also: &[],
        make: || {
            Counting::attachments(|due, packet| match packet {
                OwnedPacket::Text {
                    kind: PacketType::Pong,
                    ..
                } if due.count > 0 => vec![OwnedPacket::message("garbage".to_owned())],
                packet => vec![packet],
            })
        },
    },
    Fault {
        name: "bi-stray-ignored",
        requirements: &["SIO-BI-14"],
        breaks: "a binary packet is ignored if no header ever came before it",
        also: &[],
        make: || {
            Counting::attachments(|due, packet| match packet {
                OwnedPacket::Binary(_) if !due.ever => Vec::new(),
                packet => vec![packet],
            })
        },
    },
    Fault {
        name: "bi-extra-ignored",
        requirements: &["SIO-BI-15"],
        breaks: "an attachment more than announced is ignored",
        also: &[],
        make: || {
            Counting::attachments(|due, packet| match packet {
                OwnedPacket::Binary(_) if due.ever && due.count == 0 => Vec::new(),
                packet => vec![packet],
            })
        },
    },
    Fault {
        name: "bi-num-oob",
        requirements: &["SIO-BI-16"],
        breaks: "a placeholder for the second of one attachments is left in place as an object",
        also: &[],
        make: || {
            mishears(|text| {
                let placeholder = r#"{"_placeholder":true,"num":1}"#;
                (text.starts_with("51-") && text.contains(placeholder))
                    .then(|| text.replace(placeholder, r#"{"num":1}"#))
            })
        },
    },
    Fault {
        name: "bi-num-negative-wraps",
        requirements: &["SIO-BI-17"],
        breaks: "a placeholder with the number -1 means the last attachment",
        also: &[],
        make: || {
            mishears(|text| {
                text.contains("\"num\":-1}")
                    .then(|| text.replace("\"num\":-1}", "\"num\":0}"))
            })
        },
    },
    Fault {
        name: "bi-zero-wedges-decoder",
        requirements: &["SIO-BI-18"],
        breaks: "after a binary event of no attachments nothing more is heard of the client",
        also: &[],
        make: || {
            let wedged = Memory::<HashSet<String>>::default();
            heard(move |view, _, text| {
                let mute = wedged.with(|wedged| {
                    if text.starts_with("50-") {
                        wedged.insert(view.sid().to_owned());
                    }
                    wedged.contains(view.sid())
                });
                match mute {
                    true => Hears::Nothing,
                    false => Hears::It,
                }
            })
        },
    },
    Fault {
        name: "bi-bad-count-accepted",
        requirements: &["SIO-BI-19"],
        breaks: "a binary event whose count has no dash behind it is taken for a plain one",
        also: &[],
        make: || mishears(|text| Some(format!("2[{}", text.strip_prefix("51[")?))),
    },
    Fault {
        name: "bi-placeholder-injection",
        requirements: &["SIO-BI-20"],
        breaks: "a placeholder in a plain event becomes an empty buffer",
        also: &[],
        make: || {
            emitted(|name, args| {
                let placeholder = r#"{"_placeholder":true,"num":0}"#;
                if name == "message-back"
                    && args.json() == placeholder
                    && args.attachments().is_empty()
                {
                    *args = crate::args![Binary(Bytes::new())];
                }
            })
        },
    },
    Fault {
        name: "bi-unused-closes",
        requirements: &["SIO-BI-21"],
        breaks: "a binary event without any placeholder closes the connection",
        also: &[],
        make: || refuses(|text| text == "51-[\"message\",\"x\"]"),
    },
    Fault {
        name: "bi-dup-num",
        requirements: &["SIO-BI-22"],
        breaks: "a second placeholder for the same attachment closes the connection",
        also: &[],
        make: || refuses(|text| text.matches("\"num\":0}").count() > 1),
    },
    Fault {
        name: "bi-foreign-nsp",
        requirements: &["SIO-BI-23"],
        breaks: "a binary event for a namespace not joined is ignored, once another one has been joined",
        also: &[],
        make: || {
            incoming_of_members(|members, view, packet, packets| {
                let binary = matches!(&packet.body, Body::Event { args, .. } if !args.attachments().is_empty());
                let foreign =
                    members.count(view).is_some() && !members.contain(view, &packet.namespace);
                if !(binary && foreign) {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "bi-shared-decoder",
        requirements: &["SIO-BI-24"],
        breaks: "an event `message` is lost while attachments of another client are due",
        also: &[],
        make: || {
            Counting::attachments(|due, packet| match &packet {
                OwnedPacket::Text { data, .. }
                    if due.elsewhere && data.starts_with("2[\"message\",") =>
                {
                    Vec::new()
                }
                _ => vec![packet],
            })
        },
    },
    Fault {
        name: "bi-truncates",
        requirements: &["SIO-BI-25"],
        breaks: "an attachment of more than 400,000 bytes is cut off there",
        also: &[],
        make: || {
            hooks::outward(|_, _, frames| {
                for frame in frames {
                    if let Frame::Binary(data) = frame {
                        data.truncate(400_000);
                    }
                }
            })
        },
    },
    Fault {
        name: "bi-broadcast-shares-buffer",
        requirements: &["SIO-BI-26"],
        breaks: "a binary broadcast with a text between its buffers has them for its first receiver only",
        also: &[],
        make: || {
            let first = Memory::<bool>::default();
            hooks::outgoing(move |_, mut packet, _, packets| {
                if let Says::Event { args, .. } = &mut packet.body
                    && args.attachments().len() == 2
                    && args.json().contains(",\"x\",")
                    && first.with(|gone| std::mem::replace(gone, true))
                {
                    *args = Args::from_json(args.json().to_owned());
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "bi-payload-shape-ignored",
        requirements: &["SIO-BI-27"],
        breaks: "a binary event whose payload is an object is taken for one without a handler",
        also: &[],
        make: || {
            mishears(|text| {
                text.starts_with("51-{")
                    .then(|| "51-[\"nobody\"]".to_owned())
            })
        },
    },
    Fault {
        name: "bi-server-id-misplaced",
        requirements: &["SIO-BI-28"],
        breaks: "a binary event that wants an answer has its id before the number of its attachments",
        also: &[],
        make: || {
            sent(|text| {
                let (id, event) = text.strip_prefix("451-")?.split_once("[\"called\"")?;
                let number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
                number.then(|| format!("45{id}1-[\"called\"{event}"))
            })
        },
    },
];

/// Changes the text frames that go out.
fn sent(change: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Arc<dyn Seams> {
    hooks::outward(move |_, _, frames| {
        for frame in frames {
            hooks::rewrite(frame, &change);
        }
    })
}

fn is_binary(packet: &OwnedPacket, bytes: &[u8]) -> bool {
    matches!(packet, OwnedPacket::Binary(data) if data == bytes)
}

/// What is due when a packet comes.
struct Due {
    /// Attachments of this client.
    count: u32,
    /// Whether this packet is the header that announced them.
    opens: bool,
    /// Whether a header of this client ever came.
    ever: bool,
    /// Whether attachments of another client are due.
    elsewhere: bool,
}

/// Counts the attachments that are due.
struct Counting {
    due: Memory<HashMap<String, u32>>,
    hook: fn(Due, OwnedPacket) -> Vec<OwnedPacket>,
}

impl Counting {
    fn attachments(hook: fn(Due, OwnedPacket) -> Vec<OwnedPacket>) -> Arc<dyn Seams> {
        let due = Memory::default();
        Arc::new(Self { due, hook })
    }
}

impl Seams for Counting {
    fn inward(
        &self,
        view: View<'_>,
        _: Source,
        packet: OwnedPacket,
        packets: &mut Vec<OwnedPacket>,
    ) {
        let announced = match &packet {
            OwnedPacket::Text {
                kind: PacketType::Message,
                data,
            } => data
                .strip_prefix('5')
                .and_then(|rest| rest.split_once('-'))
                .and_then(|(count, _)| count.parse().ok()),
            _ => None,
        };
        let now = self.due.with(|due| {
            let elsewhere = due
                .iter()
                .any(|(sid, count)| sid != view.sid() && *count > 0);
            let before = due.get(view.sid()).copied();
            if let Some(count) = announced {
                due.insert(view.sid().to_owned(), count);
            } else if matches!(packet, OwnedPacket::Binary(_))
                && let Some(count) = due.get_mut(view.sid())
            {
                *count = count.saturating_sub(1);
            }
            Due {
                count: before.or(announced).unwrap_or(0),
                opens: announced.is_some(),
                ever: before.is_some(),
                elsewhere,
            }
        });
        packets.extend((self.hook)(now, packet));
    }
}
