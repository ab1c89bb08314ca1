//! A WebSocket connection: tokio-tungstenite makes the handshake, and from then on every frame is
//! read, recorded and queued here.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};
use tokio_tungstenite::tungstenite::Error;

use super::arrivals::{Arrivals, What};
use super::dial::{Unreachable, Wire};
use super::frames::{Assembly, Message, RawFrame, Violation};
use super::handshake::{Log, Tap, read_body, request, why_not};
use super::http::cut;
use super::packet::describe;
use super::reach::Reach;
use crate::judge::{Answer, Ending, Received};
use crate::scenario::literal::EndingKind;
use crate::scenario::model::Loss;
use crate::transcript::{Direction, Lane, Layer};

/// One WebSocket connection. Dropping it closes the TCP connection.
pub struct WebSocket {
    /// What has arrived on it.
    pub arrivals: Arrivals,
    lane: Lane,
    reach: Reach,
    out: mpsc::UnboundedSender<Out>,
    aborts: [AbortHandle; 2],
    held: Mutex<Option<Held>>,
}

/// What keeps the TCP connection open.
struct Held {
    wire: Wire,
    tasks: [JoinHandle<()>; 2],
}

/// Why no WebSocket connection came about.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoWebSocket {
    /// There is no TCP or TLS connection.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// The server answered, but not with 101; or it ended the connection without an answer
    /// (`status` is `None`).
    #[error("the handshake was answered {}", status(.0))]
    Refused(Answer),
    /// The answer is a 101 that breaks RFC 6455, or no HTTP at all.
    #[error("the server broke the WebSocket handshake: {0}")]
    Broken(String),
    /// The request as written cannot be sent through the library.
    #[error("the handshake request cannot be sent: {0}")]
    Request(String),
}

fn status(answer: &Answer) -> String {
    match answer.status {
        Some(status) => format!("{status} instead of 101"),
        None => "by the end of the connection".to_owned(),
    }
}

/// What the client does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// Pings are answered and kept from the queue.
    Answered,
    /// Pings are the scenario's business.
    Manual,
}

enum Out {
    Bytes(Bytes, Option<oneshot::Sender<()>>),
    Fin,
}

impl WebSocket {
    /// Makes a connection to `target` (path and query). The first bytes behind the 101, even in
    /// the same segment, are the first in the queue.
    pub async fn open(
        reach: &Reach,
        lane: Lane,
        target: &str,
        headers: &[(String, String)],
        heartbeat: Heartbeat,
    ) -> Result<Self, NoWebSocket> {
        let wire = match Wire::dial(reach, &lane).await {
            Ok(wire) => wire,
            // The fault proxy always listens: who is reset while connecting to it was cut.
            Err(error) if error.cut && reach.endpoint.connect.is_some() => {
                return Err(NoWebSocket::Refused(cut()));
            }
            Err(error) => return Err(error.into()),
        };
        let log = Arc::new(Mutex::new(Log::default()));
        let tap = Tap {
            wire: wire.clone(),
            log: log.clone(),
        };
        let request = request(reach, target, headers)?;
        let result = tokio_tungstenite::client_async(request, tap).await;
        let log = std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
        let (head, rest) = log.answer();
        let recorder = &reach.recorder;
        let record = |direction, bytes: &[u8], what: &str| {
            recorder.wire(&lane, Layer::Http, direction, bytes, vec![what.to_owned()]);
        };
        record(Direction::Sent, &log.sent, "WebSocket handshake");
        let refused = match result {
            Ok(_) => {
                record(Direction::Received, head, "WebSocket handshake");
                None
            }
            Err(error) => {
                let mut body = rest.to_vec();
                if let Error::Http(response) = &error {
                    read_body(&mut wire.clone(), response.headers(), &mut body).await;
                }
                let answer = [head, &body].concat();
                record(Direction::Received, &answer, "no WebSocket");
                Some(why_not(error, &body))
            }
        };
        if let Some(error) = refused {
            return Err(error);
        }
        let arrivals = Arrivals::default();
        let (out, outgoing) = mpsc::unbounded_channel();
        let writer = tokio::spawn(write(wire.clone(), outgoing));
        let reader = Reader {
            reach: reach.clone(),
            lane: lane.clone(),
            arrivals: arrivals.clone(),
            heartbeat,
            out: out.clone(),
            close_sent: false,
        };
        let reader = tokio::spawn(reader.read(wire.clone(), rest.to_vec()));
        Ok(Self {
            arrivals,
            lane,
            reach: reach.clone(),
            out,
            aborts: [writer.abort_handle(), reader.abort_handle()],
            held: Mutex::new(Some(Held {
                wire,
                tasks: [writer, reader],
            })),
        })
    }

