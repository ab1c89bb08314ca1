//! WebSocket frames, read and written one by one, so that whatever a server puts into them can be
//! seen: the library's own reader replaces close codes that it does not like and answers by itself.

use std::io::Cursor;

use bytes::{Buf, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::OpCode;

/// A message or frame of more bytes than this is taken for a flood.
pub(crate) const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// A whole message, or a control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Bytes),
    /// Opcode 8: code and reason; no code where the frame was empty.
    Close(Option<u16>, String),
    /// Opcode 9.
    Ping(Bytes),
    /// Opcode 10.
    Pong(Bytes),
}

/// A rule of RFC 6455 that a server broke.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Violation {
    /// Section 5.1.
    #[error("a frame of the server is masked (RFC 6455, 5.1)")]
    Masked,
    /// Section 5.2, no extension was negotiated.
    #[error(
        "a frame of the server has a reserved bit set, and no extension was agreed (RFC 6455, 5.2)"
    )]
    ReservedBits,
    /// Section 5.2.
    #[error("a frame of the server has a reserved opcode (RFC 6455, 5.2), or is no frame: {0}")]
    Header(String),
    /// Section 5.4.
    #[error("a continuation frame of the server continues nothing (RFC 6455, 5.4)")]
    StrayContinuation,
    /// Section 5.4.
    #[error("the server began a message inside a fragmented one (RFC 6455, 5.4)")]
    Interleaved,
    /// Section 5.5.
    #[error("a control frame of the server is fragmented or longer than 125 bytes (RFC 6455, 5.5)")]
    Control,
    /// Section 5.5.1.
    #[error("a close frame of the server has half a code (RFC 6455, 5.5.1)")]
    Close,
    /// Section 8.1.
    #[error("a text of the server is not UTF-8 (RFC 6455, 8.1)")]
    Utf8,
    /// No rule of the RFC: a bound of the harness.
    #[error("flood: a message of {0} bytes, more than the {MESSAGE_LIMIT} that the harness takes")]
    Flood(u64),
}

/// Puts frames together from bytes as they come.
#[derive(Default)]
pub(crate) struct Assembly {
    buffer: BytesMut,
    fragments: Option<(OpCode, BytesMut)>,
}

impl Assembly {
    /// Takes bytes of the stream.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether the stream may end here without cutting a frame or a message.
    pub(crate) fn is_idle(&self) -> bool {
        self.buffer.is_empty() && self.fragments.is_none()
    }

    /// Bytes that are no whole frame yet.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.buffer
    }

    /// The next message or control frame; `None` while bytes are missing.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, Violation> {
        while let Some((header, payload)) = self.frame()? {
            if let Some(message) = self.place(&header, payload)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn frame(&mut self) -> Result<Option<(FrameHeader, Bytes)>, Violation> {
        let mut cursor = Cursor::new(&self.buffer);
        let parsed = FrameHeader::parse(&mut cursor)
            .map_err(|error| Violation::Header(error.to_string()))?;
        let at = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let Some((header, length)) = parsed else {
            return Ok(None);
        };
        // Judged before its payload is awaited: what is wrong needs no memory.
        if header.mask.is_some() {
            return Err(Violation::Masked);
        }
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Violation::ReservedBits);
        }
        let so_far = self.fragments.as_ref().map_or(0, |(_, all)| all.len());
        let whole = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(so_far))
            .filter(|whole| *whole <= MESSAGE_LIMIT)
            .ok_or(Violation::Flood(length))?;
        if matches!(header.opcode, OpCode::Control(_)) && (length > 125 || !header.is_final) {
            return Err(Violation::Control);
        }
        let length = whole - so_far;
        if self.buffer.len() < at + length {
            self.buffer.reserve(at + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(at);
        Ok(Some((header, self.buffer.split_to(length).freeze())))
    }

    fn place(
        &mut self,
        header: &FrameHeader,
        payload: Bytes,
    ) -> Result<Option<Message>, Violation> {
        use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data};
        match header.opcode {
            OpCode::Control(Control::Close) => close(&payload).map(Some),
            OpCode::Control(Control::Ping) => Ok(Some(Message::Ping(payload))),
            OpCode::Control(Control::Pong) => Ok(Some(Message::Pong(payload))),
            OpCode::Data(Data::Continue) => {
                let Some((opcode, mut all)) = self.fragments.take() else {
                    return Err(Violation::StrayContinuation);
                };
                all.extend_from_slice(&payload);
                if header.is_final {
                    return whole(opcode, all.freeze()).map(Some);
                }
                self.fragments = Some((opcode, all));
                Ok(None)
            }
            OpCode::Data(Data::Text | Data::Binary) => {
                if self.fragments.is_some() {
                    return Err(Violation::Interleaved);
                }
                if header.is_final {
                    return whole(header.opcode, payload).map(Some);
                }
                self.fragments = Some((header.opcode, BytesMut::from(&payload[..])));
                Ok(None)
            }
            other => Err(Violation::Header(format!("opcode {other}"))),
        }
    }
}

fn whole(opcode: OpCode, payload: Bytes) -> Result<Message, Violation> {
    use tokio_tungstenite::tungstenite::protocol::frame::coding::Data;
    if opcode == OpCode::Data(Data::Binary) {
        return Ok(Message::Binary(payload));
    }
    match String::from_utf8(payload.to_vec()) {
        Ok(text) => Ok(Message::Text(text)),
        Err(_) => Err(Violation::Utf8),
    }
}

