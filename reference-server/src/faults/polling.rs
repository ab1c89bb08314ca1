//! Faults of HTTP long-polling (EIO-PO).

use super::{Fault, hooks};
use crate::exchange::{Request, Response};
use crate::refusal::Refusal;
use crate::seams::{Dropped, Seams, Tolerance, View};
use crate::server::Server;
use crate::session::{Edge, Frame};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::http::header::{self, HeaderValue};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where the Engine.IO echo is; some faults break the rule there alone, since nobody could even connect to a
/// namespace if they broke it everywhere.
const ECHO: &str = "/engine.io/";

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "po-OK-uppercase",
        requirements: &["EIO-PO-01"],
        breaks: "a successful POST is answered `OK` instead of `ok`",
        also: &[],
        make: || {
            hooks::response(|_, _, response| {
                if &response.body[..] == b"ok" {
                    response.body = "OK".into();
                }
            })
        },
    },
    Fault {
        name: "po-get-empty",
        requirements: &["EIO-PO-02"],
        breaks: "the first GET of an echo session is answered with an empty body, whatever is queued",
        also: &[
            ("EIO-PO-04", QUEUED),
            ("EIO-PO-05", QUEUED),
            ("EIO-PO-13", QUEUED),
            ("EIO-PO-15", QUEUED),
            ("EIO-PO-16", QUEUED),
            ("EIO-PO-23", QUEUED),
            ("EIO-PO-24", QUEUED),
            ("EIO-PL-01", QUEUED),
            ("EIO-PL-02", QUEUED),
            ("EIO-PL-05", QUEUED),
            ("EIO-PL-07", QUEUED),
            ("EIO-PL-08", QUEUED),
            ("EIO-PL-14", QUEUED),
            ("EIO-PL-15", QUEUED),
            ("EIO-PL-17", QUEUED),
            ("EIO-PL-18", QUEUED),
            ("EIO-UP-08", QUEUED),
            ("EIO-UP-14", QUEUED),
            ("EIO-UP-15", QUEUED),
            ("EIO-UP-16", QUEUED),
            ("EIO-UP-20", QUEUED),
            ("EIO-HB-17", QUEUED),
            ("EIO-CL-06", QUEUED),
            ("EIO-LM-01", QUEUED),
            ("EIO-LM-10", QUEUED),
        ],
        make: || {
            let seen = Mutex::new(HashSet::new());
            hooks::request(move |server, request| {
                let sid = polled(request).filter(|_| request.path == ECHO)?.to_owned();
                let (_, queued) = server.session(&sid)?;
                (queued > 0 && lock(&seen).insert(sid)).then(|| Response::new(200, TEXT, ""))
            })
        },
    },
    Fault {
        name: "po-get-returns-empty",
        requirements: &["EIO-PO-03"],
        breaks: "a GET of an echo session is held for a fifth of a second at most, then answered with a noop",
        also: &[("EIO-UP-08", "its GETs may be held for longer than that")],
        make: || {
            let held = Held::new(|held, server, request, number| {
                let slow = server.config().ping_interval > Duration::from_secs(2);
                if request.path != ECHO || number > 0 || !slow {
                    return None;
                }
                let sid = polled(request)?.to_owned();
                let (held, later) = (held.clone(), server.clone());
                let serial = held.serial(&sid);
                server.start_background_task(async move {
                    later.sleep(Duration::from_millis(200)).await;
                    if held.count(&sid) > 0 && held.serial(&sid) == serial {
                        later.send_frame(&sid, Frame::text("6"));
                    }
                });
                None
            });
            Arc::new(held)
        },
    },
    Fault {
        name: "po-one-packet-per-get",
        requirements: &["EIO-PO-04"],
        breaks: "a GET of an echo session brings one of up to ten messages, the others wait for further GETs",
        also: &[],
        make: || {
            hooks::outward(|view, edge, frames| {
                let message = |frame: &Frame| match frame {
                    Frame::Text(text) => text.starts_with('4'),
                    Frame::Binary(_) => true,
                };
                if edge != Edge::Poll || view.path() != ECHO || !frames.iter().all(message) {
                    return;
                }
                if frames.len() > 10 {
                    return;
                }
                let rest = frames.split_off(1);
                let sid = view.sid().to_owned();
                view.later(move |server| {
                    for frame in rest {
                        server.send_frame(&sid, frame);
                    }
                });
            })
        },
    },
    Fault {
        name: "po-redelivers",
        requirements: &["EIO-PO-05"],
        breaks: "the first text that an echo session fetches by GET comes again with the next GET",
        also: &[
            ("EIO-PO-19", AGAIN),
            ("EIO-PO-20", AGAIN),
            ("EIO-PO-23", AGAIN),
            ("EIO-PO-24", AGAIN),
            ("EIO-PL-04", AGAIN),
            ("EIO-PL-06", AGAIN),
            ("EIO-UP-08", AGAIN),
            ("EIO-UP-15", AGAIN),
            ("EIO-LM-10", AGAIN),
        ],
        make: || {
            let seen = Mutex::new(HashSet::new());
            hooks::outward(move |view, edge, frames| {
                let text = frames
                    .iter()
                    .find(|frame| matches!(frame, Frame::Text(text) if text.starts_with('4')));
                let Some(text) = text.filter(|_| edge == Edge::Poll && view.path() == ECHO) else {
                    return;
                };
                if lock(&seen).insert(view.sid().to_owned()) {
                    let (sid, text) = (view.sid().to_owned(), text.clone());
                    view.later(move |server| server.send_frame(&sid, text));
                }
            })
        },
    },
    Fault {
        name: "po-dup-get-queued",
        requirements: &["EIO-PO-06"],
        breaks: "a second GET beside one that is held is answered 200, while the session is closed",
        also: &[],
        make: || {
            Arc::new(Held::new(|_, server, request, number| {
                let sid = polled(request).filter(|_| number > 0)?;
                server.close_session(sid);
                Some(Response::new(200, TEXT, "6"))
            }))
        },
    },
    Fault {
        name: "po-dup-get-survives",
        requirements: &["EIO-PO-07"],
        breaks: "a second GET beside one that is held is refused, and nothing follows from it",
        also: &[("EIO-PO-08", "the first GET is held on")],
        make: || {
            Arc::new(Held::new(|_, _, request, number| {
                polled(request).filter(|_| number > 0)?;
                Some(hooks::refuse(&Refusal::BadRequest))
            }))
        },
    },
    Fault {
        name: "po-dup-get-first-hangs",
        requirements: &["EIO-PO-08"],
        breaks: "when a second GET closes the session, the first is answered only after five seconds",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Hanging {
                gets: Count,
                doubled: Mutex<HashSet<String>>,
            }
            impl Seams for Hanging {
                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    let sid = polled(request)?;
                    if self.gets.begin(sid) > 0 {
                        lock(&self.doubled).insert(sid.to_owned());
                    }
                    None
                }

                fn response(&self, _: &Server, request: &Request, response: &mut Response) {
                    let Some(sid) = polled(request) else { return };
                    self.gets.end(sid);
                    if response.status == 200 && lock(&self.doubled).contains(sid) {
                        response.delay = Duration::from_secs(5);
                    }
                }
            }
            Arc::new(Hanging::default())
        },
    },
    Fault {
        name: "po-dup-post-accepted",
        requirements: &["EIO-PO-09"],
        breaks: "a second POST beside one that is under way is answered ok",
        also: &[(
            "EIO-PO-10",
            "nothing follows from a POST that is not refused",
        )],
        make: || {
            Arc::new(Held::posts(|_, _, request, number| {
                posted(request).filter(|_| number > 0)?;
                Some(Response::new(200, TEXT, "ok"))
            }))
        },
    },
    Fault {
        name: "po-dup-post-survives",
        requirements: &["EIO-PO-10"],
        breaks: "a second POST beside one that is under way is refused, and nothing follows from it",
        also: &[],
        make: || {
            Arc::new(Held::posts(|_, _, request, number| {
                posted(request).filter(|_| number > 0)?;
                Some(hooks::refuse(&Refusal::BadRequest))
            }))
        },
    },
    Fault {
        name: "po-post-blocked-by-get",
        requirements: &["EIO-PO-11"],
        breaks: "a POST to an echo session is refused while a GET is held",
        also: &[
            ("EIO-PO-03", BESIDE),
            ("EIO-PO-05", BESIDE),
            ("EIO-PO-14", BESIDE),
            ("EIO-PO-19", BESIDE),
            ("EIO-PO-20", BESIDE),
            ("EIO-PL-04", BESIDE),
            ("EIO-PL-06", BESIDE),
            ("EIO-PL-17", BESIDE),
            ("EIO-UP-08", BESIDE),
            ("EIO-CL-06", BESIDE),
            ("EIO-LM-02", BESIDE),
            ("EIO-LM-10", BESIDE),
        ],
        make: || {
            Arc::new(Held::new(|held, _, request, _| {
                let sid = posted(request).filter(|_| request.path == ECHO)?;
                (held.count(sid) > 0).then(|| hooks::refuse(&Refusal::BadRequest))
            }))
        },
    },
    Fault {
        name: "po-post-waits-for-poll",
        requirements: &["EIO-PO-12"],
        breaks: "a POST is answered one and a half seconds late if no GET is held",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Waiting(Count);
            impl Seams for Waiting {
                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    self.0.begin(polled(request)?);
                    None
                }

                fn response(&self, _: &Server, request: &Request, response: &mut Response) {
                    if let Some(sid) = polled(request) {
                        self.0.end(sid);
                    }
                    let alone = posted(request).is_some_and(|sid| self.0.count(sid) == 0);
                    if alone && response.status == 200 {
                        response.delay = Duration::from_millis(1500);
                    }
                }
            }
            Arc::new(Waiting::default())
        },
    },
    Fault {
        name: "po-requires-content-type",
        requirements: &["EIO-PO-13"],
        breaks: "a POST without Content-Type is refused",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                posted(request).filter(|_| !request.headers.contains_key("content-type"))?;
                Some(hooks::refuse(&Refusal::BadRequest))
            })
        },
    },
    Fault {
        name: "po-octet-stream-accepted",
        requirements: &["EIO-PO-14"],
        breaks: "raw bytes in a POST of the type application/octet-stream are a binary message",
        also: &[],
        make: || {
            const MARK: &str = "x-was-octet-stream";
            struct Raw;
            impl Seams for Raw {
                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    if request.header("content-type") == Some("application/octet-stream") {
                        request.headers.remove("content-type");
                        request.headers.insert(MARK, HeaderValue::from_static("1"));
                    }
                    None
                }

                fn body(&self, _: View<'_>, request: &Request, body: &mut Vec<u8>) {
                    if request.headers.contains_key(MARK) {
                        *body = format!("b{}", STANDARD.encode(&*body)).into_bytes();
                    }
                }
            }
            Arc::new(Raw)
        },
    },
    Fault {
        name: "po-chunked-dropped",
        requirements: &["EIO-PO-15"],
        breaks: "a POST whose body comes in chunks is answered ok, and its packets are dropped",
        also: &[],
        make: || {
            hooks::body(|_, request, body| {
                if request.has_token("transfer-encoding", "chunked") {
                    *body = b"6".to_vec();
                }
            })
        },
    },
    Fault {
        name: "po-utf8-split-corrupt",
        requirements: &["EIO-PO-16"],
        breaks: "a POST body that takes its time is decoded piece by piece, which tears characters apart",
        also: &[],
        make: || {
            #[derive(Default)]
            struct Torn(Mutex<HashMap<u64, Instant>>);
            impl Seams for Torn {
                fn request(&self, _: &Server, request: &mut Request) -> Option<Response> {
                    lock(&self.0).insert(request.connection, Instant::now());
                    None
                }

                fn body(&self, _: View<'_>, request: &Request, body: &mut Vec<u8>) {
                    let began = lock(&self.0).remove(&request.connection);
                    if began.is_some_and(|began| began.elapsed() > Duration::from_millis(45)) {
                        let piece = |byte: &u8| {
                            if byte.is_ascii() {
                                char::from(*byte)
                            } else {
                                '\u{fffd}'
                            }
                        };
                        *body = body.iter().map(piece).collect::<String>().into_bytes();
                    }
                }
            }
            Arc::new(Torn::default())
        },
    },
    Fault {
        name: "po-abort-ignored",
        requirements: &["EIO-PO-17"],
        breaks: "a session outlives the TCP connection of its pending GET",
        also: &[],
        make: || {
            hooks::dropped(|_, what| match what {
                Dropped::Poll => Tolerance::Ignore,
                _ => Tolerance::Close,
            })
        },
    },
    Fault {
        name: "po-partial-post-delivered",
        requirements: &["EIO-PO-18"],
        breaks: "what came of a POST whose connection broke is delivered, and the session lives on",
        also: &[],
        make: || {
            struct Partial;
            impl Seams for Partial {
                fn partial_body(&self, _: View<'_>, _: &Request, _: &mut Vec<u8>) -> bool {
                    true
                }

                fn dropped(&self, _: View<'_>, what: Dropped) -> Tolerance {
                    if what == Dropped::Post {
                        Tolerance::Ignore
                    } else {
                        Tolerance::Close
                    }
                }
            }
            Arc::new(Partial)
        },
    },
    Fault {
        name: "po-payload-not-split",
        requirements: &["EIO-PO-19"],
        breaks: "a POST of two packets to an echo session is one packet",
        also: &[],
        make: || {
            hooks::body(|view, _, body| {
                let separators = body.iter().filter(|byte| **byte == 0x1e).count();
                if view.path() == ECHO && separators == 1 {
                    let text = String::from_utf8_lossy(body).replace('\u{1e}', "\n");
                    *body = text.into_bytes();
                }
            })
        },
    },
    Fault {
        name: "po-packet-cap-silent-drop",
        requirements: &["EIO-PO-20"],
        breaks: "of more than a hundred packets in one POST only sixteen are handled, and the answer is ok",
        also: &[],
        make: || {
            hooks::body(|_, _, body| {
                let separators = body.iter().enumerate().filter(|(_, byte)| **byte == 0x1e);
                let ends: Vec<usize> = separators.map(|(end, _)| end).collect();
                if ends.len() > 100 {
                    body.truncate(ends[15]);
                }
            })
        },
    },
    Fault {
        name: "po-octet-stream-response",
        requirements: &["EIO-PO-21"],
        breaks: "payloads are labelled application/octet-stream",
        also: &[],
        make: || {
            hooks::response(|_, request, response| {
                if request.method == "GET"
                    && response
                        .headers
                        .get(header::CONTENT_TYPE)
                        .is_some_and(|kind| kind == TEXT)
                {
                    response.set(header::CONTENT_TYPE, "application/octet-stream");
                }
            })
        },
    },
    Fault {
        name: "po-no-cache-control",
        requirements: &["EIO-PO-22"],
        breaks: "caches are not told to stay away",
        also: &[],
        make: || hooks::without(header::CACHE_CONTROL),
    },
    Fault {
        name: "po-content-length-chars",
        requirements: &["EIO-PO-23"],
        breaks: "an answer to an echo session is cut off after as many bytes as it has characters",
        also: &[],
        make: || {
            hooks::response(|_, request, response| {
                if request.path == ECHO && request.method == "GET" {
                    let characters = String::from_utf8_lossy(&response.body).chars().count();
                    let length = characters.min(response.body.len());
                    response.body = response.body.slice(..length);
                }
            })
        },
    },
    Fault {
        name: "po-gzip-without-header",
        requirements: &["EIO-PO-24"],
        breaks: "a compressed answer does not say that it is",
        also: &[],
        make: || hooks::without(header::CONTENT_ENCODING),
    },
    Fault {
        name: "po-jsonp-500",
        requirements: &["EIO-PO-25"],
        breaks: "a request by JSONP is an error of the server",
        also: &[],
        make: || {
            hooks::request(|_, request| {
                let jsonp = request.query.has("j");
                jsonp.then(|| Response::new(500, "text/plain", "Internal Server Error"))
            })
        },
    },
];

