//! The task that carries frames between a WebSocket and its session.

use super::frames::{Frames, Ground};
use super::handshake::Accepted;
use super::wire::Wire;
use crate::link::{Link, State};
use crate::seams::{Dropped, Tolerance};
use crate::session::{Edge, Frame, Input, Output, SocketId, Source, close_code};
use crate::trace::Step;
use crate::wire;
use bytes::Bytes;
use bytestring::ByteString;
use siospec_codec::engine::OwnedPacket;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame as WsFrame, Utf8Bytes};
use tokio_tungstenite::tungstenite::{Error, Message as WsMessage};

/// How long a closed connection is still read, so that the client gets to read why.
const LINGER: Duration = Duration::from_millis(500);

/// Frames taken from one socket before others get their turn.
const TURN: usize = 64;

/// Bytes waiting for a client above which nothing more is read from it.
const BACKLOG: usize = 1 << 20;

/// Small, since most connections are idle most of the time; a larger message grows the buffer while it lasts.
const READ_BUFFER: usize = 2 << 10;
const WRITE_BUFFER: usize = 16 << 10;

/// Carries frames until the WebSocket ends.
pub(crate) async fn serve(stream: TcpStream, read: Bytes, accepted: Accepted) {
    let Accepted { link, socket } = accepted;
    match link.core.seams.clone().filter(|seams| seams.sees_wire()) {
        None => carry(stream, read, link, socket).await,
        Some(_) => {
            let wire = Wire::new(stream, link.clone(), &read);
            carry(wire, Bytes::new(), link, socket).await;
        }
    }
}

async fn carry<S: Ground>(stream: S, read: Bytes, link: Arc<Link>, socket: SocketId) {
    let mut limits = (link.core.config.max_payload, link.core.config.max_payload);
    if let Some(seams) = &link.core.seams {
        seams.websocket_limits(&mut limits);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        // EIO-LM-06 to EIO-LM-08
        .max_frame_size(Some(limits.0))
        .max_message_size(Some(limits.1));
    // A copy: what was read keeps all of the buffer that HTTP read into, for as long as this connection lives.
    let first = read.to_vec();
    drop(read);
    let sleep = Box::pin(tokio::time::sleep_until(link.core.now().into()));
    let mut carrier = Carrier {
        frames: Frames::new(stream, first, config),
        socket,
        link,
        sleep,
        alarm: None,
        armed: false,
        looking: false,
        gathering: false,
        closing: false,
        closed: false,
        ended: false,
    };
    poll_fn(|context| carrier.poll(context)).await;
    let Carrier {
        frames,
        link,
        closed,
        ..
    } = carrier;
    link.state().wakers.forget(socket);
    let what = Dropped::Socket { closed };
    let tolerance = link
        .core
        .seams
        .as_ref()
        .map(|seams| seams.dropped(link.view(), what));
    if tolerance != Some(Tolerance::Ignore) {
        // Whatever ended it; the session may know already.
        let _ = link.handle(Input::SocketClosed(socket), link.core.now());
    }
    if link.state().session.is_over() {
        link.core.links.remove(&link.sid);
    }
    drop(link);
    linger(&mut frames.into_inner()).await;
}

/// The connection of a WebSocket was lost before the first frame.
pub(crate) fn lost(accepted: &Accepted) {
    let Accepted { link, socket } = accepted;
    // Whatever it answers, there is nobody to be told.
    let _ = link.handle(Input::SocketClosed(*socket), link.core.now());
    if link.state().session.is_over() {
        link.core.links.remove(&link.sid);
    }
}

/// Says that nothing more comes, and reads on for a little: closing with unread data would destroy what was sent last.
pub(crate) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut waste = [0; 1024];
    let rest = async { while stream.read(&mut waste).await.is_ok_and(|read| read > 0) {} };
    let _ = tokio::time::timeout(LINGER, rest).await;
}

/// One WebSocket and its session.
struct Carrier<S> {
    frames: Frames<S>,
    socket: SocketId,
    link: Arc<Link>,
    sleep: Pin<Box<Sleep>>,
    /// When `sleep` ends.
    alarm: Option<Instant>,
    /// `sleep` knows whom to wake.
    armed: bool,
    /// `sleep` has ended, and the sockets are looked at once more.
    looking: bool,
    /// What was due has waited for a turn.
    gathering: bool,
    /// A close frame went out; its answer is awaited.
    closing: bool,
    /// The client sent a close frame.
    closed: bool,
    /// Nothing more can be read.
    ended: bool,
}

