//! Faults of limits (EIO-LM).

use super::marks::Marks;
use super::{Fault, hooks};
use crate::config::Config;
use crate::exchange::{Request, Response};
use crate::refusal::Refusal;
use crate::seams::{Seams, View};
use crate::server::Server;
use crate::session::Edge;
use siospec_codec::engine::Handshake;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "lm-off-by-one",
        requirements: &["EIO-LM-01"],
        breaks: "a POST of exactly `maxPayload` bytes is refused",
        also: &[],
        make: || posts(|limit| limit - 1),
    },
    Fault {
        name: "lm-no-post-limit",
        requirements: &["EIO-LM-02"],
        breaks: "a POST may be a fifth larger than `maxPayload`",
        also: &[],
        make: || posts(|limit| limit + limit / 5),
    },
    Fault {
        name: "lm-counts-chars",
        requirements: &["EIO-LM-03"],
        breaks: "the limit of a POST counts characters",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Characters(Limits);
            impl Seams for Characters {
                fn config(&self, config: &mut Config) {
                    self.0.raise(config, |limit| limit * 8 / 5);
                }

                fn open(&self, _: View<'_>, handshake: &mut Handshake) {
                    self.0.say(handshake);
                }

                fn websocket_limits(&self, limits: &mut (usize, usize)) {
                    *limits = self.0.both();
                }

                fn body(&self, _: View<'_>, _: &Request, body: &mut Vec<u8>) {
                    if String::from_utf8_lossy(body).chars().count() > self.0.get() {
                        // Which is malformed, and refused for that.
                        body.clear();
                    }
                }
            }
            Arc::new(Characters::default())
        },
    },
    Fault {
        name: "lm-chunked-bypass",
        requirements: &["EIO-LM-04"],
        breaks: "the limit of a POST is that of its Content-Length, so that chunks have none",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Announced(Limits);
            impl Seams for Announced {
                fn config(&self, config: &mut Config) {
                    self.0.raise(config, |limit| limit * 16);
                }

                fn open(&self, _: View<'_>, handshake: &mut Handshake) {
                    self.0.say(handshake);
                }

                fn websocket_limits(&self, limits: &mut (usize, usize)) {
                    *limits = self.0.both();
                }

                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let length: usize = request.header("content-length")?.parse().ok()?;
                    (length > self.0.get()).then(|| hooks::refuse(&Refusal::TooLarge))
                }
            }
            Arc::new(Announced::default())
        },
    },
    Fault {
        name: "lm-refusal-hangs",
        requirements: &["EIO-LM-05"],
        breaks: "the refusal of a POST above the limit waits three seconds if no GET is held",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Hanging(Mutex<HashMap<String, usize>>);
            impl Seams for Hanging {
                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let sid = request
                        .query
                        .get("sid")
                        .filter(|_| request.method == "GET")?;
                    *lock(&self.0).entry(sid.to_owned()).or_default() += 1;
                    None
                }

                fn response(&self, _: &Server, request: &Request, response: &mut Response) {
                    let sid = request.query.get("sid").unwrap_or_default();
                    let mut gets = lock(&self.0);
                    if request.method == "GET" {
                        gets.remove(sid);
                    } else if response.status == 413 && !gets.contains_key(sid) {
                        response.delay = Duration::from_secs(3);
                    }
                }
            }
            Arc::new(Hanging::default())
        },
    },
    Fault {
        name: "lm-no-ws-limit",
        requirements: &["EIO-LM-06"],
        breaks: "a WebSocket message may be a tenth larger than `maxPayload`",
        also: &[],
        make: || {
            hooks::websocket_limits(|(frame, message)| {
                (*frame, *message) = (*frame + *frame / 10, *message + *message / 10);
            })
        },
    },
    Fault {
        name: "lm-fragment-bypass",
        requirements: &["EIO-LM-07"],
        breaks: "the limit of a WebSocket message holds for each of its fragments alone",
        also: &[],
        make: || hooks::websocket_limits(|(_, message)| *message *= 16),
    },
    Fault {
        name: "lm-ws-off-by-one",
        requirements: &["EIO-LM-08"],
        breaks: "a WebSocket message of exactly `maxPayload` bytes is refused",
        also: &[],
        make: || {
            hooks::websocket_limits(|(frame, message)| {
                (*frame, *message) = (*frame - 1, *message - 1);
            })
        },
    },
    Fault {
        name: "lm-caps-outgoing",
        requirements: &["EIO-LM-09"],
        breaks: "what the server would send above `maxPayload` is dropped",
        also: &[],
        make: || {
            hooks::outward(|view, _, frames| {
                frames.retain(|frame| frame.len() <= view.config().max_payload);
            })
        },
    },
    Fault {
        name: "lm-outbuffer-silent-drop",
        requirements: &["EIO-LM-10"],
        breaks: "of what waits for a GET, all beyond three hundred packets is dropped",
        also: &[],
        make: || {
            hooks::outward(|_, edge, frames| {
                if edge == Edge::Poll {
                    frames.truncate(300);
                }
            })
        },
    },
    Fault {
        name: "lm-ws-outbuffer-never-drained",
        requirements: &["EIO-LM-10"],
        breaks: "the buffer of an echo on WebSocket counts what it took and not what it gave: \
                 all beyond four hundred packets is dropped",
        also: &[],
        make: || {
            let taken = Marks::<usize>::default();
            hooks::outward(move |view, edge, frames| {
                if edge != Edge::Poll && view.path() == "/engine.io/" {
                    let before = taken.get(view.sid()).unwrap_or_default();
                    taken.set(view.sid(), before + frames.len());
                    frames.truncate(400_usize.saturating_sub(before));
                }
            })
        },
    },
    Fault {
        name: "lm-global-failure",
        requirements: &["EIO-LM-11"],
        breaks: "a POST above the limit closes every session of the server",
        also: &[],
        make: || {
            hooks::response(|server, _, response| {
                if response.status == 413 {
                    server.close_all();
                }
            })
        },
    },
];

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The limit as it was configured, while that of POSTs is another one.
#[derive(Default)]
struct Limits(AtomicUsize);

impl Limits {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn raise(&self, config: &mut Config, change: impl Fn(usize) -> usize) {
        self.0.store(config.max_payload, Ordering::Relaxed);
        config.max_payload = change(config.max_payload);
    }

    fn say(&self, handshake: &mut Handshake) {
        handshake.max_payload = self.get() as u64;
    }

    fn both(&self) -> (usize, usize) {
        (self.get(), self.get())
    }
}

/// POSTs have another limit than is said; WebSockets have the right one.
fn posts(change: fn(usize) -> usize) -> Arc<dyn Seams> {
    struct Posts {
        limits: Limits,
        change: fn(usize) -> usize,
    }
    impl Seams for Posts {
        fn config(&self, config: &mut Config) {
            self.limits.raise(config, self.change);
        }

        fn open(&self, _: View<'_>, handshake: &mut Handshake) {
            self.limits.say(handshake);
        }

        fn websocket_limits(&self, limits: &mut (usize, usize)) {
            *limits = self.limits.both();
        }
    }
    Arc::new(Posts {
        limits: Limits::default(),
        change,
    })
}
