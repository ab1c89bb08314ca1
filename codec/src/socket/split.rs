//! Any text, cut into a packet's fields and judged by nobody.

use std::fmt;

use super::PacketType;

/// The fields as they were written. Put together again they are the text, byte for byte: nothing
/// is dropped, known or broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split<'a> {
    /// The first character, whatever it is; empty if there is none.
    pub type_char: &'a str,
    /// What stands between a binary type and its `-`: digits in a good packet. `None` where no `-`
    /// comes before anything that must follow it, and for other types.
    pub count: Option<&'a str>,
    /// From the `/` to the first comma, or to the end (SIO-CO-02, SIO-CN-04, SIO-DC-04).
    pub namespace: Option<&'a str>,
    /// Whether a comma ended the namespace.
    pub comma: bool,
    /// ASCII digits before the payload (SIO-CO-03); `None` where there are none.
    pub id: Option<&'a str>,
    /// All the rest, JSON in a good packet.
    pub payload: &'a str,
}

impl<'a> Split<'a> {
    /// Cuts the text of one packet: type, attachments, namespace, id, payload, in that order
    /// (SIO-CO-01).
    #[inline]
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let first = match text.as_bytes().first() {
            Some(byte) if byte.is_ascii() => 1,
            _ => text.chars().next().map_or(0, char::len_utf8),
        };
        let (type_char, mut rest) = text.split_at(first);
        let binary = matches!(type_char.as_bytes(), b"5" | b"6");
        let count = if binary { cut_count(&mut rest) } else { None };
        let (namespace, comma) = cut_namespace(&mut rest);
        let id = cut_digits(&mut rest);
        Self {
            type_char,
            count,
            namespace,
            comma,
            id,
            payload: rest,
        }
    }

    /// The packet type, if the first character is one.
    #[inline]
    #[must_use]
    pub fn kind(&self) -> Option<PacketType> {
        PacketType::from_digit(*self.type_char.as_bytes().first()?)
    }
}

/// Takes what stands before a `-`, unless namespace or payload begin first.
fn cut_count<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let begins = |byte: &u8| matches!(byte, b'-' | b'/' | b',' | b'[' | b'{' | b'"');
    let end = rest.as_bytes().iter().position(begins)?;
    if rest.as_bytes()[end] != b'-' {
        return None;
    }
    let count = &rest[..end];
    *rest = &rest[end + 1..];
    Some(count)
}

#[inline]
fn cut_namespace<'a>(rest: &mut &'a str) -> (Option<&'a str>, bool) {
    if rest.as_bytes().first() != Some(&b'/') {
        return (None, false);
    }
    let (namespace, comma, after) = match memchr::memchr(b',', rest.as_bytes()) {
        Some(end) => (&rest[..end], true, &rest[end + 1..]),
        None => (*rest, false, ""),
    };
    *rest = after;
    (Some(namespace), comma)
}

#[inline]
fn cut_digits<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let end = rest
        .as_bytes()
        .iter()
        .position(|byte| !is_digit(byte))
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    (!digits.is_empty()).then_some(digits)
}

impl fmt::Display for Split<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.type_char)?;
        if let Some(count) = self.count {
            write!(formatter, "{count}-")?;
        }
        formatter.write_str(self.namespace.unwrap_or_default())?;
        formatter.write_str(if self.comma { "," } else { "" })?;
        formatter.write_str(self.id.unwrap_or_default())?;
        formatter.write_str(self.payload)
    }
}
