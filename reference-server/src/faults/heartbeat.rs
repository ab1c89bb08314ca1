//! Faults of the heartbeat (EIO-HB).

use super::marks::Marks;
use super::{Fault, hooks};
use crate::config::Config;
use crate::exchange::{Request, Response};
use crate::outgoing::Says;
use crate::refusal::Refusal;
use crate::seams::{Seams, View};
use crate::server::Server;
use crate::session::{Edge, Frame, Input, Session, SocketId, Source};
use siospec_codec::engine::{Handshake, OwnedPacket, PacketType};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const PING: Frame = Frame::text("2");

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "hb-waits-for-client-ping",
        requirements: &["EIO-HB-01"],
        breaks: "the server never pings",
        also: &[
            ("EIO-HB-02", "no ping comes"),
            ("EIO-HB-03", "no ping comes"),
            ("EIO-HB-04", "no ping comes that could go unanswered"),
            ("EIO-HB-05", "no ping comes that could go unanswered"),
            ("EIO-HB-06", "no ping comes that could go unanswered"),
            ("EIO-HB-07", "no ping comes"),
            ("EIO-HB-08", "no ping comes that could go unanswered"),
            ("EIO-HB-09", "no ping comes that could go unanswered"),
            ("EIO-HB-11", "no ping comes"),
            ("EIO-HB-13", "no ping comes"),
            ("EIO-HB-14", "no ping comes"),
            ("EIO-HB-15", "no ping comes"),
            ("EIO-HB-16", "no ping comes that could go unanswered"),
            ("EIO-HB-17", "no ping comes"),
            ("EIO-UP-15", "no ping comes"),
            ("EIO-UP-19", "no ping comes"),
        ],
        make: || unlike_told(|config| config.ping_interval = HOUR),
    },
    Fault {
        name: "hb-wrong-interval",
        requirements: &["EIO-HB-02"],
        breaks: "pings come three times as often as the handshake says",
        also: &[],
        make: || unlike_told(|config| config.ping_interval /= 3),
    },
    Fault {
        name: "hb-ping-with-data",
        requirements: &["EIO-HB-03"],
        breaks: "the second ping of a session carries data",
        also: &[
            ("EIO-HB-02", "it compares the second ping, too"),
            ("EIO-HB-11", "it compares the second ping, too"),
            ("EIO-HB-13", "it compares the second ping, too"),
            ("EIO-HB-14", "it compares the second ping, too"),
            ("EIO-HB-15", "it compares the second ping, too"),
            ("EIO-UP-19", "it compares the second ping, too"),
        ],
        make: || {
            let sent = Marks::<u32>::default();
            hooks::outward(move |view, _, frames| {
                for frame in frames.iter_mut().filter(|frame| **frame == PING) {
                    let before = sent.get(view.sid()).unwrap_or(0);
                    sent.set(view.sid(), before + 1);
                    if before == 1 {
                        *frame = Frame::text("2beat");
                    }
                }
            })
        },
    },
    Fault {
        name: "hb-no-timeout",
        requirements: &["EIO-HB-04"],
        breaks: "a session lives on though no pong ever comes; the handshake says otherwise",
        also: &[
            ("EIO-HB-05", "the same on polling"),
            ("EIO-HB-06", "what is never noticed is not noticed promptly"),
            ("EIO-HB-08", "there is no timeout to complete the GET"),
            ("EIO-HB-09", "there is no timeout at all"),
            ("EIO-HB-16", "there is no timeout to be seen"),
            ("SIO-RC-01", "who vanishes into a black hole is never lost"),
        ],
        make: || unlike_told(|config| config.ping_timeout = HOUR),
    },
    Fault {
        name: "hb-polling-no-timeout",
        requirements: &["EIO-HB-05"],
        breaks: "a polling session lives on though no pong ever comes",
        also: &[("EIO-HB-08", "there is no timeout to complete the GET")],
        make: || {
            hooks::input(|_, session, input, inputs| {
                let due = input == Input::Tick && session.transport() == "polling";
                inputs.push(input);
                if due {
                    let pong = OwnedPacket::text(PacketType::Pong, "");
                    inputs.push(Input::PostStarted);
                    inputs.push(Input::Received(Source::Post, pong));
                    inputs.push(Input::PostFinished);
                }
                Ok(())
            })
        },
    },
    Fault {
        name: "hb-lazy-sweep",
        requirements: &["EIO-HB-06"],
        breaks: "a missing pong is noticed half a pingTimeout late",
        also: &[],
        make: || unlike_told(|config| config.ping_timeout = config.ping_timeout * 3 / 2),
    },
    Fault {
        name: "hb-early-close",
        requirements: &["EIO-HB-07"],
        breaks: "a pong has half of the pingTimeout that the handshake says",
        also: &[("EIO-HB-15", "its pongs take longer than that")],
        make: || unlike_told(|config| config.ping_timeout /= 2),
    },
    Fault {
        name: "hb-timeout-get-hangs",
        requirements: &["EIO-HB-08"],
        breaks: "the GET that is pending at the ping timeout is never answered",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Hanging(Outstanding);
            impl Seams for Hanging {
                fn outward(&self, view: View<'_>, _: Edge, frames: &mut Vec<Frame>) {
                    self.0.sent(view, frames);
                }

                fn inward(
                    &self,
                    view: View<'_>,
                    _: Source,
                    packet: OwnedPacket,
                    packets: &mut Vec<OwnedPacket>,
                ) {
                    self.0.received(view, &packet);
                    packets.push(packet);
                }

                fn response(&self, _: &Server, request: &Request, response: &mut Response) {
                    let sid = request.query.get("sid").unwrap_or_default();
                    if &response.body[..] == b"1" && self.0.0.has(sid) {
                        response.delay = Duration::MAX;
                    }
                }
            }
            Arc::new(Hanging::default())
        },
    },
    Fault {
        name: "hb-any-traffic-counts",
        requirements: &["EIO-HB-09"],
        breaks: "any message counts as a pong",
        also: &[],
        make: || {
            hooks::inward(|_, _, packet, packets| {
                let message = !matches!(&packet, OwnedPacket::Text { kind, .. } if *kind != PacketType::Message);
                packets.push(packet);
                if message {
                    packets.push(OwnedPacket::text(PacketType::Pong, ""));
                }
            })
        },
    },
    Fault {
        name: "hb-early-pong-closes",
        requirements: &["EIO-HB-10"],
        breaks: "a pong that nobody asked for closes the session",
        also: &[("EIO-HB-11", "nobody asked for its pongs")],
        make: || {
            unasked(|_, packet| {
                // Of the client's packets this is the one that closes.
                *packet = OwnedPacket::text(PacketType::Ping, "");
            })
        },
    },
    Fault {
        name: "hb-pong-postpones-ping",
        requirements: &["EIO-HB-11"],
        breaks: "a pong that nobody asked for puts off the next ping",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Postponed {
                pings: Outstanding,
                put_off: Marks,
            }
            impl Seams for Postponed {
                fn inward(
                    &self,
                    view: View<'_>,
                    _: Source,
                    packet: OwnedPacket,
                    packets: &mut Vec<OwnedPacket>,
                ) {
                    if self.pings.received(view, &packet) == Some(false) {
                        self.put_off.set(view.sid(), ());
                    }
                    packets.push(packet);
                }

                fn outward(&self, view: View<'_>, edge: Edge, frames: &mut Vec<Frame>) {
                    let ping = edge != Edge::Poll && frames.contains(&PING);
                    if ping && self.put_off.take(view.sid()).is_some() {
                        frames.retain(|frame| *frame != PING);
                    }
                    self.pings.sent(view, frames);
                }
            }
            Arc::new(Postponed::default())
        },
    },
    Fault {
        name: "hb-answers-client-ping",
        requirements: &["EIO-HB-12"],
        breaks: "a ping of the client on WebSocket is answered by a pong",
        also: &[],
        make: || {
            hooks::inward(|view, source, packet, packets| {
                if source == Source::Post || packet != OwnedPacket::text(PacketType::Ping, "") {
                    packets.push(packet);
                    return;
                }
                let sid = view.sid().to_owned();
                view.later(move |server| server.send_frame(&sid, Frame::text("3")));
            })
        },
    },
    Fault {
        name: "hb-pong-strict-equality",
        requirements: &["EIO-HB-13"],
        breaks: "a pong with data is no pong",
        also: &[],
        make: || {
            hooks::inward(|_, _, packet, packets| match &packet {
                OwnedPacket::Text {
                    kind: PacketType::Pong,
                    data,
                } if !data.is_empty() => {}
                _ => packets.push(packet),
            })
        },
    },
    Fault {
        name: "hb-stops-after-upgrade",
        requirements: &["EIO-HB-14"],
        breaks: "an upgrade ends the heartbeat",
        also: &[("EIO-UP-19", "it waits for pings after the upgrade")],
        make: || {
            #[derive(Default)]
            struct Still(Marks<SocketId>);
            impl Seams for Still {
                fn input(
                    &self,
                    view: View<'_>,
                    session: &Session,
                    input: Input,
                    inputs: &mut Vec<Input>,
                ) -> Result<(), Refusal> {
                    if let Input::Received(Source::Socket(socket), packet) = &input
                        && session.is_upgrading()
                        && *packet == OwnedPacket::text(PacketType::Upgrade, "")
                    {
                        self.0.set(view.sid(), *socket);
                    }
                    let carrier = self.0.get(view.sid()).filter(|_| input == Input::Tick);
                    inputs.push(input);
                    // Nobody is missed who was never asked.
                    inputs.extend(carrier.map(|socket| {
                        let pong = OwnedPacket::text(PacketType::Pong, "");
                        Input::Received(Source::Socket(socket), pong)
                    }));
                    Ok(())
                }

                fn outward(&self, view: View<'_>, _: Edge, frames: &mut Vec<Frame>) {
                    if self.0.has(view.sid()) {
                        frames.retain(|frame| *frame != PING);
                    }
                }
            }
            Arc::new(Still::default())
        },
    },
    Fault {
        name: "hb-ping-burst",
        requirements: &["EIO-HB-15"],
        breaks: "pings are sent every pingInterval, whether or not the last one was answered",
        also: &[("EIO-HB-07", "its pong takes longer than that")],
        make: || {
            #[derive(Default, Clone)]
            struct Burst(Arc<Outstanding>);
            impl Seams for Burst {
                fn inward(
                    &self,
                    view: View<'_>,
                    _: Source,
                    packet: OwnedPacket,
                    packets: &mut Vec<OwnedPacket>,
                ) {
                    self.0.received(view, &packet);
                    packets.push(packet);
                }

                fn outward(&self, view: View<'_>, edge: Edge, frames: &mut Vec<Frame>) {
                    let Config {
                        ping_interval,
                        ping_timeout,
                        ..
                    } = *view.config();
                    self.0.sent(view, frames);
                    if edge == Edge::Poll
                        || !frames.contains(&PING)
                        || ping_timeout <= ping_interval
                    {
                        return;
                    }
                    let (outstanding, sid) = (self.0.clone(), view.sid().to_owned());
                    view.later(move |server| {
                        let then = server.clone();
                        server.start_background_task(async move {
                            then.sleep(ping_interval).await;
                            if outstanding.0.has(&sid) {
                                then.send_frame(&sid, PING);
                            }
                        });
                    });
                }
            }
            Arc::new(Burst::default())
        },
    },
    Fault {
        name: "hb-timeout-no-disconnect-event",
        requirements: &["EIO-HB-16"],
        breaks: "the application is not told of sockets that a ping timeout disconnects",
        also: &[],
        make: || {
            hooks::outgoing(|_, packet, _, packets| {
                let told = matches!(&packet.body, Says::Event { name, args, .. }
                    if name == "left" && args.json().contains("ping timeout"));
                if !told {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "hb-buffered-ping-lost",
        requirements: &["EIO-HB-17"],
        breaks: "a ping that waits for a GET together with other packets is lost",
        also: &[],
        make: || {
            hooks::outward(|_, edge, frames| {
                if edge == Edge::Poll && frames.len() > 1 {
                    frames.retain(|frame| *frame != PING);
                }
            })
        },
    },
];

/// Timers that are not what the handshake says.
fn unlike_told(change: fn(&mut Config)) -> Arc<dyn Seams> {
    struct Unlike {
        change: fn(&mut Config),
        told: Mutex<(Duration, Duration)>,
    }
    impl Seams for Unlike {
        fn config(&self, config: &mut Config) {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) =
                (config.ping_interval, config.ping_timeout);
            (self.change)(config);
        }

        fn open(&self, _: View<'_>, handshake: &mut Handshake) {
            let (interval, timeout) = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            handshake.ping_interval = milliseconds(interval);
            handshake.ping_timeout = milliseconds(timeout);
        }
    }
    let told = Mutex::default();
    Arc::new(Unlike { change, told })
}

/// Sessions that were pinged and have not answered.
#[derive(Default)]
struct Outstanding(Marks);

impl Outstanding {
    fn sent(&self, view: View<'_>, frames: &[Frame]) {
        if frames.contains(&PING) {
            self.0.set(view.sid(), ());
        }
    }

    /// Whether a pong was asked for, if it is one.
    fn received(&self, view: View<'_>, packet: &OwnedPacket) -> Option<bool> {
        matches!(packet, OwnedPacket::Text { kind, .. } if *kind == PacketType::Pong)
            .then(|| self.0.take(view.sid()).is_some())
    }
}

/// Pongs that nobody asked for.
fn unasked(change: fn(View<'_>, &mut OwnedPacket)) -> Arc<dyn Seams> {
    struct Unasked {
        pings: Outstanding,
        change: fn(View<'_>, &mut OwnedPacket),
    }
    impl Seams for Unasked {
        fn outward(&self, view: View<'_>, _: Edge, frames: &mut Vec<Frame>) {
            self.pings.sent(view, frames);
        }

        fn inward(
            &self,
            view: View<'_>,
            _: Source,
            mut packet: OwnedPacket,
            packets: &mut Vec<OwnedPacket>,
        ) {
            if self.pings.received(view, &packet) == Some(false) {
                (self.change)(view, &mut packet);
            }
            packets.push(packet);
        }
    }
    let pings = Outstanding::default();
    Arc::new(Unasked { pings, change })
}
