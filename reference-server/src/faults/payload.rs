//! Faults of polling payloads (EIO-PL).

use super::{Fault, hooks};
use crate::exchange::{Request, Response};
use crate::seams::{Seams, Tolerance, View};
use crate::server::Server;
use crate::session::{Edge, Frame, Source};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use siospec_codec::engine::{OwnedPacket, PacketType};
use siospec_codec::read_json;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where the Engine.IO echo is.
const ECHO: &str = "/engine.io/";

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "pl-newline-separator",
        requirements: &["EIO-PL-01"],
        breaks: "line ends separate the packets of an answer to an echo session",
        also: &[],
        make: || {
            hooks::response(|_, request, response| {
                if request.path == ECHO && response.body.contains(&0x1e) {
                    let text = String::from_utf8_lossy(&response.body).replace('\u{1e}', "\n");
                    response.body = text.into();
                }
            })
        },
    },
    Fault {
        name: "pl-binary-url-alphabet",
        requirements: &["EIO-PL-02"],
        breaks: "binary messages on polling are in the base64 of URLs",
        also: &[],
        make: || {
            hooks::outward(|_, edge, frames| {
                for frame in frames.iter_mut().filter(|_| edge == Edge::Poll) {
                    if let Frame::Binary(data) = frame {
                        *frame = Frame::Text(format!("b{}", URL_SAFE.encode(data)).into());
                    }
                }
            })
        },
    },
    Fault {
        name: "pl-b4-prefix",
        requirements: &["EIO-PL-03"],
        breaks: "a 4 behind the b of a posted packet is taken for a type digit",
        also: &[],
        make: || {
            hooks::body(|_, _, body| {
                let text = String::from_utf8_lossy(body).into_owned();
                let packets = text
                    .split('\u{1e}')
                    .map(|packet| match packet.strip_prefix("b4") {
                        Some(rest) => format!("b{rest}{}", "=".repeat((4 - rest.len() % 4) % 4)),
                        None => packet.to_owned(),
                    });
                *body = packets.collect::<Vec<_>>().join("\u{1e}").into_bytes();
            })
        },
    },
    Fault {
        name: "pl-mixed-reordered",
        requirements: &["EIO-PL-04"],
        breaks: "of a payload to an echo session the texts are handled first, then the binary messages",
        also: &[],
        make: || {
            hooks::body(|view, _, body| {
                if view.path() == ECHO {
                    let text = String::from_utf8_lossy(body).into_owned();
                    let mut packets: Vec<&str> = text.split('\u{1e}').collect();
                    packets.sort_by_key(|packet| packet.starts_with('b'));
                    *body = packets.join("\u{1e}").into_bytes();
                }
            })
        },
    },
    Fault {
        name: "pl-latin1",
        requirements: &["EIO-PL-05"],
        breaks: "a POST body is read as Latin-1",
        also: &[
            ("SIO-EV-19", "events on polling are text of such bodies"),
            ("EIO-PO-16", "its text is more than ASCII"),
            ("EIO-PO-23", "its text is more than ASCII"),
        ],
        make: || {
            hooks::body(|_, _, body| {
                let text: String = body.iter().copied().map(char::from).collect();
                *body = text.into_bytes();
            })
        },
    },
    Fault {
        name: "pl-json-reserialises",
        requirements: &["EIO-PL-06"],
        breaks: "a message that is JSON is read and written again",
        also: &[],
        make: || {
            hooks::inward(|view, _, packet, packets| {
                packets.push(match packet {
                    OwnedPacket::Text {
                        kind: PacketType::Message,
                        data,
                    } if view.path() == ECHO => {
                        let data = match read_json(&data) {
                            Ok(value) => value.to_string().into(),
                            Err(_) => data,
                        };
                        OwnedPacket::Text {
                            kind: PacketType::Message,
                            data,
                        }
                    }
                    packet => packet,
                });
            })
        },
    },
    Fault {
        name: "pl-empty-message-dropped",
        requirements: &["EIO-PL-07"],
        breaks: "a posted message without data is dropped",
        also: &[],
        make: || {
            hooks::inward(|_, source, packet, packets| {
                let empty = matches!(
                    &packet,
                    OwnedPacket::Text { kind: PacketType::Message, data } if data.is_empty()
                );
                if !(empty && source == Source::Post) {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "pl-empty-binary-dropped",
        requirements: &["EIO-PL-08"],
        breaks: "a binary message without bytes that is posted to an echo session is dropped",
        also: &[],
        make: || {
            hooks::inward(|view, source, packet, packets| {
                let empty = matches!(&packet, OwnedPacket::Binary(data) if data.is_empty());
                if !(empty && source == Source::Post && view.path() == ECHO) {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "pl-unknown-type-ignored",
        requirements: &["EIO-PL-09"],
        breaks: "a posted packet that begins with a letter no packet has is ignored",
        also: &[("EIO-PL-10", "what is ignored is answered ok")],
        make: || {
            ignored(|raw| {
                raw.first()
                    .is_some_and(|first| first.is_ascii_alphabetic() && *first != b'b')
            })
        },
    },
    Fault {
        name: "pl-invalid-answered-ok",
        requirements: &["EIO-PL-10"],
        breaks: "the POST of a malformed payload is answered ok, while the session is closed",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Polite(Mutex<HashSet<String>>);
            impl Seams for Polite {
                fn malformed(&self, view: View<'_>, source: Source, _: &[u8]) -> Tolerance {
                    if source == Source::Post {
                        lock(&self.0).insert(view.sid().to_owned());
                    }
                    Tolerance::Close
                }

                fn response(&self, _: &Server, request: &Request, response: &mut Response) {
                    let sid = request.query.get("sid").unwrap_or_default();
                    if request.method == "POST" && lock(&self.0).remove(sid) {
                        hooks::answer(response, 200, "ok");
                    }
                }
            }
            Arc::new(Polite::default())
        },
    },
    Fault {
        name: "pl-type7-ignored",
        requirements: &["EIO-PL-11"],
        breaks: "posted packets of the types 7, 8 and 9 are ignored",
        also: &[],
        make: || ignored(|raw| matches!(raw, [b'7'..=b'9'])),
    },
    Fault {
        name: "pl-continues-after-error",
        requirements: &["EIO-PL-12"],
        breaks: "what stands behind a malformed packet in a payload is handled, before the session is closed",
        also: &[],
        make: || {
            hooks::body(|view, _, body| {
                let packets: Vec<&[u8]> = body.split(|byte| *byte == 0x1e).collect();
                let foreign = |packet: &&[u8]| {
                    packet.first().is_some_and(u8::is_ascii_lowercase) && packet[0] != b'b'
                };
                if !packets.iter().any(foreign) {
                    return;
                }
                let others: Vec<&[u8]> = packets
                    .iter()
                    .filter(|packet| !foreign(packet))
                    .copied()
                    .collect();
                *body = others.join(&0x1e);
                let sid = view.sid().to_owned();
                view.later(move |server| {
                    let later = server.clone();
                    server.start_background_task(async move {
                        later.sleep(Duration::from_millis(100)).await;
                        later.close_session(&sid);
                    });
                });
            })
        },
    },
    Fault {
        name: "pl-empty-packet-skipped",
        requirements: &["EIO-PL-13"],
        breaks: "empty packets in a payload are skipped",
        also: &[],
        make: || ignored(|raw| raw.split(|byte| *byte == 0x1e).any(<[u8]>::is_empty)),
    },
    Fault {
        name: "pl-b64-silent-drop",
        requirements: &["EIO-PL-14"],
        breaks: "a posted packet of base64 that cannot be decoded is dropped, and the answer is ok",
        also: &[],
        make: || ignored(|raw| raw.first() == Some(&b'b')),
    },
    Fault {
        name: "pl-badutf8-silent-drop",
        requirements: &["EIO-PL-15"],
        breaks: "a payload that is no UTF-8 is dropped, and the answer is ok",
        also: &[],
        make: || ignored(|raw| std::str::from_utf8(raw).is_err()),
    },
    Fault {
        name: "pl-raw-rs-in-json",
        requirements: &["EIO-PL-16"],
        breaks: "a U+001E in a string is not escaped on polling",
        also: &[],
        make: || {
            hooks::outward(|_, edge, frames| {
                for frame in frames.iter_mut().filter(|_| edge == Edge::Poll) {
                    hooks::rewrite(frame, |text| Some(text.replace("\\u001e", "\u{1e}")));
                }
            })
        },
    },
    Fault {
        name: "pl-open-from-client-crash",
        requirements: &["EIO-PL-17"],
        breaks: "after an open packet from a client nobody is served any more",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Crash(AtomicBool);
            impl Seams for Crash {
                fn inward(
                    &self,
                    _: View<'_>,
                    source: Source,
                    packet: OwnedPacket,
                    packets: &mut Vec<OwnedPacket>,
                ) {
                    let open = matches!(
                        &packet,
                        OwnedPacket::Text {
                            kind: PacketType::Open,
                            ..
                        }
                    );
                    self.0
                        .fetch_or(open && source == Source::Post, Ordering::Relaxed);
                    packets.push(packet);
                }

                fn request(&self, _: &Server, _: &mut Request) -> Option<Response> {
                    let crashed = self.0.load(Ordering::Relaxed);
                    crashed.then(|| Response::new(500, "text/plain", "Internal Server Error"))
                }
            }
            Arc::new(Crash::default())
        },
    },
    Fault {
        name: "pl-nul-truncates",
        requirements: &["EIO-PL-18"],
        breaks: "a posted message ends at its first NUL",
        also: &[],
        make: || {
            hooks::inward(|_, source, packet, packets| {
                packets.push(match packet {
                    OwnedPacket::Text { kind, data } if source == Source::Post => {
                        let data = data.split('\0').next().unwrap_or_default().into();
                        OwnedPacket::Text { kind, data }
                    }
                    packet => packet,
                });
            })
        },
    },
];

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Posted bodies that are no payload, and have no consequence.
fn ignored(which: impl Fn(&[u8]) -> bool + Send + Sync + 'static) -> Arc<dyn Seams> {
    hooks::malformed(move |_, source, raw| {
        if source == Source::Post && which(raw) {
            Tolerance::Ignore
        } else {
            Tolerance::Close
        }
    })
}
