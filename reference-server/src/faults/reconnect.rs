//! Faults of what follows a lost connection (SIO-RC).

use super::script::Script;
use super::{Fault, hooks};
use crate::args;
use crate::exchange::{Request, Response};
use crate::namespace::{Body, Incoming};
use crate::outgoing::Says;
use crate::seams::{Seams, View};
use crate::server::Server;
use siospec_codec::engine::OwnedPacket;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "rc-lost-is-left",
        requirements: &["SIO-RC-01"],
        breaks: "the application is told of every lost client that it left of its own accord",
        also: &[],
        make: || {
            hooks::outgoing(|_, mut packet, _, packets| {
                if let Says::Event { name, args, .. } = &mut packet.body
                    && name == "left"
                    && let (Ok(nsp), Ok(sid)) = (args.get::<String>(0), args.get::<String>(1))
                {
                    let rooms = args.get::<Option<Vec<String>>>(3).unwrap_or_default();
                    *args = args![nsp, sid, "client namespace disconnect", rooms];
                }
                packets.push(packet);
            })
        },
    },
    Fault {
        name: "rc-first-event-twice",
        requirements: &["SIO-RC-02"],
        breaks: "the first event of a client that came back is handled twice",
        also: &[],
        make: || Arc::new(Stutter::default()),
    },
    Fault {
        name: "rc-no-way-back",
        requirements: &["SIO-RC-03"],
        breaks: "after it stood still for longer than a second no handshake is accepted any more",
        also: &[],
        make: || Arc::new(Startled::default()),
    },
    Fault {
        name: "rc-storm-refused",
        requirements: &["SIO-RC-04"],
        breaks: "after a hundred lost clients no handshake is accepted any more",
        also: &[],
        make: || Arc::new(Shut::default()),
    },
    Fault {
        name: "rc-half-is-handled",
        requirements: &["SIO-RC-05"],
        breaks: "a binary event that waits for its attachments is handled without them when its connection is lost",
        also: &[],
        make: || {
            Script {
                inward: |waiting: &mut HashSet<String>, view, packet, packets| {
                    match &packet {
                        OwnedPacket::Text { data, .. } if data.starts_with("51-[\"note\"") => {
                            waiting.insert(view.sid().to_owned());
                        }
                        OwnedPacket::Text { .. } => {}
                        OwnedPacket::Binary(_) => {
                            waiting.remove(view.sid());
                        }
                    }
                    packets.push(packet);
                },
                lost: |waiting, view, _| {
                    if waiting.remove(view.sid()) {
                        let sid = view.sid().to_owned();
                        view.later(move |server| {
                            server.emit("/monitor", "noted", args![sid, "half"]);
                        });
                    }
                },
                ..Script::new(HashSet::new())
            }
            .seams()
        },
    },
];

/// Once a client was lost, whoever joins stutters.
#[derive(Default)]
struct Stutter {
    lost: AtomicU32,
    spoken: Mutex<HashSet<String>>,
}

impl Seams for Stutter {
    fn lost(&self, _: View<'_>, reason: &str, _: &mut bool) {
        let left = reason.contains("namespace disconnect");
        self.lost.fetch_add(u32::from(!left), Ordering::Relaxed);
    }

    fn incoming(&self, view: View<'_>, packet: Incoming, packets: &mut Vec<Incoming>) {
        let event = matches!(&packet.body, Body::Event { id: None, .. });
        if event && self.lost.load(Ordering::Relaxed) > 0 {
            let mut spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
            if spoken.insert(view.sid().to_owned()) {
                packets.push(packet.clone());
            }
        }
        packets.push(packet);
    }
}

/// Closed to new sessions after a hundred losses.
#[derive(Default)]
struct Shut {
    lost: AtomicU32,
}

impl Seams for Shut {
    fn lost(&self, _: View<'_>, _: &str, _: &mut bool) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
        let shut = self.lost.load(Ordering::Relaxed) >= 100;
        (shut && begins(request)).then(|| Response::empty(503))
    }
}

/// Closed to new sessions once a nap of its own took a second too long.
#[derive(Default)]
struct Startled {
    watching: AtomicBool,
    shut: Arc<AtomicBool>,
}

/// How long a nap is; that the machine is busy lengthens it by far less than standing still.
const NAP: Duration = Duration::from_millis(50);

impl Seams for Startled {
    fn request(&self, server: &Server, request: &mut Request) -> Option<Response> {
        if !self.watching.swap(true, Ordering::Relaxed) {
            let (watch, shut) = (server.clone(), self.shut.clone());
            server.start_background_task(async move {
                // The longest scenario is over by then.
                for _ in 0..1_000 {
                    let asleep = Instant::now();
                    watch.sleep(NAP).await;
                    if asleep.elapsed() > NAP + Duration::from_secs(1) {
                        shut.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
        (self.shut.load(Ordering::Relaxed) && begins(request)).then(|| Response::empty(503))
    }
}

/// Whether the request asks for a session.
fn begins(request: &Request) -> bool {
    request.query.get("transport").is_some() && request.query.get("sid").is_none()
}
