//! Faults of delivery over reconnects (SIO-CD).

use super::script::{
    Joined, Script, close, connects, granted, heard, leaves, lock, option, polls, send,
};
use super::{Fault, hooks};
use crate::exchange::Response;
use crate::namespace::{Body, Id};
use crate::outgoing::Says;
use crate::session::Frame;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "cd-old-id-alive",
        requirements: &["SIO-CD-01"],
        breaks: "the id of a client that is gone reaches the next one that joins",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Heirs {
                gone: Vec<String>,
                heirs: HashMap<String, String>,
            }
            Script {
                remove: |heirs: &Mutex<Heirs>, inner, id| {
                    lock(heirs).gone.push(id.to_owned());
                    inner.remove(id)
                },
                admit: |heirs, inner, id| {
                    let mut heirs = lock(heirs);
                    for gone in std::mem::take(&mut heirs.gone) {
                        heirs.heirs.insert(gone, id.to_owned());
                    }
                    inner.admit(id);
                },
                select: |heirs, inner, selection, visit| {
                    let mut selection = selection.clone();
                    for room in &mut selection.rooms {
                        if let Some(heir) = lock(heirs).heirs.get(room) {
                            room.clone_from(heir);
                        }
                    }
                    inner.select(&selection, visit);
                },
                ..Script::new(Heirs::default())
            }
            .seams()
        },
    },
    Fault {
        name: "cd-flush-lost",
        requirements: &["SIO-CD-02"],
        breaks: "of many packets in one request only the first thirty are handled",
        also: &[],
        make: || {
            hooks::body(|view, _, body| {
                const SEPARATOR: u8 = 0x1e;
                if view.path() == "/socket.io/" {
                    let mut packets = body.split(|byte| *byte == SEPARATOR);
                    let kept: Vec<&[u8]> = packets.by_ref().take(30).collect();
                    *body = kept.join(&SEPARATOR);
                }
            })
        },
    },
    Fault {
        name: "cd-websocket-flush-lost",
        requirements: &["SIO-CD-02"],
        breaks: "of the `message` events that a client sends over a WebSocket in the second after its CONNECT only the \
                 first eighty are handled",
        also: &[("SIO-OR-01", "its events follow the CONNECT, too")],
        make: || {
            Script {
                incoming: |since: &mut HashMap<String, (Instant, usize)>, view, packet, packets| {
                    const WHILE: Duration = Duration::from_secs(1);
                    if matches!(packet.body, Body::Connect(_)) && !polls(view) {
                        since.insert(view.sid().to_owned(), (Instant::now(), 0));
                    }
                    if let Some(("message", _)) = heard(&packet)
                        && let Some((at, events)) = since.get_mut(view.sid())
                    {
                        *events += 1;
                        if *events > 80 && at.elapsed() < WHILE {
                            return;
                        }
                    }
                    packets.push(packet);
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
    Fault {
        name: "cd-server-dedups",
        requirements: &["SIO-CD-03"],
        breaks: "an event that wants an ACK and is sent again is dropped, as long as ids are small",
        also: &[(
            "SIO-ACK-10",
            "the same event twice with one id is such an event",
        )],
        make: || {
            let seen = Mutex::new(HashSet::new());
            hooks::incoming(move |view, packet, packets| {
                let again = match &packet.body {
                    Body::Event {
                        name,
                        args,
                        id: Some(Id::Number(id)),
                    } if *id < 1000 && name.as_deref() == Some("message-with-ack") => {
                        let key = (view.sid().to_owned(), name.clone(), args.json().to_owned());
                        !seen
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .insert(key)
                    }
                    _ => false,
                };
                if !again {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "cd-late-ack-dropped",
        requirements: &["SIO-CD-04"],
        breaks: "an ACK that comes later than 350 ms after its event is dropped",
        also: &[],
        make: || {
            Script {
                incoming: |asked: &mut HashMap<_, Instant>, view, packet, packets| {
                    if let Body::Event { id: Some(id), .. } = &packet.body {
                        asked.insert((view.sid().to_owned(), digits(id)), Instant::now());
                    }
                    packets.push(packet);
                },
                outgoing: |asked, view, packet, _, packets| {
                    let late = match &packet.body {
                        Says::Ack { id, .. } => asked
                            .remove(&(view.sid().to_owned(), digits(id)))
                            .is_some_and(|at| at.elapsed() > Duration::from_millis(350)),
                        _ => false,
                    };
                    if !late {
                        packets.push(packet);
                    }
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
    Fault {
        name: "cd-ack-to-wrong-conn",
        requirements: &["SIO-CD-05"],
        breaks: "an ACK that its client did not live to see goes to the next connection",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Due {
                pending: HashMap<(String, String), String>,
                orphans: Vec<String>,
            }
            Script {
                incoming: |due: &mut Due, view, packet, packets| {
                    if let Body::Event {
                        id: Some(id), args, ..
                    } = &packet.body
                    {
                        let place = (view.sid().to_owned(), digits(id));
                        due.pending.insert(place, args.json().to_owned());
                    }
                    packets.push(packet);
                },
                lost: |due, view, reason| {
                    let mine = due.pending.extract_if(|(sid, _), _| sid == view.sid());
                    let acks = mine.map(|((_, id), json)| format!("43{id}[{json}]"));
                    if reason.starts_with("transport") {
                        due.orphans.extend(acks);
                    } else {
                        acks.for_each(drop);
                    }
                },
                outgoing: |due, view, packet, _, packets| {
                    if let Says::Ack { id, .. } = &packet.body {
                        due.pending.remove(&(view.sid().to_owned(), digits(id)));
                    }
                    if matches!(packet.body, Says::Connect(_)) {
                        let acks = due.orphans.drain(..);
                        let frames = acks.map(|ack| Frame::Text(ack.into())).collect();
                        send(view, view.sid(), Duration::from_millis(300), frames);
                    }
                    packets.push(packet);
                },
                ..Script::new(Due::default())
            }
            .seams()
        },
    },
    Fault {
        name: "cd-queues-for-dead",
        requirements: &["SIO-CD-06"],
        breaks: "an event for a client that is gone is kept for the next one that joins",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Kept {
                ids: HashMap<String, Vec<String>>,
                gone: HashSet<String>,
                events: Vec<Frame>,
            }
            Script {
                incoming: |kept: &mut Kept, view, packet, packets| {
                    if let Some(("emit-to", args)) = heard(&packet)
                        && view.config().recovery.is_none()
                        && option(args, "to").iter().any(|id| kept.gone.contains(id))
                    {
                        let event = format!("42[{}]", args.rest(1).json());
                        kept.events.push(Frame::Text(event.into()));
                    }
                    packets.push(packet);
                },
                lost: |kept, view, _| {
                    let ids = kept.ids.remove(view.sid()).unwrap_or_default();
                    kept.gone.extend(ids);
                },
                outgoing: |kept, view, packet, _, packets| {
                    if let Some(id) = granted(&packet, "sid") {
                        kept.ids.entry(view.sid().to_owned()).or_default().push(id);
                        let events = std::mem::take(&mut kept.events);
                        send(view, view.sid(), Duration::ZERO, events);
                    }
                    packets.push(packet);
                },
                ..Script::new(Kept::default())
            }
            .seams()
        },
    },
    Fault {
        name: "cd-handler-leak",
        requirements: &["SIO-CD-07"],
        breaks: "after forty clients have come and gone each broadcast is delivered twice",
        also: &[],
        make: || {
            Script {
                remove: |gone: &Mutex<usize>, inner, id| {
                    *lock(gone) += 1;
                    inner.remove(id)
                },
                select: |gone, inner, selection, visit| {
                    inner.select(selection, visit);
                    if *lock(gone) >= 40 {
                        inner.select(selection, visit);
                    }
                },
                ..Script::new(0)
            }
            .seams()
        },
    },
    Fault {
        name: "cd-accepts-stale-sid",
        requirements: &["SIO-CD-08"],
        breaks: "a GET with the sid of a server that ran before is answered as if the session lived",
        also: &[],
        make: || {
            Script {
                open: |own: &mut HashSet<String>, view| {
                    own.insert(view.sid().to_owned());
                },
                outgoing: |own, _, packet, _, packets| {
                    own.extend(granted(&packet, "sid"));
                    packets.push(packet);
                },
                request: |own, _, request| {
                    const LENGTH: usize = 20;
                    let sid = request.query.get("sid")?;
                    let stale = sid.len() == LENGTH && !own.contains(sid);
                    let polls = request.query.get("transport") == Some("polling");
                    (stale && polls && request.method == "GET")
                        .then(|| Response::new(200, "text/plain; charset=UTF-8", "6"))
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "cd-kick-as-transport-close",
        requirements: &["SIO-CD-09"],
        breaks: "a client that is put out of a custom namespace loses its connection instead",
        also: &[
            ("SIO-DC-07", "the kick is from a custom namespace"),
            ("SIO-DC-08", "the kick is from a custom namespace"),
            ("SIO-DC-09", "the first kick is from a custom namespace"),
            ("SIO-CO-09", "the kick is from a custom namespace"),
        ],
        make: || {
            hooks::outgoing(|view, packet, _, packets| {
                if packet.body == Says::Disconnect && &*packet.namespace != "/" {
                    close(view);
                } else {
                    packets.push(packet);
                }
            })
        },
    },
    Fault {
        name: "cd-last-kick-closes",
        requirements: &["SIO-CD-09"],
        breaks: "a client that is put out of the main namespace and is in no other loses its connection instead",
        also: &[
            ("SIO-DC-09", "the last kick is from the only namespace left"),
            ("SIO-DC-11", "the kick is from the only namespace"),
            (
                "SIO-DC-15",
                "the members of the room are in no other namespace",
            ),
            ("SIO-RM-19", "the kick is from the only namespace"),
            ("SIO-CSR-11", "the kick is from the only namespace"),
        ],
        make: || {
            Script {
                incoming: |joined: &mut Joined, view, packet, packets| {
                    if packet.body == Body::Disconnect {
                        leaves(joined, view, &packet.namespace);
                    }
                    packets.push(packet);
                },
                outgoing: |joined, view, packet, _, packets| {
                    if connects(&packet) {
                        let namespaces = joined.entry(view.sid().to_owned()).or_default();
                        namespaces.insert(packet.namespace.to_string());
                    } else if packet.body == Says::Disconnect {
                        leaves(joined, view, &packet.namespace);
                        let others = joined.get(view.sid()).is_some_and(|left| !left.is_empty());
                        if &*packet.namespace == "/" && !others {
                            close(view);
                            return;
                        }
                    }
                    packets.push(packet);
                },
                ..Script::new(Joined::new())
            }
            .seams()
        },
    },
];

fn digits(id: &Id) -> String {
    id.as_ack_id().to_string()
}
