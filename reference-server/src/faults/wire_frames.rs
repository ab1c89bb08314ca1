//! The frames in a WebSocket's bytes, for faults that change them.

use bytes::{Buf, BufMut};

pub(super) const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const CLOSE: u8 = 8;
const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// One frame.
pub(super) struct WireFrame {
    /// The first byte: FIN, the reserved bits, the opcode.
    first: u8,
    /// The mask; clients have one.
    pub(super) mask: Option<[u8; 4]>,
    /// What it carries, unmasked.
    pub(super) payload: Vec<u8>,
}

impl WireFrame {
    pub(super) fn opcode(&self) -> u8 {
        self.first & 0x0f
    }

    pub(super) fn is_final(&self) -> bool {
        self.first & FIN != 0
    }

    /// Makes it a whole message, or a last fragment, of this kind; no reserved bit is set.
    pub(super) fn become_final(&mut self, opcode: u8) {
        self.first = FIN | opcode;
    }

    /// Clears the reserved bits.
    pub(super) fn clear_reserved(&mut self) {
        self.first &= !RESERVED;
    }

    /// Sets the bit that says "compressed".
    pub(super) fn set_compressed(&mut self) {
        self.first |= 0x40;
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let first = bytes.try_get_u8().ok()?;
        let second = bytes.try_get_u8().ok()?;
        let length = match second & !MASKED {
            126 => u64::from(bytes.try_get_u16().ok()?),
            127 => bytes.try_get_u64().ok()?,
            short => u64::from(short),
        };
        let mask = match second & MASKED {
            0 => None,
            _ => Some(bytes.try_get_u32().ok()?.to_be_bytes()),
        };
        let mut payload = bytes.split_off(..usize::try_from(length).ok()?)?.to_vec();
        apply(mask, &mut payload);
        Some(Self {
            first,
            mask,
            payload,
        })
    }

    fn encode(mut self, out: &mut Vec<u8>) {
        out.push(self.first);
        let masked = self.mask.map_or(0, |_| MASKED);
        match self.payload.len() {
            length @ 0..=125 => out.put_u8(masked | length as u8),
            length @ 126..=0xffff => {
                out.put_u8(masked | 126);
                out.put_u16(length as u16);
            }
            length => {
                out.put_u8(masked | 127);
                out.put_u64(length as u64);
            }
        }
        out.extend(self.mask.iter().flatten());
        apply(self.mask, &mut self.payload);
        out.append(&mut self.payload);
    }
}

fn apply(mask: Option<[u8; 4]>, payload: &mut [u8]) {
    let mask = mask.unwrap_or_default();
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// What has come of the text message in which the bytes end, if they end inside of one or behind a fragment of one.
pub(super) fn unfinished_text(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut last = None;
    while !bytes.is_empty() {
        let mut rest = bytes;
        let Some(frame) = WireFrame::decode(&mut rest) else {
            return begun_text(bytes);
        };
        (last, bytes) = (Some(frame), rest);
    }
    last.filter(|frame| frame.opcode() == TEXT && !frame.is_final())
        .map(|frame| frame.payload)
}

/// The payload of a text frame, as far as it has come.
fn begun_text(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let (first, second) = (bytes.try_get_u8().ok()?, bytes.try_get_u8().ok()?);
    let length = match second & !MASKED {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    bytes.split_off(..length)?;
    let mask = bytes.try_get_u32().ok()?.to_be_bytes();
    let mut payload = bytes.to_vec();
    apply(Some(mask), &mut payload);
    (first & 0x0f == TEXT).then_some(payload)
}

/// Changes each frame, and takes out those for which `change` says false. Bytes that are not whole frames, as when the
/// transport cut a long one, stay as they are.
pub(super) fn change_frames(bytes: &mut Vec<u8>, mut change: impl FnMut(&mut WireFrame) -> bool) {
    let (mut rest, mut frames) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let Some(frame) = WireFrame::decode(&mut rest) else {
            return;
        };
        frames.push(frame);
    }
    bytes.clear();
    for mut frame in frames {
        if change(&mut frame) {
            frame.encode(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_nobody_changes_stay_as_they_are() {
        for bytes in [
            &b"\x81\x054a\x1e4b\x8a\x00"[..],
            b"\x01\x83\x01\x02\x03\x04\x35\x6a\x60",
            &[&b"\x82\x7e\x01\x00"[..], &[7; 256]].concat(),
            b"\x81\x054a",
        ] {
            let mut changed = bytes.to_vec();
            change_frames(&mut changed, |_| true);
            assert_eq!(changed, bytes);
        }
    }

    #[test]
    fn a_frame_is_seen_unmasked_and_can_be_taken_out() {
        let mut bytes = b"\x01\x83\x01\x02\x03\x04\x35\x6a\x66\x89\x00".to_vec();
        change_frames(&mut bytes, |frame| {
            frame.opcode() != TEXT || {
                assert_eq!(frame.payload, b"4he");
                assert!(!frame.is_final());
                false
            }
        });
        assert_eq!(bytes, b"\x89\x00");
    }

    #[test]
    fn a_text_is_unfinished_in_its_frame_and_behind_its_first_fragment() {
        let whole = b"\x81\x83\x01\x02\x03\x04\x35\x6a\x66";
        assert_eq!(unfinished_text(whole), None);
        let fragment = [&whole[..], b"\x01", &whole[1..]].concat();
        assert_eq!(unfinished_text(&fragment), Some(b"4he".to_vec()));
        let cut = [&whole[..], &whole[..8]].concat();
        assert_eq!(unfinished_text(&cut), Some(b"4h".to_vec()));
    }
}
