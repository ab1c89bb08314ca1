//! From an HTTP request to whoever answers it, or the refusal.

use super::clock::Tokio;
use super::handshake::{self, Accepted};
use super::polling;
use crate::config::Cors;
use crate::engine::EngineApp;
use crate::exchange::{Query, Request, Response};
use crate::link::{Handshake, Link};
use crate::refusal::Refusal;
use crate::server::Server;
use crate::shared::Core;
use crate::trace::Step;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::http::Method;
use std::convert::Infallible;
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

/// Answers one request.
pub(crate) async fn handle(
    connection: Arc<Connection>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let raw_query = head.uri.query().unwrap_or("").to_owned();
    let mut request = Request {
        connection: connection.number,
        method: head.method,
        path: head.uri.path().to_owned(),
        query: Query::parse(&raw_query),
        raw_query,
        headers: head.headers,
    };
    let core = &connection.core;
    core.trace_tcp(connection.number, || {
        Step::HttpRequest(format!(
            "{} {}?{}",
            request.method, request.path, request.raw_query
        ))
    });
    let early = core
        .seams
        .as_ref()
        .and_then(|seams| seams.request(&Server(core.clone()), &mut request));
    let mut response = match early {
        Some(response) => response,
        None => answer(&connection, &request, body).await,
    };
    if let Some(seams) = &core.seams {
        seams.response(&Server(core.clone()), &request, &mut response);
        if response.status != 101 {
            connection.take_websocket();
        }
        match response.delay {
            Duration::ZERO => {}
            Duration::MAX => std::future::pending().await,
            delay => core.surroundings.sleep(delay).await,
        }
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

fn write(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut builder = hyper::Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(response.body)).unwrap_or_else(|_| {
        let mut response = hyper::Response::new(Full::default());
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

async fn answer(connection: &Arc<Connection>, request: &Request, body: Incoming) -> Response {
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
        route(connection, request, body, engine)
            .await
            .unwrap_or_else(|refusal| refuse(&refusal))
    };
    if response.status != 101 {
        cors(&core.config.cors, request, &mut response);
    }
    // EIO-HD-13
    if request
        .header("user-agent")
        .is_some_and(|agent| agent.contains(";MSIE") || agent.contains("Trident/"))
    {
        response.set("x-xss-protection", "0");
    }
    response
}

/// What a request asks of the engine.
async fn route(
    connection: &Arc<Connection>,
    request: &Request,
    body: Incoming,
    engine: Option<Arc<dyn EngineApp>>,
) -> Result<Response, Refusal> {
    let websocket = match request.query.get("transport") {
        Some("polling") => false,
        Some("websocket") => true,
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
        (None, false, _) => polling::open(connection, request, engine),
        (Some(link), false, "GET") => polling::get(request, link).await,
        (Some(link), false, "POST") => polling::post(request, link, body).await,
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
    Response::new(refusal.status(), "application/json", refusal.body())
        .with("cache-control", "no-store")
}

/// EIO-HD-02
fn preflight(request: &Request) -> Response {
    let headers = request
        .header("access-control-request-headers")
        .unwrap_or("content-type");
    Response::empty(204)
        .with("access-control-allow-methods", "GET,POST,OPTIONS")
        .with("access-control-allow-headers", headers)
}

/// EIO-HD-01, and on refusals as well (EIO-HD-03).
fn cors(cors: &Cors, request: &Request, response: &mut Response) {
    match (cors, request.header("origin")) {
        (Cors::Any, _) => response.set("access-control-allow-origin", "*"),
        (Cors::Only(origins), Some(origin)) if origins.iter().any(|allowed| allowed == origin) => {
            response.set("access-control-allow-origin", origin);
            response.set("vary", "Origin");
        }
        (Cors::Only(_), _) => response.set("vary", "Origin"),
        (Cors::Off, _) => {}
    }
}
