//! Numbers by value, exact in every digit.

/// A JSON number as sign, digits without zeros at either end, and power of ten.
#[derive(Debug, PartialEq, Eq)]
struct Exact {
    negative: bool,
    digits: String,
    exponent: i128,
}

/// Whether two JSON numbers have one value: `1` and `1.0`, `1e2` and `100`, `0` and `-0`.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a == b || exact(a) == exact(b)
}

/// Whether two strings of digits are one integer, as ack ids are compared.
pub(crate) fn same_integer(a: &str, b: &str) -> bool {
    let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    plain(a) && plain(b) && a.trim_start_matches('0') == b.trim_start_matches('0')
}

fn exact(text: &str) -> Exact {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, power(exponent)),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let trimmed = all.trim_end_matches('0');
    let digits = trimmed.trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return Exact {
            negative: false,
            digits,
            exponent: 0,
        };
    }
    let zeros = (all.len() - trimmed.len()) as i128;
    Exact {
        negative,
        digits,
        exponent: exponent + zeros - fraction.len() as i128,
    }
}

/// An exponent; one too large for any machine counts as the largest, in its direction.
fn power(text: &str) -> i128 {
    let limit = i128::from(i64::MAX);
    match text.parse::<i128>() {
        Ok(power) => power.clamp(-limit, limit),
        Err(_) if text.starts_with('-') => -limit,
        Err(_) => limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_and_not_by_spelling() {
        for (a, b) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("0.1", "1E-1"),
            ("0", "-0"),
            ("0", "0.0e9"),
            ("12.50", "125e-1"),
        ] {
            assert!(same(a, b), "{a} is {b}");
        }
        for (a, b) in [
            ("1", "-1"),
            ("1", "10"),
            ("0.1", "0.01"),
            ("1e400", "1e401"),
        ] {
            assert!(!same(a, b), "{a} is not {b}");
        }
    }

    #[test]
    fn digits_beyond_the_precision_of_a_double_count() {
        assert!(!same("9007199254740993", "9007199254740992"));
        assert!(!same("0.1", "0.10000000000000001"));
    }

    #[test]
    fn ack_ids_compare_as_integers_of_any_length() {
        assert!(same_integer("7", "007"));
        assert!(same_integer(
            "18446744073709551616",
            "018446744073709551616"
        ));
        assert!(!same_integer(
            "18446744073709551616",
            "18446744073709551617"
        ));
        assert!(!same_integer("", "0"));
    }
}
