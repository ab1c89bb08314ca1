//! From an HTTP request to whoever answers it, or the refusal.

use super::clock::Tokio;
use super::handshake::{self, Accepted};
use super::polling;
use crate::config::Cors;
use crate::engine::EngineApp;
use crate::exchange::{Query, Request, Response};
use crate::handler::Work;
use crate::link::{Handshake, Link};
use crate::refusal::Refusal;
use crate::server::Server;
use crate::shared::Core;
use crate::trace::Step;
use bytes::Bytes;
use bytestring::ByteString;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::http::header::{self, HeaderName, HeaderValue};
use hyper::http::{HeaderMap, Method};
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The path of Socket.IO (EIO-HS-16).
const SOCKET_IO: &str = "/socket.io/";

/// One TCP connection while it speaks HTTP.
pub(crate) struct Connection {
    pub(crate) core: Arc<Core>,
    pub(crate) tokio: Arc<Tokio>,
    pub(crate) number: u64,
    websocket: Mutex<Option<Accepted>>,
}

impl Connection {
    pub(crate) fn new(core: Arc<Core>, tokio: Arc<Tokio>, number: u64) -> Self {
        Self {
            core,
            tokio,
            number,
            websocket: Mutex::new(None),
        }
    }

    /// The WebSocket that this connection is to become.
    pub(crate) fn take_websocket(&self) -> Option<Accepted> {
        self.websocket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// From the next byte on this connection is that WebSocket.
    pub(crate) fn become_websocket(&self, accepted: Accepted) {
        *self
            .websocket
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(accepted);
    }
}

/// Answers one request. What hyper gave is taken apart before the future is made, which is to be small: each request
/// has one.
pub(crate) fn handle(
    connection: Arc<Connection>,
    request: hyper::Request<Incoming>,
) -> impl Future<Output = Result<hyper::Response<Full<Bytes>>, Infallible>> {
    let (head, body) = request.into_parts();
    let mut request = read(connection.number, head);
    let core = &connection.core;
    core.trace_tcp(connection.number, || {
        Step::HttpRequest(format!(
            "{} {}?{}",
            request.method, request.path, request.raw_query
        ))
    });
    let early = core.seams.as_ref().and_then(|seams| {
        let early = seams.request(&Server(core.clone()), &mut request)?;
        Some(Box::new(early))
    });
    let manner = Manner::of(&request);
    let owed = owed(&core.config.cors, &request);
    if core.seams.is_none() && !request.wants_websocket() && request.method != Method::OPTIONS {
        // hyper reads on into the same memory, instead of taking more, once nobody holds the head of the last request.
        request.headers = HeaderMap::new();
    }
    async move {
        let mut response = if let Some(response) = early {
            *response
        } else {
            answer(&connection, &request, manner, &owed, body).await
        };
        let core = &connection.core;
        if core.seams.is_some() {
            differ(&connection, &request, &mut response).await;
        }
        if core.is_forgotten() {
            // This task is about to be ended: it has just not come to that.
            std::future::pending::<()>().await;
        }
        core.trace_tcp(connection.number, || {
            Step::HttpResponse(format!(
                "{} {}",
                response.status,
                String::from_utf8_lossy(&response.body)
            ))
        });
        Ok(write(response))
    }
}

/// Lets a fault change the answer, and hold it back.
fn differ(connection: &Connection, request: &Request, response: &mut Response) -> Work {
    let core = &connection.core;
    if let Some(seams) = &core.seams {
        seams.response(&Server(core.clone()), request, response);
    }
    if response.status != 101 {
        connection.take_websocket();
    }
    match response.delay {
        Duration::ZERO => Box::pin(std::future::ready(())),
        Duration::MAX => Box::pin(std::future::pending()),
        delay => core.surroundings.sleep(delay),
    }
}

/// The head of a request, apart from its headers no longer in the memory that it was read into.
fn read(connection: u64, head: hyper::http::request::Parts) -> Request {
    let raw_query = ByteString::from(head.uri.query().unwrap_or(""));
    Request {
        connection,
        method: head.method,
        path: head.uri.path().to_owned(),
        query: Query::parse(&raw_query),
        raw_query,
        headers: head.headers,
    }
}

fn write(response: Response) -> hyper::Response<Full<Bytes>> {
    let status = hyper::StatusCode::from_u16(response.status);
    let mut written = hyper::Response::new(Full::new(response.body));
    *written.status_mut() = status.unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    *written.headers_mut() = response.headers;
    written
}

/// What the headers of a request say to those who answer it by polling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Whether the client takes compressed payloads.
    pub(crate) gzip: bool,
    /// Whether the body is called raw bytes.
    pub(crate) octets: bool,
}

impl Manner {
    fn of(request: &Request) -> Self {
        Self {
            gzip: request.has_token("accept-encoding", "gzip"),
            octets: request
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("application/octet-stream")),
        }
    }
}

