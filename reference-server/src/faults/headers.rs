//! Faults of headers (EIO-HD).

use super::{Fault, hooks};
use crate::config::Cors;
use crate::exchange::{Request, Response};
use crate::seams::Seams;
use crate::server::Server;
use hyper::http::header::{self, ACCESS_CONTROL_ALLOW_ORIGIN as ALLOWED};
use std::sync::Arc;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "hd-no-acao",
        requirements: &["EIO-HD-01"],
        breaks: "with CORS for everybody, the answer to a GET allows no origin",
        also: &[],
        make: || answers(|request, response| request.method == "GET" && response.status == 200),
    },
    Fault {
        name: "hd-preflight-400",
        requirements: &["EIO-HD-02"],
        breaks: "a preflight is refused although CORS is on",
        also: &[],
        make: || {
            hooks::response(|server, request, response| {
                if request.method == "OPTIONS" && server.config().cors != Cors::Off {
                    response.status = 400;
                }
            })
        },
    },
    Fault {
        name: "hd-no-acao-on-error",
        requirements: &["EIO-HD-03"],
        breaks: "with CORS for everybody, a refusal allows no origin",
        also: &[],
        make: || answers(|_, response| response.status >= 400),
    },
    Fault {
        name: "hd-no-acao-on-post",
        requirements: &["EIO-HD-04"],
        breaks: "with CORS for everybody, the answer to a POST allows no origin",
        also: &[],
        make: || answers(|request, _| request.method == "POST"),
    },
    Fault {
        name: "hd-reflects-any-origin",
        requirements: &["EIO-HD-05"],
        breaks: "an origin that is not on the list is allowed as if it were",
        also: &[],
        make: || {
            hooks::response(|server, request, response| {
                let listed = matches!(server.config().cors, Cors::Only(_));
                if let Some(origin) = request.header("origin").filter(|_| listed) {
                    response.set(ALLOWED, origin);
                }
            })
        },
    },
    Fault {
        name: "hd-credentials-with-star",
        requirements: &["EIO-HD-06"],
        breaks: "credentials are allowed together with the origin *",
        also: &[],
        make: || {
            hooks::response(|_, _, response| {
                if response
                    .headers
                    .get(ALLOWED)
                    .is_some_and(|allowed| allowed == "*")
                {
                    response.set(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
                }
            })
        },
    },
    Fault {
        name: "hd-cors-default-open",
        requirements: &["EIO-HD-07"],
        breaks: "every origin is allowed although nobody asked for CORS",
        also: &[],
        make: || {
            hooks::response(|server, request, response| {
                if server.config().cors == Cors::Off && request.headers.contains_key("origin") {
                    response.set(ALLOWED, "*");
                }
            })
        },
    },
    Fault {
        name: "hd-cookie-by-default",
        requirements: &["EIO-HD-08"],
        breaks: "a handshake sets a cookie though nobody asked for one",
        also: &[],
        make: || {
            hooks::response(|server, request, response| {
                let handshake =
                    request.query.get("sid").is_none() && response.body.starts_with(b"0");
                if handshake && server.config().cookie.is_none() {
                    response.set(header::SET_COOKIE, "io=1");
                }
            })
        },
    },
    Fault {
        name: "hd-cookie-every-response",
        requirements: &["EIO-HD-09"],
        breaks: "every answer of a session sets the cookie again",
        also: &[],
        make: || {
            hooks::response(|server, request, response| {
                if let (Some(cookie), Some(sid)) =
                    (&server.config().cookie, request.query.get("sid"))
                {
                    response.set(header::SET_COOKIE, format!("{cookie}={sid}"));
                }
            })
        },
    },
    Fault {
        name: "hd-reflects-control-chars",
        requirements: &["EIO-HD-10"],
        breaks: "an origin is sent back with the control characters in it",
        also: &[],
        make: || {
            struct Reflecting;
            impl Seams for Reflecting {
                fn response(&self, server: &Server, request: &Request, response: &mut Response) {
                    let origin = request.headers.get("origin");
                    let origin =
                        origin.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
                    let odd = |origin: &str| origin.chars().any(char::is_control);
                    if let Some(origin) = origin.filter(|origin| odd(origin))
                        && server.config().cors == Cors::Any
                    {
                        response.set(ALLOWED, origin);
                    }
                }
            }
            Arc::new(Reflecting)
        },
    },
    Fault {
        name: "hd-reflected-xss",
        requirements: &["EIO-HD-11"],
        breaks: "a refusal is a page that repeats the query as it stands",
        also: &[],
        make: || {
            hooks::response(|_, request, response| {
                let markup = |value: &str| value.contains('<');
                let found = request.query.0.iter().find(|(_, value)| markup(value));
                if let Some((_, value)) = found.filter(|_| response.status == 400) {
                    response.body = format!("<p>what is {value}?</p>").into();
                    response.set(header::CONTENT_TYPE, "text/html");
                }
            })
        },
    },
    Fault {
        name: "hd-ok-octet-stream",
        requirements: &["EIO-HD-12"],
        breaks: "the ok of a POST is labelled application/octet-stream",
        also: &[],
        make: || {
            hooks::response(|_, _, response| {
                if &response.body[..] == b"ok" {
                    response.set(header::CONTENT_TYPE, "application/octet-stream");
                }
            })
        },
    },
    Fault {
        name: "hd-no-xss-header",
        requirements: &["EIO-HD-13"],
        breaks: "an old Internet Explorer is not told to leave out its filter",
        also: &[],
        make: || hooks::without(header::X_XSS_PROTECTION),
    },
];

/// These answers allow no origin where every origin is allowed.
fn answers(which: fn(&Request, &Response) -> bool) -> Arc<dyn Seams> {
    hooks::response(move |server, request, response| {
        if server.config().cors == Cors::Any && which(request, response) {
            response.headers.remove(ALLOWED);
        }
    })
}
