//! Faults of many clients (SIO-CC).

use super::script::{Script, delay, heard, lock, polls, said, say, send};
use super::{Fault, hooks};
use crate::exchange::Request;
use crate::outgoing::Encoded;
use crate::seams::Seams;
use crate::{sid, wire};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "cc-cross-talk",
        requirements: &["SIO-CC-01"],
        breaks: "one in two hundred answers goes to the client that was answered before",
        also: &[],
        make: || {
            Script {
                outgoing: |(count, last): &mut (usize, String), view, packet, _, packets| {
                    if said(&packet).is_none_or(|(name, _)| name != "message-back") {
                        packets.push(packet);
                        return;
                    }
                    *count += 1;
                    let foreign = std::mem::replace(last, view.sid().to_owned());
                    if *count >= 200 && foreign != view.sid() {
                        *count = 0;
                        let Encoded { first, rest } = wire::encode(&packet);
                        let frames = std::iter::once(first).chain(rest).collect();
                        send(view, &foreign, Duration::ZERO, frames);
                    } else {
                        packets.push(packet);
                    }
                },
                ..Script::new((0, String::new()))
            }
            .seams()
        },
    },
    Fault {
        name: "cc-global-backpressure",
        requirements: &["SIO-CC-02"],
        breaks: "what goes to others waits while one WebSocket does not keep up",
        also: &[],
        make: || {
            Script {
                outgoing: |slow: &mut Option<String>, view, packet, sending, packets| {
                    let burst = said(&packet).is_some_and(|(name, _)| name == "burst");
                    if burst && !sending.ready && !polls(view) {
                        *slow = Some(view.sid().to_owned());
                    }
                    if slow.as_ref().is_some_and(|slow| slow != view.sid()) {
                        delay(view, Duration::from_secs(3), &packet);
                    } else {
                        packets.push(packet);
                    }
                },
                ..Script::new(None)
            }
            .seams()
        },
    },
    Fault {
        name: "cc-handler-blocks-loop",
        requirements: &["SIO-CC-03"],
        breaks: "what goes to other clients waits while a handler does",
        also: &[],
        make: || {
            Script {
                incoming: |waits: &mut Option<(String, Instant)>, view, packet, packets| {
                    if let Some(("slow", args)) = heard(&packet) {
                        let while_ = Duration::from_millis(args.get(0).unwrap_or(0));
                        *waits = Some((view.sid().to_owned(), Instant::now() + while_));
                    }
                    packets.push(packet);
                },
                outgoing: |waits, view, packet, _, packets| {
                    let rest = waits
                        .as_ref()
                        .filter(|(sid, _)| sid != view.sid())
                        .map(|(_, until)| until.saturating_duration_since(Instant::now()));
                    match rest {
                        Some(rest) if !rest.is_zero() => delay(view, rest, &packet),
                        _ => packets.push(packet),
                    }
                },
                ..Script::new(None)
            }
            .seams()
        },
    },
    Fault {
        name: "cc-poll-thread-exhaustion",
        requirements: &["SIO-CC-04"],
        breaks: "while ninety GETs hang, a handshake waits",
        also: &[],
        make: || {
            exhausted(90, |request| {
                request.method == "GET" && request.query.get("sid").is_some()
            })
        },
    },
    Fault {
        name: "cc-interleaved-attachments",
        requirements: &["SIO-CC-05"],
        breaks: "of a broadcast with several attachments all but the first follow a little later",
        also: &[],
        make: || {
            hooks::outgoing(|view, packet, _, packets| {
                let Encoded { first, mut rest } = wire::encode(&packet);
                let broadcast = said(&packet).is_some_and(|(name, _)| name == "msg");
                if !broadcast || rest.len() < 2 {
                    packets.push(packet);
                    return;
                }
                let late = rest.split_off(1);
                let frames = std::iter::once(first).chain(rest).collect();
                send(view, view.sid(), Duration::ZERO, frames);
                send(view, view.sid(), Duration::from_millis(30), late);
            })
        },
    },
    Fault {
        name: "cc-dyn-nsp-race",
        requirements: &["SIO-CC-06"],
        breaks: "of many that join a dynamic namespace every second one is in a namespace of its own",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Race {
                joined: HashMap<String, usize>,
                apart: HashSet<String>,
            }
            Script {
                admit: |race: &Mutex<Race>, inner, id| {
                    inner.admit(id);
                    let namespace = super::script::member(inner, id)
                        .map(|socket| socket.namespace().to_owned())
                        .filter(|namespace| namespace.starts_with("/dyn-"));
                    let mut race = lock(race);
                    if let Some(namespace) = namespace {
                        let joined = race.joined.entry(namespace).or_default();
                        *joined += 1;
                        if *joined > 4 && joined.is_multiple_of(2) {
                            race.apart.insert(id.to_owned());
                        }
                    }
                },
                select: |race, inner, selection, visit| {
                    inner.select(selection, &mut |id, socket| {
                        let alone = selection.rooms.iter().any(|room| room == id);
                        if alone || !lock(race).apart.contains(id) {
                            visit(id, socket);
                        }
                    });
                },
                ..Script::new(Race::default())
            }
            .seams()
        },
    },
    Fault {
        name: "cc-double-connect-race",
        requirements: &["SIO-CC-07"],
        breaks: "the second of two CONNECTs in one payload is answered like the first",
        also: &[],
        make: || {
            hooks::body(|view, _, body| {
                if body == b"40\x1e40" {
                    body.truncate(2);
                    let answer = format!(r#"40{{"sid":"{}"}}"#, sid::public());
                    say(view, view.sid(), answer);
                }
            })
        },
    },
    Fault {
        name: "cc-event-lost-after-connect",
        requirements: &["SIO-CC-08"],
        breaks: "an event behind a CONNECT in one payload is lost",
        also: &[],
        make: || {
            hooks::body(|_, _, body| {
                if body.starts_with(b"40\x1e42[") {
                    body.truncate(2);
                }
            })
        },
    },
    Fault {
        name: "cc-iterator-invalidation",
        requirements: &["SIO-CC-09"],
        breaks: "the broadcast behind the end of a client ends with its first receiver",
        also: &[],
        make: || {
            Script {
                remove: |broken: &Mutex<bool>, inner, id| {
                    *lock(broken) = true;
                    inner.remove(id)
                },
                select: |broken, inner, selection, visit| {
                    let mut receivers = 0;
                    inner.select(selection, &mut |_, _| receivers += 1);
                    let broken = receivers > 1 && std::mem::take(&mut *lock(broken));
                    let mut first = true;
                    inner.select(selection, &mut |id, socket| {
                        if std::mem::take(&mut first) || !broken {
                            visit(id, socket);
                        }
                    });
                },
                ..Script::new(false)
            }
            .seams()
        },
    },
];

/// A server on which a handshake waits while so many requests of some kind are under way.
pub(super) fn exhausted(limit: usize, counts: fn(&Request) -> bool) -> Arc<dyn Seams> {
    struct Exhausted {
        limit: usize,
        counts: fn(&Request) -> bool,
        pending: usize,
    }
    Script {
        request: |state: &mut Exhausted, _, request| {
            state.pending += usize::from((state.counts)(request));
            None
        },
        response: |state, request, response| {
            state.pending -= usize::from((state.counts)(request));
            if request.query.get("sid").is_none() && state.pending >= state.limit {
                response.delay = Duration::from_secs(3);
            }
        },
        ..Script::new(Exhausted {
            limit,
            counts,
            pending: 0,
        })
    }
    .seams()
}
