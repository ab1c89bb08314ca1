//! Faults of handshakes (EIO-HS).

use super::script::begun_on_websocket;
use super::{Fault, hooks};
use crate::exchange::{Request, Response};
use crate::refusal::Refusal;
use crate::seams::{Seams, View};
use crate::server::Server;
use crate::session::{Edge, Frame};
use siospec_codec::engine::Handshake;
use siospec_codec::read_json;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "hs-extra-packet",
        requirements: &["EIO-HS-01"],
        breaks: "the answer to a polling handshake carries a ping behind the open packet",
        also: &[("EIO-HS-13", "no ping may come at once")],
        make: || {
            hooks::outward(|_, edge, frames| {
                if edge == Edge::Poll
                    && matches!(&frames[0], Frame::Text(text) if text.starts_with('0'))
                {
                    frames.push(Frame::text("2"));
                }
            })
        },
    },
    Fault {
        name: "hs-missing-maxPayload",
        requirements: &["EIO-HS-02"],
        breaks: "the open packet does not say `maxPayload`",
        also: &[
            ("EIO-HS-03", "it compares the whole set of fields"),
            ("EIO-HS-05", "a field that is missing has no value"),
        ],
        make: || {
            hooks::outward(|_, _, frames| {
                for frame in frames {
                    hooks::rewrite(frame, |text| {
                        let open = text.strip_prefix('0')?;
                        let mut open = read_json(open).ok()?;
                        open.as_object_mut()?.remove("maxPayload")?;
                        Some(format!("0{open}"))
                    });
                }
            })
        },
    },
    Fault {
        name: "hs-extra-key",
        requirements: &["EIO-HS-03"],
        breaks: "the open packet has a sixth field",
        also: &[],
        make: || {
            hooks::open(|_, handshake| {
                handshake.others.insert("version".to_owned(), 4.into());
            })
        },
    },
    Fault {
        name: "hs-seconds-not-ms",
        requirements: &["EIO-HS-04"],
        breaks: "the open packet gives `pingInterval` and `pingTimeout` in seconds",
        also: &[],
        make: || {
            hooks::open(|_, handshake| {
                handshake.ping_interval /= 1000;
                handshake.ping_timeout /= 1000;
            })
        },
    },
    Fault {
        name: "hs-wrong-maxPayload",
        requirements: &["EIO-HS-05"],
        breaks: "the open packet says a `maxPayload` that is one byte too large",
        also: &[],
        make: || hooks::open(|_, handshake| handshake.max_payload += 1),
    },
    Fault {
        name: "hs-no-upgrades",
        requirements: &["EIO-HS-06"],
        breaks: "a polling session is offered no upgrade",
        also: &[],
        make: || hooks::open(|_, handshake| handshake.upgrades.clear()),
    },
    Fault {
        name: "hs-ws-upgrades-nonempty",
        requirements: &["EIO-HS-07"],
        breaks: "a session that begins on WebSocket is offered the upgrade to WebSocket",
        also: &[],
        make: || {
            hooks::open(|view, handshake| {
                if begun_on_websocket(view) {
                    handshake.upgrades = vec!["websocket".to_owned()];
                }
            })
        },
    },
    Fault {
        name: "hs-ws-open-late",
        requirements: &["EIO-HS-08"],
        breaks: "on WebSocket the open packet comes one and a half seconds late",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Late(Mutex<HashSet<String>>);
            impl Seams for Late {
                fn outward(&self, view: View<'_>, edge: Edge, frames: &mut Vec<Frame>) {
                    // With short timers the ping would overtake it.
                    let slow = view.config().ping_interval > Duration::from_secs(2);
                    let first = frames.first().filter(|frame| is_open(frame)).cloned();
                    let (true, Edge::Socket(_), Some(open)) = (slow, edge, first) else {
                        return;
                    };
                    if !lock(&self.0).insert(view.sid().to_owned()) {
                        return;
                    }
                    frames.remove(0);
                    let sid = view.sid().to_owned();
                    view.later(move |server| {
                        let later = server.clone();
                        server.start_background_task(async move {
                            later.sleep(Duration::from_millis(1500)).await;
                            later.send_frame(&sid, open);
                        });
                    });
                }
            }
            Arc::new(Late::default())
        },
    },
    Fault {
        name: "hs-constant-sid",
        requirements: &["EIO-HS-09"],
        breaks: "every session that begins on WebSocket is told the same sid",
        also: &[],
        make: || {
            hooks::open(|view, handshake| {
                if begun_on_websocket(view) {
                    handshake.sid = "AAAAAAAAAAAAAAAAAAAA".to_owned();
                }
            })
        },
    },
    Fault {
        name: "hs-sid-needs-escaping",
        requirements: &["EIO-HS-10"],
        breaks: "a sid ends with characters that mean something in a query",
        also: &[],
        make: || {
            struct Escaping;
            impl Seams for Escaping {
                fn open(&self, _: View<'_>, handshake: &mut Handshake) {
                    handshake.sid.push_str("+/=");
                }

                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let sid = request.query.get("sid")?;
                    let own = sid
                        .find([' ', '+', '/', '='])
                        .map(|end| sid[..end].to_owned())?;
                    request.query.set("sid", own);
                    None
                }
            }
            Arc::new(Escaping)
        },
    },
    Fault {
        name: "hs-sequential-sid",
        requirements: &["EIO-HS-11"],
        breaks: "sids are numbers that count up",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Sequential(Mutex<Vec<String>>);
            impl Seams for Sequential {
                fn open(&self, _: View<'_>, handshake: &mut Handshake) {
                    let mut sids = lock(&self.0);
                    sids.push(handshake.sid.clone());
                    handshake.sid = format!("session-{:012}", sids.len() - 1);
                }

                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let number = request.query.get("sid")?.strip_prefix("session-")?;
                    let own = lock(&self.0).get(number.parse::<usize>().ok()?).cloned()?;
                    request.query.set("sid", own);
                    None
                }
            }
            Arc::new(Sequential::default())
        },
    },
    Fault {
        name: "hs-registers-late",
        requirements: &["EIO-HS-12"],
        breaks: "a WebSocket that is the very first request of a polling session finds it unknown",
        also: &[
            ("EIO-UP-14", "its WebSocket comes first"),
            ("EIO-UP-16", "its WebSocket comes first"),
            ("EIO-UP-18", "its WebSocket comes first"),
            ("EIO-UP-20", "its WebSocket comes first"),
        ],
        make: || {
            #[derive(Default)]
            struct Late(Mutex<HashSet<String>>);
            impl Seams for Late {
                fn open(&self, view: View<'_>, _: &mut Handshake) {
                    lock(&self.0).insert(view.sid().to_owned());
                }

                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let first = lock(&self.0).remove(request.query.get("sid")?);
                    (first && request.wants_websocket())
                        .then(|| hooks::refuse(&Refusal::SessionUnknown))
                }
            }
            Arc::new(Late::default())
        },
    },
    Fault {
        name: "hs-registers-late-for-posts",
        requirements: &["EIO-HS-12"],
        breaks: "a POST is answered as if its session were unknown, if that is the server's first and no GET of it came \
                 before",
        also: &[
            ("EIO-HD-04", "its POST comes first"),
            ("EIO-HD-09", "its POST comes first"),
            ("EIO-PO-22", "its POST comes first"),
        ],
        make: || {
            /// The session of the first connection, until its first request.
            #[derive(Default)]
            struct Late(Mutex<HashSet<String>>);
            impl Seams for Late {
                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    if request.method == "GET" {
                        lock(&self.0).remove(request.query.get("sid")?);
                    }
                    None
                }

                fn response(&self, _: &Server, request: &Request, response: &mut Response) {
                    match request.query.get("sid") {
                        None if request.connection == 1 => lock(&self.0).extend(sid_of(response)),
                        None => {}
                        // By now the first GET of an ordinary client, which may come behind its first POST, is here.
                        Some(sid) if request.connection == 2 && lock(&self.0).remove(sid) => {
                            *response = hooks::refuse(&Refusal::SessionUnknown);
                        }
                        Some(_) => {}
                    }
                }
            }
            Arc::new(Late::default())
        },
    },
    Fault {
        name: "hs-immediate-ping",
        requirements: &["EIO-HS-13"],
        breaks: "on WebSocket a ping follows the open packet at once",
        also: &[],
        make: || {
            hooks::outward(|view, edge, frames| {
                // With short timers it would be a ping more among those that are counted.
                let slow = view.config().ping_interval > Duration::from_secs(2);
                if slow && matches!(edge, Edge::Socket(_)) && frames.first().is_some_and(is_open) {
                    frames.insert(1, Frame::text("2"));
                }
            })
        },
    },
    Fault {
        name: "hs-rejects-unknown-param",
        requirements: &["EIO-HS-14"],
        breaks: "a handshake with a query parameter that the protocol does not know is refused",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                let known = ["EIO", "transport", "sid", "j", "deny"];
                let stranger = request
                    .query
                    .0
                    .iter()
                    .any(|(key, _)| !known.contains(&&**key));
                (stranger && request.opens()).then(|| hooks::refuse(&Refusal::BadRequest))
            })
        },
    },
    Fault {
        name: "qe-no-percent-decode",
        requirements: &["EIO-HS-15"],
        breaks: "the transport is compared as it stands in the query, percent signs and all",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                let mut pairs = request.raw_query.split('&');
                let raw = pairs.find_map(|pair| pair.strip_prefix("transport="));
                if let Some(raw) = raw.map(str::to_owned) {
                    request.query.set("transport", raw);
                }
                None
            })
        },
    },
    Fault {
        name: "hs-any-path",
        requirements: &["EIO-HS-16"],
        breaks: "the engine answers on any path that ends with a slash",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                if request.path != "/engine.io/" && request.path.ends_with('/') {
                    request.path = "/socket.io/".to_owned();
                }
                None
            })
        },
    },
    Fault {
        name: "hs-noslash-orphan",
        requirements: &["EIO-HS-17"],
        breaks: "a session is opened on the path without its slash, and not known there",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                if request.path == "/socket.io" && request.opens() {
                    request.path = "/socket.io/".to_owned();
                }
                None
            })
        },
    },
    Fault {
        name: "hs-conn-bound-session",
        requirements: &["EIO-HS-18"],
        breaks: "a session ends with the connection of its handshake, if that says `Connection: close`",
        also: &[],
        make: || {
            hooks::response(|server, request, response| {
                if request.opens()
                    && request.has_token("connection", "close")
                    && let Some(sid) = sid_of(response)
                {
                    server.close_session(&sid);
                }
            })
        },
    },
    Fault {
        name: "hs-conn-used-up",
        requirements: &["EIO-HS-18"],
        breaks: "a session is unknown to further requests on the connection of its handshake",
        also: &[],
        make: || {
            #[derive(Default)]
            struct UsedUp(Mutex<HashMap<u64, String>>);
            impl Seams for UsedUp {
                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let sid = request.query.get("sid")?;
                    let opened = lock(&self.0).get(&request.connection).cloned();
                    (opened.as_deref() == Some(sid))
                        .then(|| hooks::refuse(&Refusal::SessionUnknown))
                }

                fn response(&self, _: &Server, request: &Request, response: &mut Response) {
                    if request.opens()
                        && let Some(sid) = sid_of(response)
                    {
                        lock(&self.0).insert(request.connection, sid);
                    }
                }
            }
            Arc::new(UsedUp::default())
        },
    },
    Fault {
        name: "hs-session-per-connection",
        requirements: &["EIO-HS-19"],
        breaks: "a second handshake on a connection is answered with the session of the first",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Bound(Mutex<HashMap<u64, Response>>);
            impl Seams for Bound {
                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let first = lock(&self.0).get(&request.connection).cloned();
                    first.filter(|_| request.opens())
                }

                fn response(&self, _: &Server, request: &Request, response: &mut Response) {
                    if request.opens() && sid_of(response).is_some() {
                        lock(&self.0).insert(request.connection, response.clone());
                    }
                }
            }
            Arc::new(Bound::default())
        },
    },
    Fault {
        name: "hs-initial-packet-unseparated",
        requirements: &["EIO-HS-20"],
        breaks: "the initial message is appended to the open packet without a separator",
        also: &[],
        make: || {
            hooks::outward(|_, edge, frames| {
                if let (Edge::Poll, [first, second]) = (edge, frames.as_slice())
                    && let (Frame::Text(open), Frame::Text(message)) = (first, second)
                    && is_open(first)
                {
                    *frames = vec![Frame::Text(format!("{open}{message}").into())];
                }
            })
        },
    },
    Fault {
        name: "hs-sid-from-cookie",
        requirements: &["EIO-HS-21"],
        breaks: "a handshake with a cookie that names a session is answered with that session",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Cookies(Mutex<HashMap<String, Response>>);
            impl Seams for Cookies {
                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let (_, sid) = request.header("cookie")?.split_once('=')?;
                    let opened = lock(&self.0).get(sid).cloned();
                    opened.filter(|_| request.opens())
                }

                fn response(&self, _: &Server, request: &Request, response: &mut Response) {
                    if request.opens()
                        && let Some(sid) = sid_of(response)
                    {
                        lock(&self.0).insert(sid, response.clone());
                    }
                }
            }
            Arc::new(Cookies::default())
        },
    },
];

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_open(frame: &Frame) -> bool {
    matches!(frame, Frame::Text(text) if text.starts_with("0{"))
}

/// The sid in the answer to a polling handshake.
fn sid_of(response: &Response) -> Option<String> {
    let open = std::str::from_utf8(&response.body)
        .ok()?
        .strip_prefix('0')?;
    let open = open.split('\u{1e}').next()?;
    let open = read_json(open).ok()?;
    Some(open.get("sid")?.as_str()?.to_owned())
}