    /// Sends one packet as one frame. On a connection that has ended it is noted and lost.
    pub async fn send(&self, packet: &Received) {
        let (opcode, payload) = match packet {
            Received::Text(text) => (1, Bytes::copy_from_slice(text.as_bytes())),
            Received::Binary(bytes) => (2, bytes.clone()),
        };
        self.frame(&RawFrame::new(opcode, payload), describe(packet))
            .await;
    }

    /// Sends one frame, below the library.
    pub async fn frame(&self, frame: &RawFrame, mut annotations: Vec<String>) {
        annotations.insert(0, kind(frame));
        self.reach.recorder.wire(
            &self.lane,
            Layer::Frame,
            Direction::Sent,
            &frame.payload,
            annotations,
        );
        let (done, written) = oneshot::channel();
        let _ = self.out.send(Out::Bytes(frame.encode(), Some(done)));
        if written.await.is_err() {
            self.note("not written: the connection has ended");
        }
    }

    /// Ends the TCP connection without a close frame. It has ended when this returns.
    pub async fn lose(&self, loss: Loss) {
        let held = self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(held) = held else {
            return;
        };
        self.note(match loss {
            Loss::Reset => "connection reset by the client",
            Loss::Fin => "connection ended by the client, without a close frame",
        });
        match loss {
            Loss::Reset => held.wire.reset_when_dropped(),
            Loss::Fin => {
                let _ = self.out.send(Out::Fin);
                self.out.closed().await;
            }
        }
        for task in held.tasks {
            task.abort();
            let _ = task.await;
        }
    }

    fn note(&self, text: &str) {
        self.reach.recorder.note(&self.lane, text);
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        for task in &self.aborts {
            task.abort();
        }
    }
}

fn kind(frame: &RawFrame) -> String {
    let name = match frame.opcode {
        0 => "continuation",
        1 => "text",
        2 => "binary",
        8 => "close",
        9 => "ping",
        10 => "pong",
        _ => "reserved",
    };
    let mut words = format!("{name} frame");
    for (odd, what) in [
        (!frame.fin, "not final"),
        (!frame.masked, "unmasked"),
        (frame.length.is_some(), "wrong length"),
    ] {
        if odd {
            words += ", ";
            words += what;
        }
    }
    if frame.rsv != 0 || name == "reserved" {
        words += &format!(", opcode {}, reserved bits {:03b}", frame.opcode, frame.rsv);
    }
    words
}

/// Writes in order; a server that does not read holds up nobody but this task.
async fn write(mut wire: Wire, mut outgoing: mpsc::UnboundedReceiver<Out>) {
    while let Some(out) = outgoing.recv().await {
        match out {
            Out::Bytes(bytes, done) => {
                if wire.write_all(&bytes).await.is_err() || wire.flush().await.is_err() {
                    return;
                }
                if let Some(done) = done {
                    let _ = done.send(());
                }
            }
            Out::Fin => {
                let _ = wire.shutdown().await;
                return;
            }
        }
    }
}

struct Reader {
    reach: Reach,
    lane: Lane,
    arrivals: Arrivals,
    heartbeat: Heartbeat,
    out: mpsc::UnboundedSender<Out>,
    close_sent: bool,
}

