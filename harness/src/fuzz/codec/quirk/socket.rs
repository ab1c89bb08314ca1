//! How peers read the packets of Socket.IO otherwise.

use siospec_codec::socket::Split;

use super::super::class;
use super::super::input::{Frame, Input, Layer};
use super::Quirk;
use super::digit::digit;
use crate::scenario::json::Json;

/// Those of Socket.IO.
pub(super) static QUIRKS: [Quirk; 13] = [
    Quirk {
        class: &class::EMPTY_IS_EVENT,
        rewrite: empty_as_event,
    },
    Quirk {
        class: &class::TYPE_READ_AS_NUMBER,
        rewrite: |input| each_text(input, blank_type),
    },
    Quirk {
        class: &class::UNICODE_DIGITS,
        rewrite: |input| each_text(input, ascii_digits),
    },
    Quirk {
        class: &class::COUNT_READ_AS_NUMBER,
        rewrite: |input| each_text(input, number_count),
    },
    Quirk {
        class: &class::COUNT_ON_ANY_TYPE,
        rewrite: |input| each_text(input, stray_count),
    },
    Quirk {
        class: &class::BLANK_IN_ID,
        rewrite: |input| each_text(input, blank_id),
    },
    Quirk {
        class: &class::NAN,
        rewrite: |input| each_text(input, marked),
    },
    Quirk {
        class: &class::ZERO_ATTACHMENTS_WAIT,
        rewrite: |input| each_text(input, one_for_none),
    },
    Quirk {
        class: &class::ATTACHMENT_COUNT,
        rewrite: |input| each_text(input, one_for_nothing),
    },
    Quirk {
        class: &class::HEADER_NOT_CHECKED,
        rewrite: unchecked_header,
    },
    Quirk {
        class: &class::ID_BEFORE_BLANK,
        rewrite: |input| each_text(input, id_before_blank),
    },
    Quirk {
        class: &class::DISCONNECT_PAYLOAD,
        rewrite: |input| each_text(input, bare_disconnect),
    },
    Quirk {
        class: &class::TEXT_AS_ATTACHMENT,
        rewrite: texts_as_attachments,
    },
];

/// Every text of a Socket.IO input.
fn each_text(input: &Input, rewrite: impl Fn(&str) -> Option<String>) -> Option<Input> {
    if input.layer != Layer::Socket {
        return None;
    }
    let mut input = input.clone();
    for frame in &mut input.frames {
        if let Frame::Text(text) = frame
            && let Some(read) = rewrite(text)
        {
            *text = read;
        }
    }
    Some(input)
}

/// JavaScript's white space, which its `Number` passes over.
const fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t'..='\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}'
            | '\u{205f}' | '\u{3000}' | '\u{feff}'
    )
}

fn blank_type(text: &str) -> Option<String> {
    match text.chars().next() {
        None => Some("0".into()),
        Some(first) if is_blank(first) => Some(format!("0{}", &text[first.len_utf8()..])),
        Some(_) => None,
    }
}

fn ascii_digits(text: &str) -> Option<String> {
    let begins = text.find(['/', '[', '{', '"']).unwrap_or(text.len());
    let (before, rest) = text.split_at(begins);
    let named = rest.starts_with('/');
    let ends = rest.find(',').map_or(rest.len(), |at| at + 1);
    let (namespace, rest) = rest.split_at(if named { ends } else { 0 });
    let id = rest.find(|c| digit(c).is_none()).unwrap_or(rest.len());
    let (id, payload) = rest.split_at(id);
    let plain = |part: &str| -> String { part.chars().map(|c| digit(c).unwrap_or(c)).collect() };
    Some(format!(
        "{}{namespace}{}{payload}",
        plain(before),
        plain(id)
    ))
}

