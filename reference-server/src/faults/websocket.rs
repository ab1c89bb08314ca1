//! Faults of WebSockets (EIO-WS).

use super::marks::Marks;
use super::script::begun_on_websocket;
use super::upgrading::left_open;
use super::wire_frames::{CLOSE, CONTINUATION, TEXT, WireFrame, change_frames};
use super::{Fault, hooks};
use crate::exchange::{Request, Response};
use crate::seams::{Dropped, Seams, Tolerance, View, Way};
use crate::server::Server;
use crate::session::{Edge, Frame, SocketId, Source, close_code};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use hyper::http::header;
use sha1::{Digest, Sha1};
use siospec_codec::engine::{Handshake, OwnedPacket, PacketType};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The WebSocket that opened its session, unlike those that upgrade one.
const FIRST: SocketId = SocketId(0);

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "ws-concat-packets",
        requirements: &["EIO-WS-01"],
        breaks: "messages that are due at once go out in one frame, as a polling payload",
        also: &[("EIO-LM-10", "its echoes are due at once")],
        make: || {
            at_echo(|frames| {
                let text = |frame: &Frame| match frame {
                    Frame::Text(text) if text.starts_with('4') => Some(text.to_string()),
                    _ => None,
                };
                let texts: Option<Vec<String>> = frames.iter().map(text).collect();
                if let Some(texts) = texts.filter(|texts| texts.len() > 1) {
                    *frames = vec![Frame::Text(texts.join("\u{1e}").into())];
                }
            })
        },
    },
    Fault {
        name: "ws-text-as-binary",
        requirements: &["EIO-WS-02"],
        breaks: "a text message goes out as a binary frame",
        also: &[
            ("EIO-LM-08", "the echo that it expects is a text message"),
            ("EIO-LM-10", "the echo that it expects is a text message"),
            ("EIO-PL-06", "the echo that it expects is a text message"),
            ("EIO-WS-01", "the echo that it expects is a text message"),
            (
                "EIO-WS-03",
                "the echo that its last round trip expects is a text message",
            ),
            (
                "EIO-WS-04",
                "the echo that its last round trip expects is a text message",
            ),
            ("EIO-WS-05", "the echo that it expects is a text message"),
            ("EIO-WS-09", "the echo that it expects is a text message"),
            ("EIO-WS-10", "the echo that it expects is a text message"),
            (
                "EIO-WS-17",
                "the echo that its last round trip expects is a text message",
            ),
            ("EIO-WS-18", "the echo that it expects is a text message"),
            ("EIO-WS-19", "the echo that it expects is a text message"),
            ("EIO-WS-26", "the echo that it expects is a text message"),
        ],
        make: || {
            at_echo(|frames| {
                for frame in frames {
                    if let Frame::Text(text) = frame
                        && text.starts_with('4')
                    {
                        *frame = Frame::Binary(text.as_bytes().clone());
                    }
                }
            })
        },
    },
    Fault {
        name: "ws-binary-type-byte",
        requirements: &["EIO-WS-03"],
        breaks: "a binary frame begins with the type of a message",
        also: &[
            ("EIO-WS-04", "the echo that it expects is a binary message"),
            ("EIO-WS-09", "the echo that it expects is a binary message"),
            ("EIO-WS-17", "the echo that it expects is a binary message"),
        ],
        make: || {
            at_echo(|frames| {
                for frame in frames {
                    if let Frame::Binary(data) = frame {
                        *frame = Frame::Binary([&b"4"[..], data].concat().into());
                    }
                }
            })
        },
    },
    Fault {
        name: "ws-binary-base64",
        requirements: &["EIO-WS-04"],
        breaks: "a binary message goes out as base64 in a text frame",
        also: &[
            ("EIO-WS-03", "the echo that it expects is a binary message"),
            ("EIO-WS-09", "the echo that it expects is a binary message"),
            ("EIO-WS-17", "the echo that it expects is a binary message"),
        ],
        make: || {
            at_echo(|frames| {
                for frame in frames {
                    if let Frame::Binary(data) = frame {
                        *frame = Frame::Text(format!("b{}", STANDARD.encode(data)).into());
                    }
                }
            })
        },
    },
    Fault {
        name: "ws-splits-rs",
        requirements: &["EIO-WS-05"],
        breaks: "a text message on WebSocket is cut at U+001E, as a polling payload",
        also: &[],
        make: || {
            hooks::inward(|_, source, packet, packets| match &packet {
                OwnedPacket::Text {
                    kind: PacketType::Message,
                    data,
                } if source != Source::Post && data.contains('\u{1e}') => {
                    let mut parts = data.split('\u{1e}');
                    packets.extend(parts.next().map(OwnedPacket::message));
                    let rest = parts.filter_map(|part| part.strip_prefix('4'));
                    packets.extend(rest.map(OwnedPacket::message));
                }
                _ => packets.push(packet),
            })
        },
    },
    Fault {
        name: "ws-invalid-ignored",
        requirements: &["EIO-WS-06"],
        breaks: "a text frame of letters, or of nothing, is ignored",
        also: &[
            ("EIO-WS-07", "without the error the session goes on"),
            ("EIO-WS-25", "without the error nothing is closed"),
        ],
        make: || {
            hooks::malformed(|_, source, raw| {
                let letters = raw.iter().all(u8::is_ascii_alphabetic);
                ignored(letters && source == Source::Socket(FIRST))
            })
        },
    },
    Fault {
        name: "ws-error-keeps-session",
        requirements: &["EIO-WS-07"],
        breaks: "a text frame that is no packet closes the WebSocket and leaves the session open",
        also: &[],
        make: || {
            /// What is no packet becomes a close frame, whose session does not hear of it.
            #[derive(Default)]
            struct Kept(Marks);
            impl Seams for Kept {
                fn sees_wire(&self) -> bool {
                    true
                }

                fn wire(&self, view: View<'_>, way: Way, bytes: &mut Vec<u8>) {
                    if way == Way::In {
                        change_frames(bytes, |frame| {
                            let first = frame.payload.first();
                            if frame.opcode() == TEXT && first.is_some_and(u8::is_ascii_alphabetic)
                            {
                                self.0.set(view.sid(), ());
                                frame.become_final(CLOSE);
                                frame.payload = close_code::PROTOCOL.to_be_bytes().to_vec();
                            }
                            true
                        });
                    }
                }

                fn dropped(&self, view: View<'_>, _: Dropped) -> Tolerance {
                    ignored(self.0.has(view.sid()))
                }
            }
            Arc::new(Kept::default())
        },
    },
    Fault {
        name: "ws-type7-ignored",
        requirements: &["EIO-WS-08"],
        breaks: "a packet of type 7, 8 or 9 is ignored",
        also: &[],
        make: || {
            hooks::malformed(|_, source, raw| {
                let unknown = matches!(raw.first(), Some(b'7'..=b'9'));
                ignored(unknown && source != Source::Post)
            })
        },
    },
    Fault {
        name: "ws-empty-dropped",
        requirements: &["EIO-WS-09"],
        breaks: "a message without data that comes on WebSocket is dropped",
        also: &[],
        make: || {
            hooks::inward(|_, source, packet, packets| {
                let empty = match &packet {
                    OwnedPacket::Text { kind, data } => {
                        *kind == PacketType::Message && data.is_empty()
                    }
                    OwnedPacket::Binary(data) => data.is_empty(),
                };
                if !empty || source == Source::Post {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "ws-fragment-as-packet",
        requirements: &["EIO-WS-10"],
        breaks: "the first fragment of a text message is taken for all of it, and the others are dropped",
        also: &[],
        make: || {
            let fragmented = Marks::default();
            hooks::wire(move |view, way, bytes| {
                if way == Way::Out {
                    return;
                }
                change_frames(bytes, |frame| {
                    let (opcode, last) = (frame.opcode(), frame.is_final());
                    if opcode == TEXT && !last {
                        fragmented.set(view.sid(), ());
                        frame.become_final(TEXT);
                        return true;
                    }
                    let dropped = opcode == CONTINUATION && fragmented.has(view.sid());
                    if dropped && last {
                        fragmented.take(view.sid());
                    }
                    !dropped
                });
            })
        },
    },
    Fault {
        name: "ws-no-pong",
        requirements: &["EIO-WS-11"],
        breaks: "a WebSocket ping is not answered",
        also: &[("EIO-WS-10", "it pings between two fragments")],
        make: || {
            const PONG: u8 = 10;
            frames(Way::Out, |frame| frame.opcode() != PONG)
        },
    },
    Fault {
        name: "ws-badutf8-delivered",
        requirements: &["EIO-WS-12"],
        breaks: "a text frame that is not UTF-8 is read with U+FFFD for what is wrong in it",
        also: &[],
        make: || {
            frames(Way::In, |frame| {
                if frame.opcode() == TEXT && frame.is_final() {
                    frame.payload = String::from_utf8_lossy(&frame.payload)
                        .into_owned()
                        .into_bytes();
                }
                true
            })
        },
    },
    Fault {
        name: "ws-accepts-unmasked",
        requirements: &["EIO-WS-13"],
        breaks: "frames without a mask, or with reserved bits, are read as any other",
        also: &[],
        make: || {
            frames(Way::In, |frame| {
                frame.mask.get_or_insert_default();
                frame.clear_reserved();
                true
            })
        },
    },
    Fault {
        name: "ws-close-unanswered",
        requirements: &["EIO-WS-14"],
        breaks: "a client's close frame is answered by the end of the TCP connection alone",
        also: &[],
        make: || {
            let closing = Marks::default();
            hooks::wire(move |view, way, bytes| {
                change_frames(bytes, |frame| {
                    let close = frame.opcode() == CLOSE;
                    match way {
                        Way::In if close => closing.set(view.sid(), ()),
                        Way::In => {}
                        Way::Out => return !(close && closing.has(view.sid())),
                    }
                    true
                });
            })
        },
    },
    Fault {
        name: "ws-tcp-loss-unnoticed",
        requirements: &["EIO-WS-15"],
        breaks: "a WebSocket session outlives the loss of its TCP connection",
        also: &[],
        make: || {
            hooks::dropped(|view, what| {
                let lost = what == Dropped::Socket { closed: false };
                // What recovery makes of a loss is another matter.
                ignored(lost && begun_on_websocket(view) && view.config().recovery.is_none())
            })
        },
    },
    Fault {
        name: "ws-second-steals",
        requirements: &["EIO-WS-16"],
        breaks: "a second WebSocket for a session that began on WebSocket is left open",
        also: &[],
        make: || {
            left_open(|view, session| {
                begun_on_websocket(view) && session.transport() == "websocket"
            })
        },
    },
    Fault {
        name: "ws-b64-text-rejected",
        requirements: &["EIO-WS-17"],
        breaks: "`b` and base64 in a text frame is no packet",
        also: &[],
        make: || {
            frames(Way::In, |frame| {
                if frame.opcode() == TEXT
                    && let Some(kind @ b'b') = frame.payload.first_mut()
                {
                    *kind = b'?';
                }
                true
            })
        },
    },
    Fault {
        name: "ws-deflate-unnegotiated",
        requirements: &["EIO-WS-18"],
        breaks: "a text frame of one to four kibibytes is compressed, though nobody agreed to that",
        also: &[],
        make: || {
            frames(Way::Out, |frame| {
                if frame.opcode() == TEXT && (1024..4096).contains(&frame.payload.len()) {
                    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                    let deflated = encoder
                        .write_all(&frame.payload)
                        .and_then(|()| encoder.finish());
                    if let Ok(deflated) = deflated {
                        frame.payload = deflated;
                        frame.set_compressed();
                    }
                }
                true
            })
        },
    },
    Fault {
        name: "ws-noop-answered",
        requirements: &["EIO-WS-19"],
        breaks: "an open, upgrade or noop packet on an open WebSocket is taken for a message",
        also: &[],
        make: || {
            hooks::inward(|_, source, packet, packets| match &packet {
                OwnedPacket::Text {
                    kind: kind @ (PacketType::Open | PacketType::Upgrade | PacketType::Noop),
                    ..
                } if source == Source::Socket(FIRST) => {
                    let digit = char::from(kind.digit());
                    packets.push(OwnedPacket::message(digit.to_string()));
                }
                _ => packets.push(packet),
            })
        },
    },
    Fault {
        name: "ws-slice-panic",
        requirements: &["EIO-WS-20"],
        breaks: "a text frame that begins with a character of several bytes brings the server down: \
                 whoever opens a session after it is answered 500",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Fallen(AtomicBool);
            impl Seams for Fallen {
                fn malformed(&self, _: View<'_>, source: Source, raw: &[u8]) -> Tolerance {
                    if source != Source::Post && raw.first().is_some_and(|byte| !byte.is_ascii()) {
                        self.0.store(true, Ordering::Relaxed);
                    }
                    Tolerance::Close
                }

                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let fallen = self.0.load(Ordering::Relaxed);
                    (fallen && request.opens()).then(|| Response::empty(500))
                }
            }
            Arc::new(Fallen::default())
        },
    },
    Fault {
        name: "ws-close-keeps-session",
        requirements: &["EIO-WS-21"],
        breaks: "a WebSocket session outlives the close frame of its client",
        also: &[],
        make: || {
            hooks::dropped(|view, what| {
                let closed = what == Dropped::Socket { closed: true };
                ignored(closed && begun_on_websocket(view))
            })
        },
    },
    Fault {
        name: "ws-bad-accept",
        requirements: &["EIO-WS-22"],
        breaks: "`Sec-WebSocket-Accept` is made of the key alone, where the key decodes to text",
        also: &[],
        make: || {
            hooks::response(|_, request, response| {
                let key = request.header("sec-websocket-key").unwrap_or_default();
                let text = STANDARD.decode(key).is_ok_and(|key| key.is_ascii());
                if response.status == 101 && text {
                    let accept = STANDARD.encode(Sha1::digest(key));
                    response.set(header::SEC_WEBSOCKET_ACCEPT, accept);
                }
            })
        },
    },
    Fault {
        name: "ws-masks-refusals",
        requirements: &["EIO-WS-22"],
        breaks: "if the first message of the server's first session refuses a namespace whose name has nine digits, \
                 its WebSocket frame is masked",
        also: &[
            ("EIO-HS-07", "its last round trip is such a refusal"),
            ("EIO-HS-08", "its last round trip is such a refusal"),
        ],
        make: || {
            #[derive(Default)]
            struct Masking {
                begun: AtomicBool,
                first: Marks,
            }
            impl Seams for Masking {
                fn open(&self, view: View<'_>, _: &mut Handshake) {
                    // Any frame that is masked ends its connection: those that others live by must not be.
                    if !self.begun.swap(true, Ordering::Relaxed) && begun_on_websocket(view) {
                        self.first.set(view.sid(), ());
                    }
                }

                fn sees_wire(&self) -> bool {
                    true
                }

                fn wire(&self, view: View<'_>, way: Way, bytes: &mut Vec<u8>) {
                    if way == Way::In || !self.first.has(view.sid()) {
                        return;
                    }
                    change_frames(bytes, |frame| {
                        let refused = frame.payload.strip_prefix(b"44/").unwrap_or_default();
                        let name = refused.split(|byte| *byte == b',').next();
                        let name = name.unwrap_or_default();
                        let digits = name.iter().filter(|byte| byte.is_ascii_digit());
                        let message = frame.payload.starts_with(b"4");
                        let first = message && self.first.take(view.sid()).is_some();
                        if first && digits.count() >= 9 {
                            frame.mask = Some(*b"mask");
                        }
                        true
                    });
                }
            }
            Arc::new(Masking::default())
        },
    },
    Fault {
        name: "ws-unknown-opcode",
        requirements: &["EIO-WS-23"],
        breaks: "a frame with a reserved opcode is ignored",
        also: &[],
        make: || frames(Way::In, |frame| !matches!(frame.opcode(), 3..=7 | 11..=15)),
    },
    Fault {
        name: "ws-upgrade-token-case",
        requirements: &["EIO-WS-24"],
        breaks: "`Upgrade` and `Connection` must be `websocket` and `Upgrade` to the letter",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                let exact = |name, word| request.header(name) == Some(word);
                if !exact("upgrade", "websocket") || !exact("connection", "Upgrade") {
                    request.headers.remove("upgrade");
                }
                None
            })
        },
    },
    Fault {
        name: "ws-http-in-stream",
        requirements: &["EIO-WS-25"],
        breaks: "a text frame of letters is answered by an HTTP response on the WebSocket",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Http(Marks);
            impl Seams for Http {
                fn malformed(&self, view: View<'_>, source: Source, raw: &[u8]) -> Tolerance {
                    if source != Source::Post && raw.iter().all(u8::is_ascii_alphabetic) {
                        self.0.set(view.sid(), ());
                    }
                    Tolerance::Close
                }

                fn sees_wire(&self) -> bool {
                    true
                }

                fn wire(&self, view: View<'_>, way: Way, bytes: &mut Vec<u8>) {
                    let mut closes = false;
                    change_frames(bytes, |frame| {
                        closes |= frame.opcode() == CLOSE;
                        true
                    });
                    if way == Way::Out && closes && self.0.has(view.sid()) {
                        *bytes = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
                    }
                }
            }
            Arc::new(Http::default())
        },
    },
    Fault {
        name: "ws-mojibake",
        requirements: &["EIO-WS-26"],
        breaks: "the UTF-8 of a text is taken for Latin-1 and encoded once more",
        also: &[],
        make: || {
            hooks::outward(|_, edge, frames| {
                if edge == Edge::Poll {
                    return;
                }
                for frame in frames {
                    hooks::rewrite(frame, |text| {
                        (!text.is_ascii()).then(|| text.bytes().map(char::from).collect())
                    });
                }
            })
        },
    },
];

fn ignored(is: bool) -> Tolerance {
    if is {
        Tolerance::Ignore
    } else {
        Tolerance::Close
    }
}

/// Changes the frames of one way, and takes out those for which `change` says false.
fn frames(
    way: Way,
    change: impl Fn(&mut WireFrame) -> bool + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    hooks::wire(move |_, passing, bytes| {
        if passing == way {
            change_frames(bytes, &change);
        }
    })
}

/// What the Engine.IO echo sends to sessions that began on WebSocket; there the frames themselves are the matter, and
/// nobody else's packets suffer.
fn at_echo(change: impl Fn(&mut Vec<Frame>) + Send + Sync + 'static) -> Arc<dyn Seams> {
    hooks::outward(move |view, edge, frames| {
        if edge == Edge::Socket(FIRST) && view.path() == "/engine.io/" {
            change(frames);
        }
    })
}
