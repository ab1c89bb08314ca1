//! The id that ties an acknowledgement to its event.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A non-negative decimal integer of any length, kept as its digits were written.
///
/// Ids are compared by value: `007` is `7` (SIO-ACK-14). An id beyond 64 bits stays exact
/// (SIO-ACK-12, SIO-ACK-13, SIO-SEC-05).
#[derive(Debug, Clone, Copy)]
pub struct AckId<'a>(Form<'a>);

#[derive(Debug, Clone, Copy)]
enum Form<'a> {
    /// ASCII digits, at least one.
    Written(&'a str),
    Number(u64),
}

impl<'a> AckId<'a> {
    /// The id that the text is, if it is ASCII digits and nothing else (SIO-CO-05).
    #[must_use]
    pub fn from_digits(digits: &'a str) -> Option<Self> {
        let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        valid.then_some(Self(Form::Written(digits)))
    }

    /// The id of digits that the caller has seen to be digits.
    pub(crate) const fn written(digits: &'a str) -> Self {
        Self(Form::Written(digits))
    }

    /// The value, where 64 bits hold it.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self.0 {
            Form::Written(digits) => digits.parse().ok(),
            Form::Number(number) => Some(number),
        }
    }

    /// Appends the digits as they were written.
    pub fn encode(self, out: &mut String) {
        match self.0 {
            Form::Written(digits) => out.push_str(digits),
            Form::Number(number) => push_number(number, out),
        }
    }

    /// How many digits it is written with.
    pub(crate) const fn digits(self) -> usize {
        match self.0 {
            Form::Written(digits) => digits.len(),
            Form::Number(number) => digits(number),
        }
    }

    /// The digits without leading zeros, where they were written.
    fn significant(digits: &str) -> &str {
        digits.trim_start_matches('0')
    }
}

/// How many digits a number has in decimal.
pub(crate) const fn digits(number: u64) -> usize {
    match number.checked_ilog10() {
        Some(tens) => tens as usize + 1,
        None => 1,
    }
}

/// Appends a number in decimal.
pub(crate) fn push_number(mut number: u64, out: &mut String) {
    const LONGEST: usize = 20;
    let mut digits = [b'0'; LONGEST];
    let mut start = LONGEST;
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    // Digits are UTF-8, so this does not fail.
    out.push_str(std::str::from_utf8(&digits[start..]).unwrap_or_default());
}

impl From<u64> for AckId<'_> {
    fn from(number: u64) -> Self {
        Self(Form::Number(number))
    }
}

impl Ord for AckId<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.as_u64(), other.as_u64()) {
            (Some(one), Some(two)) => one.cmp(&two),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => match (self.0, other.0) {
                (Form::Written(one), Form::Written(two)) => {
                    let (one, two) = (Self::significant(one), Self::significant(two));
                    one.len().cmp(&two.len()).then_with(|| one.cmp(two))
                }
                // A number always fits, so it was compared above.
                _ => Ordering::Equal,
            },
        }
    }
}

impl PartialOrd for AckId<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for AckId<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for AckId<'_> {}

impl Hash for AckId<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match (self.as_u64(), self.0) {
            (None, Form::Written(digits)) => Self::significant(digits).hash(state),
            (number, _) => number.hash(state),
        }
    }
}

impl fmt::Display for AckId<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Form::Written(digits) => formatter.write_str(digits),
            Form::Number(number) => number.fmt(formatter),
        }
    }
}
