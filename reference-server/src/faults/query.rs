//! Faults of requests (EIO-QE).

use super::marks::Marks;
use super::script::begun_on_websocket;
use super::{Fault, hooks};
use crate::exchange::{Request, Response};
use crate::seams::{Dropped, Seams, Tolerance, View};
use crate::server::Server;
use hyper::http::{HeaderValue, Method};
use siospec_codec::engine::Handshake;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "qe-eio-optional",
        requirements: &["EIO-QE-01"],
        breaks: "a polling handshake without `EIO` is served",
        also: &[],
        make: || {
            changed(|request| {
                let missing = !request.query.has("EIO");
                if missing && request.opens() && asks_for(request, "polling") {
                    request.query.set("EIO", "4");
                }
            })
        },
    },
    Fault {
        name: "qe-eio-any",
        requirements: &["EIO-QE-02"],
        breaks: "whatever is no number passes for `EIO` on a polling handshake",
        also: &[],
        make: || {
            changed(|request| {
                let number = |value: &str| value.parse::<u32>().is_ok();
                let nonsense =
                    request.query.has("EIO") && !request.query.get("EIO").is_some_and(number);
                if nonsense && request.opens() && asks_for(request, "polling") {
                    request.query.set("EIO", "4");
                }
            })
        },
    },
    Fault {
        name: "qe-eio3-served-as-4",
        requirements: &["EIO-QE-03"],
        breaks: "clients of the versions 3 and 5 are served as if they spoke version 4",
        also: &[],
        make: || {
            changed(|request| {
                if matches!(request.query.get("EIO"), Some("3" | "5")) {
                    request.query.set("EIO", "4");
                }
            })
        },
    },
    Fault {
        name: "qe-transport-default-polling",
        requirements: &["EIO-QE-04"],
        breaks: "a handshake without `transport` is a polling handshake",
        also: &[],
        make: || {
            changed(|request| {
                if !request.query.has("transport") && request.opens() && !request.wants_websocket()
                {
                    request.query.set("transport", "polling");
                }
            })
        },
    },
    Fault {
        name: "qe-transport-any",
        requirements: &["EIO-QE-05"],
        breaks: "a transport of three letters that nobody knows is taken for polling",
        also: &[("EIO-QE-15", "its refusal of an unknown transport is gone")],
        make: || {
            changed(|request| {
                let short = request
                    .query
                    .get("transport")
                    .is_some_and(|name| name.len() == 3);
                if short && !request.wants_websocket() {
                    request.query.set("transport", "polling");
                }
            })
        },
    },
    Fault {
        name: "qe-proto-transport-crash",
        requirements: &["EIO-QE-06"],
        breaks: "a transport named like a property that every object has is an error of the server",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                let property = matches!(
                    request.query.get("transport"),
                    Some("__proto__" | "constructor")
                );
                property.then(|| Response::new(500, "text/plain", "Internal Server Error"))
            })
        },
    },
    Fault {
        name: "qe-ws-over-plain-get",
        requirements: &["EIO-QE-07"],
        breaks: "a plain GET that asks for the websocket transport gets a polling session",
        also: &[("EIO-QE-15", "its refusal of such a request is gone")],
        make: || {
            changed(|request| {
                if request.opens() && asks_for(request, "websocket") && !request.wants_websocket() {
                    request.query.set("transport", "polling");
                }
            })
        },
    },
    Fault {
        name: "qe-post-handshake-accepted",
        requirements: &["EIO-QE-08"],
        breaks: "a POST without sid opens a session",
        also: &[],
        make: || opened_by(&["POST"]),
    },
    Fault {
        name: "qe-put-405",
        requirements: &["EIO-QE-09"],
        breaks: "a PUT without sid is refused with 405 instead of 400",
        also: &[("EIO-QE-15", "its refusal of the method has another status")],
        make: || {
            hooks::response(|_, request, response| {
                if request.method == "PUT" && request.query.get("sid").is_none() {
                    response.status = 405;
                }
            })
        },
    },
    Fault {
        name: "qe-options-200",
        requirements: &["EIO-QE-10"],
        breaks: "OPTIONS is answered 200 although there is no CORS",
        also: &[],
        make: || {
            hooks::response(|_, request, response| {
                if request.method == "OPTIONS" && response.status == 400 {
                    hooks::answer(response, 200, "");
                }
            })
        },
    },
    Fault {
        name: "qe-unknown-sid-200",
        requirements: &["EIO-QE-11"],
        breaks: "a GET with a sid that nobody was given is answered 200",
        also: &[
            (
                "EIO-QE-13",
                "an impossible sid is one that nobody was given",
            ),
            ("EIO-QE-14", "it asks with such a sid"),
            ("EIO-QE-15", "its refusal of an unknown sid is gone"),
        ],
        make: || {
            strangers(|request| {
                let get = request.method == "GET" && asks_for(request, "polling");
                get.then(|| Response::new(200, "text/plain; charset=UTF-8", "6"))
            })
        },
    },
    Fault {
        name: "qe-lost-sid-200",
        requirements: &["EIO-QE-11"],
        breaks: "a GET with the sid of a WebSocket that was lost is answered 200",
        also: &[],
        make: || lost("GET", "6"),
    },
    Fault {
        name: "qe-post-unknown-sid-ok",
        requirements: &["EIO-QE-12"],
        breaks: "a POST with a sid that nobody was given is answered ok",
        also: &[("EIO-QE-14", "it posts with such a sid")],
        make: || {
            strangers(|request| {
                (request.method == "POST" && asks_for(request, "polling"))
                    .then(|| Response::new(200, "text/plain; charset=UTF-8", "ok"))
            })
        },
    },
    Fault {
        name: "qe-post-lost-sid-ok",
        requirements: &["EIO-QE-12"],
        breaks: "a POST with the sid of a WebSocket that was lost is answered ok",
        also: &[],
        make: || lost("POST", "ok"),
    },
    Fault {
        name: "qe-bad-sid-opens-session",
        requirements: &["EIO-QE-13"],
        breaks: "a sid of an impossible shape opens a session",
        also: &[],
        make: || {
            changed(|request| {
                let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                let impossible =
                    |sid: &str| !(12..64).contains(&sid.len()) || !sid.chars().all(fine);
                let bad = request.query.get("sid").is_some_and(impossible);
                if bad && request.method == "GET" && asks_for(request, "polling") {
                    request.query.remove("sid");
                }
            })
        },
    },
    Fault {
        name: "qe-sid-fixation",
        requirements: &["EIO-QE-14"],
        breaks: "a sid that was asked for in vain opens a session when it is asked for again",
        also: &[],
        make: || {
            let asked = Mutex::new(HashSet::new());
            strangers(move |request| {
                let sid = request.query.get("sid")?.to_owned();
                if request.method == "GET"
                    && asks_for(request, "polling")
                    && !lock(&asked).insert(sid)
                {
                    request.query.remove("sid");
                }
                None
            })
        },
    },
    Fault {
        name: "qe-error-body-string-codes",
        requirements: &["EIO-QE-15"],
        breaks: "the code in the body of a refusal is a string",
        also: &[],
        make: || {
            hooks::response(|_, _, response| {
                let body = String::from_utf8_lossy(&response.body).into_owned();
                if let Some(rest) = body.strip_prefix("{\"code\":")
                    && let Some((code, rest)) = rest.split_once(',')
                {
                    response.body = format!("{{\"code\":\"{code}\",{rest}").into();
                }
            })
        },
    },
    Fault {
        name: "qe-mismatch-kills-session",
        requirements: &["EIO-QE-16"],
        breaks: "a plain GET that calls a polling session a websocket closes it",
        also: &[],
        make: || {
            hooks::request(|server, request| {
                if asks_for(request, "websocket") && !request.wants_websocket() {
                    server.close_session(request.query.get("sid")?);
                }
                None
            })
        },
    },
    Fault {
        name: "qe-poll-on-ws-session",
        requirements: &["EIO-QE-17"],
        breaks: "a polling request closes a session that began on WebSocket",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Closing(Mutex<HashSet<String>>);
            impl Seams for Closing {
                fn open(&self, view: View<'_>, _: &mut Handshake) {
                    if begun_on_websocket(view) {
                        lock(&self.0).insert(view.sid().to_owned());
                    }
                }

                fn request(&self, server: &Server, request: &mut Request) -> Option<Response> {
                    let sid = request.query.get("sid")?;
                    if asks_for(request, "polling") && lock(&self.0).contains(sid) {
                        server.close_session(sid);
                    }
                    None
                }
            }
            Arc::new(Closing::default())
        },
    },
    Fault {
        name: "qe-put-with-sid-closes",
        requirements: &["EIO-QE-18"],
        breaks: "a PUT closes the session that it names",
        also: &[],
        make: || {
            hooks::request(|server, request| {
                if request.method == "PUT" {
                    server.close_session(request.query.get("sid")?);
                }
                None
            })
        },
    },
    Fault {
        name: "qe-deny-still-opens",
        requirements: &["EIO-QE-19"],
        breaks: "the application's refusal of a handshake has no effect",
        also: &[("EIO-QE-15", "its refusal of such a handshake is gone")],
        make: || {
            changed(|request| {
                request.raw_query = request.raw_query.replace("deny=1", "deny=0").into();
            })
        },
    },
    Fault {
        name: "qe-dupkey-500",
        requirements: &["EIO-QE-20"],
        breaks: "a query key that is given twice is an error of the server",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                let mut keys = HashSet::new();
                let twice = request.query.0.iter().any(|(key, _)| !keys.insert(key));
                twice.then(|| Response::new(500, "text/plain", "Internal Server Error"))
            })
        },
    },
    Fault {
        name: "qe-ws-eio-optional",
        requirements: &["EIO-QE-21"],
        breaks: "a WebSocket handshake without `EIO` is served",
        also: &[],
        make: || {
            changed(|request| {
                if !request.query.has("EIO") && request.opens() && request.wants_websocket() {
                    request.query.set("EIO", "4");
                }
            })
        },
    },
    Fault {
        name: "qe-ws-transport-optional",
        requirements: &["EIO-QE-22"],
        breaks: "a WebSocket handshake without `transport` is served",
        also: &[],
        make: || {
            changed(|request| {
                if !request.query.has("transport") && request.wants_websocket() {
                    request.query.set("transport", "websocket");
                }
            })
        },
    },
    Fault {
        name: "qe-ws-unknown-sid-new-session",
        requirements: &["EIO-QE-23"],
        breaks: "a WebSocket with a sid that nobody was given opens a session",
        also: &[("EIO-WS-25", "it looks at how such a WebSocket is refused")],
        make: || {
            strangers(|request| {
                if request.wants_websocket() {
                    request.query.remove("sid");
                }
                None
            })
        },
    },
    Fault {
        name: "qe-ws-version-ignored",
        requirements: &["EIO-QE-24"],
        breaks: "a WebSocket handshake of any version is accepted",
        also: &[],
        make: || {
            changed(|request| {
                if request.wants_websocket() {
                    let version = HeaderValue::from_static("13");
                    request.headers.insert("sec-websocket-version", version);
                }
            })
        },
    },
    Fault {
        name: "qe-empty-sid-500",
        requirements: &["EIO-QE-25"],
        breaks: "an empty sid is an error of the server",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                let empty = request
                    .query
                    .0
                    .iter()
                    .any(|(key, value)| key == "sid" && value.is_empty());
                empty.then(|| Response::new(500, "text/plain", "Internal Server Error"))
            })
        },
    },
    Fault {
        name: "qe-delete-opens",
        requirements: &["EIO-QE-26"],
        breaks: "DELETE and PATCH without sid open a session",
        also: &[],
        make: || opened_by(&["DELETE", "PATCH"]),
    },
    Fault {
        name: "qe-ws-polling-mix",
        requirements: &["EIO-QE-27"],
        breaks: "an upgrade request that says polling becomes a WebSocket session",
        also: &[],
        make: || {
            changed(|request| {
                if request.wants_websocket() && asks_for(request, "polling") {
                    request.query.set("transport", "websocket");
                }
            })
        },
    },
    Fault {
        name: "qe-h2c-crash",
        requirements: &["EIO-QE-28"],
        breaks: "after an Upgrade to something other than websocket nobody is served any more",
        also: &[],
        make: || {
            let crashed = std::sync::atomic::AtomicBool::new(false);
            hooks::request(move |_, request| {
                use std::sync::atomic::Ordering::Relaxed;
                let odd = request.header("upgrade").is_some()
                    && !request.has_token("upgrade", "websocket");
                crashed.fetch_or(odd, Relaxed);
                crashed
                    .load(Relaxed)
                    .then(|| Response::new(500, "text/plain", "Internal Server Error"))
            })
        },
    },
    Fault {
        name: "qe-transport-optional-later",
        requirements: &["EIO-QE-29"],
        breaks: "requests of an open session need no `transport`",
        also: &[],
        make: || {
            changed(|request| {
                if request.query.get("sid").is_some() && !request.query.has("transport") {
                    request.query.set("transport", "polling");
                }
            })
        },
    },
    Fault {
        name: "qe-eio-optional-later",
        requirements: &["EIO-QE-30"],
        breaks: "requests of an open session need no `EIO`",
        also: &[],
        make: || {
            changed(|request| {
                if request.query.get("sid").is_some() && !request.query.has("EIO") {
                    request.query.set("EIO", "4");
                }
            })
        },
    },
];

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn asks_for(request: &Request, transport: &str) -> bool {
    request.query.get("transport") == Some(transport)
}