async fn answer(
    connection: &Arc<Connection>,
    request: &Request,
    manner: Manner,
    owed: &[(HeaderName, HeaderValue)],
    body: Incoming,
) -> Response {
    let core = &connection.core;
    let engine = core
        .engines
        .iter()
        .find(|(path, _)| *path == request.path)
        .map(|(_, app)| app.clone());
    if engine.is_none() && request.path != SOCKET_IO {
        return match core.pages.get(&request.path) {
            Some(page) if request.method == Method::GET => {
                Response::new(200, "application/json", page(&Server(core.clone())))
            }
            _ => Response::new(404, "text/plain; charset=UTF-8", "Not Found"),
        };
    }
    let mut response = if request.method == Method::OPTIONS && core.config.cors != Cors::Off {
        preflight(request)
    } else {
        route(connection, request, manner, body, engine)
            .await
            .unwrap_or_else(|refusal| refuse(&refusal))
    };
    if response.status != 101 {
        for (name, value) in owed {
            response.headers.append(name, value.clone());
        }
    }
    response
}

/// What a request asks of the engine.
async fn route(
    connection: &Arc<Connection>,
    request: &Request,
    manner: Manner,
    body: Incoming,
    engine: Option<Arc<dyn EngineApp>>,
) -> Result<Response, Refusal> {
    let offered = &connection.core.config.transports;
    let websocket = match request.query.get("transport") {
        Some("polling") if offered.polling => false,
        Some("websocket") if offered.websocket => true,
        // EIO-QE-04 to EIO-QE-06, EIO-QE-29
        _ => return Err(Refusal::TransportUnknown),
    };
    // EIO-QE-01 to EIO-QE-03, EIO-QE-21, EIO-QE-30
    if request.query.get("EIO") != Some("4") {
        return Err(Refusal::UnsupportedVersion);
    }
    let session = match request.query.get("sid") {
        Some(sid) => Some(find(&connection.core, sid, &request.path)?),
        None => None,
    };
    match (session, websocket, request.method.as_str()) {
        (None, _, method) if method != "GET" => Err(Refusal::BadHandshakeMethod),
        // EIO-QE-07, EIO-QE-16
        (_, true, _) if !request.wants_websocket() => Err(Refusal::BadRequest),
        (None, true, _) => handshake::open(connection, request, engine),
        (Some(link), true, "GET") => handshake::upgrade(connection, request, link),
        (None, false, _) => polling::open(connection, request, manner, engine),
        (Some(link), false, "GET") => polling::get(manner, link).await,
        // Apart, because it is large: a GET may wait for long.
        (Some(link), false, "POST") => Box::pin(polling::post(request, manner, link, body)).await,
        // EIO-QE-18
        (Some(_), ..) => Err(Refusal::BadRequest),
    }
}

/// A session, which belongs to the path that it was opened on. Asking for an unknown one leaves no trace (EIO-QE-14).
fn find(core: &Core, sid: &str, path: &str) -> Result<Arc<Link>, Refusal> {
    core.links
        .get(sid)
        .filter(|link| link.handshake.path == path)
        .ok_or(Refusal::SessionUnknown)
}

/// Whether the application lets the client in (EIO-QE-19).
pub(crate) fn admit(core: &Core, request: &Request) -> Result<Handshake, Refusal> {
    let handshake = Handshake {
        path: request.path.clone(),
        query: request.raw_query.clone(),
    };
    if let Some(admission) = &core.admission {
        admission(&handshake).map_err(Refusal::Forbidden)?;
    }
    Ok(handshake)
}

fn refuse(refusal: &Refusal) -> Response {
    Response::new(refusal.status(), "application/json", refusal.body()).not_stored()
}

/// EIO-HD-02
fn preflight(request: &Request) -> Response {
    let headers = request.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let headers = headers
        .cloned()
        .unwrap_or_else(|| HeaderValue::from_static("content-type"));
    Response::empty(204)
        .with(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET,POST,OPTIONS"),
        )
        .with(header::ACCESS_CONTROL_ALLOW_HEADERS, headers)
}

/// The headers that an answer owes to its request, whatever it says: refusals allow origins as well (EIO-HD-03).
fn owed(cors: &Cors, request: &Request) -> Vec<(HeaderName, HeaderValue)> {
    let mut owed = Vec::new();
    // EIO-HD-01
    match (cors, request.headers.get(header::ORIGIN)) {
        (Cors::Any, _) => owed.push((
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            HeaderValue::from_static("*"),
        )),
        (Cors::Only(origins), origin) => {
            if let Some(origin) =
                origin.filter(|origin| origins.iter().any(|allowed| *origin == allowed))
            {
                // A copy, because hyper reads on into where the origin stands.
                if let Ok(origin) = HeaderValue::from_bytes(origin.as_bytes()) {
                    owed.push((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin));
                }
            }
            owed.push((header::VARY, HeaderValue::from_static("Origin")));
        }
        (Cors::Off, _) => {}
    }
    // EIO-HD-13
    if request
        .header("user-agent")
        .is_some_and(|agent| agent.contains(";MSIE") || agent.contains("Trident/"))
    {
        owed.push((header::X_XSS_PROTECTION, HeaderValue::from_static("0")));
    }
    owed
}