/// What stands before the `-` of a binary packet, as JavaScript's `Number` reads it.
fn number_count(text: &str) -> Option<String> {
    let rest = text.strip_prefix(['5', '6'])?;
    let (count, rest) = rest.split_once('-')?;
    let count = count.trim_matches(is_blank);
    let radix = |prefix: [&str; 2], radix| {
        let digits = count
            .strip_prefix(prefix[0])
            .or_else(|| count.strip_prefix(prefix[1]))?;
        u64::from_str_radix(digits, radix).ok()
    };
    let whole = radix(["0x", "0X"], 16)
        .or_else(|| radix(["0o", "0O"], 8))
        .or_else(|| radix(["0b", "0B"], 2))
        .or_else(|| {
            let number: f64 = count.parse().ok()?;
            (number.fract() == 0.0 && number >= 1.0).then_some(number as u64)
        })?;
    Some(format!("{}{whole}-{rest}", &text[..1]))
}

/// Digits and `-` behind a type that has no attachments.
fn stray_count(text: &str) -> Option<String> {
    let rest = text.strip_prefix(['0', '1', '2', '3', '4'])?;
    let (count, rest) = rest.split_once('-')?;
    let digits = !count.is_empty() && count.chars().all(|c| digit(c).is_some());
    digits.then(|| format!("{}{rest}", &text[..1]))
}

/// Blanks taken for digits, where an id would stand.
fn blank_id(text: &str) -> Option<String> {
    let split = Split::of(text);
    let start = text.len() - split.payload.len() - split.id.map_or(0, str::len);
    let (head, rest) = text.split_at(start);
    let end = rest
        .find(|c: char| !is_blank(c) && !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (run, payload) = rest.split_at(end);
    if !run.contains(is_blank) {
        return None;
    }
    let digits = run.trim_matches(is_blank);
    Some(match digits {
        "" => format!("{head}0{payload}"),
        // No id at all here, NaN there.
        _ if digits.contains(is_blank) => format!("{head}{payload}"),
        _ => format!("{head}{digits}{payload}"),
    })
}

const MARK: &str = "siospec:3be1d07c55a94f1e:";

/// The words that Python takes for numbers, as strings that no input holds.
fn marked(text: &str) -> Option<String> {
    let (head, mut rest) = text.split_at(text.len() - Split::of(text).payload.len());
    let mut out = head.to_owned();
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|word| !in_string && rest.starts_with(word));
        let taken = match word {
            Some(word) => {
                out.push_str(&format!("\"{MARK}{word}\""));
                word.len()
            }
            None => {
                let escaped = in_string && c == '\\';
                let length = c.len_utf8()
                    + if escaped {
                        rest[1..].chars().next().map_or(0, char::len_utf8)
                    } else {
                        0
                    };
                in_string ^= c == '"';
                out.push_str(&rest[..length]);
                length
            }
        };
        rest = &rest[taken..];
    }
    Some(out)
}

/// The word that a marked string stands for.
pub fn unmarked(text: &str) -> Option<&str> {
    text.strip_prefix(MARK)
}

/// JSON in which those words may stand.
pub fn loose_json(text: &str) -> Option<Json> {
    Json::parse(text)
        .ok()
        .or_else(|| Json::parse(&marked(&format!("[{text}"))?[1..]).ok())
}

/// A binary packet that announces no attachment, as one that announces one.
fn one_for_none(text: &str) -> Option<String> {
    let kind = text.get(..1).filter(|kind| matches!(*kind, "5" | "6"))?;
    let (count, rest) = text[1..].split_once('-')?;
    let none = !count.is_empty() && count.bytes().all(|byte| byte == b'0');
    none.then(|| format!("{kind}1-{rest}"))
}

/// A binary packet that does not say how many, as one that announces one.
fn one_for_nothing(text: &str) -> Option<String> {
    let kind = text.get(..1).filter(|kind| matches!(*kind, "5" | "6"))?;
    let no_number = |count: &str| count.is_empty() || count.chars().any(|c| digit(c).is_none());
    let silent = Split::of(text).count.is_none_or(no_number);
    silent.then(|| format!("{kind}1-{}", &text[1..]))
}

