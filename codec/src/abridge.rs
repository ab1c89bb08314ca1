//! A payload made short before its JSON is checked.
//!
//! Two things in a payload take long to check and have no say in whether it is JSON: the inside of a
//! long string without escapes and control characters, and a placeholder written as nearly every
//! peer writes it, for which an empty array is left, since a bare number would join with digits beside it. What is left
//! is JSON if and only if the whole is, and as deep.
//! Nothing here refuses anything: what does not fit is for the full check, which knows where and why.

use crate::flat::is_flat_array;
use crate::json;
use crate::socket::placeholder::OPENING;

/// Payloads from this length on are abridged, in bytes; below, it would cost more than it saves.
const LONG_PAYLOAD: usize = 4096;

/// Runs inside a string from this length on are left out, in bytes. No key of a placeholder is as long.
const LONG_RUN: usize = 32;

/// What is left of a short payload has to fit here, on the stack.
const SHORT: usize = 192;

/// Whether a payload is seen at once to be JSON, nested no deeper than `nesting`, with placeholders for
/// none but the announced `attachments`; these are `None` where a placeholder is an ordinary object.
/// False says nothing.
#[inline]
pub(crate) fn is_good(payload: &str, attachments: Option<usize>, nesting: usize) -> bool {
    if payload.len() >= LONG_PAYLOAD {
        let mut left = Vec::with_capacity(LONG_PAYLOAD);
        let keep = |part: &[u8], at: usize| {
            left.extend_from_slice(part);
            // Where little can be left out, the full check is quicker.
            left.len() <= LONG_PAYLOAD / 2 + at / 2
        };
        return abridge(payload, attachments, keep).is_some() && is_good_left(&left, nesting);
    }
    // An array, and in a binary event a placeholder in it.
    let levels = 1 + usize::from(attachments.is_some());
    if nesting >= levels && is_flat_array(payload.as_bytes(), attachments) {
        return true;
    }
    if attachments.is_none() {
        return false;
    }
    let mut left = [0; SHORT];
    let mut length = 0;
    let keep = |part: &[u8], _| {
        let Some(room) = left.get_mut(length..length + part.len()) else {
            return false;
        };
        room.copy_from_slice(part);
        length += part.len();
        true
    };
    abridge(payload, attachments, keep).is_some() && is_good_left(&left[..length], nesting)
}

fn is_good_left(left: &[u8], nesting: usize) -> bool {
    json::is_value(left) && json::too_deep(left, nesting).is_none()
}

/// Gives what is left to `keep`, part by part, with the offset in the payload up to which it has got;
/// `None` if something is not as it should be, or `keep` declines.
#[inline]
fn abridge(
    payload: &str,
    attachments: Option<usize>,
    mut keep: impl FnMut(&[u8], usize) -> bool,
) -> Option<()> {
    let bytes = payload.as_bytes();
    let (mut at, mut copied) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match (byte, attachments) {
            (b'{', Some(attachments)) => {
                if let Some(end) = placeholder_end(bytes, at, attachments)? {
                    keep(&bytes[copied..at], at).then_some(())?;
                    keep(b"[]", at).then_some(())?;
                    copied = end;
                    at = copied;
                } else {
                    at += 1;
                }
            }
            (b'"', _) => {
                // A placeholder written in another way, or with an escape somewhere in its key.
                if attachments.is_some() && bytes[at + 1..].starts_with(b"_placeholder") {
                    return None;
                }
                let (mut run, mut escaped) = (at + 1, 0);
                loop {
                    let stop = run_end(bytes, run)?;
                    let start = run + escaped;
                    if stop >= start + LONG_RUN && is_plain(&bytes[start..stop]) {
                        keep(&bytes[copied..start], start).then_some(())?;
                        copied = stop;
                    }
                    at = stop + 1;
                    if bytes[stop] == b'"' {
                        break;
                    }
                    if attachments.is_some() {
                        return None;
                    }
                    // The digits of `\u0000` stay with it.
                    (run, escaped) = (stop + 2, 4);
                }
            }
            _ => at += 1,
        }
    }
    keep(&bytes[copied..], bytes.len()).then_some(())
}

/// Offset of the quote or backslash that ends the run of a string that starts at `run`.
#[inline]
fn run_end(bytes: &[u8], run: usize) -> Option<usize> {
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\');
    let rest = bytes.get(run..)?;
    // Most strings are short: looking at their bytes one by one is quicker than a call.
    let (near, far) = rest.split_at(rest.len().min(LONG_RUN));
    match near.iter().position(ends) {
        Some(end) => Some(run + end),
        None => memchr::memchr2(b'"', b'\\', far).map(|end| run + near.len() + end),
    }
}

/// Offset after the placeholder that opens at `at`; `Some(None)` if there is another object, `None` if it is for no
/// attachment.
pub(crate) fn placeholder_end(
    bytes: &[u8],
    at: usize,
    attachments: usize,
) -> Option<Option<usize>> {
    let Some(number) = bytes[at..].strip_prefix(OPENING.as_bytes()) else {
        return Some(None);
    };
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit());
    let (mut length, mut index) = (0_usize, 0_usize);
    for digit in digits {
        index = index
            .checked_mul(10)?
            .checked_add(usize::from(digit - b'0'))?;
        length += 1;
    }
    let written = length == 1 || length > 1 && number[0] != b'0';
    let good = written && index < attachments && number.get(length) == Some(&b'}');
    good.then_some(Some(at + OPENING.len() + length + 1))
}

