//! Faults of order (SIO-OR).

use super::script::{Script, connects, from_io, heard, option, polls, said, say};
use super::{Fault, hooks};
use crate::namespace::Body;
use crate::session::{Edge, Frame};
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "or-parallel-handlers",
        requirements: &["SIO-OR-01"],
        breaks: "the 101st message of a client on a WebSocket is handled behind the next one",
        also: &[],
        make: || {
            Script {
                incoming: |slots: &mut HashMap<String, Swap<_>>, view, packet, packets| {
                    let message = heard(&packet).is_some_and(|(name, _)| name == "message");
                    if message && !polls(view) {
                        let slot = slots.entry(view.sid().to_owned()).or_default();
                        slot.pass(101, packet, packets);
                    } else {
                        packets.push(packet);
                    }
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
    Fault {
        name: "or-post-race",
        requirements: &["SIO-OR-02"],
        breaks: "of five to twenty packets in one request the last is handled before the one in front of it",
        also: &[],
        make: || {
            hooks::body(|view, _, body| {
                const SEPARATOR: u8 = 0x1e;
                let mut packets: Vec<&[u8]> = body.split(|byte| *byte == SEPARATOR).collect();
                let count = packets.len();
                if view.path() == "/socket.io/" && (5..=20).contains(&count) {
                    packets.swap(count - 2, count - 1);
                    *body = packets.join(&SEPARATOR);
                }
            })
        },
    },
    Fault {
        name: "or-burst-shuffled",
        requirements: &["SIO-OR-03"],
        breaks: "the 301st event of a burst comes behind the next one",
        also: &[],
        make: || {
            Script {
                outgoing: |slots: &mut HashMap<String, Swap<_>>, view, packet, _, packets| {
                    if said(&packet).is_some_and(|(name, _)| name == "burst") {
                        let slot = slots.entry(view.sid().to_owned()).or_default();
                        slot.pass(301, packet, packets);
                    } else {
                        packets.push(packet);
                    }
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
    Fault {
        name: "or-binary-overtaken",
        requirements: &["SIO-OR-04"],
        breaks: "the eleventh answer with binary data is overtaken by the next one",
        also: &[],
        make: || {
            Script {
                outgoing: |slots: &mut HashMap<String, Swap<_>>, view, packet, _, packets| {
                    let slot = slots.entry(view.sid().to_owned()).or_default();
                    match said(&packet) {
                        Some(("message-back", args)) if !args.attachments().is_empty() => {
                            slot.pass(11, packet, packets);
                        }
                        _ => {
                            packets.push(packet);
                            packets.extend(slot.held.take());
                        }
                    }
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
    Fault {
        name: "or-ack-first",
        requirements: &["SIO-OR-05"],
        breaks: "an acknowledgement overtakes the events that its handler emitted before it",
        also: &[],
        make: || {
            hooks::outward(|_, _, frames| {
                let acknowledges =
                    |frame: &Frame| matches!(frame, Frame::Text(text) if text.starts_with("43"));
                frames.sort_by_key(|frame| !acknowledges(frame));
            })
        },
    },
    Fault {
        name: "or-upgrade-shuffles",
        requirements: &["SIO-OR-06"],
        breaks: "of the first events that go out together after an upgrade the last two change places",
        also: &[],
        make: || {
            Script {
                outward: |shuffled: &mut HashSet<String>, view, edge, frames| {
                    let upgraded = polls(view) && matches!(edge, Edge::Socket(_));
                    let event = |frame: &Frame| {
                        matches!(frame, Frame::Text(text) if text.starts_with("42["))
                    };
                    if let [.., last, end] = &mut frames[..]
                        && upgraded
                        && event(last)
                        && event(end)
                        && shuffled.insert(view.sid().to_owned())
                    {
                        std::mem::swap(last, end);
                    }
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "or-broadcast-tasks",
        requirements: &["SIO-OR-07"],
        breaks: "the 61st of the broadcasts that wait for no ACK comes behind the next one",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Tasks {
                hasty: bool,
                slots: HashMap<String, Swap<crate::outgoing::Outgoing>>,
            }
            Script {
                incoming: |tasks: &mut Tasks, _, packet, packets| {
                    if let (Some(("emit-to", _)), Body::Event { id, .. }) =
                        (heard(&packet), &packet.body)
                    {
                        tasks.hasty = id.is_none();
                    }
                    packets.push(packet);
                },
                outgoing: |tasks, view, packet, _, packets| {
                    if tasks.hasty && said(&packet).is_some_and(|(name, _)| name == "msg") {
                        let slot = tasks.slots.entry(view.sid().to_owned()).or_default();
                        slot.pass(61, packet, packets);
                    } else {
                        packets.push(packet);
                    }
                },
                ..Script::new(Tasks::default())
            }
            .seams()
        },
    },
    Fault {
        name: "or-broadcast-before-connect",
        requirements: &["SIO-OR-08"],
        breaks: "a broadcast to the namespace reaches those, too, who are about to join it",
        also: &[],
        make: || {
            Script {
                open: |opened: &mut BTreeSet<String>, view| {
                    opened.insert(view.sid().to_owned());
                },
                outgoing: |opened, view, packet, _, packets| {
                    if connects(&packet) {
                        opened.remove(view.sid());
                    }
                    packets.push(packet);
                },
                incoming: |opened, view, packet, packets| {
                    if let Some(("emit-to", args)) = heard(&packet)
                        && from_io(args)
                        && option(args, "to").is_empty()
                    {
                        for sid in opened.iter() {
                            say(view, sid, format!("42[{}]", args.rest(1).json()));
                        }
                    }
                    packets.push(packet);
                },
                ..Script::new(BTreeSet::new())
            }
            .seams()
        },
    },
];

/// Counts what passes, and lets one thing wait for the next.
struct Swap<T> {
    count: usize,
    held: Option<T>,
}

impl<T> Default for Swap<T> {
    fn default() -> Self {
        Self {
            count: 0,
            held: None,
        }
    }
}

impl<T> Swap<T> {
    fn pass(&mut self, waits: usize, thing: T, things: &mut Vec<T>) {
        self.count += 1;
        if self.count == waits {
            self.held = Some(thing);
            return;
        }
        things.push(thing);
        things.extend(self.held.take());
    }
}
