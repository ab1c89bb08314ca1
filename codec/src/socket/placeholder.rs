//! `{"_placeholder":true,"num":0}`: where an attachment belongs (SIO-BI-03).

use std::ops::Range;

use super::ack_id::push_number;
use crate::json::{string_end, unescape, value_end};

/// An object in a payload that stands for an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// Bytes of the object in the text that was searched.
    pub span: Range<usize>,
    /// The attachment's index from 0; `None` where `num` is absent, not a number, negative or not
    /// whole (SIO-BI-17).
    pub index: Option<usize>,
}

/// How [`encode`] writes a placeholder, and nearly every peer, up to its number.
pub(crate) const OPENING: &str = r#"{"_placeholder":true,"num":"#;

/// Appends the placeholder of an attachment.
pub fn encode(index: usize, out: &mut String) {
    out.push_str(OPENING);
    push_number(index as u64, out);
    out.push('}');
}

/// The placeholders of a JSON text, at any depth (SIO-BI-06), in the order in which they stand.
///
/// Any object is one whose `_placeholder` is `true`, in whatever order its keys stand, as the
/// reference implementation has it; what else stands inside it does not count. The text must be
/// valid JSON; in any other text, what is found is arbitrary.
#[must_use]
pub fn find(json: &str) -> Vec<Placeholder> {
    let mut found = Vec::new();
    if find_written_plainly(json, |placeholder| found.push(placeholder)).is_some() {
        return found;
    }
    search(json)
}

/// The first placeholder that refers to none of so many attachments.
pub(crate) fn out_of_range(json: &str, attachments: usize) -> Option<Placeholder> {
    let is_wrong = |found: &Placeholder| found.index.is_none_or(|index| index >= attachments);
    let mut wrong = None;
    let mut look = |found: Placeholder| {
        if wrong.is_none() && is_wrong(&found) {
            wrong = Some(found);
        }
    };
    match find_written_plainly(json, &mut look) {
        Some(()) => wrong,
        None => search(json).into_iter().find(is_wrong),
    }
}

/// Walks the placeholders without a look at the rest of the text, if all of them are written as
/// [`encode`] writes them, as nearly every peer does; `None` if any might be written otherwise.
///
/// In valid JSON without a backslash, `"_placeholder"` is always a whole string, so the written
/// form is always a whole object, and no other object can be a placeholder.
fn find_written_plainly(json: &str, mut see: impl FnMut(Placeholder)) -> Option<()> {
    const BEFORE: &[u8] = br#"{""#;
    const KEY: &[u8] = b"_placeholder";
    const AFTER: &[u8] = br#"":true,"num":"#;
    let bytes = json.as_bytes();
    let mut at = 0;
    for next in memchr::memchr2_iter(b'_', b'\\', bytes) {
        if bytes[next] == b'\\' {
            return None;
        }
        if next < at || !bytes[next..].starts_with(KEY) {
            continue;
        }
        let start = next
            .checked_sub(BEFORE.len())
            .filter(|&start| bytes[start..].starts_with(BEFORE))?;
        let number = bytes[next + KEY.len()..].strip_prefix(AFTER)?;
        let digits = number
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if number.get(digits) != Some(&b'}') {
            return None;
        }
        let number_at = bytes.len() - number.len();
        let index = json.get(number_at..number_at + digits)?.parse().ok()?;
        at = number_at + digits + 1;
        see(Placeholder {
            span: start..at,
            index: Some(index),
        });
    }
    Some(())
}

fn search(json: &str) -> Vec<Placeholder> {
    let mut search = Search {
        json,
        found: Vec::new(),
        open: Vec::new(),
    };
    let mut at = 0;
    while let Some(next) = search.step(at) {
        at = next;
    }
    search.found
}

struct Search<'a> {
    json: &'a str,
    found: Vec<Placeholder>,
    /// Arrays and objects around the current place.
    open: Vec<Open>,
}

struct Open {
    start: usize,
    /// How many placeholders had been found before it.
    found: usize,
    key: Key,
    is_placeholder: bool,
    index: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    /// In an object, the next string is a key.
    Due,
    Placeholder,
    Num,
    /// Another key, or the inside of an array.
    Other,
}

