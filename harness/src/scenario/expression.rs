//! The expressions of `check:`.

use std::time::Duration;

use super::literal::Name;

/// `check: $t2 - $t1 >= 240ms`, `check: distinct($W.sid)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// As written.
    pub written: String,
    /// What must hold.
    pub condition: Condition,
}

/// What a [`Check`] asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A comparison.
    Compare(Term, Comparison, Term),
    /// `distinct(a, b, …)`: no two of the values are equal; a list counts as its items.
    Distinct(Vec<Term>),
}

/// How two terms are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// A value of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A number.
    Number(f64),
    /// A time, such as `240ms`. A comparison with one in it gets the tolerance.
    Time(Duration),
    /// `"text"`
    Text(String),
    /// `$x`
    Value(Name),
    /// `len(x)`: characters of a string, items of a list, keys of an object, bytes of a buffer.
    Len(Box<Term>),
    /// `apart(x)`: in how many places any two texts of a list differ at least.
    Apart(Box<Term>),
    /// `a + b`, `a - b`, `a * b`
    Arithmetic(Box<Term>, Operator, Box<Term>),
}

/// What an arithmetic term does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
}

impl Check {
    /// Whether a time unit stands in it, so that its outcome may hang on the pace of a machine.
    #[must_use]
    pub fn has_time(&self) -> bool {
        match &self.condition {
            Condition::Compare(left, _, right) => left.has_time() || right.has_time(),
            Condition::Distinct(terms) => terms.iter().any(Term::has_time),
        }
    }
}

impl Term {
    fn has_time(&self) -> bool {
        match self {
            Self::Time(_) => true,
            Self::Number(_) | Self::Text(_) | Self::Value(_) => false,
            Self::Len(term) | Self::Apart(term) => term.has_time(),
            Self::Arithmetic(left, _, right) => left.has_time() || right.has_time(),
        }
    }
}
