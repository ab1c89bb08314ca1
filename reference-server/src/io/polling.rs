//! HTTP long-polling: the handshake, the GET that waits, the POST that brings.

use super::driver;
use super::router::{Connection, Manner, admit};
use crate::engine::EngineApp;
use crate::exchange::{Request, Response};
use crate::link::Link;
use crate::refusal::Refusal;
use crate::seams::{Dropped, Tolerance};
use crate::session::{Edge, Frame, Input, Output, Session, Source, close_code};
use crate::sid;
use crate::trace::Step;
use crate::wire;
use bytes::Bytes;
use bytestring::ByteString;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::header::{self, HeaderValue};
use std::future::poll_fn;
use std::io::Write;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// The type of every payload (EIO-PO-21).
const TEXT: &str = "text/plain; charset=UTF-8";

/// How much of a refused body is read and thrown away, and for how long, so that the client gets to read why.
const DRAIN: (usize, Duration) = (1 << 20, Duration::from_secs(2));

/// Opens a session.
pub(crate) fn open(
    connection: &Arc<Connection>,
    request: &Request,
    manner: Manner,
    engine: Option<Arc<dyn EngineApp>>,
) -> Result<Response, Refusal> {
    let core = &connection.core;
    let handshake = admit(core, request)?;
    let now = core.now();
    let session = Session::polling(core.config.clone(), now);
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
    let mut frames = vec![wire::open(&link, true)];
    // EIO-HS-20
    frames.extend(greeting.map(|text| wire::message_frame(crate::session::Message::Text(text))));
    if let Some(seams) = &core.seams {
        seams.outward(link.view(), Edge::Poll, &mut frames);
    }
    // EIO-HS-12: it can be found before the client knows of it.
    core.links.insert(&link);
    connection
        .tokio
        .background
        .spawn(driver::drive(link.clone()));
    let mut response = payload(&link, &frames, manner.gzip);
    if let Some(cookie) = &core.config.cookie {
        response.set(
            header::SET_COOKIE,
            format!("{cookie}={}; Path=/; HttpOnly; SameSite=Lax", link.sid),
        );
    }
    Ok(response)
}

/// A GET: waits for something to say (EIO-PO-03).
pub(crate) async fn get(manner: Manner, link: Arc<Link>) -> Result<Response, Refusal> {
    let mut pending = Pending {
        link: Some(link.clone()),
        asks: Asks::Get,
        started: false,
    };
    if link.state().session.is_upgrading() {
        // The packet that completes the upgrade may be waiting to be read on the other connection.
        give_way().await;
    }
    pending.started = true;
    if let Err(refusal) = link.handle(Input::PollStarted, link.core.now()) {
        pending.link = None;
        return Err(refusal);
    }
    let mut frames = poll_fn(|context| {
        let mut state = link.state();
        if let Some(Output::Answer(frames)) = state.session.poll_output(Edge::Poll) {
            return Poll::Ready(frames);
        }
        state.wakers.poll = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
    pending.link = None;
    if link.state().session.is_over() {
        link.core.links.remove(&link.sid);
    }
    if let Some(seams) = &link.core.seams {
        seams.outward(link.view(), Edge::Poll, &mut frames);
    }
    Ok(payload(&link, &frames, manner.gzip))
}

/// Tells the session when hyper drops a request because its connection is gone.
struct Pending {
    link: Option<Arc<Link>>,
    asks: Asks,
    /// Whether the session knows of the request already.
    started: bool,
}

enum Asks {
    Get,
    Post,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            let (what, dropped) = match self.asks {
                Asks::Get => (Dropped::Poll, Input::PollDropped),
                Asks::Post => (Dropped::Post, Input::PostDropped),
            };
            let tolerance = link
                .core
                .seams
                .as_ref()
                .map(|seams| seams.dropped(link.view(), what));
            if tolerance == Some(Tolerance::Ignore) {
                return;
            }
            if !self.started {
                let _ = link.handle(Input::PollStarted, link.core.now());
            }
            // What became of it is nobody's to hear.
            let _ = link.handle(dropped, link.core.now());
        }
    }
}

