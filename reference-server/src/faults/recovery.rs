//! Faults of connection state recovery (SIO-CSR).

use super::script::{self, Script, close, granted, heard, said, say};
use super::{Fault, hooks};
use crate::namespace::Body;
use crate::outgoing::{Encoded, Says};
use crate::seams::Seams;
use crate::session::Frame;
use crate::sid;
use serde_json::{Value, json};
use siospec_codec::read_json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "csr-on-by-default",
        requirements: &["SIO-CSR-01"],
        breaks: "a client that sends a pid is given one, though recovery is off",
        also: &[],
        make: || {
            Script {
                incoming: |asked: &mut HashSet<String>, view, packet, packets| {
                    if view.config().recovery.is_none() && wanted(&packet.body, "pid").is_some() {
                        asked.insert(view.sid().to_owned());
                    }
                    packets.push(packet);
                },
                outgoing: |asked, view, mut packet, _, packets| {
                    if let Says::Connect(reply) = &mut packet.body
                        && asked.contains(view.sid())
                    {
                        set_pid(reply, &sid::private());
                    }
                    packets.push(packet);
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "csr-pid-equals-sid",
        requirements: &["SIO-CSR-02"],
        breaks: "the private id is the public one",
        also: &[],
        make: || {
            Script {
                incoming: |pids: &mut HashMap<String, String>, _, mut packet, packets| {
                    let pid = wanted(&packet.body, "pid")
                        .and_then(|pid| pids.get(pid.as_str()?).cloned());
                    if let (Body::Connect(Some(auth)), Some(pid)) = (&mut packet.body, pid) {
                        let mut changed = auth.to_string();
                        set_pid(&mut changed, &pid);
                        *auth = changed.into();
                    }
                    packets.push(packet);
                },
                outgoing: |pids, _, mut packet, _, packets| {
                    let ids = granted(&packet, "sid").zip(granted(&packet, "pid"));
                    if let (Says::Connect(reply), Some((id, pid))) = (&mut packet.body, ids) {
                        set_pid(reply, &id);
                        pids.insert(id, pid);
                    }
                    packets.push(packet);
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
    Fault {
        name: "csr-no-offset",
        requirements: &["SIO-CSR-03"],
        breaks: "of the events of one name a client gets only the first with an offset",
        also: &[(
            "SIO-CSR-05",
            "the second event gives the offset to come back with",
        )],
        make: || {
            Script {
                outgoing: |seen: &mut HashSet<(String, String)>,
                           view,
                           mut packet,
                           sending,
                           packets| {
                    let recovers = view.config().recovery.is_some() && !sending.volatile;
                    if let Says::Event { name, args, .. } = &mut packet.body
                        && recovers
                        && !seen.insert((view.sid().to_owned(), name.clone()))
                    {
                        let mut values = script::values(args);
                        values.pop();
                        *args = script::args(values);
                    }
                    packets.push(packet);
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "csr-volatile-offset",
        requirements: &["SIO-CSR-03"],
        breaks: "volatile events have an offset too",
        also: &[],
        make: || {
            hooks::outgoing(|view, mut packet, sending, packets| {
                let recovers = view.config().recovery.is_some() && sending.volatile;
                if let Says::Event { args, .. } = &mut packet.body
                    && recovers
                {
                    let mut values = script::values(args);
                    values.push(json!("of-nothing"));
                    *args = script::args(values);
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "csr-new-sid",
        requirements: &["SIO-CSR-04"],
        breaks: "a client that comes back is given another id",
        also: &[],
        make: || {
            hooks::restored(|_, _, restored| {
                if let Some(restored) = restored {
                    let own = sid::public();
                    restored.lost.rooms.retain(|room| *room != restored.lost.id);
                    restored.lost.rooms.push(own.clone());
                    restored.lost.id = own;
                }
            })
        },
    },
    Fault {
        name: "csr-replays-old",
        requirements: &["SIO-CSR-05"],
        breaks: "the event of the offset itself is replayed, where one of its name was missed",
        also: &[],
        make: || {
            Script {
                outgoing: |seen: &mut Seen, view, packet, _, packets| {
                    if let Some(pid) = granted(&packet, "pid") {
                        seen.sids.insert(pid, view.sid().to_owned());
                    }
                    if said(&packet).is_some() {
                        let encoded = crate::wire::encode(&packet);
                        seen.last.insert(view.sid().to_owned(), encoded);
                    }
                    packets.push(packet);
                },
                restored: |seen, pid, restored| {
                    let last = seen.sids.get(pid).and_then(|sid| seen.last.get(sid));
                    if let (Some(last), Some(restored)) = (last, restored)
                        && let Some(first) = restored.missed.first()
                        && event_name(first) == event_name(last)
                    {
                        restored.missed.insert(0, last.clone());
                    }
                },
                ..Script::new(Seen::default())
            }
            .seams()
        },
    },
    Fault {
        name: "csr-replay-lost",
        requirements: &["SIO-CSR-06"],
        breaks: "a client that comes back is not told what it missed",
        also: &[],
        make: || {
            hooks::restored(|_, _, restored| {
                if let Some(restored) = restored {
                    restored.missed.clear();
                }
            })
        },
    },
    Fault {
        name: "csr-rooms-lost",
        requirements: &["SIO-CSR-07"],
        breaks: "a client that comes back is in its own room only",
        also: &[],
        make: || {
            hooks::restored(|_, _, restored| {
                if let Some(restored) = restored {
                    restored.lost.rooms.retain(|room| *room == restored.lost.id);
                }
            })
        },
    },
    Fault {
        name: "csr-replays-foreign",
        requirements: &["SIO-CSR-08"],
        breaks: "a client that comes back is told what others were sent meanwhile",
        also: &[],
        make: || {
            Script {
                incoming: |told: &mut Vec<String>, _, packet, packets| {
                    if let Some(("emit-to", args)) = heard(&packet) {
                        told.push(args.rest(1).json().to_owned());
                    }
                    packets.push(packet);
                },
                lost: |told, _, _| told.clear(),
                restored: |told, _, restored| {
                    let Some(restored) = restored else { return };
                    for json in told.iter() {
                        let start = format!("42[{json},");
                        let missed = restored.missed.iter().any(|encoded| {
                            matches!(&encoded.first, Frame::Text(text) if text.starts_with(&start))
                        });
                        if !missed {
                            restored.missed.push(Encoded {
                                first: Frame::Text(format!("{start}\"foreign\"]").into()),
                                rest: Vec::new(),
                            });
                        }
                    }
                },
                ..Script::new(Vec::new())
            }
            .seams()
        },
    },
    Fault {
        name: "csr-unknown-errors",
        requirements: &["SIO-CSR-09"],
        breaks: "a CONNECT with a pid that nobody was given is refused",
        also: &[],
        make: || {
            Script {
                incoming: |pids: &mut HashSet<String>, view, packet, packets| {
                    let pid = wanted(&packet.body, "pid");
                    let pid = pid.as_ref().and_then(Value::as_str);
                    if view.config().recovery.is_some()
                        && pid.is_some_and(|pid| !pids.contains(pid))
                    {
                        say(view, view.sid(), r#"44{"message":"unknown session"}"#);
                    } else {
                        packets.push(packet);
                    }
                },
                outgoing: |pids, _, packet, _, packets| {
                    pids.extend(granted(&packet, "pid"));
                    packets.push(packet);
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "csr-expired-errors",
        requirements: &["SIO-CSR-09"],
        breaks: "a CONNECT with a pid that was given, of a session that cannot be had back, is refused",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Asked {
                given: HashSet<String>,
                by: HashMap<String, String>,
                in_vain: HashSet<String>,
            }
            Script {
                incoming: |asked: &mut Asked, view, packet, packets| {
                    if let Some(Value::String(pid)) = wanted(&packet.body, "pid") {
                        asked.by.insert(view.sid().to_owned(), pid);
                    }
                    packets.push(packet);
                },
                restored: |asked, pid, restored| {
                    if restored.is_none() && asked.given.contains(pid) {
                        asked.in_vain.insert(pid.to_owned());
                    }
                },
                outgoing: |asked, view, mut packet, _, packets| {
                    let pid = asked.by.remove(view.sid());
                    if granted(&packet, "pid").is_some()
                        && pid.is_some_and(|pid| asked.in_vain.remove(&pid))
                    {
                        packet.body = Says::ConnectError(r#"{"message":"too late"}"#.to_owned());
                    }
                    asked.given.extend(granted(&packet, "pid"));
                    packets.push(packet);
                },
                ..Script::new(Asked::default())
            }
            .seams()
        },
    },
    Fault {
        name: "csr-runs-middlewares",
        requirements: &["SIO-CSR-10"],
        breaks: "middleware sees a client that comes back once more",
        also: &[],
        make: || {
            struct Again;
            impl Seams for Again {
                fn middleware_again(&self) -> bool {
                    true
                }
            }
            Arc::new(Again)
        },
    },
    Fault {
        name: "csr-recovers-after-leave",
        requirements: &["SIO-CSR-11"],
        breaks: "a client that left comes back as the same",
        also: &[],
        make: || hooks::lost(|_, _, recoverable| *recoverable = true),
    },
    Fault {
        name: "csr-type-confusion",
        requirements: &["SIO-CSR-12"],
        breaks: "a pid that is no string ends the connection",
        also: &[],
        make: || {
            hooks::incoming(|view, packet, packets| match wanted(&packet.body, "pid") {
                Some(pid) if !pid.is_string() => close(view),
                _ => packets.push(packet),
            })
        },
    },
];

/// What a CONNECT says under `key`.
fn wanted(body: &Body, key: &str) -> Option<Value> {
    let Body::Connect(Some(auth)) = body else {
        return None;
    };
    let object = read_json(auth).ok()?;
    object.get(key).cloned()
}

fn set_pid(object: &mut String, pid: &str) {
    if let Ok(Value::Object(mut fields)) = read_json(object) {
        fields.insert("pid".to_owned(), json!(pid));
        *object = Value::Object(fields).to_string();
    }
}

/// The last event of each session, and the session of each private id.
#[derive(Default)]
struct Seen {
    sids: HashMap<String, String>,
    last: HashMap<String, Encoded>,
}

fn event_name(encoded: &Encoded) -> Option<&str> {
    match &encoded.first {
        Frame::Text(text) => text.split(',').next(),
        Frame::Binary(_) => None,
    }
}
