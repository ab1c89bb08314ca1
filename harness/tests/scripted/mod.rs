//! A server that says exactly what a test tells it to, byte for byte.

#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A listening server; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
    connections: Arc<AtomicUsize>,
    failures: Arc<AtomicUsize>,
}

impl Server {
    /// Plays `script` on every connection, each on a task of its own.
    pub(crate) async fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(Wire) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let failures = Arc::new(AtomicUsize::new(0));
        let (counter, failed) = (connections.clone(), failures.clone());
        let script = Arc::new(script);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let wire = Wire {
                    stream,
                    buffer: Vec::new(),
                    number,
                };
                let (script, failed) = (script.clone(), failed.clone());
                let playing = tokio::spawn(async move { script(wire).await });
                tokio::spawn(async move {
                    if playing.await.is_err() {
                        failed.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        Self {
            address,
            task,
            connections,
            failures,
        }
    }

    /// A WebSocket server of the fixture contract, as far as tests need it: it opens, connects,
    /// answers fences, and does with all else what `react` says.
    pub(crate) async fn fixture(react: fn(&str) -> Vec<Say>) -> Self {
        Self::start(move |mut wire| async move {
            let Some(request) = wire.request().await else {
                return;
            };
            wire.accept(&request, b"").await;
            wire.text(OPEN).await;
            while let Some((opcode, payload)) = wire.frame().await {
                let text = String::from_utf8_lossy(&payload).into_owned();
                let says = match opcode {
                    8 => {
                        wire.send_frame(8, &payload).await;
                        return;
                    }
                    1 => answer(&text, react),
                    _ => react(&format!("<{opcode}>{text}")),
                };
                for say in says {
                    match say {
                        Say::Text(text) => wire.text(&text).await,
                        Say::Binary(bytes) => wire.send_frame(2, &bytes).await,
                        Say::Raw(bytes) => wire.write(&bytes).await,
                        Say::Fin => return,
                        Say::Reset => return wire.reset(),
                    }
                }
            }
        })
        .await
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        let failures = self.failures.load(Ordering::SeqCst);
        assert!(
            failures == 0 || std::thread::panicking(),
            "the script of {failures} connections panicked"
        );
    }
}

/// The open packet of the scripted servers.
pub(crate) const OPEN: &str = r#"0{"sid":"engine-1","upgrades":[],"pingInterval":10000,"pingTimeout":10000,"maxPayload":1000000}"#;

/// What a scripted fixture server says.
pub(crate) enum Say {
    Text(String),
    Binary(Vec<u8>),
    Raw(Vec<u8>),
    Fin,
    Reset,
}

pub(crate) fn say(text: &str) -> Say {
    Say::Text(text.to_owned())
}

fn answer(text: &str, react: fn(&str) -> Vec<Say>) -> Vec<Say> {
    let own = react(text);
    if !own.is_empty() {
        return own;
    }
    if let Some(rest) = text.strip_prefix("40/none-") {
        let number = rest.trim_end_matches(',');
        return vec![say(&format!(
            "44/none-{number},{{\"message\":\"Invalid namespace\"}}"
        ))];
    }
    if let Some(rest) = text.strip_prefix("40") {
        if let Some((ns, _)) = rest.split_once(',').filter(|_| rest.starts_with('/')) {
            return vec![
                say(&format!("42{ns},[\"auth\",{{}}]")),
                say(&format!(
                    "40{ns},{{\"sid\":\"{}\"}}",
                    ns.trim_start_matches('/')
                )),
            ];
        }
        let payload = if rest.is_empty() { "{}" } else { rest };
        return vec![
            say("40{\"sid\":\"socket-1\"}"),
            say(&format!("42[\"auth\",{payload}]")),
        ];
    }
    if let Some(at) = text.find("[\"message-with-ack\",") {
        let arguments = text[at..].split_once(',').map_or("]", |(_, rest)| rest);
        return vec![say(&format!("43{}[{arguments}", &text[2..at]))];
    }
    Vec::new()
}

/// One accepted connection.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
    /// Which connection it is, from 0.
    pub(crate) number: usize,
}

/// An HTTP request as it came.
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Wire {
    /// The next request; `None` at the end of the connection.
    pub(crate) async fn request(&mut self) -> Option<Request> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head: Vec<u8> = self.buffer.drain(..end).collect();
        let mut request = Request {
            head: String::from_utf8(head).unwrap(),
            body: Vec::new(),
        };
        let length: usize = request
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        while self.buffer.len() < length {
            self.more().await?;
        }
        request.body = self.buffer.drain(..length).collect();
        Some(request)
    }

    /// Answers with a status and a body.
    pub(crate) async fn answer(&mut self, status: &str, body: &str) {
        let text = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        self.write(text.as_bytes()).await;
    }

    /// Accepts a WebSocket; `tail` follows in the same write, as it does on fast servers.
    pub(crate) async fn accept(&mut self, request: &Request, tail: &[u8]) {
        let key = request.header("sec-websocket-key").unwrap_or_default();
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        );
        self.write(&[head.as_bytes(), tail].concat()).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.send_frame(1, text.as_bytes()).await;
    }

    pub(crate) async fn send_frame(&mut self, opcode: u8, payload: &[u8]) {
        self.write(&frame(opcode, payload)).await;
    }

    /// The next frame of the client, unmasked; `None` at the end of the connection.
    pub(crate) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((opcode, payload, length)) = parse(&self.buffer) {
                self.buffer.drain(..length);
                return Some((opcode, payload));
            }
            self.more().await?;
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        // A client that has gone away is what some tests are about.
        let _ = self.stream.write_all(bytes).await;
    }

    /// Waits until the client has ended the connection; `true` for a reset.
    pub(crate) async fn ended(&mut self) -> bool {
        let mut chunk = [0; 4096];
        loop {
            match self.stream.read(&mut chunk).await {
                Ok(0) => return false,
                Ok(_) => {}
                Err(_) => return true,
            }
        }
    }

    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    async fn more(&mut self) -> Option<()> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk).await {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Some(())
            }
        }
    }
}

/// A whole frame as a server sends it.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..=125 => bytes.push(u8::try_from(short).unwrap()),
        middle @ 126..=65535 => {
            bytes.push(126);
            bytes.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// Opcode, payload and length on the wire of the first frame.
fn parse(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (length, mut at) = match second & 0x7f {
        126 => (
            usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())),
            4,
        ),
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap());
            (usize::try_from(length).unwrap(), 10)
        }
        short => (usize::from(short), 2),
    };
    let mut mask = [0; 4];
    if second & 0x80 != 0 {
        mask.copy_from_slice(bytes.get(at..at + 4)?);
        at += 4;
    }
    let payload = bytes.get(at..at + length)?;
    let payload = payload
        .iter()
        .enumerate()
        .map(|(i, b)| b ^ mask[i % 4])
        .collect();
    Some((first & 15, payload, at + length))
}
