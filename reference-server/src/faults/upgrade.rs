//! Faults of upgrades (EIO-UP).

use super::marks::Marks;
use super::script::polls;
use super::upgrading::{
    backlog, completes, is_message, is_probe, is_upgrade, is_upgraded, late_noop, left_open,
};
use super::{Fault, hooks};
use crate::exchange::{Request, Response};
use crate::refusal::Refusal;
use crate::seams::{Seams, Tolerance, View};
use crate::server::Server;
use crate::session::{Edge, Frame, Input, Session, SocketId, Source, close_code};
use siospec_codec::engine::{OwnedPacket, PacketType};
use std::sync::Arc;
use std::time::Duration;

const NOOP: Frame = Frame::text("6");

/// Every scenario that upgrades begins with the probe.
macro_rules! whoever_probes {
    ($other:literal, $why:literal) => {
        &[
            ($other, $why),
            ("EIO-HB-14", $why),
            ("EIO-UP-03", $why),
            ("EIO-UP-04", $why),
            ("EIO-UP-05", $why),
            ("EIO-UP-06", $why),
            ("EIO-UP-07", $why),
            ("EIO-UP-08", $why),
            ("EIO-UP-09", $why),
            ("EIO-UP-10", $why),
            ("EIO-UP-11", $why),
            ("EIO-UP-12", $why),
            ("EIO-UP-13", $why),
            ("EIO-UP-15", $why),
            ("EIO-UP-16", $why),
            ("EIO-UP-17", $why),
            ("EIO-UP-18", $why),
            ("EIO-UP-19", $why),
            ("EIO-UP-22", $why),
            ("EIO-UP-23", $why),
            ("SIO-OR-06", $why),
        ]
    };
}

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "up-pong-without-probe",
        requirements: &["EIO-UP-01"],
        breaks: "a probe is answered `3` instead of `3probe`",
        also: whoever_probes!("EIO-UP-02", "its upgrade begins with that answer"),
        make: || {
            hooks::outward(|_, _, frames| {
                for frame in frames {
                    hooks::rewrite(frame, |text| (text == "3probe").then(|| "3".to_owned()));
                }
            })
        },
    },
    Fault {
        name: "up-second-open",
        requirements: &["EIO-UP-02"],
        breaks: "an upgrading WebSocket is sent an open packet first",
        also: whoever_probes!("EIO-UP-01", "it expects the answer to its probe first"),
        make: || {
            hooks::outward(|view, _, frames| {
                if frames.first() == Some(&Frame::text("3probe")) {
                    let open = format!(
                        r#"0{{"sid":"{}","upgrades":[],"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
                        view.sid(),
                        view.config().ping_interval.as_millis(),
                        view.config().ping_timeout.as_millis(),
                        view.config().max_payload,
                    );
                    frames.insert(0, Frame::Text(open.into()));
                }
            })
        },
    },
    Fault {
        name: "up-pending-get-hangs",
        requirements: &["EIO-UP-03"],
        breaks: "the GET that is pending when the probe comes is released 1.3 seconds later",
        also: &[],
        make: || late_noop(|nth| nth == 0),
    },
    Fault {
        name: "up-late-get-hangs",
        requirements: &["EIO-UP-04"],
        breaks: "the first GET after the probe is released 1.3 seconds later",
        also: &[("EIO-UP-23", "the first of its GETs is late")],
        make: || late_noop(|nth| nth == 1),
    },
    Fault {
        name: "up-ws-not-used",
        requirements: &["EIO-UP-05"],
        breaks: "messages that come on the WebSocket after the upgrade are not heard",
        also: &[
            ("EIO-UP-06", "it sends on the WebSocket after the upgrade"),
            ("EIO-UP-07", "it sends on the WebSocket after the upgrade"),
            ("EIO-UP-08", "it sends on the WebSocket after the upgrade"),
            ("EIO-UP-10", "it sends on the WebSocket after the upgrade"),
            ("EIO-UP-11", "it sends on the WebSocket after the upgrade"),
            ("EIO-UP-12", "it sends on the WebSocket after the upgrade"),
            ("EIO-UP-13", "it sends on the WebSocket after the upgrade"),
            ("EIO-UP-18", "it sends on the WebSocket after the upgrade"),
            ("EIO-UP-19", "it sends on the WebSocket after the upgrade"),
            ("SIO-OR-06", "it sends on the WebSocket after the upgrade"),
        ],
        make: || {
            let upgraded = Marks::default();
            hooks::input(move |view, session, input, inputs| {
                if completes(session, &input).is_some() {
                    upgraded.set(view.sid(), ());
                }
                let message = matches!(&input, Input::Received(Source::Socket(_), packet) if is_message(packet));
                if !(message && upgraded.has(view.sid())) {
                    inputs.push(input);
                }
                Ok(())
            })
        },
    },
    Fault {
        name: "up-new-session",
        requirements: &["EIO-UP-06"],
        breaks: "the upgrade disconnects a client from the main namespace and connects it anew",
        also: &[("SIO-OR-06", "it has connected before it upgrades")],
        make: || {
            let connected = Marks::default();
            hooks::inward(move |view, source, packet, packets| {
                let connects = OwnedPacket::message("0");
                let upgrades = is_upgrade(&packet) && source != Source::Post;
                if packet == connects {
                    connected.set(view.sid(), ());
                }
                packets.push(packet);
                if upgrades && connected.take(view.sid()).is_some() {
                    packets.extend([OwnedPacket::message("1"), connects]);
                }
            })
        },
    },
    Fault {
        name: "up-backlog-lost",
        requirements: &["EIO-UP-07"],
        breaks: "what was queued before the probe and not polled until the upgrade is lost",
        also: &[(
            "EIO-UP-08",
            "it may not have polled everything before its probe",
        )],
        make: || backlog(|frames, early| drop(frames.drain(..early))),
    },
    Fault {
        name: "up-reorders",
        requirements: &["EIO-UP-08"],
        breaks: "what was queued between the probe and the upgrade comes in reverse order",
        also: &[("SIO-OR-06", "it compares the order as well")],
        make: || backlog(|frames, early| frames[early..].reverse()),
    },
    Fault {
        name: "up-post-rejected",
        requirements: &["EIO-UP-09"],
        breaks: "a message that is posted while the session upgrades is refused",
        also: &[
            ("EIO-UP-08", "it posts while the session upgrades"),
            ("SIO-OR-06", "it posts while the session upgrades"),
        ],
        make: || {
            hooks::input(|_, session, input, inputs| {
                if let Input::Received(Source::Post, packet) = &input
                    && session.is_upgrading()
                    && is_message(packet)
                {
                    return Err(Refusal::BadRequest);
                }
                inputs.push(input);
                Ok(())
            })
        },
    },
    Fault {
        name: "up-poll-still-served",
        requirements: &["EIO-UP-10"],
        breaks: "a GET after the upgrade is answered by a noop",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Served(Marks);
            impl Seams for Served {
                fn input(
                    &self,
                    view: View<'_>,
                    session: &Session,
                    input: Input,
                    inputs: &mut Vec<Input>,
                ) -> Result<(), Refusal> {
                    if input == Input::PollStarted && is_upgraded(view, session) {
                        self.0.set(view.sid(), ());
                    }
                    inputs.push(input);
                    Ok(())
                }

                fn response(&self, _: &Server, request: &Request, response: &mut Response) {
                    let sid = request.query.get("sid").unwrap_or_default();
                    if request.method == "GET" && self.0.take(sid).is_some() {
                        *response = Response::new(200, "text/plain; charset=UTF-8", "6");
                    }
                }
            }
            Arc::new(Served::default())
        },
    },
    Fault {
        name: "up-post-still-delivered",
        requirements: &["EIO-UP-11"],
        breaks: "what is posted after the upgrade is delivered",
        also: &[],
        make: || {
            let carriers = Marks::<SocketId>::default();
            hooks::input(move |view, session, input, inputs| {
                if let Some(socket) = completes(session, &input) {
                    carriers.set(view.sid(), socket);
                }
                match (input, carriers.get(view.sid())) {
                    (Input::PostStarted | Input::PostFinished, Some(_)) => {}
                    (Input::Received(Source::Post, packet), Some(socket)) => {
                        inputs.push(Input::Received(Source::Socket(socket), packet));
                    }
                    (input, _) => inputs.push(input),
                }
                Ok(())
            })
        },
    },
    Fault {
        name: "up-second-ws-steals",
        requirements: &["EIO-UP-12"],
        breaks: "a second WebSocket for a session that has upgraded is left open",
        also: &[],
        make: || left_open(is_upgraded),
    },
    Fault {
        name: "up-parallel-upgrade",
        requirements: &["EIO-UP-13"],
        breaks: "a second WebSocket takes the place of the one that upgrades",
        also: &[],
        make: || {
            let upgrading = Marks::<SocketId>::default();
            hooks::input(move |view, session, input, inputs| {
                if let Input::SocketOpened(socket) = input {
                    let first = upgrading.get(view.sid()).filter(|_| session.is_upgrading());
                    inputs.extend(
                        first.map(|first| {
                            Input::Malformed(Source::Socket(first), close_code::POLICY)
                        }),
                    );
                    upgrading.set(view.sid(), socket);
                }
                inputs.push(input);
                Ok(())
            })
        },
    },
    Fault {
        name: "up-bad-probe-kills-session",
        requirements: &["EIO-UP-14"],
        breaks: "a wrong packet on an upgrading WebSocket ends the session",
        also: &[],
        make: || {
            hooks::input(|_, session, input, inputs| {
                let wrong = match &input {
                    Input::Received(Source::Socket(_), packet) => {
                        !is_probe(packet) && !is_upgrade(packet)
                    }
                    Input::Malformed(Source::Socket(_), _) => true,
                    _ => false,
                };
                inputs.push(if wrong && session.is_upgrading() {
                    Input::Malformed(Source::Post, close_code::PROTOCOL)
                } else {
                    input
                });
                Ok(())
            })
        },
    },
    Fault {
        name: "up-abandon-kills-session",
        requirements: &["EIO-UP-15"],
        breaks: "a client that closes the upgrading WebSocket ends the session",
        also: &[],
        make: || {
            let upgrading = Marks::<SocketId>::default();
            hooks::input(move |view, session, input, inputs| {
                match input {
                    Input::SocketOpened(socket) if !session.is_upgrading() => {
                        upgrading.set(view.sid(), socket);
                    }
                    Input::SocketClosed(socket)
                        if session.is_upgrading() && upgrading.get(view.sid()) == Some(socket) =>
                    {
                        inputs.push(Input::Malformed(Source::Post, close_code::PROTOCOL));
                    }
                    _ => {}
                }
                inputs.push(input);
                Ok(())
            })
        },
    },
    Fault {
        name: "up-no-timeout",
        requirements: &["EIO-UP-16"],
        breaks: "an upgrade that is never completed stays open",
        also: &[],
        make: || hooks::config(|config| config.upgrade_timeout = Duration::from_secs(3600)),
    },
    Fault {
        name: "up-orphan-ws",
        requirements: &["EIO-UP-17"],
        breaks: "the upgrading WebSocket outlives the close packet of its session",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Orphan(Marks);
            impl Seams for Orphan {
                fn input(
                    &self,
                    view: View<'_>,
                    session: &Session,
                    input: Input,
                    inputs: &mut Vec<Input>,
                ) -> Result<(), Refusal> {
                    let close =
                        Input::Received(Source::Post, OwnedPacket::text(PacketType::Close, ""));
                    if session.is_upgrading() && input == close {
                        self.0.set(view.sid(), ());
                    }
                    inputs.push(input);
                    Ok(())
                }

                fn hangup(&self, view: View<'_>, _: Edge, _: &mut u16) -> Tolerance {
                    if self.0.has(view.sid()) {
                        return Tolerance::Ignore;
                    }
                    Tolerance::Close
                }
            }
            Arc::new(Orphan::default())
        },
    },
    Fault {
        name: "up-noop-leaks-to-ws",
        requirements: &["EIO-UP-18"],
        breaks: "a noop that no GET came for since the probe goes out on the WebSocket, where nothing was queued",
        also: &[
            ("EIO-HB-14", "no GET of it comes after the probe"),
            ("EIO-UP-19", "no GET of it comes after the probe"),
        ],
        make: || {
            /// Sessions whose noop was fetched, and those whose noop is to go out.
            #[derive(Default)]
            struct Leaking {
                fetched: Marks,
                leaks: Marks<SocketId>,
            }
            impl Seams for Leaking {
                fn input(
                    &self,
                    view: View<'_>,
                    session: &Session,
                    input: Input,
                    inputs: &mut Vec<Input>,
                ) -> Result<(), Refusal> {
                    if let Some(socket) = completes(session, &input)
                        && session.backlog() == (0, 0)
                        && !self.fetched.has(view.sid())
                    {
                        self.leaks.set(view.sid(), socket);
                    }
                    inputs.push(input);
                    Ok(())
                }

                fn outward(&self, view: View<'_>, edge: Edge, frames: &mut Vec<Frame>) {
                    match edge {
                        Edge::Poll if frames.contains(&NOOP) => self.fetched.set(view.sid(), ()),
                        Edge::Socket(_) if self.leaks.take(view.sid()).is_some() => {
                            frames.insert(0, NOOP);
                        }
                        _ => {}
                    }
                }
            }
            Arc::new(Leaking::default())
        },
    },
    Fault {
        name: "up-stale-timer",
        requirements: &["EIO-UP-19"],
        breaks: "the pong to a ping that went out by polling does not count on WebSocket",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Stale(Marks);
            impl Seams for Stale {
                fn outward(&self, view: View<'_>, edge: Edge, frames: &mut Vec<Frame>) {
                    if edge == Edge::Poll && frames.contains(&Frame::text("2")) {
                        self.0.set(view.sid(), ());
                    }
                }

                fn inward(
                    &self,
                    view: View<'_>,
                    source: Source,
                    packet: OwnedPacket,
                    packets: &mut Vec<OwnedPacket>,
                ) {
                    let pong = packet == OwnedPacket::text(PacketType::Pong, "");
                    let polled = pong && self.0.take(view.sid()).is_some();
                    if !polled || source == Source::Post {
                        packets.push(packet);
                    }
                }
            }
            Arc::new(Stale::default())
        },
    },
    Fault {
        name: "up-no-probe-limbo",
        requirements: &["EIO-UP-20"],
        breaks: "an upgrade packet without a probe makes the server deaf to that WebSocket, which stays open",
        also: &[],
        make: || {
            /// Sessions that were probed, and those that wait in limbo.
            #[derive(Default)]
            struct Limbo {
                probed: Marks,
                deaf: Marks,
            }
            impl Seams for Limbo {
                fn input(
                    &self,
                    view: View<'_>,
                    session: &Session,
                    input: Input,
                    inputs: &mut Vec<Input>,
                ) -> Result<(), Refusal> {
                    if let Input::Received(Source::Socket(_), packet) = &input
                        && session.is_upgrading()
                    {
                        if is_probe(packet) {
                            self.probed.set(view.sid(), ());
                        } else if is_upgrade(packet) && !self.probed.has(view.sid()) {
                            self.deaf.set(view.sid(), ());
                        }
                        if self.deaf.has(view.sid()) {
                            return Ok(());
                        }
                    }
                    inputs.push(input);
                    Ok(())
                }
            }
            Arc::new(Limbo::default())
        },
    },
    Fault {
        name: "up-advertised-when-off",
        requirements: &["EIO-UP-21"],
        breaks: "the upgrade to WebSocket is offered although it is off",
        also: &[],
        make: || {
            hooks::open(|view, handshake| {
                if !view.config().upgrades && polls(view) {
                    handshake.upgrades = vec!["websocket".to_owned()];
                }
            })
        },
    },
    Fault {
        name: "up-two-sockets-live",
        requirements: &["EIO-UP-22"],
        breaks: "a second WebSocket is left open beside the one that upgrades",
        also: &[(
            "EIO-UP-13",
            "the second WebSocket is the one that must be closed",
        )],
        make: || left_open(|_, session| session.is_upgrading()),
    },
    Fault {
        name: "up-noop-once",
        requirements: &["EIO-UP-23"],
        breaks: "from the second GET after the probe on, each is released 1.3 seconds later",
        also: &[],
        make: || late_noop(|nth| nth > 1),
    },
];