impl Search<'_> {
    /// Reads the token at `at` and gives the offset after it; `None` at the end.
    fn step(&mut self, at: usize) -> Option<usize> {
        let bytes = self.json.as_bytes();
        match *bytes.get(at)? {
            b'{' => self.enter(at, Key::Due),
            b'[' => self.enter(at, Key::Other),
            b'}' | b']' => self.leave(at + 1),
            b',' => {
                if let Some(open) = self
                    .open
                    .last_mut()
                    .filter(|open| open.start < at && bytes[open.start] == b'{')
                {
                    open.key = Key::Due;
                }
            }
            b' ' | b'\t' | b'\n' | b'\r' | b':' => {}
            b'"' => {
                let end = string_end(bytes, at)?;
                self.string(at..end);
                return Some(end);
            }
            _ => {
                let end = value_end(bytes, at)?.max(at + 1);
                self.scalar(&self.json[at..end]);
                return Some(end);
            }
        }
        Some(at + 1)
    }

    fn enter(&mut self, start: usize, key: Key) {
        self.value(false, None);
        let found = self.found.len();
        self.open.push(Open {
            start,
            found,
            key,
            is_placeholder: false,
            index: None,
        });
    }

    fn leave(&mut self, end: usize) {
        let Some(closed) = self.open.pop() else {
            return;
        };
        if closed.is_placeholder {
            self.found.truncate(closed.found);
            self.found.push(Placeholder {
                span: closed.start..end,
                index: closed.index,
            });
        }
    }

    fn string(&mut self, span: Range<usize>) {
        match self.open.last_mut() {
            Some(open) if open.key == Key::Due => {
                open.key = match &*unescape(&self.json[span]) {
                    "_placeholder" => Key::Placeholder,
                    "num" => Key::Num,
                    _ => Key::Other,
                }
            }
            _ => self.value(false, None),
        }
    }

    fn scalar(&mut self, text: &str) {
        let index = match self.open.last() {
            Some(open) if open.key == Key::Num => index(text),
            _ => None,
        };
        self.value(text == "true", index);
    }

    /// Takes note of a member's value; the last of several with the same key counts.
    fn value(&mut self, is_true: bool, index: Option<usize>) {
        match self.open.last_mut() {
            Some(open) if open.key == Key::Placeholder => open.is_placeholder = is_true,
            Some(open) if open.key == Key::Num => open.index = index,
            _ => {}
        }
    }
}

/// A whole, non-negative JSON number, however it is written: `1`, `1.0`, `10e-1`.
fn index(number: &str) -> Option<usize> {
    if let Ok(index) = number.parse() {
        return Some(index);
    }
    let value: f64 = number.parse().ok()?;
    let whole = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
    whole.then_some(value as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_walk_finds_what_the_full_search_finds_or_declines() {
        let plain =
            r#"["a_b",{"_placeholder":true,"num":1},[{"x":{"_placeholder":true,"num":0}}],"{"]"#;
        let mut quick = Vec::new();
        assert_eq!(
            find_written_plainly(plain, |found| quick.push(found)),
            Some(())
        );
        assert_eq!(quick, search(plain));
        assert_eq!(
            quick.iter().map(|found| found.index).collect::<Vec<_>>(),
            [Some(1), Some(0)]
        );

        let declined = [
            r#"[{"_placeholder":true,"num":-1}]"#,
            r#"[{"_placeholder":true,"num":1.0}]"#,
            r#"[{"_placeholder":false,"num":1}]"#,
            r#"[{"_placeholder":true,"num":1,"more":2}]"#,
            r#"[{"num":1,"_placeholder":true}]"#,
            r#"[{"\u005fplaceholder":true,"num":1}]"#,
            r#"["{\"_placeholder\":true,\"num\":1}"]"#,
            r#"["_placeholder"]"#,
        ];
        for text in declined {
            assert_eq!(find_written_plainly(text, |_| {}), None, "{text}");
        }
        assert_eq!(
            search(declined[5]),
            [Placeholder {
                span: 1..35,
                index: Some(1)
            }]
        );
        assert_eq!(search(declined[6]), []);
    }
}