impl Reader {
    async fn read(mut self, mut wire: Wire, first: Vec<u8>) {
        let mut assembly = Assembly::default();
        assembly.feed(&first);
        let mut chunk = vec![0; 16 * 1024];
        loop {
            loop {
                match assembly.next() {
                    Ok(Some(message)) => {
                        if !self.take(message) {
                            return;
                        }
                    }
                    Ok(None) => break,
                    Err(violation) => return self.broken(&violation, assembly.pending()),
                }
            }
            match wire.read(&mut chunk).await {
                Ok(0) => {
                    // As any client does: some servers wait for it.
                    let _ = self.out.send(Out::Fin);
                    return self.ended(EndingKind::Fin, &assembly);
                }
                Ok(count) => assembly.feed(&chunk[..count]),
                // TLS without its closing alert is how many servers end; it is a FIN all the same.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return self.ended(EndingKind::Fin, &assembly);
                }
                Err(_) => return self.ended(EndingKind::Reset, &assembly),
            }
        }
    }

    /// Records and queues a message; `false` to read no further.
    fn take(&mut self, message: Message) -> bool {
        let (what, entry) = match message {
            Message::Text(text) => {
                let packet = Received::Text(text);
                self.reach.ids.learn(&packet);
                if self.heartbeat == Heartbeat::Answered && is_ping(&packet) {
                    self.record(1, b"2", vec!["ping".to_owned()]);
                    self.reply(&RawFrame::new(1, &b"3"[..]), "pong");
                    return true;
                }
                let Received::Text(text) = &packet else {
                    return false;
                };
                let entry = self.record(1, text.as_bytes(), describe(&packet));
                (What::Packet(packet), entry)
            }
            Message::Binary(bytes) => {
                let packet = Received::Binary(bytes.clone());
                let entry = self.record(2, &bytes, describe(&packet));
                (What::Packet(packet), entry)
            }
            Message::Ping(payload) => {
                self.record(9, &payload, Vec::new());
                self.reply(&RawFrame::new(10, payload), "answer to a ping frame");
                return true;
            }
            Message::Pong(payload) => {
                let entry = self.record(10, &payload, Vec::new());
                (What::Control(10, payload), entry)
            }
            Message::Close(code, reason) => {
                let words = match code {
                    Some(code) => format!("code {code}"),
                    None => "no code".to_owned(),
                };
                let entry = self.record(8, reason.as_bytes(), vec![words]);
                if !self.close_sent {
                    self.close_sent = true;
                    let frame = match code {
                        Some(code) => RawFrame::close(code, ""),
                        None => RawFrame::new(8, Bytes::new()),
                    };
                    self.reply(&frame, "answer to the close frame");
                }
                let ending = Ending {
                    kind: EndingKind::Frame,
                    frame: Some((code, reason)),
                };
                (What::Ended(ending), entry)
            }
        };
        self.arrivals
            .push_entry(self.reach.recorder.now(), what, entry)
    }

    fn ended(&self, kind: EndingKind, assembly: &Assembly) {
        let words = match kind {
            EndingKind::Reset => "the server reset the connection",
            _ => "the server ended the TCP stream",
        };
        let entry = self.reach.recorder.wire(
            &self.lane,
            Layer::Tcp,
            Direction::Received,
            assembly.pending(),
            vec![words.to_owned()],
        );
        if !assembly.is_idle() {
            self.reach
                .recorder
                .note(&self.lane, "the stream ended inside a frame or a message");
        }
        let ending = Ending { kind, frame: None };
        self.arrivals
            .push_entry(self.reach.recorder.now(), What::Ended(ending), entry);
    }

    fn broken(&self, violation: &Violation, pending: &[u8]) {
        let recorder = &self.reach.recorder;
        let shown = &pending[..pending.len().min(256)];
        let entry = recorder.wire(
            &self.lane,
            Layer::Tcp,
            Direction::Received,
            shown,
            vec![violation.to_string()],
        );
        self.arrivals
            .push_entry(recorder.now(), What::Broken(violation.to_string()), entry);
    }

    fn reply(&self, frame: &RawFrame, why: &str) {
        let annotations = vec![kind(frame), format!("{why}, by the client itself")];
        self.reach.recorder.wire(
            &self.lane,
            Layer::Frame,
            Direction::Sent,
            &frame.payload,
            annotations,
        );
        let _ = self.out.send(Out::Bytes(frame.encode(), None));
    }

    fn record(&self, opcode: u8, payload: &[u8], mut annotations: Vec<String>) -> Option<usize> {
        annotations.insert(0, kind(&RawFrame::new(opcode, Bytes::new())));
        self.reach.recorder.wire(
            &self.lane,
            Layer::Frame,
            Direction::Received,
            payload,
            annotations,
        )
    }
}

/// EIO-HB-03: exactly `2`.
pub(crate) fn is_ping(packet: &Received) -> bool {
    matches!(packet, Received::Text(text) if text == "2")
}
