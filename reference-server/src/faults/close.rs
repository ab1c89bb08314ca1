//! Faults of the end of sessions (EIO-CL).

use super::marks::Marks;
use super::script::{Script, delay, heard, said};
use super::{Fault, hooks};
use crate::args::Args;
use crate::exchange::{Request, Response};
use crate::namespace::Violation;
use crate::outgoing::{Outgoing, Says};
use crate::refusal::Refusal;
use crate::seams::{Seams, Sending, Tolerance, View};
use crate::server::Server;
use crate::session::{CloseReason, Edge, Frame, Input, Session, Source};
use siospec_codec::engine::{OwnedPacket, PacketType};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "cl-close-ignored",
        requirements: &["EIO-CL-01"],
        breaks: "a close packet in a POST is ignored",
        also: &[
            ("EIO-CL-03", "nothing ends for which a GET waits"),
            ("EIO-CL-05", "nothing ends before what follows"),
            ("EIO-CL-10", "nothing ends at all"),
            ("EIO-UP-17", "nothing ends during the upgrade"),
        ],
        make: || without_close(|source| source == Source::Post),
    },
    Fault {
        name: "cl-post-close-400",
        requirements: &["EIO-CL-02"],
        breaks: "the POST with the close packet is answered 400",
        also: &[],
        make: || {
            answering_close(|request, response| {
                if request.method == "POST" {
                    *response = hooks::refuse(&Refusal::BadRequest);
                }
            })
        },
    },
    Fault {
        name: "cl-pending-get-empty",
        requirements: &["EIO-CL-03"],
        breaks: "the GET that is pending when the client closes is answered with nothing",
        also: &[],
        make: || {
            answering_close(|request, response| {
                if request.method == "GET" && response.status == 200 {
                    hooks::answer(response, 200, "");
                }
            })
        },
    },
    Fault {
        name: "cl-ws-close-ignored",
        requirements: &["EIO-CL-04"],
        breaks: "a close packet on WebSocket is ignored",
        also: &[],
        make: || without_close(|source| source != Source::Post),
    },
    Fault {
        name: "cl-continues-after-close",
        requirements: &["EIO-CL-05"],
        breaks: "what stands behind a close packet in a payload is handled before the session ends",
        also: &[],
        make: || {
            hooks::body(|_, _, body| {
                let Ok(text) = std::str::from_utf8(body) else {
                    return;
                };
                let (close, others): (Vec<&str>, Vec<&str>) =
                    text.split('\u{1e}').partition(|packet| *packet == "1");
                if !close.is_empty() {
                    *body = [others, close].concat().join("\u{1e}").into_bytes();
                }
            })
        },
    },
    Fault {
        name: "cl-server-close-silent",
        requirements: &["EIO-CL-06"],
        breaks: "a polling session that the server closes is not told by a close packet",
        also: &[],
        make: || {
            closing(|_, edge, frames| {
                if edge == Edge::Poll && frames.last() == Some(&Frame::text("1")) {
                    frames.pop();
                    if frames.is_empty() {
                        frames.push(Frame::text("6"));
                    }
                }
            })
        },
    },
    Fault {
        name: "cl-ws-left-open",
        requirements: &["EIO-CL-07"],
        breaks: "a session that the application closes leaves its WebSocket open",
        also: &[("SIO-DC-08", "a kick that closes closes this way")],
        make: || {
            /// Sessions that the application closed, and those whose clients had earned it.
            #[derive(Default)]
            struct LeftOpen {
                closed: Marks,
                guilty: Marks,
            }
            impl Seams for LeftOpen {
                fn violation(&self, view: View<'_>, _: Violation) -> Tolerance {
                    self.guilty.set(view.sid(), ());
                    Tolerance::Close
                }

                fn input(
                    &self,
                    view: View<'_>,
                    _: &Session,
                    input: Input,
                    inputs: &mut Vec<Input>,
                ) -> Result<(), Refusal> {
                    if input == Input::Close(CloseReason::ForcedClose) {
                        self.closed.set(view.sid(), ());
                    }
                    inputs.push(input);
                    Ok(())
                }

                fn hangup(&self, view: View<'_>, _: Edge, _: &mut u16) -> Tolerance {
                    if self.closed.has(view.sid()) && !self.guilty.has(view.sid()) {
                        return Tolerance::Ignore;
                    }
                    Tolerance::Close
                }
            }
            Arc::new(LeftOpen::default())
        },
    },
    Fault {
        name: "cl-drops-buffer",
        requirements: &["EIO-CL-08"],
        breaks: "what an Engine.IO application has sent and the client not yet got is dropped when it closes",
        also: &[("EIO-CL-06", "it expects the queued data as well")],
        make: || {
            closing(|view, edge, frames| {
                if view.path() == "/engine.io/" {
                    frames.retain(|frame| edge == Edge::Poll && *frame == Frame::text("1"));
                }
            })
        },
    },
    Fault {
        name: "cl-drops-events",
        requirements: &["EIO-CL-08"],
        breaks: "the events of a short burst wait for three tenths of a second, and are dropped when the application \
                 closes meanwhile",
        also: &[],
        make: || {
            Script {
                incoming: |short: &mut HashSet<String>, view, packet, packets| {
                    if let Some(("burst", args)) = heard(&packet) {
                        // Longer ones are about order, which slow timers would disturb.
                        match args.get::<u32>(0).is_ok_and(|count| count <= 3) {
                            true => short.insert(view.sid().to_owned()),
                            false => short.remove(view.sid()),
                        };
                    }
                    packets.push(packet);
                },
                outgoing: |short, view, packet, _, packets| match said(&packet) {
                    Some(("burst", args)) if short.contains(view.sid()) => {
                        let place: u64 = args.get(0).unwrap_or_default();
                        let wait = Duration::from_millis(300 + 30 * place);
                        delay(view, wait, &packet);
                    }
                    _ => packets.push(packet),
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "cl-closes-all",
        requirements: &["EIO-CL-09"],
        breaks: "a close packet closes every session of the server",
        also: &[
            ("EIO-CL-05", "its observer is closed too"),
            ("EIO-CL-10", "its observer is closed too"),
        ],
        make: || {
            hooks::inward(|view, _, packet, packets| {
                if is_close(&packet) {
                    view.later(|server| server.close_all());
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "cl-lost-handshake-shuts",
        requirements: &["EIO-CL-09"],
        breaks: "once a WebSocket was lost before its client had said anything, no handshake is accepted any more",
        also: &[],
        make: || {
            /// Sessions whose clients have said something, and whether one was lost that had not.
            #[derive(Default)]
            struct Shut {
                spoke: Marks,
                shut: AtomicBool,
            }
            impl Seams for Shut {
                fn inward(
                    &self,
                    view: View<'_>,
                    _: Source,
                    packet: OwnedPacket,
                    packets: &mut Vec<OwnedPacket>,
                ) {
                    self.spoke.set(view.sid(), ());
                    packets.push(packet);
                }

                fn input(
                    &self,
                    view: View<'_>,
                    session: &Session,
                    input: Input,
                    inputs: &mut Vec<Input>,
                ) -> Result<(), Refusal> {
                    if matches!(input, Input::SocketClosed(_))
                        && session.transport() == "websocket"
                        && !session.is_over()
                        && !self.spoke.has(view.sid())
                    {
                        self.shut.store(true, Ordering::Relaxed);
                    }
                    inputs.push(input);
                    Ok(())
                }

                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let shut = self.shut.load(Ordering::Relaxed);
                    (shut && request.opens()).then(|| Response::empty(503))
                }
            }
            Arc::new(Shut::default())
        },
    },
    Fault {
        name: "cl-double-disconnect-event",
        requirements: &["EIO-CL-10"],
        breaks: "a second close packet disconnects the client a second time",
        also: &[],
        make: || {
            /// Sessions that sent a close packet, and the last disconnect that the application heard of.
            #[derive(Default)]
            struct Twice {
                closed: Marks,
                left: Mutex<Option<Args>>,
            }
            impl Seams for Twice {
                fn outgoing(
                    &self,
                    _: View<'_>,
                    packet: Outgoing,
                    _: &mut Sending,
                    packets: &mut Vec<Outgoing>,
                ) {
                    if let Says::Event { name, args, .. } = &packet.body
                        && name == "left"
                    {
                        *self.left.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(args.clone());
                    }
                    packets.push(packet);
                }

                fn inward(
                    &self,
                    view: View<'_>,
                    _: Source,
                    packet: OwnedPacket,
                    packets: &mut Vec<OwnedPacket>,
                ) {
                    if is_close(&packet) {
                        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
                        if let Some(left) = left.clone().filter(|_| self.closed.has(view.sid())) {
                            view.later(move |server| server.emit("/monitor", "left", left));
                        }
                        self.closed.set(view.sid(), ());
                    }
                    packets.push(packet);
                }
            }
            Arc::new(Twice::default())
        },
    },
    Fault {
        name: "cl-shutdown-hangs",
        requirements: &["EIO-CL-11"],
        breaks: "a server that is told to stop does not hear it for a minute",
        also: &[],
        make: || hooks::stopping(|| Duration::from_secs(60)),
    },
];

fn is_close(packet: &OwnedPacket) -> bool {
    matches!(packet, OwnedPacket::Text { kind, .. } if *kind == PacketType::Close)
}

/// Close packets from there are not heard.
fn without_close(from: fn(Source) -> bool) -> Arc<dyn Seams> {
    hooks::inward(move |_, source, packet, packets| {
        if !(is_close(&packet) && from(source)) {
            packets.push(packet);
        }
    })
}

/// Answers to requests of a session whose client sent a close packet.
fn answering_close(change: fn(&Request, &mut Response)) -> Arc<dyn Seams> {
    struct Answering {
        closed: Marks,
        change: fn(&Request, &mut Response),
    }
    impl Seams for Answering {
        fn inward(
            &self,
            view: View<'_>,
            _: Source,
            packet: OwnedPacket,
            packets: &mut Vec<OwnedPacket>,
        ) {
            if is_close(&packet) {
                self.closed.set(view.sid(), ());
            }
            packets.push(packet);
        }

        fn response(&self, _: &Server, request: &Request, response: &mut Response) {
            let sid = request.query.get("sid");
            if sid.is_some_and(|sid| self.closed.has(sid)) {
                (self.change)(request, response);
            }
        }
    }
    let closed = Marks::default();
    Arc::new(Answering { closed, change })
}

/// The last packets of a session that the application closed.
fn closing(change: fn(View<'_>, Edge, &mut Vec<Frame>)) -> Arc<dyn Seams> {
    struct Closing {
        closed: Marks,
        change: fn(View<'_>, Edge, &mut Vec<Frame>),
    }
    impl Seams for Closing {
        fn input(
            &self,
            view: View<'_>,
            _: &Session,
            input: Input,
            inputs: &mut Vec<Input>,
        ) -> Result<(), Refusal> {
            if matches!(input, Input::Close(_)) {
                self.closed.set(view.sid(), ());
            }
            inputs.push(input);
            Ok(())
        }

        fn outward(&self, view: View<'_>, edge: Edge, frames: &mut Vec<Frame>) {
            if self.closed.has(view.sid()) {
                (self.change)(view, edge, frames);
            }
        }
    }
    let closed = Marks::default();
    Arc::new(Closing { closed, change })
}