impl<S: Ground> Carrier<S> {
    /// Carries what there is to carry, both ways; ready when the WebSocket is at its end.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut woken = true;
        loop {
            let now = self.link.core.now();
            let mut more = false;
            if self.alarm.is_some_and(|alarm| now >= alarm) {
                if self.closing {
                    return Poll::Ready(());
                }
                // A server that was kept from running has pongs lying in its sockets that came in time. tokio knows of
                // them after its next look at the sockets, and they are read before anybody is called silent.
                if !std::mem::replace(&mut self.looking, true) {
                    return pin!(tokio::task::yield_now()).poll(context);
                }
                self.looking = false;
                let full = is_full(&self.link.state());
                more = self.read(context, now, full);
                self.alarm = None;
                self.link.tick(now);
            }
            let mut state = self.link.state();
            // What others have for this client often comes in company: it waits for one turn, and goes out in one piece.
            let due = woken && state.session.has_output(Edge::Socket(self.socket));
            if due && !std::mem::replace(&mut self.gathering, true) {
                return pin!(tokio::task::yield_now()).poll(context);
            }
            (woken, self.gathering) = (false, false);
            // Whoever has something for this WebSocket now finds it awake: it looks again before it rests.
            state.wakers.rise(self.socket);
            let (work, full) = (state.has_work(), is_full(&state));
            drop(state);
            if work {
                self.link.run();
            }
            more |= self.read(context, now, full && !work);
            let written = self.write(context);
            if self.ended && (written.is_ready() || self.closing) {
                return Poll::Ready(());
            }
            if matches!(written, Poll::Ready(false)) {
                return Poll::Ready(());
            }
            if more {
                // Others get their turn; this task comes back at once.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.rest(context, written.is_pending()) {
                return Poll::Pending;
            }
        }
    }

    /// Waits for something to happen; false if something has.
    fn rest(&mut self, context: &mut Context<'_>, blocked: bool) -> bool {
        let over = blocked && self.link.state().session.is_over();
        if over && !self.closing {
            // Its hang-up waits behind what the client does not read: it is not waited for without end.
            self.leave();
        }
        let mut state = self.link.state();
        let deadline = if self.closing {
            self.alarm
        } else {
            state.poll_timeout()
        };
        if !self.closing {
            if self.alarm != deadline
                && let Some(deadline) = deadline
            {
                self.sleep.as_mut().reset(deadline.into());
                self.armed = false;
            }
            self.alarm = deadline;
            if !blocked && state.session.has_output(Edge::Socket(self.socket)) {
                return false;
            }
            if !blocked && state.has_work() {
                // What waited for the last flush gets a turn of its own.
                context.waker().wake_by_ref();
                return true;
            }
            state.wakers.alarm = deadline;
            state.wakers.rest(self.socket, context.waker());
        }
        drop(state);
        // Its waking is all that is wanted; the clock is asked at the next turn. One that waits already goes on.
        if deadline.is_none() || self.armed && !self.sleep.is_elapsed() {
            return true;
        }
        self.armed = true;
        self.sleep.as_mut().poll(context).is_pending()
    }

    /// Reads frames, a turn at most; true if there may be more.
    fn read(&mut self, context: &mut Context<'_>, now: Instant, mut full: bool) -> bool {
        for _ in 0..TURN {
            if self.ended || full {
                return false;
            }
            match self.frames.poll_next(context) {
                Poll::Pending => return false,
                Poll::Ready(Some(Ok(message))) => self.message(message, now),
                Poll::Ready(Some(Err(error))) => self.error(&error, now),
                Poll::Ready(None) => self.ended = true,
            }
            full = is_full(&self.link.state());
        }
        true
    }

    fn message(&mut self, message: WsMessage, now: Instant) {
        if self.closing {
            return;
        }
        self.link
            .core
            .trace(&self.link, || Step::FrameIn(show_message(&message)));
        let packet = match message {
            WsMessage::Text(text) => {
                // It is UTF-8 already, so this does not fail.
                let text = ByteString::try_from(Bytes::from(text)).unwrap_or_default();
                match wire::engine_text(&text, self.link.core.config.leniency) {
                    Ok(packet) => packet,
                    Err(_) => return self.malformed(text.as_bytes(), now),
                }
            }
            WsMessage::Binary(data) => OwnedPacket::Binary(data),
            // tungstenite answers them itself (EIO-WS-11, EIO-WS-14).
            WsMessage::Close(_) => {
                self.closed = true;
                return;
            }
            WsMessage::Ping(_) | WsMessage::Pong(_) | WsMessage::Frame(_) => return,
        };
        self.link
            .core
            .trace(&self.link, || Step::EngineIn(wire::show_packet(&packet)));
        let source = Source::Socket(self.socket);
        let Some(seams) = &self.link.core.seams else {
            // What the session refuses it has answered by a hang-up.
            let _ = self.link.handle(Input::Received(source, packet), now);
            return;
        };
        let mut packets = Vec::new();
        seams.inward(self.link.view(), source, packet, &mut packets);
        for packet in packets {
            let _ = self.link.handle(Input::Received(source, packet), now);
        }
    }

    fn malformed(&mut self, raw: &[u8], now: Instant) {
        let source = Source::Socket(self.socket);
        let tolerance = self
            .link
            .core
            .seams
            .as_ref()
            .map(|seams| seams.malformed(self.link.view(), source, raw));
        if tolerance != Some(Tolerance::Ignore) {
            let _ = self
                .link
                .handle(Input::Malformed(source, close_code::PROTOCOL), now);
        }
    }

    /// What tungstenite does not accept (EIO-WS-12, EIO-WS-13, EIO-WS-23), or the end of TCP (EIO-WS-15).
    fn error(&mut self, error: &Error, now: Instant) {
        self.ended = true;
        let code = match error {
            Error::Capacity(_) => close_code::TOO_BIG,
            Error::Utf8(_) => close_code::NOT_UTF8,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return,
            Error::Protocol(_) => close_code::PROTOCOL,
            _ => return,
        };
        let _ = self
            .link
            .handle(Input::Malformed(Source::Socket(self.socket), code), now);
    }

    /// Writes what the session has to say, and flushes once. Ready with false if the connection is broken.
    fn write(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        loop {
            if ready!(self.frames.poll_ready(context)).is_err() {
                return Poll::Ready(self.ended);
            }
            let output = self
                .link
                .state()
                .session
                .poll_output(Edge::Socket(self.socket));
            let sent = match output {
                None => break,
                Some(Output::Frame(frame)) if self.link.core.seams.is_some() => {
                    self.put_altered(context, frame)
                }
                Some(Output::Frame(frame)) => self.put(context, frame),
                Some(Output::Hangup(code)) => self.hang_up(context, code),
                Some(Output::Message(_) | Output::Closed(_) | Output::Answer(_)) => true,
            };
            if !sent {
                return Poll::Ready(self.ended || self.closing);
            }
        }
        match ready!(self.frames.poll_flush(context)) {
            Ok(()) => Poll::Ready(true),
            Err(_) => Poll::Ready(self.ended),
        }
    }

    /// The WebSocket is at its end, in a while at the latest.
    fn leave(&mut self) {
        self.closing = true;
        let alarm = self.link.core.now() + LINGER;
        self.alarm = Some(alarm);
        self.armed = false;
        self.sleep.as_mut().reset(alarm.into());
    }

    fn hang_up(&mut self, context: &mut Context<'_>, mut code: u16) -> bool {
        let edge = Edge::Socket(self.socket);
        let tolerance = self
            .link
            .core
            .seams
            .as_ref()
            .map(|seams| seams.hangup(self.link.view(), edge, &mut code));
        if tolerance == Some(Tolerance::Ignore) {
            return true;
        }
        self.leave();
        let close = CloseFrame {
            code: code.into(),
            reason: Utf8Bytes::from_static(""),
        };
        let close = WsMessage::Close(Some(close));
        self.frames.start_send(context, close).is_ok()
    }

    /// Writes what a fault makes of this frame and all that are due with it.
    fn put_altered(&mut self, context: &mut Context<'_>, frame: Frame) -> bool {
        let edge = Edge::Socket(self.socket);
        let mut frames = vec![frame];
        let mut code = None;
        loop {
            let output = self.link.state().session.poll_output(edge);
            match output {
                Some(Output::Frame(frame)) => frames.push(frame),
                Some(Output::Hangup(hangup)) => code = Some(hangup),
                Some(_) => {}
                None => break,
            }
        }
        if let Some(seams) = &self.link.core.seams {
            seams.outward(self.link.view(), edge, &mut frames);
        }
        frames.into_iter().all(|frame| self.put(context, frame))
            && code.is_none_or(|code| self.hang_up(context, code))
    }

    fn put(&mut self, context: &mut Context<'_>, frame: Frame) -> bool {
        self.link
            .core
            .trace(&self.link, || Step::EngineOut(wire::show_frame(&frame)));
        let (data, code) = match frame {
            Frame::Text(text) => (text.into_bytes(), Data::Text),
            Frame::Binary(data) => (data, Data::Binary),
        };
        let frame = WsFrame::message(data, OpCode::Data(code), true);
        self.link.core.trace(&self.link, || {
            Step::FrameOut(format!("{code} {} bytes", frame.payload().len()))
        });
        self.frames
            .start_send(context, WsMessage::Frame(frame))
            .is_ok()
    }
}

/// Whether so much waits for a client that nothing more is read from it.
fn is_full(state: &State) -> bool {
    state.session.backlog().1 > BACKLOG
}

fn show_message(message: &WsMessage) -> String {
    match message {
        WsMessage::Text(text) => format!("text {} bytes", text.len()),
        WsMessage::Binary(data) => format!("binary {} bytes", data.len()),
        WsMessage::Ping(_) => "ping".to_owned(),
        WsMessage::Pong(_) => "pong".to_owned(),
        WsMessage::Close(_) => "close".to_owned(),
        WsMessage::Frame(_) => "frame".to_owned(),
    }
}
