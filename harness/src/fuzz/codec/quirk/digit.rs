//! Digits of any script, as Unicode has them.

use std::sync::LazyLock;

use regex::Regex;

/// The value of a digit of any script: their ten code points follow each other.
pub(super) fn digit(c: char) -> Option<char> {
    #[expect(clippy::unwrap_used, reason = "the pattern is a constant, and tested")]
    static DIGIT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\d$").unwrap());
    let is_digit = |c: char| DIGIT.is_match(c.encode_utf8(&mut [0; 4]));
    if !is_digit(c) {
        return None;
    }
    let before = |back: &u32| char::from_u32(u32::from(c) - back).is_some_and(is_digit);
    let since = (1..=60).take_while(before).count() % 10;
    char::from_digit(since as u32, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_any_script_have_their_value() {
        for (text, plain) in [("４", '4'), ("٣", '3'), ("9", '9'), ("𝟗", '9'), ("०", '0')] {
            assert_eq!(text.chars().next().and_then(digit), Some(plain), "{text}");
        }
        assert_eq!(digit('²'), None);
        assert_eq!(digit('x'), None);
    }
}
