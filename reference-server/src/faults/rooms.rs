//! Faults of joining and leaving rooms (SIO-RM).

use super::addressees::selecting;
use super::script::{Script, heard, lock, member};
use super::{Fault, hooks};
use crate::session::CloseReason;
use crate::socket::Socket;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "rm-no-own-room",
        requirements: &["SIO-RM-09"],
        breaks: "nobody is in the room of its id",
        also: &[("SIO-CD-01", "it addresses a client by its id")],
        make: || {
            selecting(|inner, selection, visit| {
                inner.select(selection, &mut |id, socket| {
                    // With recovery, what a client is sent goes this way as well.
                    let recovers = socket.0.namespace.recovery.is_some();
                    if recovers || !selection.rooms.iter().any(|room| room == id) {
                        visit(id, socket);
                    }
                });
            })
        },
    },
    Fault {
        name: "rm-leave-noop",
        requirements: &["SIO-RM-10"],
        breaks: "a room that was left still delivers",
        also: &[
            ("SIO-RM-11", "it ends with a leave"),
            ("SIO-RM-15", "it is a room that everybody left"),
            ("SIO-RM-20", "it leaves the room again"),
            ("SIO-RM-21", "it leaves the room each time"),
        ],
        make: || {
            Script {
                leave: |_, _, _, _| {},
                ..Script::new(())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-refcounted",
        requirements: &["SIO-RM-11"],
        breaks: "a room that was joined twice has to be left twice",
        also: &[],
        make: || {
            Script {
                join: |joins: &Mutex<HashMap<_, usize>>, inner, id, rooms| {
                    for room in rooms {
                        *lock(joins)
                            .entry((id.to_owned(), room.clone()))
                            .or_default() += 1;
                    }
                    inner.join(id, rooms);
                },
                leave: |joins, inner, id, room| {
                    let place = (id.to_owned(), room.to_owned());
                    let left = lock(joins).remove(&place).unwrap_or(1) - 1;
                    if left == 0 {
                        inner.leave(id, room);
                    } else {
                        lock(joins).insert(place, left);
                    }
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-leave-unknown-error",
        requirements: &["SIO-RM-12"],
        breaks: "leaving a room that was not joined ends the connection",
        also: &[],
        make: || {
            Script {
                leave: |_, inner, id, room| {
                    if inner.rooms(id).iter().any(|joined| joined == room) {
                        inner.leave(id, room);
                    } else if let Some(socket) = member(inner, id) {
                        socket.0.link.close(CloseReason::ForcedClose);
                    }
                },
                ..Script::new(())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-survives-disconnect",
        requirements: &["SIO-RM-13"],
        breaks: "a client that leaves the namespace and joins it again is in its old rooms",
        also: &[],
        make: || {
            Script {
                remove: |kept: &Mutex<HashMap<String, Vec<String>>>, inner, id| {
                    let sid = member(inner, id).map(|socket| socket.0.link.sid.clone());
                    let rooms = inner.remove(id);
                    if let Some(sid) = sid {
                        lock(kept).insert(sid, rooms.clone());
                    }
                    rooms
                },
                admit: |kept, inner, id| {
                    inner.admit(id);
                    let sid = member(inner, id).map(|socket| socket.0.link.sid.clone());
                    if let Some(rooms) = sid.and_then(|sid| lock(kept).remove(&sid)) {
                        inner.join(id, &rooms);
                    }
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-survives-loss",
        requirements: &["SIO-RM-13"],
        breaks: "the next client that joins after another was lost is in the rooms of the lost one",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Estate {
                open: bool,
                rooms: Vec<String>,
            }
            Script {
                lost: |estate: &mut Estate, view, reason| {
                    // With recovery, the lost one is given its rooms back by right.
                    let recovers = view.config().recovery.is_some();
                    estate.open = reason.starts_with("transport") && !recovers;
                },
                remove: |estate, inner, id| {
                    let rooms = inner.remove(id);
                    let mut estate = lock(estate);
                    if std::mem::take(&mut estate.open) {
                        estate.rooms.clone_from(&rooms);
                    }
                    rooms
                },
                admit: |estate, inner, id| {
                    inner.admit(id);
                    let rooms = std::mem::take(&mut lock(estate).rooms);
                    inner.join(id, &rooms);
                },
                ..Script::new(Estate::default())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-ghost-members",
        requirements: &["SIO-RM-24"],
        breaks: "whoever leaves or is lost stays a member of the namespace and of all its rooms",
        also: &[],
        make: || {
            Script {
                remove: |_, inner, id| inner.rooms(id),
                ..Script::new(())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-join-first-only",
        requirements: &["SIO-RM-18"],
        breaks: "of more than two rooms that are joined at once only the first is joined",
        also: &[],
        make: || {
            Script {
                join: |_, inner, id, rooms| match rooms {
                    [first, _, _, ..] => inner.join(id, std::slice::from_ref(first)),
                    rooms => inner.join(id, rooms),
                },
                ..Script::new(())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-join-after-close",
        requirements: &["SIO-RM-19"],
        breaks: "a client that joins a room after it left the namespace gets the room's broadcasts",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Ghosts {
                members: HashMap<String, Socket>,
                rooms: HashMap<String, Socket>,
                said: String,
            }
            Script {
                admit: |ghosts: &Mutex<Ghosts>, inner, id| {
                    inner.admit(id);
                    if let Some(socket) = member(inner, id) {
                        lock(ghosts).members.insert(id.to_owned(), socket);
                    }
                },
                join: |ghosts, inner, id, rooms| {
                    inner.join(id, rooms);
                    if member(inner, id).is_some() {
                        return;
                    }
                    let mut ghosts = lock(ghosts);
                    if let Some(socket) = ghosts.members.get(id).cloned() {
                        let joined = rooms.iter().map(|room| (room.clone(), socket.clone()));
                        ghosts.rooms.extend(joined.collect::<Vec<_>>());
                    }
                },
                incoming: |ghosts, _, packet, packets| {
                    if let Some(("emit-to", args)) = heard(&packet) {
                        ghosts.said = format!("42[{}]", args.rest(1).json());
                    }
                    packets.push(packet);
                },
                select: |ghosts, inner, selection, visit| {
                    inner.select(selection, visit);
                    let (reached, said): (Vec<_>, _) = {
                        let ghosts = lock(ghosts);
                        let rooms = selection.rooms.iter();
                        let reached = rooms.filter_map(|room| ghosts.rooms.get(room).cloned());
                        (reached.collect(), ghosts.said.clone())
                    };
                    for ghost in reached {
                        let frame = crate::session::Frame::Text(said.clone().into());
                        ghost.0.link.send_frame(frame);
                    }
                },
                ..Script::new(Ghosts::default())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-proto-room",
        requirements: &["SIO-RM-20"],
        breaks: "a broadcast to the room `__proto__` reaches nobody",
        also: &[],
        make: || {
            selecting(|inner, selection, visit| {
                if !selection.rooms.iter().any(|room| room == "__proto__") {
                    inner.select(selection, visit);
                }
            })
        },
    },
    Fault {
        name: "rm-empty-name-is-all",
        requirements: &["SIO-RM-20"],
        breaks: "a broadcast to the room with the empty name reaches the namespace",
        also: &[],
        make: || {
            hooks::select(|selection| {
                let mut selection = selection.clone();
                selection.rooms.retain(|room| !room.is_empty());
                selection
            })
        },
    },
    Fault {
        name: "rm-async-join-race",
        requirements: &["SIO-RM-21"],
        breaks: "from the tenth time on, a room that a client joins delivers only after a while",
        also: &[],
        make: || {
            const LATE: Duration = Duration::from_millis(100);
            Script {
                join: |joins: &Mutex<HashMap<_, (usize, Instant)>>, inner, id, rooms| {
                    for room in rooms {
                        let mut joins = lock(joins);
                        let place = (id.to_owned(), room.clone());
                        let (times, at) = joins.entry(place).or_insert((0, Instant::now()));
                        (*times, *at) = (*times + 1, Instant::now());
                    }
                    inner.join(id, rooms);
                },
                select: |joins, inner, selection, visit| {
                    inner.select(selection, &mut |id, socket| {
                        let racing = selection.rooms.iter().any(|room| {
                            let place = (id.to_owned(), room.clone());
                            let joins = lock(joins);
                            let join = joins.get(&place);
                            join.is_some_and(|(times, at)| *times >= 10 && at.elapsed() < LATE)
                        });
                        if !racing {
                            visit(id, socket);
                        }
                    });
                },
                ..Script::new(HashMap::new())
            }
            .seams()
        },
    },
];
