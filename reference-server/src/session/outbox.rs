//! What a session has to say and its client has not fetched yet.

use crate::config::OutboxLimits;
use bytes::Bytes;
use bytestring::ByteString;
use std::collections::VecDeque;

/// One Engine.IO packet as it stands in a WebSocket frame.
///
/// Text begins with the packet's type; binary is a message without a type byte (EIO-WS-02, EIO-WS-03). A polling
/// payload carries the same text, and the binary as `b` and base64 (EIO-PL-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Text, packet type included.
    Text(ByteString),
    /// Binary data.
    Binary(Bytes),
}

impl Frame {
    /// A text frame of constant content.
    pub const fn text(text: &'static str) -> Self {
        Self::Text(ByteString::from_static(text))
    }

    /// Length of the content in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
        }
    }

    /// Whether there is no content: only an empty binary message has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The bounded queue of one session.
#[derive(Debug, Clone)]
pub struct Outbox {
    frames: VecDeque<Frame>,
    bytes: usize,
    limits: OutboxLimits,
}

/// The queue would have grown over its limits: the client does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Outbox {
    /// An empty queue with these limits.
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            frames: VecDeque::new(),
            bytes: 0,
            limits,
        }
    }

    /// Appends one frame.
    pub fn push(&mut self, frame: Frame) -> Result<(), Full> {
        if self.frames.len() >= self.limits.frames || self.bytes + frame.len() > self.limits.bytes {
            return Err(Full);
        }
        self.bytes += frame.len();
        self.frames.push_back(frame);
        Ok(())
    }

    /// Takes the oldest frame.
    pub fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front();
        match &frame {
            Some(frame) => self.bytes -= frame.len(),
            // An idle session keeps no buffer of its last burst.
            None => {
                if self.frames.capacity() > 64 {
                    self.frames = VecDeque::new();
                }
            }
        }
        frame
    }

    /// Takes everything, oldest first (EIO-PO-04).
    pub fn drain(&mut self) -> Vec<Frame> {
        self.bytes = 0;
        std::mem::take(&mut self.frames).into()
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
    }

    /// Number of frames waiting.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes waiting, over all frames.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(frames: usize, bytes: usize) -> Outbox {
        Outbox::new(OutboxLimits { frames, bytes })
    }

    #[test]
    fn frames_come_out_in_the_order_they_went_in() {
        let mut outbox = outbox(10, 100);
        outbox.push(Frame::text("4a")).unwrap();
        outbox.push(Frame::text("4b")).unwrap();
        assert_eq!(outbox.pop(), Some(Frame::text("4a")));
        assert_eq!(outbox.drain(), [Frame::text("4b")]);
        assert_eq!(outbox.pop(), None);
    }

    #[test]
    fn one_frame_more_than_the_limit_is_refused() {
        let mut outbox = outbox(2, 100);
        outbox.push(Frame::text("4a")).unwrap();
        outbox.push(Frame::text("4b")).unwrap();
        assert_eq!(outbox.push(Frame::text("4c")), Err(Full));
    }

    #[test]
    fn one_byte_more_than_the_limit_is_refused_until_something_was_fetched() {
        let mut outbox = outbox(10, 4);
        outbox.push(Frame::text("4aaa")).unwrap();
        assert_eq!(outbox.push(Frame::text("4")), Err(Full));
        outbox.pop();
        assert_eq!(outbox.push(Frame::text("4")), Ok(()));
        assert_eq!(outbox.bytes(), 1);
    }
}
