//! A TCP connection for what no library would send: bytes go out as written, and come back as
//! they are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::dial::{Unreachable, Wire};
use super::reach::Reach;
use crate::judge::{Answer, Ending};
use crate::scenario::literal::EndingKind;
use crate::scenario::model::Loss;
use crate::transcript::{Direction, Lane, Layer};

/// Bytes that may wait unread.
const BYTES_LIMIT: usize = 16 * 1024 * 1024;
/// Header fields that an answer may have.
const HEADERS_LIMIT: usize = 128;

/// A TCP (or TLS) connection. Dropping it closes it.
pub struct Raw {
    lane: Lane,
    reach: Reach,
    shared: Arc<Shared>,
    held: tokio::sync::Mutex<Option<(Wire, JoinHandle<()>)>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    bytes: BytesMut,
    end: Option<End>,
}

#[derive(Clone)]
enum End {
    Ended(EndingKind),
    Flood,
}

/// What is no HTTP answer.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoHttp {
    /// The bytes are something else.
    #[error("what came is no HTTP answer: {0}")]
    Broken(String),
    /// The server sends without end.
    #[error("flood: more than {BYTES_LIMIT} bytes wait unread")]
    Flood,
}

impl Raw {
    /// Where the transcript has it.
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Connects.
    pub async fn open(reach: &Reach, lane: Lane) -> Result<Self, Unreachable> {
        let wire = Wire::dial(reach, &lane).await?;
        let shared = Arc::new(Shared::default());
        let reader = tokio::spawn(read(
            reach.clone(),
            lane.clone(),
            wire.clone(),
            shared.clone(),
        ));
        Ok(Self {
            lane,
            reach: reach.clone(),
            shared,
            held: tokio::sync::Mutex::new(Some((wire, reader))),
        })
    }

    /// Writes bytes; on a connection that has ended it is noted and they are lost.
    pub async fn write(&self, bytes: &[u8]) {
        self.reach
            .recorder
            .wire(&self.lane, Layer::Tcp, Direction::Sent, bytes, Vec::new());
        let mut held = self.held.lock().await;
        let written = match held.as_mut() {
            Some((wire, _)) => wire.write_all(bytes).await.is_ok() && wire.flush().await.is_ok(),
            None => false,
        };
        if !written {
            let text = "not written: the connection has ended";
            self.reach.recorder.note(&self.lane, text);
        }
    }

    /// Ends the connection; it has ended when this returns.
    pub async fn lose(&self, loss: Loss) {
        let Some((mut wire, reader)) = self.held.lock().await.take() else {
            return;
        };
        match loss {
            Loss::Reset => wire.reset_when_dropped(),
            Loss::Fin => {
                let _ = wire.shutdown().await;
            }
        }
        reader.abort();
        let _ = reader.await;
        let text = match loss {
            Loss::Reset => "connection reset by the client",
            Loss::Fin => "connection ended by the client",
        };
        self.reach.recorder.note(&self.lane, text);
    }

    /// The next HTTP answer on the connection, taken or only looked at; `None` at the deadline.
    pub async fn answer(&self, deadline: Instant, take: bool) -> Option<Result<Answer, NoHttp>> {
        self.wait(deadline, |state| {
            let ended = state.end.is_some();
            match parse(&state.bytes, ended) {
                Ok(Some((answer, length))) => {
                    if take {
                        let _ = state.bytes.split_to(length);
                    }
                    Some(Ok(answer))
                }
                Ok(None) => match state.end {
                    Some(End::Flood) => Some(Err(NoHttp::Flood)),
                    Some(End::Ended(_)) => Some(Ok(Answer {
                        status: None,
                        headers: Vec::new(),
                        body: state.bytes.clone().freeze(),
                    })),
                    None => None,
                },
                Err(error) => Some(Err(NoHttp::Broken(error))),
            }
        })
        .await
    }

    /// How the server ended the connection; `None` at the deadline.
    pub async fn ending(&self, deadline: Instant) -> Option<Result<Ending, NoHttp>> {
        self.wait(deadline, |state| match state.end.clone()? {
            End::Ended(kind) => Some(Ok(Ending { kind, frame: None })),
            End::Flood => Some(Err(NoHttp::Flood)),
        })
        .await
    }

    /// Bytes that came and were not read as an answer.
    pub fn unread(&self) -> Bytes {
        self.shared.state().bytes.clone().freeze()
    }

