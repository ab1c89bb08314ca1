//! Text to a packet, and the rules on the way.

use super::packet::MAIN_NAMESPACE;
use super::{AckId, Packet, PacketType, RESERVED_EVENTS, Split, placeholder};
use crate::{DecodeError, DecodeErrorKind as Kind, Leniency, Limits};
use crate::{abridge, json};

/// Reads the data of an engine message as one Socket.IO packet, without copying.
///
/// The header is ASCII and holds no white space (SIO-CO-05, SIO-CO-06). The payload is checked to
/// be JSON and to have the shape that its type wants; its values are not looked at.
#[inline]
pub fn decode<'a>(
    text: &'a str,
    limits: &Limits,
    leniency: Leniency,
) -> Result<Packet<'a>, DecodeError> {
    decode_split(text, limits, leniency).map(|(_, packet)| packet)
}

/// The packet, and the fields as they were written.
#[inline]
pub(crate) fn decode_split<'a>(
    text: &'a str,
    limits: &Limits,
    leniency: Leniency,
) -> Result<(Split<'a>, Packet<'a>), DecodeError> {
    if text.len() > limits.packet_bytes {
        return Err(DecodeError::new(limits.packet_bytes, Kind::PacketTooLong));
    }
    let split = Split::of(text);
    let Some(kind) = split.kind() else {
        let kind = if text.is_empty() {
            Kind::EmptyPacket
        } else {
            Kind::UnknownSocketType
        };
        return Err(DecodeError::new(0, kind));
    };
    let attachments = if kind.is_binary() {
        attachment_count(&split, limits, leniency)?
    } else {
        0
    };
    let start = text.len() - split.payload.len();
    if split.id.is_none() && kind.is_ack() && !leniency.allows(Kind::MissingAckId) {
        return Err(DecodeError::new(start, Kind::MissingAckId));
    }
    let payload = check_payload(kind, split.payload, attachments, limits, leniency)
        .map_err(|error| error.shifted(start))?;
    let namespace = split.namespace.unwrap_or(MAIN_NAMESPACE);
    let id = split.id.map(AckId::written);
    Ok((
        split,
        Packet {
            kind,
            attachments,
            namespace,
            id,
            payload,
        },
    ))
}

/// SIO-BI-19, SIO-CO-07, SIO-SEC-01.
fn attachment_count(
    split: &Split<'_>,
    limits: &Limits,
    leniency: Leniency,
) -> Result<usize, DecodeError> {
    let digits = split
        .count
        .filter(|count| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(digits) = digits else {
        if leniency.allows(Kind::AttachmentCount) {
            return Ok(0);
        }
        return Err(DecodeError::new(1, Kind::AttachmentCount));
    };
    // A count that no machine word holds is above every limit (SIO-SEC-02).
    match digits.parse() {
        Ok(count) if count <= limits.attachments => Ok(count),
        _ => Err(DecodeError::new(1, Kind::TooManyAttachments)),
    }
}

#[inline]
fn check_payload<'a>(
    kind: PacketType,
    payload: &'a str,
    attachments: usize,
    limits: &Limits,
    leniency: Leniency,
) -> Result<Option<&'a str>, DecodeError> {
    let announced = kind.is_binary().then_some(attachments);
    let is_good = abridge::is_good(payload, announced, limits.nesting);
    let result = if payload.is_empty() {
        missing(kind)
    } else if is_good {
        Ok(())
    } else {
        json_text(payload, limits)
    };
    let payload = match result {
        Ok(()) => payload,
        Err(error) if error.kind == Kind::TrailingData && leniency.allows(error.kind) => {
            payload[..error.offset].trim_end()
        }
        Err(error) if leniency.allows(error.kind) => payload,
        Err(error) => return Err(error),
    };
    if payload.is_empty() {
        return Ok(None);
    }
    let shape = match announced {
        // SIO-BI-16, SIO-BI-17. In a plain event a placeholder is an ordinary object (SIO-BI-20).
        Some(attachments) if !is_good => {
            shape(kind, payload).and_then(|()| placeholders_in_range(payload, attachments))
        }
        _ => shape(kind, payload),
    };
    match shape {
        Err(error) if !leniency.allows(error.kind) => Err(error),
        _ => Ok(Some(payload)),
    }
}

