//! A WebSocket connection of the load client: the handshake once, then text frames.

use std::io::Cursor;

use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::address::Address;
use super::http;
use super::stream::{Read, Stream};

/// A frame with a longer payload is not one that was asked for.
const LONGEST: u64 = 4 << 20;
/// Masking guards proxies from a page's scripts; here it only has to be done.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One connection.
#[derive(Debug)]
pub(super) struct WebSocket {
    stream: Stream,
    /// The key of a handshake that is not answered yet.
    key: Option<String>,
    /// The beginning of a frame whose rest has not come.
    rest: Vec<u8>,
    frame: Vec<u8>,
}

impl WebSocket {
    /// Asks for the upgrade.
    pub(super) fn new(mut stream: Stream, address: &Address) -> std::io::Result<Self> {
        let key = generate_key();
        let request = format!(
            "{}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n",
            address.head("GET", "websocket", None)
        );
        stream.write(request.as_bytes())?;
        Ok(Self {
            stream,
            key: Some(key),
            rest: Vec::new(),
            frame: Vec::new(),
        })
    }

    /// Sends an Engine.IO packet as a text frame.
    pub(super) fn send(&mut self, text: &str) -> Result<(), String> {
        self.write(OpCode::Data(Data::Text), text.as_bytes())
    }

    fn write(&mut self, opcode: OpCode, payload: &[u8]) -> Result<(), String> {
        let header = FrameHeader {
            opcode,
            mask: Some(MASK),
            ..FrameHeader::default()
        };
        self.frame.clear();
        header
            .format(payload.len() as u64, &mut self.frame)
            .map_err(|error| error.to_string())?;
        let masked = payload.iter().zip(MASK.iter().cycle());
        self.frame.extend(masked.map(|(byte, mask)| byte ^ mask));
        self.stream
            .write(&self.frame)
            .map_err(|error| error.to_string())
    }

    /// The connection can be written again.
    pub(super) fn writable(&mut self) -> Result<(), String> {
        self.stream.writable().map_err(|error| error.to_string())
    }

    /// Whether all is written.
    pub(super) fn is_flushed(&self) -> bool {
        self.stream.is_flushed()
    }

    /// Reads all there is; each text frame's text goes to `deliver`.
    pub(super) fn readable(
        &mut self,
        scratch: &mut [u8],
        deliver: &mut dyn FnMut(&str) -> Result<(), String>,
    ) -> Result<(), String> {
        loop {
            let read = self.stream.read(scratch).map_err(|e| e.to_string())?;
            let (count, more) = match read {
                Read::Some(count) => (count, true),
                Read::Last(count) => (count, false),
                Read::End => return Err("the server ended the connection".into()),
            };
            if self.rest.is_empty() {
                let used = self.take(&scratch[..count], deliver)?;
                self.rest.extend_from_slice(&scratch[used..count]);
            } else {
                let mut bytes = std::mem::take(&mut self.rest);
                bytes.extend_from_slice(&scratch[..count]);
                let used = self.take(&bytes, deliver)?;
                bytes.drain(..used);
                self.rest = bytes;
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Takes whole frames from the beginning of `bytes`; says how many bytes they were.
    fn take(
        &mut self,
        bytes: &[u8],
        deliver: &mut dyn FnMut(&str) -> Result<(), String>,
    ) -> Result<usize, String> {
        let mut used = 0;
        if let Some(key) = &self.key {
            match accepted(bytes, key)? {
                Some(head) => used = head,
                None => return Ok(0),
            }
            self.key = None;
        }
        while let Some((opcode, payload, length)) = frame(&bytes[used..])? {
            used += length;
            match opcode {
                OpCode::Data(Data::Text) => {
                    let text = std::str::from_utf8(payload)
                        .map_err(|_| "a text frame is not UTF-8".to_owned())?;
                    deliver(text)?;
                }
                OpCode::Control(Control::Ping) => {
                    let payload = payload.to_vec();
                    self.write(OpCode::Control(Control::Pong), &payload)?;
                }
                OpCode::Control(Control::Close) => {
                    return Err("the server closed the WebSocket".into());
                }
                _ => {}
            }
        }
        Ok(used)
    }
}

/// The length of the answer's head, if it accepts the upgrade; `None` while bytes are missing.
fn accepted(bytes: &[u8], key: &str) -> Result<Option<usize>, String> {
    let Some(head) = http::Head::parse(bytes)? else {
        return Ok(None);
    };
    if head.status != 101 {
        return Err(format!("the upgrade was answered {}", head.status));
    }
    if head.accept.as_deref() != Some(&derive_accept_key(key.as_bytes())) {
        return Err("the upgrade was accepted with a wrong key".into());
    }
    Ok(Some(head.length))
}

/// A frame: what it is, its payload, and its length with its header.
type Frame<'a> = (OpCode, &'a [u8], usize);

/// The first frame; `None` while bytes are missing.
fn frame(bytes: &[u8]) -> Result<Option<Frame<'_>>, String> {
    let mut cursor = Cursor::new(bytes);
    let Some((header, length)) =
        FrameHeader::parse(&mut cursor).map_err(|error| error.to_string())?
    else {
        return Ok(None);
    };
    if header.mask.is_some() || header.rsv1 || length > LONGEST {
        return Err("a frame is masked, compressed or too long".into());
    }
    if !header.is_final || header.opcode == OpCode::Data(Data::Continue) {
        return Err("a message came in several frames, which this client does not read".into());
    }
    let start = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
    let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
    Ok(bytes
        .get(start..end)
        .map(|payload| (header.opcode, payload, end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_one_by_one_and_half_of_one_is_left() {
        let bytes = b"\x81\x0242\x89\x00\x81\x033";
        let (opcode, payload, length) = frame(bytes).unwrap().unwrap();
        assert_eq!(
            (opcode, payload, length),
            (OpCode::Data(Data::Text), &b"42"[..], 4)
        );
        let (opcode, ..) = frame(&bytes[4..]).unwrap().unwrap();
        assert_eq!(opcode, OpCode::Control(Control::Ping));
        assert_eq!(frame(&bytes[6..]).unwrap(), None);
        assert_eq!(frame(b"").unwrap(), None);
    }

    #[test]
    fn what_this_client_does_not_read_is_said() {
        for (bytes, words) in [
            (&b"\x01\x014"[..], "several frames"),
            (b"\x81\x81\0\0\0\0x", "masked"),
            (b"\xc1\x01x", "compressed"),
            (b"\x81\x7f\x00\x00\x00\x00\xff\x00\x00\x00", "too long"),
        ] {
            assert!(frame(bytes).unwrap_err().contains(words), "{words}");
        }
    }

    #[test]
    fn only_the_right_key_is_an_upgrade() {
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let answer = |accept: &str| {
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {accept}\r\n\r\n\u{1}"
            )
        };
        let right = answer("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accepted(right.as_bytes(), key), Ok(Some(right.len() - 1)));
        assert!(accepted(answer("x").as_bytes(), key).is_err());
        assert_eq!(accepted(b"HTTP/1.1 101", key), Ok(None));
        let refused = accepted(b"HTTP/1.1 400 Bad Request\r\n\r\n", key);
        assert_eq!(refused.unwrap_err(), "the upgrade was answered 400");
    }
}
