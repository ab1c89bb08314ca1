//! JSON as text: checked by `serde_json`, then walked without building anything.
//!
//! [`check`] is the gate. Everything else here expects text that passed it; text that did not
//! (a lenient decoder lets it through) gives `None` or stops early, and never panics.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::{DecodeError, DecodeErrorKind};

/// Checks that `text` is exactly one JSON value. Uses no stack for nesting (SIO-SEC-03).
pub(crate) fn check(text: &str) -> Result<(), DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    if let Err(error) = IgnoredAny::deserialize(&mut deserializer) {
        return Err(DecodeError::new(
            offset(text, &error),
            DecodeErrorKind::InvalidJson,
        ));
    }
    deserializer
        .end()
        .map_err(|error| DecodeError::new(offset(text, &error), DecodeErrorKind::TrailingData))
}

/// Whether `bytes` are exactly one JSON value. Whether its strings are UTF-8 is not looked at.
#[inline]
pub(crate) fn is_value(bytes: &[u8]) -> bool {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    IgnoredAny::deserialize(&mut deserializer).is_ok() && deserializer.end().is_ok()
}

/// Where `serde_json` stopped; it counts lines and columns from one, and names the byte before where
/// it looked ahead.
#[cold]
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let before = text.as_bytes().split_inclusive(|&byte| byte == b'\n');
    let line: usize = before
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    (line + error.column().saturating_sub(1)).min(text.len())
}

/// Offset of the bracket that opens a level beyond `limit`, if there is one.
pub(crate) fn too_deep(bytes: &[u8], limit: usize) -> Option<usize> {
    // Each level takes an opening and a closing bracket.
    if bytes.len() / 2 <= limit {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at)?,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return Some(at);
                }
                at += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    None
}

/// How deep a tree may be: what `serde_json` reads.
const DEEPEST: usize = 127;

/// JSON text as a tree of values; every object an object.
///
/// `serde_json` carries numbers of any precision, and raw text, in objects with a key of its own, and takes such an
/// object in the text for what it carries: a peer could send a number as `{"$serde_json::private::Number":"1"}`, and
/// have a string read as JSON. Text in which such a key may stand, escaped or not, is therefore put together here.
///
/// # Errors
/// As `serde_json`: text that is no JSON, nesting beyond 127, a lone surrogate escape.
pub fn read_json(text: &str) -> Result<serde_json::Value, serde_json::Error> {
    let bytes = text.as_bytes();
    let private = |needle: &str| memchr::memmem::find(bytes, needle.as_bytes()).is_some();
    // No other escape can stand for a character of the key.
    if !private("$serde_json") && !private("\\u") {
        return serde_json::from_str(text);
    }
    serde_json::from_str::<IgnoredAny>(text)?;
    tree(text.trim_matches([' ', '\t', '\n', '\r']), DEEPEST)
}

fn tree(text: &str, depth: usize) -> Result<serde_json::Value, serde_json::Error> {
    use serde::de::Error as _;

    let deeper = || {
        depth
            .checked_sub(1)
            .ok_or_else(|| serde_json::Error::custom("recursion limit exceeded"))
    };
    if let Some(elements) = Elements::new(text) {
        let depth = deeper()?;
        return elements.map(|element| tree(element, depth)).collect();
    }
    if let Some(members) = Members::new(text) {
        let depth = deeper()?;
        let member = |(key, value)| Ok((serde_json::from_str::<String>(key)?, tree(value, depth)?));
        return members
            .map(member)
            .collect::<Result<_, _>>()
            .map(serde_json::Value::Object);
    }
    serde_json::from_str(text)
}

pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Offset of the first byte from `at` that is no white space.
pub(crate) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).copied().is_some_and(is_space) {
        at += 1;
    }
    at
}

/// The first byte of the value.
pub(crate) fn first_byte(text: &str) -> Option<u8> {
    text.as_bytes().get(skip_space(text.as_bytes(), 0)).copied()
}

/// Offset after the string that opens at `at`.
pub(crate) fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Offset after the value that starts at `at`.
pub(crate) fn value_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string_end(bytes, at),
        b'[' | b'{' => compound_end(bytes, at),
        _ => {
            let delimiter =
                |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':') || is_space(*byte);
            let length = bytes[at..].iter().position(delimiter);
            Some(length.map_or(bytes.len(), |length| at + length))
        }
    }
}

fn compound_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// What a JSON string says. A lone surrogate escape, legal JSON but no Unicode text, becomes
/// U+FFFD (SIO-CO-14). `raw` includes the quotes.
pub(crate) fn unescape(raw: &str) -> Cow<'_, str> {
    let inner = raw.strip_prefix('"').unwrap_or(raw);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Cow::Borrowed(inner);
    }
    if let Ok(text) = serde_json::from_str::<String>(raw) {
        return Cow::Owned(text);
    }
    match serde_json::from_str::<LooseString>(raw) {
        Ok(LooseString(text)) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(inner),
    }
}

/// A JSON string read as bytes: `serde_json` then writes a lone surrogate as three bytes, as if
/// it were a character.
struct LooseString(String);

impl<'de> Deserialize<'de> for LooseString {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = LooseString;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_bytes<E>(self, mut bytes: &[u8]) -> Result<LooseString, E> {
                let mut text = String::with_capacity(bytes.len());
                while let Some(chunk) = bytes.utf8_chunks().next() {
                    text.push_str(chunk.valid());
                    bytes = &bytes[chunk.valid().len()..];
                    if !bytes.is_empty() {
                        text.push(char::REPLACEMENT_CHARACTER);
                        bytes = bytes.get(3..).unwrap_or_default();
                    }
                }
                Ok(LooseString(text))
            }
        }

        deserializer.deserialize_bytes(Visitor)
    }
}