/// Why others fall with `po-get-empty`.
const QUEUED: &str = "its first GET finds something queued";

/// Why others fall with `po-post-blocked-by-get`.
const BESIDE: &str = "it posts to an echo session while a GET is held";

/// Why others fall with `po-redelivers`.
const AGAIN: &str = "it fetches from an echo session more than once";

const TEXT: &str = "text/plain; charset=UTF-8";

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sid of a GET.
fn polled(request: &Request) -> Option<&str> {
    let polling = request.method == "GET" && request.query.get("transport") == Some("polling");
    request.query.get("sid").filter(|_| polling)
}

/// The sid of a POST.
fn posted(request: &Request) -> Option<&str> {
    request
        .query
        .get("sid")
        .filter(|_| request.method == "POST")
}

type Deal = fn(&Count, &Server, &mut Request, usize) -> Option<Response>;

/// How many requests of a session are under way, and how many there were.
#[derive(Clone, Default)]
struct Count(Arc<Mutex<HashMap<String, (usize, usize)>>>);

impl Count {
    fn count(&self, sid: &str) -> usize {
        lock(&self.0).get(sid).map_or(0, |(now, _)| *now)
    }

    fn serial(&self, sid: &str) -> usize {
        lock(&self.0).get(sid).map_or(0, |(_, all)| *all)
    }