/// Whether there are no control characters, which no JSON string holds.
fn is_plain(run: &[u8]) -> bool {
    // In blocks without a way out, so that the compiler takes many bytes at once.
    run.chunks(512)
        .all(|block| block.iter().fold(u8::MAX, |least, &byte| least.min(byte)) >= 0x20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::placeholder;
    use proptest::prelude::*;

    fn is_good_in_full(payload: &str, attachments: Option<usize>, nesting: usize) -> bool {
        json::check(payload).is_ok()
            && json::too_deep(payload.as_bytes(), nesting).is_none()
            && attachments.is_none_or(|count| placeholder::out_of_range(payload, count).is_none())
    }

    /// Texts in which everything that matters here stands side by side, whole or broken.
    fn payload() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            Just(r#"{"_placeholder":true,"num":0}"#.to_owned()),
            Just(r#"{"_placeholder":true,"num":01}"#.to_owned()),
            Just(r#"{"_placeholder":true,"num":9}"#.to_owned()),
            Just(r#"{"num":9,"_placeholder":true}"#.to_owned()),
            Just(r#"{"\u005fplaceholder":true,"num":9}"#.to_owned()),
            Just(r#""{"_placeholder":true,"num":0}""#.to_owned()),
            "[\\[\\]{}\",:0-9\\\\]{1,3}",
            "[a-z\\\\\"\u{1}é]{1,6}",
            (30..40_usize, "[\"\\\\\u{1f}n]?").prop_map(|(length, end)| "x".repeat(length) + &end),
            (30..40_usize, "(\\\\u00e9|\\\\u0|\\\\x|\\\\\\\\)")
                .prop_map(|(length, start)| format!("\"{start}{}\"", "é".repeat(length))),
            Just("[".to_owned()),
            Just("]".to_owned()),
            Just("\"".to_owned()),
            Just(",".to_owned()),
        ];
        // What is right but for one thing passes more gates than what is wrong all over.
        let nearly_right = prop_oneof![
            "(-?[0-9][.e]?)?".prop_map(|before| before + r#"{"_placeholder":true,"num":0}"#),
            r#"(1|"x"|true|\[\]|\{\})"#,
        ];
        let parts = prop_oneof![
            proptest::collection::vec(part, 0..12),
            proptest::collection::vec(nearly_right, 1..3),
        ];
        let long = prop_oneof![Just(0_usize), Just(5000)];
        (parts, long, any::<bool>()).prop_map(|(parts, long, list)| {
            let inner = parts.join(if list { "," } else { "" });
            format!("[\"{}\",{inner}]", "y".repeat(long))
        })
    }

    proptest! {
        #[test]
        fn what_is_good_abridged_is_good_in_full(
            payload in payload(),
            attachments in proptest::option::of(0..3_usize),
            nesting in 1..4_usize,
        ) {
            if is_good(&payload, attachments, nesting) {
                prop_assert!(is_good_in_full(&payload, attachments, nesting), "{payload}");
            }
        }
    }

    #[test]
    fn what_peers_write_is_good_at_once() {
        let long = "x".repeat(5000);
        let header = r#"["image",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        assert!(is_good(header, Some(2), 2));
        assert!(is_good(&format!(r#"["a","{long}"]"#), None, 1));
        assert!(is_good(
            &format!(r#"["a","{long}\n\u00e9{long}"]"#),
            None,
            1
        ));
        assert!(is_good(
            &format!(r#"["a","{long}",{{"_placeholder":true,"num":0}}]"#),
            Some(1),
            2
        ));
    }

    #[test]
    fn what_stands_at_a_placeholder_does_not_run_into_it() {
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        for beside in ["1", "-", "1.", "1e", "0", "\"\"", "t", "[]"] {
            for broken in [
                format!(r#"["a",{beside}{placeholder}]"#),
                format!(r#"["a",{placeholder}{beside}]"#),
                format!(r#"["a",{placeholder}{placeholder}]"#),
                format!(r#"["a",{{{placeholder}:{beside}}}]"#),
            ] {
                assert!(!is_good(&broken, Some(1), 9), "{broken}");
            }
        }
    }

    #[test]
    fn what_the_full_check_has_to_refuse_is_left_to_it() {
        let long = "x".repeat(5000);
        let header = r#"["a",{"_placeholder":true,"num":1}]"#;
        assert!(!is_good(header, Some(1), 2));
        assert!(!is_good(header, Some(2), 1));
        assert!(!is_good(&header.replace(":1}", ":01}"), Some(2), 2));
        assert!(!is_good(&header.replace(":1}", ":1"), Some(2), 2));
        for broken in ["\u{1}", "\\x", "\\u00", "\"", "\",]"] {
            assert!(
                !is_good(&format!(r#"["a","{long}{broken}"]"#), None, 1),
                "{broken}"
            );
            assert!(
                !is_good(&format!(r#"["a","{broken}{long}"]"#), None, 1),
                "{broken}"
            );
        }
    }
}