/// The elements of a JSON array, each as it was written, without the white space around it.
#[derive(Debug, Clone)]
pub(crate) struct Elements<'a> {
    text: &'a str,
    /// Offset of the next element, or `None` at the end.
    at: Option<usize>,
}

impl<'a> Elements<'a> {
    /// `None` if the text does not start as an array.
    pub(crate) fn new(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let open = skip_space(bytes, 0);
        if bytes.get(open) != Some(&b'[') {
            return None;
        }
        let first = skip_space(bytes, open + 1);
        let at = (bytes.get(first)? != &b']').then_some(first);
        Some(Self { text, at })
    }

    /// The text that the remaining elements stand in, closing bracket included.
    pub(crate) fn rest(&self) -> Option<&'a str> {
        self.text.get(self.at?..)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let start = self.at.take()?;
        let end = value_end(bytes, start).filter(|&end| end > start)?;
        let delimiter = skip_space(bytes, end);
        if bytes.get(delimiter) == Some(&b',') {
            self.at = Some(skip_space(bytes, delimiter + 1));
        }
        self.text.get(start..end)
    }
}

/// The members of a JSON object: the key as it was written, quotes included, and the value.
#[derive(Debug, Clone)]
pub(crate) struct Members<'a> {
    text: &'a str,
    at: Option<usize>,
}

impl<'a> Members<'a> {
    /// `None` if the text does not start as an object.
    pub(crate) fn new(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let open = skip_space(bytes, 0);
        if bytes.get(open) != Some(&b'{') {
            return None;
        }
        let first = skip_space(bytes, open + 1);
        let at = (bytes.get(first)? == &b'"').then_some(first);
        Some(Self { text, at })
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let bytes = self.text.as_bytes();
        let key = self.at.take()?;
        let key_end = string_end(bytes, key)?;
        let colon = skip_space(bytes, key_end);
        let value = skip_space(bytes, colon + 1);
        let value_end = value_end(bytes, value)?;
        let delimiter = skip_space(bytes, value_end);
        if bytes.get(delimiter) == Some(&b',') {
            self.at = Some(skip_space(bytes, delimiter + 1));
        }
        Some((
            self.text.get(key..key_end)?,
            self.text.get(value..value_end)?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_stands_where_the_json_breaks() {
        let at = |text| check(text).map_err(|error| (error.offset, error.kind));
        assert_eq!(at("[1,]"), Err((3, DecodeErrorKind::InvalidJson)));
        assert_eq!(at("[1,\n2,\n}"), Err((7, DecodeErrorKind::InvalidJson)));
        assert_eq!(at("[1] x"), Err((4, DecodeErrorKind::TrailingData)));
        assert!(matches!(
            at("[1"),
            Err((1 | 2, DecodeErrorKind::InvalidJson))
        ));
        assert_eq!(at(""), Err((0, DecodeErrorKind::InvalidJson)));
    }

    #[test]
    fn an_object_with_a_private_key_of_serde_json_is_an_object() {
        let keys = [
            "$serde_json::private::Number",
            "$serde_json::private::RawValue",
        ];
        for key in keys {
            for written in [
                key.to_owned(),
                key.replace('$', "\\u0024"),
                key.replace('e', "\\u0065"),
            ] {
                for inner in ["1", "x", "[1]"] {
                    let text = format!(
                        r#" [{{"{written}":"{inner}"}}, {{"a":[{{"{written}":"{inner}","b":1e400}}]}}]"#
                    );
                    let value = read_json(&text).unwrap();
                    assert_eq!(value[0].as_object().unwrap()[key], inner, "{text}");
                    let deep = &value[1]["a"][0];
                    assert_eq!(
                        (&deep[key], deep["b"].to_string()),
                        (&inner.into(), "1e+400".into()),
                        "{text}"
                    );
                }
            }
        }
        assert_eq!(read_json(r#"{"\u0061":1,"a":2}"#).unwrap()["a"], 2);
        for refused in [
            r#"["\ud800"]"#,
            r#"{"\ud800":1}"#,
            r#"["\u0061",]"#,
            "",
            r#""\u0061" x"#,
        ] {
            assert!(read_json(refused).is_err(), "{refused}");
        }
        let deep =
            |levels: usize| format!("{}\"\\u0061\"{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read_json(&deep(DEEPEST)).is_ok());
        assert!(read_json(&deep(DEEPEST + 1)).is_err());
        assert!(read_json(&deep(100_000)).is_err());
    }

    #[test]
    fn brackets_inside_strings_are_no_nesting() {
        assert_eq!(too_deep(r#"["[[[[[[[["]"#.as_bytes(), 1), None);
        assert_eq!(too_deep(r#"[ "\"[", [] ]"#.as_bytes(), 1), Some(9));
        assert_eq!(too_deep("[[[]]]".as_bytes(), 2), Some(2));
        assert_eq!(too_deep("[[[]]]".as_bytes(), 3), None);
    }

    #[test]
    fn elements_are_cut_as_they_were_written() {
        let cut = |text| Elements::new(text).map(|all| all.collect::<Vec<_>>());
        assert_eq!(
            cut(r#" [ 1 ,"a,]", {"b":[1,2]} ,[ ] ] "#),
            Some(vec!["1", r#""a,]""#, r#"{"b":[1,2]}"#, "[ ]"])
        );
        assert_eq!(cut("[]"), Some(vec![]));
        assert_eq!(cut("{}"), None);
        assert_eq!(cut("[,,"), Some(vec![]));
    }

    #[test]
    fn a_lone_surrogate_reads_as_one_replacement_character() {
        assert_eq!(unescape(r#""a\ud800b\u00e9""#), "a\u{fffd}bé");
        assert_eq!(unescape(r#""\ud83d\ude00""#), "😀");
    }
}