    async fn wait<T>(
        &self,
        deadline: Instant,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = ready(&mut self.shared.state()) {
                return Some(found);
            }
            if tokio::time::timeout_at(deadline.into(), changed)
                .await
                .is_err()
            {
                return ready(&mut self.shared.state());
            }
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some((_, reader)) = self.held.get_mut().take() {
            reader.abort();
        }
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(reach: Reach, lane: Lane, mut wire: Wire, shared: Arc<Shared>) {
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let end = match wire.read(&mut chunk).await {
            Ok(0) => Some(End::Ended(EndingKind::Fin)),
            Ok(count) => {
                let bytes = &chunk[..count];
                reach
                    .recorder
                    .wire(&lane, Layer::Tcp, Direction::Received, bytes, Vec::new());
                let mut state = shared.state();
                state.bytes.extend_from_slice(bytes);
                (state.bytes.len() > BYTES_LIMIT).then_some(End::Flood)
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Some(End::Ended(EndingKind::Fin))
            }
            Err(_) => Some(End::Ended(EndingKind::Reset)),
        };
        if let Some(end) = &end {
            let text = match end {
                End::Ended(EndingKind::Reset) => "the server reset the connection",
                End::Ended(_) => "the server ended the TCP stream",
                End::Flood => "flood",
            };
            reach.recorder.note(&lane, text);
        }
        let ended = end.is_some();
        if ended {
            shared.state().end = end;
        }
        shared.changed.notify_waiters();
        if ended {
            return;
        }
    }
}

/// One HTTP/1.1 answer at the beginning of `bytes`, and its length; `None` while bytes are missing.
fn parse(bytes: &[u8], ended: bool) -> Result<Option<(Answer, usize)>, String> {
    let mut fields = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut response = httparse::Response::new(&mut fields);
    let head = match response.parse(bytes).map_err(|error| error.to_string())? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let status = response.code.unwrap_or_default();
    let headers: Vec<(String, String)> = response
        .headers
        .iter()
        .map(|field| {
            let value = String::from_utf8_lossy(field.value).into_owned();
            (field.name.to_ascii_lowercase(), value)
        })
        .collect();
    let header = |name: &str| {
        let found = headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    };
    let rest = &bytes[head..];
    let (body, length) = if status < 200 || matches!(status, 204 | 304) {
        (Bytes::new(), 0)
    } else if header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        match chunked(rest)? {
            Some(whole) => whole,
            None => return Ok(None),
        }
    } else if let Some(length) = header("content-length") {
        let length: usize = length
            .parse()
            .map_err(|_| format!("content-length: {length}"))?;
        match rest.get(..length) {
            Some(body) => (Bytes::copy_from_slice(body), length),
            None => return Ok(None),
        }
    } else if ended {
        (Bytes::copy_from_slice(rest), rest.len())
    } else {
        return Ok(None);
    };
    let answer = Answer {
        status: Some(status),
        headers,
        body,
    };
    Ok(Some((answer, head + length)))
}

/// A chunked body and its length on the wire.
pub(crate) fn chunked(bytes: &[u8]) -> Result<Option<(Bytes, usize)>, String> {
    let mut body = BytesMut::new();
    let mut at = 0;
    loop {
        let (line, size) = match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("a chunk has no size".to_owned()),
        };
        let size = usize::try_from(size).map_err(|_| "a chunk is too long".to_owned())?;
        let start = at + line;
        let end = start.saturating_add(size);
        let Some(rest) = end.checked_add(2).and_then(|next| bytes.get(end..next)) else {
            return Ok(None);
        };
        if rest != b"\r\n" {
            return Err("a chunk is longer than its size".to_owned());
        }
        if size == 0 {
            return Ok(Some((body.freeze(), end + 2)));
        }
        body.extend_from_slice(&bytes[start..end]);
        at = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_by_length_by_chunks_and_to_the_end() {
        for (bytes, ended, body) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP"[..], false, "ok"),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
                false,
                "ok",
            ),
            (b"HTTP/1.1 200 OK\r\n\r\nok", true, "ok"),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81", false, ""),
        ] {
            let (answer, _) = parse(bytes, ended).unwrap().unwrap();
            assert_eq!(answer.body, body.as_bytes());
        }
    }

    #[test]
    fn half_an_answer_is_awaited_and_garbage_is_named() {
        for half in [
            &b"HTTP/1.1 20"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
            b"HTTP/1.1 200 OK\r\n\r\nok",
        ] {
            assert_eq!(parse(half, false), Ok(None));
        }
        assert!(parse(b"SSH-2.0-OpenSSH_9.2\r\n", false).is_err());
    }
}
