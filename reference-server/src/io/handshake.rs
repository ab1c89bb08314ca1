//! The handshake of WebSockets: those that open a session, and those that want to carry one.

use super::router::{Connection, admit};
use crate::engine::EngineApp;
use crate::exchange::{Request, Response};
use crate::link::Link;
use crate::refusal::Refusal;
use crate::session::{Input, Message, Session, SocketId};
use crate::{sid, wire};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::http::Method;
use hyper::http::header::{self, HeaderValue};
use sha1::{Digest, Sha1};
use std::sync::Arc;

/// RFC 6455, section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A connection that becomes a WebSocket after its 101.
pub(crate) struct Accepted {
    pub(crate) link: Arc<Link>,
    pub(crate) socket: SocketId,
}

/// Opens a session on a WebSocket (EIO-HS-08).
pub(crate) fn open(
    connection: &Arc<Connection>,
    request: &Request,
    engine: Option<Arc<dyn EngineApp>>,
) -> Result<Response, Refusal> {
    let core = &connection.core;
    let accept = accept(request)?;
    if let Err(response) = accept {
        return Ok(response);
    }
    let handshake = admit(core, request)?;
    let now = core.now();
    let socket = SocketId(0);
    let session = Session::websocket(core.config.clone(), socket, now);
    let greeting = engine.as_ref().and_then(|app| app.greeting());
    let link = Link::new(
        core.clone(),
        sid::engine(),
        handshake,
        connection.number,
        session,
        engine,
        now,
    );
    core.links.insert(&link);
    let open = wire::open(&link, false);
    let _ = link.state().session.handle(
        Input::Send {
            first: open,
            rest: Vec::new(),
            volatile: false,
        },
        now,
    );
    if let Some(text) = greeting {
        link.send_message(Message::Text(text));
    }
    connection.become_websocket(Accepted { link, socket });
    Ok(accept.unwrap_or_else(|response| response))
}

/// Takes a WebSocket for a session that there is (EIO-UP).
pub(crate) fn upgrade(
    connection: &Arc<Connection>,
    request: &Request,
    link: Arc<Link>,
) -> Result<Response, Refusal> {
    let accept = accept(request)?;
    if accept.is_ok() {
        let socket = link.next_socket();
        match link.handle(Input::SocketOpened(socket), link.core.now()) {
            // The session closes the one it does not want, as soon as it is one.
            Ok(()) | Err(Refusal::BadRequest) => {}
            Err(refusal) => return Err(refusal),
        }
        connection.become_websocket(Accepted { link, socket });
    }
    Ok(accept.unwrap_or_else(|response| response))
}

/// The 101, or the answer to a version that nobody speaks (EIO-QE-24, EIO-WS-22).
fn accept(request: &Request) -> Result<Result<Response, Response>, Refusal> {
    if request.header("sec-websocket-version") != Some("13") {
        let response = Response::new(426, "text/plain; charset=UTF-8", "Upgrade Required");
        return Ok(Err(response.with(
            header::SEC_WEBSOCKET_VERSION,
            HeaderValue::from_static("13"),
        )));
    }
    let key = request
        .header("sec-websocket-key")
        .ok_or(Refusal::BadRequest)?;
    if request.method != Method::GET || !STANDARD.decode(key).is_ok_and(|key| key.len() == 16) {
        return Err(Refusal::BadRequest);
    }
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let mut response = Response::empty(101)
        .with(header::CONNECTION, HeaderValue::from_static("Upgrade"))
        .with(header::UPGRADE, HeaderValue::from_static("websocket"));
    response.set(header::SEC_WEBSOCKET_ACCEPT, STANDARD.encode(digest));
    Ok(Ok(response))
}