    /// One more; how many were under way before it.
    fn begin(&self, sid: &str) -> usize {
        let mut counts = lock(&self.0);
        let (now, all) = counts.entry(sid.to_owned()).or_default();
        *now += 1;
        *all += 1;
        *now - 1
    }

    fn end(&self, sid: &str) {
        if let Some((now, _)) = lock(&self.0).get_mut(sid) {
            *now = now.saturating_sub(1);
        }
    }
}

/// Deals with requests, knowing how many of a session are under way.
struct Held {
    counted: fn(&Request) -> Option<&str>,
    under_way: Count,
    deal: Deal,
}

impl Held {
    /// Counts GETs.
    fn new(deal: Deal) -> Self {
        let under_way = Count::default();
        Self {
            counted: polled,
            under_way,
            deal,
        }
    }

    /// Counts POSTs.
    fn posts(deal: Deal) -> Self {
        Self {
            counted: posted,
            ..Self::new(deal)
        }
    }
}

impl Seams for Held {
    fn request(&self, server: &Server, request: &mut Request) -> Option<Response> {
        let before = (self.counted)(request).map_or(0, |sid| self.under_way.begin(sid));
        (self.deal)(&self.under_way, server, request, before)
    }

    fn response(&self, _: &Server, request: &Request, _: &mut Response) {
        if let Some(sid) = (self.counted)(request) {
            self.under_way.end(sid);
        }
    }
}