fn close(payload: &[u8]) -> Result<Message, Violation> {
    match payload {
        [] => Ok(Message::Close(None, String::new())),
        [_] => Err(Violation::Close),
        // A code or a reason that is not allowed is shown as it came: it is what a scenario asks.
        [high, low, reason @ ..] => Ok(Message::Close(
            Some(u16::from_be_bytes([*high, *low])),
            String::from_utf8_lossy(reason).into_owned(),
        )),
    }
}

/// A frame to be sent, with every bit as one likes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFrame {
    /// 0 to 15.
    pub opcode: u8,
    /// The last fragment.
    pub fin: bool,
    /// The three reserved bits, as a number from 0 to 7.
    pub rsv: u8,
    /// Masked, as a client must.
    pub masked: bool,
    /// The payload, before it is masked.
    pub payload: Bytes,
    /// The length that the header announces, where it is not the payload's.
    pub length: Option<u64>,
}

impl RawFrame {
    /// A whole frame as a client sends it.
    pub fn new(opcode: u8, payload: impl Into<Bytes>) -> Self {
        Self {
            opcode,
            fin: true,
            rsv: 0,
            masked: true,
            payload: payload.into(),
            length: None,
        }
    }

    /// A close frame.
    pub fn close(code: u16, reason: &str) -> Self {
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend_from_slice(reason.as_bytes());
        Self::new(8, payload)
    }

    /// The bytes of the frame.
    pub fn encode(&self) -> Bytes {
        let mask: Option<[u8; 4]> = self.masked.then(rand::random);
        let header = FrameHeader {
            is_final: self.fin,
            rsv1: self.rsv & 4 != 0,
            rsv2: self.rsv & 2 != 0,
            rsv3: self.rsv & 1 != 0,
            opcode: OpCode::from(self.opcode & 15),
            mask,
        };
        let length = self.length.unwrap_or(self.payload.len() as u64);
        let mut bytes = Vec::with_capacity(self.payload.len() + 14);
        // Writing to memory cannot fail.
        let _ = header.format(length, &mut bytes);
        match mask {
            None => bytes.extend_from_slice(&self.payload),
            Some(mask) => bytes.extend(
                self.payload
                    .iter()
                    .enumerate()
                    .map(|(at, byte)| byte ^ mask[at % 4]),
            ),
        }
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Message>, Violation> {
        let mut assembly = Assembly::default();
        assembly.feed(bytes);
        assembly.next()
    }

    #[test]
    fn messages_come_out_whole_however_the_bytes_are_cut() {
        let bytes = b"\x01\x024h\x89\x01p\x80\x02ey\x82\x01\xff";
        let mut assembly = Assembly::default();
        let mut seen = Vec::new();
        for byte in bytes {
            assembly.feed(&[*byte]);
            while let Some(message) = assembly.next().unwrap() {
                seen.push(message);
            }
        }
        let expected = [
            Message::Ping(Bytes::from_static(b"p")),
            Message::Text("4hey".to_owned()),
            Message::Binary(Bytes::from_static(b"\xff")),
        ];
        assert_eq!(seen, expected);
        assert!(assembly.is_idle());
    }

    #[test]
    fn every_rule_of_the_rfc_that_a_server_breaks_has_its_word() {
        for (bytes, violation) in [
            (&b"\x81\x81abcd4"[..], Violation::Masked),
            (b"\xC1\x014", Violation::ReservedBits),
            (b"\x80\x00", Violation::StrayContinuation),
            (b"\x01\x014\x81\x014", Violation::Interleaved),
            (b"\x09\x00", Violation::Control),
            (b"\x89\x7e\x00\x7e", Violation::Control),
            (b"\x88\x01\x03", Violation::Close),
            (b"\x81\x01\xff", Violation::Utf8),
            (
                b"\x81\x7f\x00\x00\x00\x7f\xff\xff\xff\xff",
                Violation::Flood(0x7f_ffff_ffff),
            ),
        ] {
            assert_eq!(read(bytes), Err(violation), "{bytes:02x?}");
        }
        assert!(matches!(read(b"\x83\x00"), Err(Violation::Header(_))));
    }

    #[test]
    fn a_close_code_is_shown_as_it_came() {
        // What a server that writes an HTTP error after its 101 looks like: `HTTP` as a frame.
        assert_eq!(
            read(b"\x88\x02TP"),
            Ok(Some(Message::Close(Some(21584), String::new())))
        );
        assert_eq!(
            read(b"\x88\x00"),
            Ok(Some(Message::Close(None, String::new())))
        );
    }

    #[test]
    fn frames_are_written_with_every_bit_as_one_likes() {
        let mut frame = RawFrame::new(3, &b"\x00"[..]);
        frame.masked = false;
        frame.fin = false;
        frame.rsv = 4;
        assert_eq!(&frame.encode()[..], b"\x43\x01\x00");
        frame.length = Some(300);
        assert_eq!(&frame.encode()[..], b"\x43\x7e\x01\x2c\x00");
        let masked = RawFrame::new(1, &b"4hi"[..]).encode();
        assert_eq!(masked[..2], [0x81, 0x83]);
        let text: Vec<u8> = (0..3).map(|at| masked[6 + at] ^ masked[2 + at]).collect();
        assert_eq!(text, b"4hi");
    }
}
