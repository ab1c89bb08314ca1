//! How peers read the packets and payloads of Engine.IO otherwise.

use super::super::class;
use super::super::input::{Input, Layer};
use super::Quirk;
use super::digit::digit;

/// Those of Engine.IO.
pub(super) static QUIRKS: [Quirk; 4] = [
    Quirk {
        class: &class::JSONP,
        rewrite: form,
    },
    Quirk {
        class: &class::BASE64,
        rewrite: |input| each_packet(input, |text| base64(text, Stops::AtPadding)),
    },
    Quirk {
        class: &class::BASE64,
        rewrite: |input| each_packet(input, |text| base64(text, Stops::AtWholePadding)),
    },
    Quirk {
        class: &class::UNICODE_DIGITS,
        rewrite: |input| each_packet(input, ascii_type),
    },
];

/// Every packet of an Engine.IO input.
fn each_packet(input: &Input, rewrite: impl Fn(&str) -> Option<String>) -> Option<Input> {
    let whole = input.only_text();
    let read = |part: &str| rewrite(part).unwrap_or_else(|| part.to_owned());
    match input.layer {
        Layer::Socket => None,
        Layer::EnginePacket => Some(Input::text(input.layer, read(whole))),
        Layer::EnginePayload => {
            let parts: Vec<_> = whole.split('\u{1e}').map(read).collect();
            Some(Input::text(input.layer, parts.join("\u{1e}")))
        }
    }
}

fn ascii_type(text: &str) -> Option<String> {
    let first = text.chars().next()?;
    Some(format!("{}{}", digit(first)?, &text[first.len_utf8()..]))
}

/// `d=` and the payload, as a form sends it.
fn form(input: &Input) -> Option<Input> {
    let body = input.only_text();
    if input.layer != Layer::EnginePayload || !body.starts_with("d=") {
        return None;
    }
    let query = siospec_codec::engine::Query::parse(body);
    let first = query
        .pairs
        .iter()
        .find(|(name, value)| name == "d" && !value.is_empty())?;
    Some(Input::text(input.layer, first.1.to_string()))
}

/// Where a loose reader of base64 stops.
#[derive(Clone, Copy, PartialEq)]
enum Stops {
    /// At the first `=`.
    AtPadding,
    /// Where `=` completes four characters.
    AtWholePadding,
}

/// The characters that a loose reader takes, written as base64 that nobody can object to. Node looks at the low byte of
/// each UTF-16 unit only.
fn base64(text: &str, stops: Stops) -> Option<String> {
    let rest = text.strip_prefix('b')?;
    let mut taken = String::new();
    let low_bytes = |c: char| {
        c.encode_utf16(&mut [0; 2])
            .iter()
            .map(|unit| char::from(*unit as u8))
            .collect()
    };
    let read = |c: char| -> Vec<char> {
        if stops == Stops::AtPadding {
            low_bytes(c)
        } else {
            vec![c]
        }
    };
    let mut pads = 0;
    for c in rest.chars().flat_map(read) {
        match c {
            '-' if stops == Stops::AtPadding => taken.push('+'),
            '_' if stops == Stops::AtPadding => taken.push('/'),
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' => {
                pads = 0;
                taken.push(c);
            }
            '=' if stops == Stops::AtPadding => break,
            '=' if taken.len() % 4 >= 2 => {
                pads += 1;
                if taken.len() % 4 + pads >= 4 {
                    break;
                }
            }
            _ => {}
        }
    }
    // One character left over holds no byte, and the bits behind the last byte are nobody's.
    if taken.len() % 4 == 1 {
        taken.pop();
    }
    let spare = match taken.len() % 4 {
        2 => 0b1111,
        3 => 0b11,
        _ => 0,
    };
    if let Some(last) = taken.pop() {
        taken.push(without_bits(last, spare));
    }
    while !taken.len().is_multiple_of(4) {
        taken.push('=');
    }
    Some(format!("b{taken}"))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn without_bits(c: char, bits: usize) -> char {
    let value = ALPHABET
        .iter()
        .position(|other| char::from(*other) == c)
        .unwrap_or(0);
    char::from(ALPHABET[value & !bits])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_written_as_the_quirk_reads_it() {
        assert_eq!(base64("b-_8=x", Stops::AtPadding).as_deref(), Some("b+/8="));
        assert_eq!(
            base64("bAB=x=", Stops::AtWholePadding).as_deref(),
            Some("bABw=")
        );
    }
}
