//! Faults of DISCONNECT (SIO-DC).

use super::script::{self, Script, granted, heard, knowing_joined, said, say};
use super::{Fault, hooks};
use crate::adapter::Selection;
use crate::args::Args;
use crate::namespace::{Body, Incoming};
use crate::outgoing::Says;
use crate::seams::{Dropped, Tolerance, View};
use bytestring::ByteString;
use serde_json::Value;
use siospec_codec::DecodeErrorKind;
use siospec_codec::engine::{OwnedPacket, PacketType};
use std::collections::{HashMap, HashSet};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "dc-still-joined",
        requirements: &["SIO-DC-01"],
        breaks: "a DISCONNECT takes effect only with the next CONNECT",
        also: &[
            (
                "SIO-DC-06",
                "an event after it is handled, as if nothing had been left",
            ),
            ("SIO-DC-11", "the application hears of it later"),
            ("SIO-DC-13", "so is an event behind it"),
            ("SIO-DC-14", "the application hears of it later"),
        ],
        make: || {
            #[derive(Default)]
            struct Places {
                asked: Left,
                left: Left,
            }
            Script {
                incoming: |places: &mut Places, view, packet, packets| {
                    let place = (view.sid().to_owned(), packet.namespace.clone());
                    match &packet.body {
                        Body::Disconnect if places.asked.contains(&place) => {
                            places.left.insert(place);
                            return;
                        }
                        Body::Connect(_) if places.left.remove(&place) => {
                            let namespace = packet.namespace.clone();
                            let body = Body::Disconnect;
                            packets.push(Incoming { namespace, body });
                        }
                        Body::Connect(_) => {
                            places.asked.insert(place);
                        }
                        _ => {}
                    }
                    packets.push(packet);
                },
                ..Script::new(Places::default())
            }
            .seams()
        },
    },
    Fault {
        name: "dc-echoes-disconnect",
        requirements: &["SIO-DC-02"],
        breaks: "a client's DISCONNECT is answered by one",
        also: &[
            ("SIO-DC-01", "it leaves by a DISCONNECT"),
            ("SIO-DC-03", "it leaves by a DISCONNECT"),
            ("SIO-DC-04", "it leaves by a DISCONNECT"),
            ("SIO-DC-05", "it leaves by a DISCONNECT"),
            ("SIO-DC-06", "it leaves by a DISCONNECT"),
            ("SIO-CN-23", "it leaves by a DISCONNECT"),
            ("SIO-CO-08", "it looks at a DISCONNECT, too"),
            ("SIO-RM-13", "it leaves by a DISCONNECT"),
            ("SIO-CSR-11", "it leaves by a DISCONNECT"),
        ],
        make: || {
            hooks::incoming(|view, packet, packets| {
                if packet.body == Body::Disconnect {
                    let echo = match &*packet.namespace {
                        "/" => "41".to_owned(),
                        namespace => format!("41{namespace},"),
                    };
                    say(view, view.sid(), echo);
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "dc-leaves-all",
        requirements: &["SIO-DC-03"],
        breaks: "a DISCONNECT from a custom namespace leaves the main one, too",
        also: &[("SIO-DC-04", "it leaves one of two namespaces")],
        make: || {
            knowing_joined(|joined, view, packet, packets| {
                let custom = packet.body == Body::Disconnect && &*packet.namespace != "/";
                packets.push(packet);
                if custom && script::leaves(joined, view, "/") {
                    let (namespace, body) = ("/".into(), Body::Disconnect);
                    packets.push(Incoming { namespace, body });
                }
            })
        },
    },
    Fault {
        name: "dc-needs-comma",
        requirements: &["SIO-DC-04"],
        breaks: "a DISCONNECT without a comma behind the namespace counts as malformed",
        also: &[],
        make: || {
            script::reading(|text| {
                (text.starts_with("1/") && !text.contains(',')).then(|| "?".to_owned())
            })
        },
    },
    Fault {
        name: "dc-closes-transport",
        requirements: &["SIO-DC-05"],
        breaks: "the connection is closed when its last namespace is left",
        also: &[
            ("SIO-DC-01", "it leaves the only namespace"),
            ("SIO-DC-06", "it leaves the only namespace"),
            ("SIO-CN-23", "it leaves the only namespace"),
            ("SIO-RM-13", "it leaves the only namespace"),
            ("SIO-CSR-11", "it leaves the only namespace"),
        ],
        make: || {
            knowing_joined(|joined, view, packet, packets| {
                if packet.body == Body::Disconnect
                    && script::leaves(joined, view, &packet.namespace)
                    && joined.get(view.sid()).is_none_or(HashSet::is_empty)
                {
                    script::close(view);
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "dc-event-still-handled",
        requirements: &["SIO-DC-06"],
        breaks: "the connection survives an event for a namespace that was left",
        also: &[],
        make: || {
            Script {
                incoming: |left: &mut Left, view, packet, packets| {
                    let place = (view.sid().to_owned(), packet.namespace.clone());
                    match &packet.body {
                        Body::Disconnect => {
                            left.insert(place);
                        }
                        Body::Connect(_) => {
                            left.remove(&place);
                        }
                        _ if left.contains(&place) => return,
                        _ => {}
                    }
                    packets.push(packet);
                },
                ..Script::new(Left::new())
            }
            .seams()
        },
    },
    Fault {
        name: "dc-server-silent",
        requirements: &["SIO-DC-07"],
        breaks: "a client is put out of a namespace without being told",
        also: &[
            ("SIO-DC-08", "the packets it waits for are these"),
            ("SIO-DC-09", "there is no packet to look at"),
            ("SIO-DC-15", "the members of a room wait for it, too"),
            ("SIO-CD-09", "a kick is known by it"),
            ("SIO-DC-11", "it waits for the packet of a kick"),
            ("SIO-CO-09", "the packet of a kick is one that it looks at"),
            ("SIO-CSR-11", "it waits for the packet of a kick"),
            ("SIO-RM-19", "it waits for the packet of a kick"),
        ],
        make: || {
            hooks::outgoing(|_, packet, _, packets| {
                if packet.body != Says::Disconnect {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "dc-close-flag-ignored",
        requirements: &["SIO-DC-08"],
        breaks: "a client that is disconnected for good is put out of one namespace, and stays connected",
        also: &[("SIO-DC-11", "a kick for good is one of its causes")],
        make: || {
            hooks::incoming(|_, mut packet, packets| {
                if let Body::Event { name, args, .. } = &mut packet.body
                    && name.as_deref() == Some("kick")
                    && args.json() == "true"
                {
                    *args = script::args(vec![false.into()]);
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "dc-payload",
        requirements: &["SIO-DC-09"],
        breaks: "the DISCONNECT of a custom namespace carries an empty object",
        also: &[
            ("SIO-DC-08", "it waits for the exact packet"),
            ("SIO-CO-09", "it looks at the shape of this packet, too"),
            ("SIO-CD-09", "it waits for the exact packet"),
        ],
        make: || script::writing(|text| text.starts_with("41/").then(|| format!("{text}{{}}"))),
    },
    Fault {
        name: "dc-payload-accepted",
        requirements: &["SIO-DC-10"],
        breaks: "a client's DISCONNECT may carry a payload",
        also: &[],
        make: || {
            hooks::config(|config| {
                config.leniency = config.leniency.allow(DecodeErrorKind::DisconnectPayload);
            })
        },
    },
    Fault {
        name: "dc-no-event-on-tcp-loss",
        requirements: &["SIO-DC-11"],
        breaks: "the application does not hear of the loss of a WebSocket whose client never said anything",
        also: &[
            ("SIO-DC-12", "the loss is that of a silent client"),
            ("SIO-CD-06", "the loss is that of a silent client"),
        ],
        make: || {
            Script {
                incoming: |spoke: &mut HashSet<String>, view, packet, packets| {
                    if heard(&packet).is_some() {
                        spoke.insert(view.sid().to_owned());
                    }
                    packets.push(packet);
                },
                dropped: |spoke, view, what| match what {
                    Dropped::Socket { closed: false } if !spoke.contains(view.sid()) => {
                        Tolerance::Ignore
                    }
                    _ => Tolerance::Close,
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "dc-left-twice",
        requirements: &["SIO-DC-11"],
        breaks: "the application hears twice that a client is gone, whatever the reason",
        also: &[
            (
                "EIO-PO-17",
                "the application hears of the cut, and of nothing else",
            ),
            (
                "EIO-PO-18",
                "the application hears of the cut, and of nothing else",
            ),
            (
                "EIO-PL-12",
                "the application hears of the end, and of nothing behind it",
            ),
            ("EIO-WS-07", "the application hears of the end once"),
            ("EIO-WS-15", "the application hears of the loss once"),
            ("EIO-WS-21", "the application hears of the end once"),
            ("EIO-QE-11", "the application hears of the cut once"),
            ("EIO-HB-16", "each namespace hears of the timeout once"),
            (
                "EIO-CL-05",
                "the application hears of the end, and of nothing behind it",
            ),
            ("EIO-CL-10", "the application hears of two ends once"),
            ("SIO-EV-11", "no handler but that of the end is run"),
            ("SIO-DC-12", "each namespace hears of the loss once"),
            (
                "SIO-DC-13",
                "the application hears of the end, and of nothing behind it",
            ),
            ("SIO-DC-14", "the application hears of the end once"),
            ("SIO-RM-24", "the application hears of the end once"),
            ("SIO-RC-01", "the application hears of the loss once"),
            (
                "SIO-RC-02",
                "the next that the application hears is who joins",
            ),
            (
                "SIO-RC-05",
                "the application hears of the loss, and of no event",
            ),
        ],
        make: || {
            hooks::outgoing(|_, packet, _, packets| {
                if said(&packet).is_some_and(|(name, _)| name == "left") {
                    packets.push(packet.clone());
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "dc-left-again-at-the-end",
        requirements: &["SIO-DC-11"],
        breaks: "the application hears of a client that left or was put out once more when its connection ends",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Told {
                sids: HashMap<String, String>,
                left: HashMap<String, Args>,
            }
            impl Told {
                fn again(&mut self, view: View<'_>) {
                    if let Some(left) = self.left.remove(view.sid()) {
                        view.later(|server| server.emit("/monitor", "left", left));
                    }
                }
            }
            Script {
                inward: |told: &mut Told, view, packet, packets| {
                    if matches!(
                        &packet,
                        OwnedPacket::Text {
                            kind: PacketType::Close,
                            ..
                        }
                    ) {
                        told.again(view);
                    }
                    packets.push(packet);
                },
                dropped: |told, view, what| {
                    if matches!(what, Dropped::Socket { .. }) {
                        told.again(view);
                    }
                    Tolerance::Close
                },
                outgoing: |told, view, packet, _, packets| {
                    if let Some(id) = granted(&packet, "sid") {
                        told.sids.insert(id, view.sid().to_owned());
                    } else if let Some(("left", args)) = said(&packet)
                        && let (Ok(id), Ok(reason)) = (args.get::<String>(1), args.get::<String>(2))
                        && reason.ends_with("namespace disconnect")
                        && let Some(sid) = told.sids.get(&id)
                    {
                        told.left.insert(sid.clone(), args.clone());
                    }
                    packets.push(packet);
                },
                ..Script::new(Told::default())
            }
            .seams()
        },
    },
    Fault {
        name: "dc-only-root-event",
        requirements: &["SIO-DC-12"],
        breaks: "of the namespaces of a lost client only the main one hears of it",
        also: &[],
        make: || {
            hooks::outgoing(|_, packet, _, packets| {
                let unheard = said(&packet).is_some_and(|(name, args)| {
                    let left = script::values(args);
                    name == "left"
                        && left.first().is_some_and(|namespace| namespace != "/")
                        && left
                            .get(2)
                            .and_then(Value::as_str)
                            .is_some_and(|reason| reason.starts_with("transport"))
                });
                if !unheard {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "dc-handles-after",
        requirements: &["SIO-DC-13"],
        breaks: "what stands behind a DISCONNECT in one payload is handled before it",
        also: &[],
        make: || {
            hooks::body(|_, _, body| {
                const SEPARATOR: &str = "\u{1e}";
                let Ok(text) = std::str::from_utf8(body) else {
                    return;
                };
                let mut packets: Vec<&str> = text.split(SEPARATOR).collect();
                packets.sort_by_key(|packet| *packet == "41");
                *body = packets.join(SEPARATOR).into();
            })
        },
    },
    Fault {
        name: "dc-rooms-cleared-early",
        requirements: &["SIO-DC-14"],
        breaks: "the rooms of a client are left before its handler hears that it is gone",
        also: &[],
        make: || {
            hooks::outgoing(|_, mut packet, _, packets| {
                if let Says::Event { name, args, .. } = &mut packet.body
                    && name == "left"
                {
                    let mut left = script::values(args);
                    if let Some(rooms) = left.get_mut(3) {
                        *rooms = Value::Array(Vec::new());
                    }
                    *args = script::args(left);
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "dc-kick-room-hits-all",
        requirements: &["SIO-DC-15"],
        breaks: "disconnecting a room disconnects the namespace",
        also: &[],
        make: || {
            Script {
                incoming: |kicking, _, packet, packets| {
                    *kicking |= heard(&packet).is_some_and(|(name, _)| name == "kick-room");
                    packets.push(packet);
                },
                select: |kicking, inner, selection, visit| {
                    if std::mem::take(&mut *script::lock(kicking)) {
                        inner.select(&Selection::default(), visit);
                    } else {
                        inner.select(selection, visit);
                    }
                },
                ..Script::new(false)
            }
            .seams()
        },
    },
    Fault {
        name: "dc-foreign-accepted",
        requirements: &["SIO-DC-16"],
        breaks: "a DISCONNECT from a namespace that was never joined is ignored",
        also: &[],
        make: || {
            Script {
                incoming: |asked: &mut HashMap<String, HashSet<String>>, view, packet, packets| {
                    let asked = asked.entry(view.sid().to_owned()).or_default();
                    let foreign = !asked.is_empty() && !asked.contains(&*packet.namespace);
                    if matches!(packet.body, Body::Connect(_)) {
                        asked.insert(packet.namespace.to_string());
                    }
                    if packet.body != Body::Disconnect || !foreign {
                        packets.push(packet);
                    }
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
];

/// Which namespaces the sessions have left.
type Left = HashSet<(String, ByteString)>;
