//! Where a WebSocket frame ends (RFC 6455 5.2).

use super::scanner::{Boundary, Unit, end_of};

/// One frame, as far as it has been read.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    head: Vec<u8>,
    remaining: u64,
    in_payload: bool,
}

impl Frame {
    /// Reads on from `bytes[*at]`; behind its last byte it is ready for the next frame.
    pub(super) fn read(&mut self, bytes: &[u8], at: &mut usize, boundaries: &mut Vec<Boundary>) {
        if !self.in_payload {
            self.head.push(bytes[*at]);
            *at += 1;
            let Some(length) = frame_length(&self.head) else {
                return;
            };
            self.remaining = length;
            self.in_payload = true;
        } else {
            let end = end_of(*at, bytes.len(), self.remaining);
            self.remaining -= (end - *at) as u64;
            *at = end;
        }
        if self.remaining == 0 {
            let (fin, opcode) = (self.head[0] & 0x80 != 0, self.head[0] & 0x0f);
            boundaries.push(Boundary {
                offset: *at,
                unit: Unit::Frame,
            });
            if fin && opcode < 8 {
                boundaries.push(Boundary {
                    offset: *at,
                    unit: Unit::Packet,
                });
            }
            *self = Self::default();
        }
    }
}

/// The payload's length in bytes, once the head (RFC 6455 5.2) is whole, mask included.
fn frame_length(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    if head.len() < 2 + extended + mask {
        return None;
    }
    if extended == 0 {
        return Some(u64::from(second & 0x7f));
    }
    Some(
        head[2..2 + extended]
            .iter()
            .fold(0, |length, byte| length << 8 | u64::from(*byte)),
    )
}
