//! Faults of hostile clients (SIO-SEC).

use super::concurrency::exhausted;
use super::script::{Script, close, granted, heard, say, send};
use super::{Fault, hooks};
use crate::exchange::Response;
use crate::namespace::{Body, Violation};
use crate::outgoing::Says;
use crate::seams::{Seams, Tolerance, View, Way};
use crate::session::Frame;
use bytes::Bytes;
use siospec_codec::DecodeErrorKind;
use siospec_codec::engine::OwnedPacket;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "sec-unlimited-attachments",
        requirements: &["SIO-SEC-01"],
        breaks: "any number of attachments may be announced",
        also: &[],
        make: || hooks::config(|config| config.limits.attachments = usize::MAX),
    },
    Fault {
        name: "sec-nine-attachments",
        requirements: &["SIO-SEC-01"],
        breaks: "no more than nine attachments are taken",
        also: &[],
        make: || hooks::config(|config| config.limits.attachments = 9),
    },
    Fault {
        name: "sec-prealloc-attachments",
        requirements: &["SIO-SEC-02"],
        breaks: "memory is taken for the attachments that are announced",
        also: &[],
        make: || {
            Script {
                inward: |taken: &mut Vec<Vec<u8>>, _, packet, packets| {
                    const DIGITS: usize = 7;
                    let count = text(&packet).and_then(|text| text.strip_prefix('5'));
                    let digits = count.map_or(0, |count| {
                        count.bytes().take_while(u8::is_ascii_digit).count()
                    });
                    if digits >= DIGITS {
                        taken.push(vec![1; 48 << 20]);
                    }
                    packets.push(packet);
                },
                ..Script::new(Vec::new())
            }
            .seams()
        },
    },
    Fault {
        name: "sec-stack-overflow",
        requirements: &["SIO-SEC-03"],
        breaks: "JSON that is nested a hundred thousand levels deep takes the server down",
        also: &[],
        make: || {
            felled_by(|text| {
                const LEVELS: usize = 90_000;
                text.len() > LEVELS && text.bytes().filter(|byte| *byte == b'[').count() > LEVELS
            })
        },
    },
    Fault {
        name: "sec-deep-json-ignored",
        requirements: &["SIO-SEC-04"],
        breaks: "JSON nested too deeply is ignored",
        also: &[],
        make: || ignoring(DecodeErrorKind::NestingTooDeep),
    },
    Fault {
        name: "sec-ack-infinity",
        requirements: &["SIO-SEC-05"],
        breaks: "an ack id beyond the range of a float comes back as `Infinity`",
        also: &[],
        make: || {
            super::script::writing(|text| {
                const LONGEST: usize = 308;
                let rest = text.strip_prefix("43")?;
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                (digits > LONGEST).then(|| format!("43Infinity{}", &rest[digits..]))
            })
        },
    },
    Fault {
        name: "sec-badutf8-relay",
        requirements: &["SIO-SEC-06"],
        breaks: "text of one client that is not UTF-8 reaches another one as it is",
        also: &[],
        make: || Arc::new(Relay(AtomicBool::new(false))),
    },
    Fault {
        name: "sec-proto-dispatch",
        requirements: &["SIO-SEC-07"],
        breaks: "an event called `valueOf` ends the connection",
        also: &[],
        make: || {
            hooks::unhandled(|view, event, _| {
                if event == Some("valueOf") {
                    close(view);
                }
            })
        },
    },
    Fault {
        name: "sec-fuzz-crash",
        requirements: &["SIO-SEC-08"],
        breaks: "hyphens in place of a count of attachments take the server down",
        also: &[],
        make: || felled_by(|text| text.starts_with("5--")),
    },
    Fault {
        name: "sec-slowloris",
        requirements: &["SIO-SEC-09"],
        breaks: "while forty POSTs are incomplete, a handshake waits",
        also: &[],
        make: || exhausted(40, |request| request.method == "POST"),
    },
    Fault {
        name: "sec-idle-sessions-kept",
        requirements: &["SIO-SEC-10"],
        breaks: "of the sessions that never CONNECT only the first four are closed",
        also: &[],
        make: || {
            let closed = AtomicUsize::new(0);
            hooks::violation(move |_, violation| match violation {
                Violation::ConnectTimeout if closed.fetch_add(1, Ordering::Relaxed) >= 4 => {
                    Tolerance::Ignore
                }
                _ => Tolerance::Close,
            })
        },
    },
    Fault {
        name: "sec-public-id-hijack",
        requirements: &["SIO-SEC-11"],
        breaks: "a GET with the Socket.IO id in place of the sid is answered",
        also: &[],
        make: || {
            Script {
                outgoing: |public: &mut HashSet<String>, _, packet, _, packets| {
                    public.extend(granted(&packet, "sid"));
                    packets.push(packet);
                },
                request: |public, _, request| {
                    let sid = request.query.get("sid")?;
                    public
                        .contains(sid)
                        .then(|| Response::new(200, "text/plain; charset=UTF-8", "6"))
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "sec-long-names",
        requirements: &["SIO-SEC-12"],
        breaks: "a query of more than 8000 bytes is an error of the server",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                (request.raw_query.len() > 8000).then(|| Response::empty(500))
            })
        },
    },
    Fault {
        name: "sec-long-event-answered",
        requirements: &["SIO-SEC-12"],
        breaks: "an event with a name of more than 50,000 characters is answered by an error event",
        also: &[],
        make: || {
            hooks::incoming(|view, packet, packets| {
                let long = |name: &str| name.len() > 50_000;
                if matches!(&packet.body, Body::Event { name: Some(name), .. } if long(name)) {
                    say(view, view.sid(), r#"42["error","too long"]"#);
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "sec-long-namespace-taken",
        requirements: &["SIO-SEC-12"],
        breaks: "a namespace with a name of more than 50,000 characters is let in",
        also: &[],
        make: || {
            hooks::outgoing(|_, mut packet, _, packets| {
                if packet.namespace.len() > 50_000 && matches!(packet.body, Says::ConnectError(_)) {
                    packet.body = Says::Connect(r#"{"sid":"nobody"}"#.to_owned());
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "sec-connect-flood",
        requirements: &["SIO-SEC-17"],
        breaks: "after eight hundred CONNECT packets nobody is let in any more",
        also: &[("SIO-SEC-13", "it asks for thousands of namespaces")],
        make: || {
            Script {
                incoming: |seen: &mut u32, _, packet, packets| {
                    *seen += u32::from(matches!(packet.body, Body::Connect(_)));
                    let ignored = *seen > 800 && matches!(packet.body, Body::Connect(_));
                    if !ignored {
                        packets.push(packet);
                    }
                },
                ..Script::new(0)
            }
            .seams()
        },
    },
    Fault {
        name: "sec-handshake-flood",
        requirements: &["SIO-SEC-18"],
        breaks: "after two hundred and fifty handshakes on polling there is no further session",
        also: &[],
        make: || {
            Script {
                request: |seen: &mut u32, _, request| {
                    let polls = request.query.get("transport") == Some("polling");
                    if !polls || request.query.get("sid").is_some() {
                        return None;
                    }
                    *seen += 1;
                    (*seen > 250).then(|| Response::empty(503))
                },
                ..Script::new(0)
            }
            .seams()
        },
    },
    Fault {
        name: "sec-namespace-leak",
        requirements: &["SIO-SEC-13"],
        breaks: "something is kept for each long name of an unknown namespace",
        also: &[],
        make: || {
            Script {
                incoming: |kept: &mut Vec<Vec<u8>>, _, packet, packets| {
                    let connects = matches!(packet.body, Body::Connect(_));
                    if connects && packet.namespace.len() > 500 {
                        kept.push(vec![1; 8 << 10]);
                    }
                    packets.push(packet);
                },
                ..Script::new(Vec::new())
            }
            .seams()
        },
    },
    Fault {
        name: "sec-placeholder-index",
        requirements: &["SIO-SEC-14"],
        breaks: "a placeholder out of range reads what another client sent before",
        also: &[],
        make: || {
            Script {
                incoming: |sent: &mut Option<(String, Bytes)>, view, packet, packets| {
                    if let Some((_, args)) = heard(&packet)
                        && let Some(data) = args.attachments().first()
                    {
                        *sent = Some((view.sid().to_owned(), data.clone()));
                    }
                    packets.push(packet);
                },
                undecodable: |sent, view, error| {
                    let Some((_, data)) = sent.as_ref().filter(|(sid, _)| sid != view.sid()) else {
                        return Tolerance::Close;
                    };
                    if error.kind != DecodeErrorKind::PlaceholderIndex {
                        return Tolerance::Close;
                    }
                    let header = r#"451-["message-back",{"_placeholder":true,"num":0}]"#;
                    let frames = vec![Frame::text(header), Frame::Binary(data.clone())];
                    send(view, view.sid(), Duration::ZERO, frames);
                    Tolerance::Ignore
                },
                ..Script::new(None)
            }
            .seams()
        },
    },
    Fault {
        name: "sec-error-affects-others",
        requirements: &["SIO-SEC-15"],
        breaks: "an event whose payload is no array ends the connections of all",
        also: &[],
        make: || {
            hooks::undecodable(|view, error| {
                if error.kind == DecodeErrorKind::EventNotArray {
                    view.later(|server| server.close_all());
                }
                Tolerance::Close
            })
        },
    },
    Fault {
        name: "sec-continues-after-error",
        requirements: &["SIO-SEC-16"],
        breaks: "what follows an unknown packet is handled, until the connection is closed a moment later",
        also: &[],
        make: || {
            hooks::undecodable(|view, error| {
                if error.kind != DecodeErrorKind::UnknownSocketType {
                    return Tolerance::Close;
                }
                let sid = view.sid().to_owned();
                view.later(move |server| {
                    let later = server.clone();
                    server.start_background_task(async move {
                        later.sleep(Duration::from_millis(100)).await;
                        later.close_session(&sid);
                    });
                });
                Tolerance::Ignore
            })
        },
    },
];

fn text(packet: &OwnedPacket) -> Option<&str> {
    match packet {
        OwnedPacket::Text { data, .. } => Some(data),
        OwnedPacket::Binary(_) => None,
    }
}

/// A server that such a message ends; as far as a client can tell, since others of the same process shall live on.
fn felled_by(fatal: fn(&str) -> bool) -> Arc<dyn Seams> {
    struct Life {
        fatal: fn(&str) -> bool,
        over: bool,
    }
    Script {
        inward: |life: &mut Life, view: View<'_>, packet, packets| {
            if text(&packet).is_some_and(life.fatal) {
                life.over = true;
                view.later(|server| server.close_all());
            }
            packets.push(packet);
        },
        request: |life, _, _| life.over.then(|| Response::empty(503)),
        ..Script::new(Life { fatal, over: false })
    }
    .seams()
}

fn ignoring(kind: DecodeErrorKind) -> Arc<dyn Seams> {
    hooks::undecodable(move |_, error| {
        if error.kind == kind {
            Tolerance::Ignore
        } else {
            Tolerance::Close
        }
    })
}

/// Lets the byte FF pass in the text of an `emit-to`: it goes through the server as another byte.
struct Relay(AtomicBool);

impl Relay {
    const BAD: u8 = 0xff;
    const STAND_IN: u8 = 0x7f;
}

impl Seams for Relay {
    fn sees_wire(&self) -> bool {
        true
    }

    fn wire(&self, _: View<'_>, way: Way, bytes: &mut Vec<u8>) {
        const HEADER: usize = 2;
        const MASK: usize = 4;
        match way {
            Way::In => {
                let Some((head, payload)) = bytes.split_at_mut_checked(HEADER + MASK) else {
                    return;
                };
                // Short frames only; what follows in the same piece has masks of its own.
                let length = usize::from(head[1] & 0x7f).min(payload.len());
                let payload = &mut payload[..length];
                let mask: Vec<u8> = head[HEADER..].to_vec();
                let mut plain: Vec<u8> = payload
                    .iter()
                    .zip(mask.iter().cycle())
                    .map(|(byte, mask)| byte ^ mask)
                    .collect();
                if head[0] == 0x81
                    && plain.starts_with(b"42[\"emit-to")
                    && plain.contains(&Self::BAD)
                {
                    for byte in plain.iter_mut().filter(|byte| **byte == Self::BAD) {
                        *byte = Self::STAND_IN;
                    }
                    for ((byte, plain), mask) in
                        payload.iter_mut().zip(plain).zip(mask.iter().cycle())
                    {
                        *byte = plain ^ mask;
                    }
                    self.0.store(true, Ordering::Relaxed);
                }
            }
            Way::Out if self.0.load(Ordering::Relaxed) => {
                for byte in bytes.iter_mut().skip(HEADER) {
                    if *byte == Self::STAND_IN {
                        *byte = Self::BAD;
                    }
                }
            }
            Way::Out => {}
        }
    }
}
