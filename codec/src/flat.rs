//! The simplest payloads, known at a glance: an array without spaces whose values are strings without escapes, whole
//! numbers, `true`, `false`, `null`, and placeholders as nearly every peer writes them.
//!
//! Most of what a chat or a game says is like that. Nothing here refuses anything: what is not so simple is for the
//! full check.

use crate::abridge::placeholder_end;

/// Whether the bytes are such an array, with placeholders for none but the announced `attachments`; these are `None`
/// where there are no placeholders. Whether its strings are UTF-8 is not looked at.
#[inline]
pub(crate) fn is_flat_array(bytes: &[u8], attachments: Option<usize>) -> bool {
    bytes.first() == Some(&b'[') && values(bytes, attachments).is_some()
}

fn values(bytes: &[u8], attachments: Option<usize>) -> Option<()> {
    let mut at = 1;
    loop {
        at = value_end(bytes, at, attachments)?;
        match bytes.get(at)? {
            b',' => at += 1,
            b']' => return (at + 1 == bytes.len()).then_some(()),
            _ => return None,
        }
    }
}

/// Offset after the value that starts at `at`; `None` if it is none of the simple ones.
#[inline]
fn value_end(bytes: &[u8], at: usize, attachments: Option<usize>) -> Option<usize> {
    let rest = bytes.get(at + 1..)?;
    let length = match bytes[at] {
        b'"' => {
            let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            let end = rest.iter().position(ends)?;
            (rest[end] == b'"').then_some(end + 1)?
        }
        // A zero is not followed by other digits.
        b'0' => 0,
        b'1'..=b'9' => rest.iter().position(|byte| !byte.is_ascii_digit())?,
        b't' if rest.starts_with(b"rue") => 3,
        b'f' if rest.starts_with(b"alse") => 4,
        b'n' if rest.starts_with(b"ull") => 3,
        b'{' => return placeholder_end(bytes, at, attachments?)?,
        _ => return None,
    };
    Some(at + 1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn simple_arrays_are_known() {
        for simple in [
            "[\"message\",\"hello world\"]",
            "[\"a\",0,12,true,false,null,\"\"]",
            "[\"é\u{7f}\"]",
        ] {
            assert!(is_flat_array(simple.as_bytes(), None), "{simple}");
        }
        let binary = br#"["image",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        assert!(is_flat_array(binary, Some(2)));
        for attachments in [None, Some(0), Some(1)] {
            assert!(!is_flat_array(binary, attachments), "{attachments:?}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_full_check() {
        for other in [
            "",
            "[",
            "]",
            "[]",
            "[1",
            "[1]]",
            "[,1]",
            "[1,]",
            "[01]",
            "[-1]",
            "[1.5]",
            "[1e3]",
            "[ 1]",
            "[tru]",
            "[nulll]",
            "[\"a]",
            "[\"\\n\"]",
            "[\"\n\"]",
            "[{}]",
            "[[]]",
            "1",
            "{}",
        ] {
            assert!(!is_flat_array(other.as_bytes(), Some(3)), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_known_is_json(text in "\\[([\"\\\\a0-9,tn\\[\\]\u{1} -]|true|null|\"a\",?){0,8}\\]?") {
            if is_flat_array(text.as_bytes(), None) {
                prop_assert!(crate::json::check(&text).is_ok(), "{text}");
            }
        }
    }
}
