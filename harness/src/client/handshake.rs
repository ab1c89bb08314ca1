//! The WebSocket handshake: the request as the scenario wants it, and why it came to nothing.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::handshake::client::{Request, generate_key};
use tokio_tungstenite::tungstenite::http::HeaderMap;
use tokio_tungstenite::tungstenite::{Error, error::ProtocolError};

use super::dial::Wire;
use super::http::cut;
use super::reach::Reach;
use super::websocket::NoWebSocket;
use crate::judge::Answer;

/// Bytes of a refusal's body that are read.
const REFUSAL_LIMIT: usize = 64 * 1024;
/// How long the body of a refusal is awaited; the status alone is a verdict already.
const REFUSAL_TIME: Duration = Duration::from_millis(500);

/// The handshake request. Headers of the scenario take the place of ordinary ones.
pub(super) fn request(
    reach: &Reach,
    target: &str,
    headers: &[(String, String)],
) -> Result<Request, NoWebSocket> {
    let endpoint = &reach.endpoint;
    let scheme = if endpoint.encrypted() { "wss" } else { "ws" };
    let ordinary = [
        ("host", endpoint.authority()),
        ("connection", "Upgrade".to_owned()),
        ("upgrade", "websocket".to_owned()),
        ("sec-websocket-version", "13".to_owned()),
        ("sec-websocket-key", generate_key()),
    ];
    let added: Vec<&(String, String)> = endpoint.headers.iter().chain(headers).collect();
    let mut builder =
        Request::builder().uri(format!("{scheme}://{}{target}", endpoint.authority()));
    for (name, value) in &ordinary {
        if !added.iter().any(|(own, _)| own.eq_ignore_ascii_case(name)) {
            builder = builder.header(*name, value);
        }
    }
    for (name, value) in added {
        builder = builder.header(name, value);
    }
    builder
        .body(())
        .map_err(|error| NoWebSocket::Request(error.to_string()))
}

/// The body of a refusal, as far as it comes soon.
pub(super) async fn read_body(wire: &mut Wire, headers: &HeaderMap, body: &mut Vec<u8>) {
    let length = headers
        .get("content-length")
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or(REFUSAL_LIMIT)
        .min(REFUSAL_LIMIT);
    let reading = async {
        let mut chunk = [0; 4096];
        while body.len() < length && !body.ends_with(b"0\r\n\r\n") {
            match wire.read(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(count) => body.extend_from_slice(&chunk[..count]),
            }
        }
    };
    let _ = tokio::time::timeout(REFUSAL_TIME, reading).await;
}

pub(super) fn why_not(error: Error, rest: &[u8]) -> NoWebSocket {
    match error {
        Error::Http(response) => NoWebSocket::Refused(Answer {
            status: Some(response.status().as_u16()),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    (name.as_str().to_owned(), value)
                })
                .collect(),
            body: Bytes::copy_from_slice(rest),
        }),
        Error::Io(_) | Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            NoWebSocket::Refused(cut())
        }
        Error::HttpFormat(error) => NoWebSocket::Request(error.to_string()),
        Error::Url(error) => NoWebSocket::Request(error.to_string()),
        Error::Protocol(
            error @ (ProtocolError::InvalidHeader(_)
            | ProtocolError::WrongHttpMethod
            | ProtocolError::WrongHttpVersion),
        ) => NoWebSocket::Request(error.to_string()),
        error => NoWebSocket::Broken(error.to_string()),
    }
}

/// The connection during the handshake, with a copy of everything that passes.
pub(super) struct Tap {
    pub(super) wire: Wire,
    pub(super) log: Arc<Mutex<Log>>,
}

#[derive(Default)]
pub(super) struct Log {
    pub(super) sent: Vec<u8>,
    pub(super) received: Vec<u8>,
}

impl Log {
    /// The head of the answer, and what came behind it.
    pub(super) fn answer(&self) -> (&[u8], &[u8]) {
        let end = memchr::memmem::find(&self.received, b"\r\n\r\n")
            .map_or(self.received.len(), |at| at + 4);
        self.received.split_at(end)
    }
}

impl Tap {
    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.wire).poll_read(cx, buf);
        if polled.is_ready() {
            self.log().received.extend(&buf.filled()[before..]);
        }
        polled
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.wire).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = polled {
            self.log().sent.extend(&bytes[..count]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}
