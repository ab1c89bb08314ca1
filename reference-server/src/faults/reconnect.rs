//! Faults of what follows a lost connection (SIO-RC).

use super::marks::Marks;
use super::script::{Script, connects};
use super::wire_frames::unfinished_text;
use super::{Fault, hooks};
use crate::args;
use crate::config::Config;
use crate::exchange::{Request, Response};
use crate::namespace::{Body, Incoming};
use crate::outgoing::{Outgoing, Says};
use crate::refusal::Refusal;
use crate::seams::{Seams, Sending, View, Way};
use crate::server::Server;
use crate::session::{CloseReason, Frame, Input, Session};
use siospec_codec::engine::OwnedPacket;
use siospec_codec::socket::packet::MAIN_NAMESPACE;
use std::collections::HashSet;
use std::path::PathBuf;
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
        name: "rc-stop-sends-away",
        requirements: &["SIO-RC-03", "SIO-RC-04"],
        breaks: "a server that is told to stop disconnects its clients first, so that none of them comes back",
        also: &[],
        make: || Arc::new(SendsAway::default()),
    },
    Fault {
        name: "rc-stale-lock",
        requirements: &["SIO-RC-03"],
        breaks: "a server that comes after one that was killed finds its lock, and accepts no handshake",
        also: &[],
        make: || Arc::new(Locked::default()),
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
    Fault {
        name: "rc-rest-is-handled",
        requirements: &["SIO-RC-05"],
        breaks: "what has come of a text message is handled when its connection is lost",
        also: &[],
        make: || Arc::new(Rest::default()),
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
        (shut && request.opens()).then(|| Response::empty(503))
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
        (self.shut.load(Ordering::Relaxed) && request.opens()).then(|| Response::empty(503))
    }
}

/// Says DISCONNECT to whoever is in the main namespace when the server stops.
#[derive(Default)]
struct SendsAway(Marks);

impl Seams for SendsAway {
    fn outgoing(
        &self,
        view: View<'_>,
        packet: Outgoing,
        _: &mut Sending,
        packets: &mut Vec<Outgoing>,
    ) {
        if connects(&packet) && packet.namespace == MAIN_NAMESPACE {
            self.0.set(view.sid(), ());
        }
        packets.push(packet);
    }

    fn input(
        &self,
        view: View<'_>,
        _: &Session,
        input: Input,
        inputs: &mut Vec<Input>,
    ) -> Result<(), Refusal> {
        if input == Input::Close(CloseReason::ServerShutdown) && self.0.has(view.sid()) {
            inputs.push(Input::Send {
                first: Frame::text("41"),
                rest: Vec::new(),
                volatile: false,
            });
        }
        inputs.push(input);
        Ok(())
    }

    fn stopping(&self) -> Duration {
        // In the middle of an upgrade the client would not hear it.
        Duration::from_secs(1)
    }
}

/// Holds a lock while it runs, and is shut if somebody left one. Only a process of its own can be killed alone, and
/// only that is told its port by the environment.
#[derive(Default)]
struct Locked {
    lock: Mutex<Option<PathBuf>>,
    shut: AtomicBool,
}

/// How old a lock may be; one that is older is of a server whose test was killed with it.
const LOCK: Duration = Duration::from_secs(60);

impl Seams for Locked {
    fn config(&self, _: &mut Config) {
        let Some(port) = std::env::var("PORT").ok().filter(|port| port != "0") else {
            return;
        };
        let lock = std::env::temp_dir().join(format!("siospec-reference-server-{port}.lock"));
        let left = std::fs::metadata(&lock).and_then(|lock| lock.modified());
        let fresh = left.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < LOCK));
        self.shut.store(fresh, Ordering::Relaxed);
        if std::fs::write(&lock, []).is_ok() {
            *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        }
    }

    fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
        (self.shut.load(Ordering::Relaxed) && request.opens()).then(|| Response::empty(503))
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let lock = self.lock.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = lock.take() {
            // If it cannot be taken away, it will be too old soon.
            let _ = std::fs::remove_file(lock);
        }
    }
}

/// Handles a note of which only a part has come.
#[derive(Default)]
struct Rest(Marks);

impl Seams for Rest {
    fn sees_wire(&self) -> bool {
        true
    }

    fn wire(&self, view: View<'_>, way: Way, bytes: &mut Vec<u8>) {
        if way == Way::In {
            match unfinished_text(bytes) {
                Some(text) if text.starts_with(b"42[\"note\"") => self.0.set(view.sid(), ()),
                _ => drop(self.0.take(view.sid())),
            }
        }
    }

    fn lost(&self, view: View<'_>, _: &str, _: &mut bool) {
        if self.0.take(view.sid()).is_some() {
            let sid = view.sid().to_owned();
            view.later(move |server| server.emit("/monitor", "noted", args![sid, "half"]));
        }
    }
}