/// Requests as they might have been.
fn changed(change: impl Fn(&mut Request) + Send + Sync + 'static) -> Arc<dyn Seams> {
    hooks::request(move |_, request| {
        change(request);
        None
    })
}

/// These methods open a session as GET does.
fn opened_by(methods: &'static [&'static str]) -> Arc<dyn Seams> {
    changed(move |request| {
        if methods.contains(&request.method.as_str()) && request.query.get("sid").is_none() {
            request.method = Method::GET;
        }
    })
}

/// Requests with a sid that this server has never given to anybody.
fn strangers(
    deal: impl Fn(&mut Request) -> Option<Response> + Send + Sync + 'static,
) -> Arc<dyn Seams> {
    struct Strangers<F> {
        given: Mutex<HashSet<String>>,
        deal: F,
    }
    impl<F: Fn(&mut Request) -> Option<Response> + Send + Sync> Seams for Strangers<F> {
        fn open(&self, view: View<'_>, _: &mut Handshake) {
            lock(&self.given).insert(view.sid().to_owned());
        }

        fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
            let stranger = !lock(&self.given).contains(request.query.get("sid")?);
            stranger.then(|| (self.deal)(request))?
        }
    }
    let given = Mutex::default();
    Arc::new(Strangers { given, deal })
}

/// Polling requests of this method with the sid of a session that was lost together with its WebSocket.
fn lost(method: &'static str, answer: &'static str) -> Arc<dyn Seams> {
    struct Lost {
        sids: Marks,
        method: &'static str,
        answer: &'static str,
    }
    impl Seams for Lost {
        fn dropped(&self, view: View<'_>, what: Dropped) -> Tolerance {
            if begun_on_websocket(view) && what == (Dropped::Socket { closed: false }) {
                self.sids.set(view.sid(), ());
            }
            Tolerance::Close
        }

        fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
            let known = self.sids.has(request.query.get("sid")?);
            let asked = request.method == self.method && asks_for(request, "polling");
            (known && asked).then(|| Response::new(200, "text/plain; charset=UTF-8", self.answer))
        }
    }
    Arc::new(Lost {
        sids: Marks::default(),
        method,
        answer,
    })
}