/// The last header, if it is one of a binary packet, with a payload that nobody objects to.
fn unchecked_header(input: &Input) -> Option<Input> {
    let mut input = input.clone();
    let last = input
        .frames
        .iter_mut()
        .rev()
        .find_map(|frame| match frame {
            Frame::Text(text) => Some(text),
            Frame::Binary(_) => None,
        })?;
    let split = Split::of(last);
    split.count?;
    let head = last.len() - split.payload.len();
    let comma = if split.namespace.is_some() && !split.comma {
        ","
    } else {
        ""
    };
    last.truncate(head);
    last.push_str(comma);
    last.push_str("[\"\"]");
    Some(input)
}

/// A packet without the id that something else than a bracket follows.
fn id_before_blank(text: &str) -> Option<String> {
    let split = Split::of(text);
    let id = split
        .id
        .filter(|_| !split.payload.starts_with(['[', '{']))?;
    let start = text.len() - split.payload.len() - id.len();
    Some(format!("{}{}", &text[..start], split.payload))
}

/// A DISCONNECT without what stands behind its namespace.
fn bare_disconnect(text: &str) -> Option<String> {
    let split = Split::of(text);
    (split.type_char == "1").then(|| format!("1{}", split.namespace.unwrap_or_default()))
}

/// The frames with what each stands for, while attachments are due (`true`) and otherwise.
fn each_frame(input: &Input, rewrite: impl Fn(&Frame, bool) -> Option<Frame>) -> Option<Input> {
    if input.layer != Layer::Socket {
        return None;
    }
    let mut input = input.clone();
    let mut due = 0_usize;
    for frame in &mut input.frames {
        if let Some(read) = rewrite(frame, due > 0) {
            *frame = read;
        }
        due = match frame {
            Frame::Text(text) => Split::of(text)
                .count
                .and_then(|count| count.parse().ok())
                .unwrap_or(0),
            Frame::Binary(_) => due.saturating_sub(1),
        };
    }
    Some(input)
}

/// Texts that come while attachments are due.
fn texts_as_attachments(input: &Input) -> Option<Input> {
    each_frame(input, |frame, due| match frame {
        Frame::Text(text) if due => Some(Frame::Binary(text.clone().into_bytes())),
        _ => None,
    })
}

/// Nothing at all, where a header is due, as an event without anything.
fn empty_as_event(input: &Input) -> Option<Input> {
    each_frame(input, |frame, due| {
        (!due && frame.is_empty()).then(|| Frame::Text("2".into()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_the_quirk_reads_them() {
        type Rewrite = fn(&str) -> Option<String>;
        let cases: [(Rewrite, &str, &str); 14] = [
            (blank_type, "\u{feff}[1]", "0[1]"),
            (ascii_digits, "２/４,٣[\"４\"]", "2/４,3[\"４\"]"),
            (number_count, "5 0x1-[1]", "51-[1]"),
            (stray_count, "212-[1]", "2[1]"),
            (blank_id, "2 [1]", "20[1]"),
            (blank_id, "2/a, 7\t[1]", "2/a,7[1]"),
            (blank_id, "21 2[1]", "2[1]"),
            (
                marked,
                r#"2["NaN\"",NaN]"#,
                r#"2["NaN\"","siospec:3be1d07c55a94f1e:NaN"]"#,
            ),
            (
                marked,
                "0/NaN,Infinity",
                r#"0/NaN,"siospec:3be1d07c55a94f1e:Infinity""#,
            ),
            (
                marked,
                "51-Infinity",
                r#"51-"siospec:3be1d07c55a94f1e:Infinity""#,
            ),
            (one_for_none, "500-[1]", "51-[1]"),
            (one_for_nothing, "5[1]", "51-[1]"),
            (one_for_nothing, "5-0", "51--0"),
            (one_for_nothing, "6\t-0", "61-\t-0"),
        ];
        for (rewrite, text, read) in cases {
            assert_eq!(rewrite(text).as_deref(), Some(read), "{text}");
        }
    }
}
