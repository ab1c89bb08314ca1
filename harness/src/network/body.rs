//! Where a body of HTTP ends, and the packets in it.

use super::scanner::{Boundary, Unit, end_of};

/// What tells where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked(Chunk),
    UntilClose,
}

/// Where in the framing of a chunked body the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    Size {
        value: u64,
        extension: bool,
    },
    Data(u64),
    AfterData,
    /// Bytes of the current trailer line seen so far, without its line end.
    Trailer(u64),
}

/// One body, as far as it has been read.
#[derive(Debug, Clone)]
pub(super) struct Body {
    framing: Framing,
    /// Whether the body holds packets; unknown until its first byte.
    packets: Option<bool>,
}

impl Body {
    /// A body that is framed like this, before its first byte.
    pub(super) fn new(framing: Framing) -> Self {
        Self {
            framing,
            packets: None,
        }
    }

    /// Reads on from `bytes[*at]`; whether the body has ended there.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        at: &mut usize,
        boundaries: &mut Vec<Boundary>,
    ) -> bool {
        match &mut self.framing {
            Framing::UntilClose => {
                let rest = bytes.len();
                self.content(bytes, *at, rest, boundaries);
                *at = rest;
                false
            }
            Framing::Length(left) => {
                let end = end_of(*at, bytes.len(), *left);
                *left -= (end - *at) as u64;
                let done = *left == 0;
                self.content(bytes, *at, end, boundaries);
                *at = end;
                if done {
                    self.end(end, boundaries);
                }
                done
            }
            Framing::Chunked(chunk) => {
                if let Chunk::Data(left) = *chunk {
                    let end = end_of(*at, bytes.len(), left);
                    let left = left - (end - *at) as u64;
                    *chunk = if left == 0 {
                        Chunk::AfterData
                    } else {
                        Chunk::Data(left)
                    };
                    self.content(bytes, *at, end, boundaries);
                    *at = end;
                    return false;
                }
                let byte = bytes[*at];
                *at += 1;
                match chunk.next(byte) {
                    Some(next) => {
                        *chunk = next;
                        false
                    }
                    None => {
                        self.end(*at, boundaries);
                        true
                    }
                }
            }
        }
    }

    /// Notes the packets that a separator ends within `bytes[from..to]`.
    fn content(&mut self, bytes: &[u8], from: usize, to: usize, boundaries: &mut Vec<Boundary>) {
        if from == to {
            return;
        }
        // `ok`, an error's JSON or a page is a body without packets.
        let packets = *self
            .packets
            .get_or_insert_with(|| matches!(bytes[from], b'0'..=b'6' | b'b'));
        if packets {
            let separators = memchr_all(b'\x1e', &bytes[from..to]);
            boundaries.extend(separators.map(|i| Boundary {
                offset: from + i,
                unit: Unit::Packet,
            }));
        }
    }

    fn end(&self, offset: usize, boundaries: &mut Vec<Boundary>) {
        if self.packets == Some(true) {
            boundaries.push(Boundary {
                offset,
                unit: Unit::Packet,
            });
        }
        boundaries.push(Boundary {
            offset,
            unit: Unit::Request,
        });
    }
}

impl Chunk {
    /// The state after one byte of chunk framing; `None` when the body has ended.
    fn next(self, byte: u8) -> Option<Self> {
        Some(match self {
            Self::Size { value: 0, .. } if byte == b'\n' => Self::Trailer(0),
            Self::Size { value, .. } if byte == b'\n' => Self::Data(value),
            Self::Size {
                value,
                extension: false,
            } => match (byte as char).to_digit(16) {
                Some(digit) => Self::Size {
                    value: value.saturating_mul(16).saturating_add(digit.into()),
                    extension: false,
                },
                None => Self::Size {
                    value,
                    extension: true,
                },
            },
            Self::Size { .. } | Self::Data(_) => self,
            Self::AfterData if byte == b'\n' => Self::Size {
                value: 0,
                extension: false,
            },
            Self::AfterData => Self::AfterData,
            Self::Trailer(0) if byte == b'\n' => return None,
            Self::Trailer(_) if byte == b'\n' => Self::Trailer(0),
            Self::Trailer(seen) if byte == b'\r' => Self::Trailer(seen),
            Self::Trailer(seen) => Self::Trailer(seen + 1),
        })
    }
}

fn memchr_all(needle: u8, hay: &[u8]) -> impl Iterator<Item = usize> + '_ {
    hay.iter()
        .enumerate()
        .filter(move |(_, byte)| **byte == needle)
        .map(|(i, _)| i)
}
