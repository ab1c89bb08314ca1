//! A frame to a packet.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::{Packet, PacketType};
use crate::{DecodeError, DecodeErrorKind, Leniency};

/// Reads the text of one packet: a WebSocket text frame (EIO-WS-02), or one part of a polling body.
///
/// `b` and base64 is a binary message, in a polling body (EIO-PL-03) as in a text frame of a client
/// that has no binary frames (EIO-WS-17). A record separator has no meaning here (EIO-WS-05).
#[inline]
pub fn decode_text(text: &str, leniency: Leniency) -> Result<Packet<'_>, DecodeError> {
    let Some(&first) = text.as_bytes().first() else {
        return Err(DecodeError::new(0, DecodeErrorKind::EmptyPacket));
    };
    if let Some(kind) = PacketType::from_digit(first) {
        return Ok(Packet::Text {
            kind,
            data: &text[1..],
        });
    }
    if first == b'b' {
        let data = base64(&text[1..], leniency).map_err(|error| error.shifted(1))?;
        return Ok(Packet::Binary(Cow::Owned(data)));
    }
    Err(DecodeError::new(0, DecodeErrorKind::UnknownEngineType))
}

/// Reads a WebSocket binary frame: all of it is the message (EIO-WS-03), even if it is empty
/// (EIO-WS-09).
#[must_use]
pub const fn decode_binary(frame: &[u8]) -> Packet<'_> {
    Packet::Binary(Cow::Borrowed(frame))
}

const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);

fn base64(text: &str, leniency: Leniency) -> Result<Vec<u8>, DecodeError> {
    let decoded = if leniency.allows(DecodeErrorKind::InvalidBase64) {
        let url_safe = memchr::memchr2(b'-', b'_', text.as_bytes()).is_some();
        let alphabet = if url_safe {
            &alphabet::URL_SAFE
        } else {
            &alphabet::STANDARD
        };
        GeneralPurpose::new(alphabet, LOOSE).decode(text)
    } else {
        STANDARD.decode(text)
    };
    decoded.map_err(|error| {
        let offset = match error {
            base64::DecodeError::InvalidByte(at, _)
            | base64::DecodeError::InvalidLastSymbol { offset: at, .. } => at,
            base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding => {
                text.len()
            }
        };
        DecodeError::new(offset.min(text.len()), DecodeErrorKind::InvalidBase64)
    })
}
