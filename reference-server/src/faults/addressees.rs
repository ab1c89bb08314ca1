//! Faults of broadcasts: who gets them, once and in order (SIO-RM).

use super::script::{Script, from_io, heard, lock, option, polls, said};
use super::{Fault, hooks, script};
use crate::adapter::{Adapter, Selection};
use crate::seams::Seams;
use crate::socket::Socket;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "rm-to-everyone",
        requirements: &["SIO-RM-01"],
        breaks: "a broadcast to a room reaches those who never joined any room, too",
        also: &[
            ("SIO-DC-15", "who disconnects the room never joined one"),
            ("SIO-RM-03", "its bystander never joined a room"),
            ("SIO-RM-14", "who broadcasts never joined a room"),
            ("SIO-RM-22", "who broadcasts never joined a room"),
            ("SIO-BA-06", "its bystander never joined a room"),
        ],
        make: || {
            Script {
                join: |joiners: &Mutex<HashSet<String>>, inner, id, rooms| {
                    lock(joiners).insert(id.to_owned());
                    inner.join(id, rooms);
                },
                select: |joiners, inner, selection, visit| {
                    let private = selection.rooms.iter().any(|room| inner.in_own_room(room));
                    let mut reached = HashSet::new();
                    inner.select(selection, &mut |id, socket| {
                        reached.insert(id.to_owned());
                        visit(id, socket);
                    });
                    if selection.rooms.is_empty() || private || reached.is_empty() {
                        return;
                    }
                    inner.select(&without_rooms(selection), &mut |id, socket| {
                        if !reached.contains(id) && !lock(joiners).contains(id) {
                            visit(id, socket);
                        }
                    });
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-duplicates",
        requirements: &["SIO-RM-02"],
        breaks: "a member of several of the rooms gets a copy for each",
        also: &[],
        make: || {
            selecting(|inner, selection, visit| {
                if selection.rooms.is_empty() {
                    inner.select(selection, visit);
                }
                for room in &selection.rooms {
                    let rooms = vec![room.clone()];
                    let except = selection.except.clone();
                    inner.select(&Selection { rooms, except }, visit);
                }
            })
        },
    },
    Fault {
        name: "rm-intersection",
        requirements: &["SIO-RM-03"],
        breaks: "several rooms mean only those who are in the first one",
        also: &[("SIO-RM-07", "its other room is the second one")],
        make: || {
            hooks::select(|selection| Selection {
                rooms: selection.rooms.first().cloned().into_iter().collect(),
                except: selection.except.clone(),
            })
        },
    },
    Fault {
        name: "rm-includes-sender",
        requirements: &["SIO-RM-04"],
        breaks: "a client's broadcast to a room that it is in reaches itself",
        also: &[(
            "SIO-RM-22",
            "its sender addresses itself, and shall not be reached",
        )],
        make: || {
            selecting(|inner, selection, visit| {
                let mut selection = selection.clone();
                if !selection.rooms.is_empty() && starts_with_sender(inner, &selection) {
                    selection.except.remove(0);
                }
                inner.select(&selection, visit);
            })
        },
    },
    Fault {
        name: "rm-io-excludes-sender",
        requirements: &["SIO-RM-05"],
        breaks: "the server's broadcast to a room leaves out the client that caused it",
        also: &[("SIO-RM-14", "the server's broadcast is caused by a member")],
        make: || {
            Script {
                incoming: |cause: &mut Option<String>, view, packet, packets| {
                    let io = heard(&packet)
                        .is_some_and(|(name, args)| name == "emit-to" && from_io(args));
                    *cause = io.then(|| view.sid().to_owned());
                    packets.push(packet);
                },
                select: |cause, inner, selection, visit| {
                    let cause = lock(cause).take().filter(|_| !selection.rooms.is_empty());
                    inner.select(selection, &mut |id, socket| {
                        if cause.as_ref() != Some(&socket.0.link.sid) {
                            visit(id, socket);
                        }
                    });
                },
                ..Script::new(None)
            }
            .seams()
        },
    },
    Fault {
        name: "rm-except-ignored",
        requirements: &["SIO-RM-06"],
        breaks: "an excepted room is not excepted",
        also: &[("SIO-BA-06", "it excepts a room")],
        make: || {
            selecting(|inner, selection, visit| {
                let changed = excepting(inner, selection, |room| {
                    inner.in_own_room(room) || selection.rooms.contains(room)
                });
                inner.select(&changed, visit);
            })
        },
    },
    Fault {
        name: "rm-to-beats-except",
        requirements: &["SIO-RM-07"],
        breaks: "a room that is addressed as well is not excepted",
        also: &[],
        make: || {
            selecting(|inner, selection, visit| {
                let changed = excepting(inner, selection, |room| !selection.rooms.contains(room));
                inner.select(&changed, visit);
            })
        },
    },
    Fault {
        name: "rm-except-sid-ignored",
        requirements: &["SIO-RM-08"],
        breaks: "an id among the exceptions is not excepted",
        also: &[],
        make: || {
            selecting(|inner, selection, visit| {
                let changed = excepting(inner, selection, |room| !inner.in_own_room(room));
                inner.select(&changed, visit);
            })
        },
    },
    Fault {
        name: "rm-cross-namespace",
        requirements: &["SIO-RM-14"],
        breaks: "a broadcast to a room reaches the room of that name in the other namespaces, too",
        also: &[],
        make: || Arc::new(Shared::default()),
    },
    Fault {
        name: "rm-empty-room-broadcasts-all",
        requirements: &["SIO-RM-15"],
        breaks: "a broadcast to a room that nobody ever joined reaches everybody",
        also: &[],
        make: || {
            Script {
                admit: |known: &Mutex<HashSet<String>>, inner, id| {
                    lock(known).insert(id.to_owned());
                    inner.admit(id);
                },
                join: |known, inner, id, rooms| {
                    lock(known).extend(rooms.iter().cloned());
                    inner.join(id, rooms);
                },
                select: |known, inner, selection, visit| {
                    let known = lock(known).clone();
                    to_all_if(|room| !known.contains(room), inner, selection, visit);
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-emptied-room-broadcasts-all",
        requirements: &["SIO-RM-15"],
        breaks: "a broadcast to a room that its last member left reaches everybody",
        also: &[
            ("SIO-RM-11", "it ends with a room that its last member left"),
            ("SIO-RM-20", "its only member leaves the room again"),
            ("SIO-RM-21", "its only member leaves the room each time"),
        ],
        make: || {
            Script {
                join: |emptied: &Mutex<HashSet<String>>, inner, id, rooms| {
                    lock(emptied).retain(|room| !rooms.contains(room));
                    inner.join(id, rooms);
                },
                leave: |emptied, inner, id, room| {
                    let joined = inner.rooms(id).iter().any(|joined| joined == room);
                    inner.leave(id, room);
                    let mut members = 0;
                    let selection = Selection {
                        rooms: vec![room.to_owned()],
                        except: Vec::new(),
                    };
                    inner.select(&selection, &mut |_, _| members += 1);
                    if joined && members == 0 {
                        lock(emptied).insert(room.to_owned());
                    }
                },
                select: |emptied, inner, selection, visit| {
                    let emptied = lock(emptied).clone();
                    to_all_if(|room| emptied.contains(room), inner, selection, visit);
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
    Fault {
        name: "rm-broadcast-includes-sender",
        requirements: &["SIO-RM-16"],
        breaks: "a client's broadcast to its namespace reaches itself",
        also: &[],
        make: || {
            selecting(|inner, selection, visit| {
                let mut selection = selection.clone();
                if selection.rooms.is_empty() && starts_with_sender(inner, &selection) {
                    selection.except.remove(0);
                }
                inner.select(&selection, visit);
            })
        },
    },
    Fault {
        name: "rm-ws-only-broadcast",
        requirements: &["SIO-RM-17"],
        breaks: "the server's broadcast to a namespace does not reach those who poll",
        also: &[],
        make: || {
            selecting(|inner, selection, visit| {
                let everybody = *selection == Selection::default();
                inner.select(selection, &mut |id, socket| {
                    if !everybody || socket.transport() == "websocket" {
                        visit(id, socket);
                    }
                });
            })
        },
    },
    Fault {
        name: "rm-sticky-target",
        requirements: &["SIO-RM-22"],
        breaks: "what a client is sent after its broadcast to a room goes to that room as well",
        also: &[],
        make: || {
            Script {
                incoming: |target, view, packet, packets| {
                    if let Some(("emit-to", args)) = heard(&packet)
                        && !from_io(args)
                    {
                        let rooms = option(args, "to");
                        *target = Some((view.sid().to_owned(), rooms));
                    }
                    packets.push(packet);
                },
                outgoing: |target: &mut Option<(String, Vec<String>)>, view, packet, _, packets| {
                    if let Some(("message-back", args)) = said(&packet)
                        && let Some((_, rooms)) = target.take_if(|(sid, _)| sid == view.sid())
                    {
                        let (namespace, args) = (packet.namespace.clone(), args.clone());
                        view.later(move |server| {
                            let mut broadcast = server.of(&namespace);
                            for room in rooms {
                                broadcast = broadcast.map(|broadcast| broadcast.to(room));
                            }
                            if let Some(broadcast) = broadcast {
                                broadcast.emit("message-back", args);
                            }
                        });
                    }
                    packets.push(packet);
                },
                ..Script::new(None)
            }
            .seams()
        },
    },
    Fault {
        name: "rm-order-differs",
        requirements: &["SIO-RM-23"],
        breaks: "those who poll get the eleventh broadcast behind later ones",
        also: &[
            ("SIO-OR-07", "one of its receivers polls"),
            ("SIO-CC-09", "one of its receivers polls"),
        ],
        make: || {
            Script {
                outgoing: |counts: &mut HashMap<String, usize>, view, packet, _, packets| {
                    if said(&packet).is_some_and(|(name, _)| name == "msg") && polls(view) {
                        let count = counts.entry(view.sid().to_owned()).or_default();
                        *count += 1;
                        if *count == 11 {
                            script::delay(view, Duration::from_millis(100), &packet);
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
];

/// A broadcast that reaches the namespace if all of its rooms are such; one to no room does so anyway.
fn to_all_if(
    such: impl Fn(&String) -> bool,
    inner: &dyn Adapter<Socket>,
    selection: &Selection,
    visit: &mut dyn FnMut(&str, &Socket),
) {
    match selection.rooms.iter().all(such) {
        true => inner.select(&without_rooms(selection), visit),
        false => inner.select(selection, visit),
    }
}

/// A broadcast to the namespace, with the exceptions of another one.
fn without_rooms(selection: &Selection) -> Selection {
    Selection {
        rooms: Vec::new(),
        except: selection.except.clone(),
    }
}

/// Whether the first exception is the client that broadcasts.
fn starts_with_sender(adapter: &dyn Adapter<Socket>, selection: &Selection) -> bool {
    let first = selection.except.first();
    first.is_some_and(|id| adapter.in_own_room(id))
}

/// Broadcasts that reach others than they should; it needs no state.
pub(super) fn selecting(select: Select) -> Arc<dyn Seams> {
    hooks::adapter(move |_, inner| Box::new(hooks::Altered(Selecting { inner, select })))
}

/// Shows the sockets that a broadcast reaches.
type Select = fn(&dyn Adapter<Socket>, &Selection, &mut dyn FnMut(&str, &Socket));

struct Selecting {
    inner: Box<dyn Adapter<Socket>>,
    select: Select,
}

impl hooks::Around for Selecting {
    fn inner(&self) -> &dyn Adapter<Socket> {
        &*self.inner
    }

    fn select(&self, selection: &Selection, visit: &mut dyn FnMut(&str, &Socket)) {
        (self.select)(&*self.inner, selection, visit);
    }
}

/// A broadcast with only those exceptions that stand; the sender always does.
fn excepting(
    adapter: &dyn Adapter<Socket>,
    selection: &Selection,
    stands: impl Fn(&String) -> bool,
) -> Selection {
    let mut sender = starts_with_sender(adapter, selection);
    let mut changed = selection.clone();
    changed
        .except
        .retain(|room| std::mem::take(&mut sender) || stands(room));
    changed
}

/// All namespaces with the same rooms.
#[derive(Default)]
struct Shared(Arc<Mutex<Vec<Rooms>>>);

type Rooms = (String, Arc<dyn Adapter<Socket>>);

impl Seams for Shared {
    fn adapter(&self, name: &str, inner: Box<dyn Adapter<Socket>>) -> Box<dyn Adapter<Socket>> {
        let inner: Arc<dyn Adapter<Socket>> = inner.into();
        lock(&self.0).push((name.to_owned(), inner.clone()));
        let namespaces = self.0.clone();
        Box::new(hooks::Altered(Joint {
            name: name.to_owned(),
            inner,
            namespaces,
        }))
    }
}

struct Joint {
    name: String,
    inner: Arc<dyn Adapter<Socket>>,
    namespaces: Arc<Mutex<Vec<Rooms>>>,
}

impl hooks::Around for Joint {
    fn inner(&self) -> &dyn Adapter<Socket> {
        &*self.inner
    }

    fn select(&self, selection: &Selection, visit: &mut dyn FnMut(&str, &Socket)) {
        self.inner.select(selection, visit);
        if selection.rooms.is_empty() {
            return;
        }
        let namespaces = lock(&self.namespaces).clone();
        for (_, rooms) in namespaces.iter().filter(|(name, _)| *name != self.name) {
            rooms.select(selection, visit);
        }
    }
}