/// A POST: its packets one after the other (EIO-PO-19).
pub(crate) async fn post(
    request: &Request,
    manner: Manner,
    link: Arc<Link>,
    body: Incoming,
) -> Result<Response, Refusal> {
    link.handle(Input::PostStarted, link.core.now())?;
    let mut pending = Pending {
        link: Some(link.clone()),
        asks: Asks::Post,
        started: true,
    };
    let config = &link.core.config;
    let patience = config.ping_interval + config.ping_timeout;
    let read = tokio::time::timeout(patience, read(body, config.max_payload)).await;
    if link.state().session.may_be_overtaken() {
        give_way().await;
    }
    let outcome = match read {
        // Closed meanwhile, by a second POST for instance: then nothing of it is delivered, and nobody says it was.
        Ok(Ok(_)) if !link.state().session.is_open() => Err(Refusal::SessionUnknown),
        Ok(Ok(body)) => take(request, &link, body, manner.octets),
        Ok(Err(Unread::TooLarge(rest))) => {
            link.core.surroundings.spawn(Box::pin(drain(rest)));
            Err(Refusal::TooLarge)
        }
        // EIO-PO-18: dropping `pending` ends the session.
        Ok(Err(Unread::Broken(mut partial))) => {
            let seams = link.core.seams.as_ref();
            if seams.is_some_and(|seams| seams.partial_body(link.view(), request, &mut partial)) {
                let _ = take(request, &link, partial, manner.octets);
            }
            return Err(Refusal::BadRequest);
        }
        Err(_) => return Err(Refusal::BadRequest),
    };
    pending.link = None;
    // The session takes note, and has nothing to refuse.
    let _ = link.handle(Input::PostFinished, link.core.now());
    outcome?;
    // EIO-PO-01, EIO-HD-12
    Ok(Response::new(200, TEXT, "ok").not_stored())
}

/// Lets other connections have their turn first.
///
/// One client speaks on several connections at once, and they are tasks of their own here: what it sent before on
/// another one shall not be overtaken. A GET during an upgrade lets the WebSocket pass, a POST lets a GET pass that is
/// not there yet.
pub(super) async fn give_way() {
    const TURNS: u8 = 3;
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

enum Unread {
    TooLarge(Incoming),
    Broken(Vec<u8>),
}

/// Reads a body up to the limit, in bytes (EIO-LM-03), and not a piece further (EIO-LM-04).
async fn read(mut body: Incoming, limit: usize) -> Result<Vec<u8>, Unread> {
    let announced = hyper::body::Body::size_hint(&body).lower();
    if announced > limit as u64 {
        return Err(Unread::TooLarge(body));
    }
    let mut read = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame
            .map_err(drop)
            .and_then(|frame| frame.into_data().map_err(drop))
        else {
            return Err(Unread::Broken(read));
        };
        if read.len() + data.len() > limit {
            return Err(Unread::TooLarge(body));
        }
        read.extend_from_slice(&data);
    }
    Ok(read)
}

async fn drain(mut body: Incoming) {
    let (limit, patience) = DRAIN;
    let all = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > limit {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(patience, all).await;
}

/// Gives the packets of a body to the session.
fn take(
    request: &Request,
    link: &Arc<Link>,
    mut body: Vec<u8>,
    octets: bool,
) -> Result<(), Refusal> {
    if let Some(seams) = &link.core.seams {
        seams.body(link.view(), request, &mut body);
    }
    // EIO-PO-14, EIO-PL-15
    let body = match String::from_utf8(body) {
        Ok(body) if !octets => ByteString::from(body),
        Ok(body) => return malformed(link, body.as_bytes()),
        Err(error) => return malformed(link, error.as_bytes()),
    };
    for packet in wire::payload(&body, link.core.config.leniency) {
        let Ok(packet) = packet else {
            malformed(link, body.as_bytes())?;
            continue;
        };
        link.core
            .trace(link, || Step::EngineIn(wire::show_packet(&packet)));
        let mut packets = Vec::new();
        match &link.core.seams {
            None => packets.push(packet),
            Some(seams) => seams.inward(link.view(), Source::Post, packet, &mut packets),
        }
        for packet in packets {
            match link.handle(Input::Received(Source::Post, packet), link.core.now()) {
                Ok(()) => {}
                // EIO-CL-02, EIO-CL-05: it was well until it closed, and nothing behind that counts.
                Err(Refusal::SessionUnknown) => return Ok(()),
                Err(refusal) => return Err(refusal),
            }
        }
    }
    Ok(())
}

fn malformed(link: &Arc<Link>, raw: &[u8]) -> Result<(), Refusal> {
    let tolerance = link
        .core
        .seams
        .as_ref()
        .map(|seams| seams.malformed(link.view(), Source::Post, raw));
    if tolerance == Some(Tolerance::Ignore) {
        return Ok(());
    }
    link.handle(
        Input::Malformed(Source::Post, close_code::PROTOCOL),
        link.core.now(),
    )
}

/// An answer with these packets, compressed where the client takes it and it pays (EIO-PO-24).
fn payload(link: &Link, frames: &[Frame], gzip: bool) -> Response {
    for frame in frames {
        link.core
            .trace(link, || Step::EngineOut(wire::show_frame(frame)));
    }
    let body = wire::encode_payload(frames);
    let config = &link.core.config;
    // EIO-PO-22
    let response = Response::new(200, TEXT, body.clone()).not_stored();
    if body.len() < config.compression_threshold || !gzip {
        return response;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::fast());
    let compressed = encoder.write_all(&body).and_then(|()| encoder.finish());
    match compressed {
        Ok(compressed) => {
            let response = Response {
                body: compressed.into(),
                ..response
            };
            response
                .with(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))
                .with(header::VARY, HeaderValue::from_static("Accept-Encoding"))
        }
        // Writing into memory does not fail; if it did, the payload is right as it is.
        Err(_) => response,
    }
}
