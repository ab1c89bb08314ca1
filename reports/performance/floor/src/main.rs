//! The least that a server has to do about the frames of `siospec bench` on WebSocket: one read, one write, and no
//! thought. It checks nothing; what it takes on a machine is what no server there can go below.

use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use sha1::{Digest, Sha1};

const LISTENER: Token = Token(usize::MAX);

/// One connection, and what has come of a frame so far.
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
    open: bool,
}

fn main() -> io::Result<()> {
    let port = std::env::var("PORT")
        .ok()
        .and_then(|port| port.parse().ok());
    let mut listener = TcpListener::bind(([127, 0, 0, 1], port.unwrap_or(0)).into())?;
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("READY {}", listener.local_addr()?.port());
    let mut events = Events::with_capacity(1024);
    let mut clients: Vec<Option<Client>> = Vec::new();
    let mut scratch = [0; 4096];
    loop {
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(error);
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    poll.registry().register(
                        &mut stream,
                        Token(clients.len()),
                        Interest::READABLE,
                    )?;
                    clients.push(Some(Client {
                        stream,
                        read: Vec::new(),
                        open: false,
                    }));
                }
                continue;
            }
            let at = event.token().0;
            let Some(client) = &mut clients[at] else {
                continue;
            };
            let many = match client.stream.read(&mut scratch) {
                Ok(0) => {
                    clients[at] = None;
                    continue;
                }
                Ok(many) => many,
                Err(_) => continue,
            };
            client.read.extend_from_slice(&scratch[..many]);
            let mut out = Vec::new();
            client.hear(&mut out);
            // A client that has gone ends its connection itself.
            let _ = client.stream.write_all(&out);
        }
    }
}

impl Client {
    /// Answers the whole frames that have come.
    fn hear(&mut self, out: &mut Vec<u8>) {
        if !self.open {
            let Some(end) = find(&self.read, b"\r\n\r\n") else {
                return;
            };
            let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
            self.read.drain(..end + 4);
            self.open = true;
            let key = head
                .lines()
                .find_map(|line| {
                    line.split_once(": ")
                        .filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
                })
                .map_or("", |(_, key)| key);
            let digest = Sha1::new()
                .chain_update(key)
                .chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
                .finalize();
            out.extend_from_slice(format!("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {}\r\n\r\n", STANDARD.encode(digest)).as_bytes());
            frame(out, br#"0{"sid":"floor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#);
        }
        let mut used = 0;
        while let Some(length) = unmask(&mut self.read[used..]) {
            let header = if self.read[used + 1] & 0x7f == 126 {
                8
            } else {
                6
            };
            let text = &self.read[used + header..used + length];
            if text.starts_with(b"40") {
                frame(out, br#"40{"sid":"floor"}"#);
            } else if let Some(at) = find(text, b"[\"message-with-ack\",") {
                let mut answer = b"43".to_vec();
                answer.extend_from_slice(&text[2..at]);
                answer.push(b'[');
                answer.extend_from_slice(&text[at + 20..]);
                frame(out, &answer);
            }
            used += length;
        }
        self.read.drain(..used);
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// Takes the mask off the first frame; its length, if it is there as a whole.
fn unmask(bytes: &mut [u8]) -> Option<usize> {
    let (start, length) = match *bytes.get(1)? & 0x7f {
        126 => (
            4,
            usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])),
        ),
        short => (2, usize::from(short)),
    };
    let end = start + 4 + length;
    if bytes.len() < end {
        return None;
    }
    let mask = [
        bytes[start],
        bytes[start + 1],
        bytes[start + 2],
        bytes[start + 3],
    ];
    for (byte, mask) in bytes[start + 4..end].iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Some(end)
}

fn frame(out: &mut Vec<u8>, text: &[u8]) {
    out.push(0x81);
    match text.len() {
        short @ ..126 => out.push(short as u8),
        long => {
            out.push(126);
            out.extend_from_slice(&(long as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}