/// Which types cannot do without a payload.
fn missing(kind: PacketType) -> Result<(), DecodeError> {
    match kind {
        PacketType::Connect | PacketType::Disconnect => Ok(()),
        PacketType::Event | PacketType::BinaryEvent => {
            Err(DecodeError::new(0, Kind::MissingPayload))
        }
        PacketType::Ack | PacketType::BinaryAck => Err(DecodeError::new(0, Kind::AckNotArray)),
        PacketType::ConnectError => Err(DecodeError::new(0, Kind::ConnectErrorPayload)),
    }
}

#[inline]
fn json_text(payload: &str, limits: &Limits) -> Result<(), DecodeError> {
    json::check(payload)?;
    match json::too_deep(payload.as_bytes(), limits.nesting) {
        Some(offset) => Err(DecodeError::new(offset, Kind::NestingTooDeep)),
        None => Ok(()),
    }
}

/// What the payload of each type has to be.
#[inline]
fn shape(kind: PacketType, payload: &str) -> Result<(), DecodeError> {
    let first = json::first_byte(payload);
    let wrong = |kind| Err(DecodeError::new(0, kind));
    match kind {
        PacketType::Connect if first != Some(b'{') => wrong(Kind::ConnectPayload),
        PacketType::Disconnect => wrong(Kind::DisconnectPayload),
        PacketType::ConnectError if !matches!(first, Some(b'{' | b'"')) => {
            wrong(Kind::ConnectErrorPayload)
        }
        PacketType::Event | PacketType::BinaryEvent => event_shape(payload),
        PacketType::Ack | PacketType::BinaryAck if first != Some(b'[') => wrong(Kind::AckNotArray),
        PacketType::Ack
        | PacketType::BinaryAck
        | PacketType::Connect
        | PacketType::ConnectError => Ok(()),
    }
}

/// SIO-EV-06 to SIO-EV-11, SIO-BI-27.
#[inline]
fn event_shape(payload: &str) -> Result<(), DecodeError> {
    let bytes = payload.as_bytes();
    let open = json::skip_space(bytes, 0);
    if bytes.get(open) != Some(&b'[') {
        return Err(DecodeError::new(0, Kind::EventNotArray));
    }
    let name = json::skip_space(bytes, open + 1);
    let kind = match bytes.get(name) {
        Some(b'"') if is_reserved(payload, name) => Kind::ReservedEventName,
        Some(b'"' | b'-' | b'0'..=b'9') => return Ok(()),
        Some(b']') | None => Kind::EventEmpty,
        Some(_) => Kind::EventName,
    };
    Err(DecodeError::new(name, kind))
}

/// Whether the string that opens at `at` is a reserved name, however it is escaped.
#[inline]
fn is_reserved(payload: &str, at: usize) -> bool {
    // Only these begin a reserved name; most names are done here.
    if !matches!(
        payload.as_bytes().get(at + 1),
        Some(b'c' | b'd' | b'n' | b'r' | b'\\')
    ) {
        return false;
    }
    let Some(end) = json::string_end(payload.as_bytes(), at) else {
        return false;
    };
    RESERVED_EVENTS.contains(&&*json::unescape(&payload[at..end]))
}

fn placeholders_in_range(payload: &str, attachments: usize) -> Result<(), DecodeError> {
    match placeholder::out_of_range(payload, attachments) {
        Some(found) => Err(DecodeError::new(found.span.start, Kind::PlaceholderIndex)),
        None => Ok(()),
    }
}
