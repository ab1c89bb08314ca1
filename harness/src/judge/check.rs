//! `check:`: comparisons of bound values.

use std::cmp::Ordering;
use std::time::Duration;

use super::captures::{Captures, Unbound};
use super::mismatch::Mismatch;
use super::timing;
use super::value::Value;
use crate::scenario::expression::{Check, Comparison, Condition, Operator, Term};
use crate::scenario::json::Node;

/// Why a check did not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// It is false; where times were compared, they are this far beyond what the tolerance forgives.
    #[error("{0}")]
    False(Mismatch, Option<Duration>),
    /// A name in it is bound to nothing.
    #[error(transparent)]
    Unbound(#[from] Unbound),
    /// It makes no sense, such as a difference of strings.
    #[error("{0}")]
    Senseless(String),
}

/// A term's value. Times are milliseconds.
struct Measured {
    value: Value,
    time: bool,
}

impl Check {
    /// Whether the condition holds. A comparison in which a time unit stands has the tolerance of
    /// [`timing`] in the direction that forgives; `scale` is `--time-scale`.
    ///
    /// # Errors
    /// It does not hold, or has no meaning with the bound values.
    pub fn judge(&self, captures: &Captures, scale: f64) -> Result<(), CheckError> {
        match &self.condition {
            Condition::Compare(left, comparison, right) => {
                let (left, right) = (measure(left, captures)?, measure(right, captures)?);
                if holds(&left, *comparison, &right, scale)? {
                    return Ok(());
                }
                let came = format!("{} {} {}", left.shown(), comparison, right.shown());
                let mismatch = Mismatch::new(&self.written, came);
                Err(CheckError::False(mismatch, missed(&left, &right, scale)))
            }
            Condition::Distinct(terms) => {
                let mut values = Vec::new();
                for term in terms {
                    spread(measure(term, captures)?.value, &mut values);
                }
                distinct(&values).map_err(|twice| {
                    let came = format!("{twice} twice");
                    CheckError::False(Mismatch::new(&self.written, came), None)
                })
            }
        }
    }
}

impl Measured {
    fn shown(&self) -> String {
        match (&self.value, self.time) {
            (Value::Number(ms), true) => format!("{ms:.1}ms"),
            (value, _) => value.to_string(),
        }
    }

    fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Number(number) => Some(*number),
            value => value.raw().parse().ok(),
        }
    }
}

fn measure(term: &Term, captures: &Captures) -> Result<Measured, CheckError> {
    let plain = |value| Ok(Measured { value, time: false });
    match term {
        Term::Number(number) => plain(Value::Number(*number)),
        Term::Text(text) => plain(Value::Text(text.clone())),
        Term::Value(name) => plain(captures.fill(name)?),
        Term::Time(time) => Ok(Measured {
            value: Value::Number(time.as_secs_f64() * 1000.0),
            time: true,
        }),
        Term::Len(inner) => plain(Value::Number(
            length(&measure(inner, captures)?.value)? as f64
        )),
        Term::Apart(inner) => {
            let mut texts = Vec::new();
            spread(measure(inner, captures)?.value, &mut texts);
            plain(Value::Number(apart(&texts)? as f64))
        }
        Term::Arithmetic(left, operator, right) => {
            let (left, right) = (measure(left, captures)?, measure(right, captures)?);
            let (Some(a), Some(b)) = (left.number(), right.number()) else {
                let (a, b) = (left.shown(), right.shown());
                return Err(CheckError::Senseless(format!(
                    "{a} {operator} {b}: both sides must be numbers"
                )));
            };
            let result = match operator {
                Operator::Plus => a + b,
                Operator::Minus => a - b,
                Operator::Times => a * b,
            };
            Ok(Measured {
                value: Value::Number(result),
                time: left.time || right.time,
            })
        }
    }
}

fn holds(
    left: &Measured,
    comparison: Comparison,
    right: &Measured,
    scale: f64,
) -> Result<bool, CheckError> {
    match comparison {
        Comparison::Equal if !left.time && !right.time => return Ok(left.value.same(&right.value)),
        Comparison::Unequal if !left.time && !right.time => {
            return Ok(!left.value.same(&right.value));
        }
        _ => {}
    }
    let (Some(a), Some(b)) = (left.number(), right.number()) else {
        let (a, b) = (left.shown(), right.shown());
        return Err(CheckError::Senseless(format!(
            "{a} {comparison} {b}: both sides must be numbers"
        )));
    };
    let slack = slack(left, right, scale);
    let order = if (a - b).abs() <= slack {
        Ordering::Equal
    } else {
        a.total_cmp(&b)
    };
    Ok(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Unequal => order.is_ne(),
        // Without a time unit there is no slack, and `<` is strict; with one, "below" includes it.
        Comparison::Less => a < b + slack,
        Comparison::More => a > b - slack,
        Comparison::AtMost => order.is_le(),
        Comparison::AtLeast => order.is_ge(),
    })
}

/// What the tolerance forgives between the two, in milliseconds; nothing where they are no times.
fn slack(left: &Measured, right: &Measured, scale: f64) -> f64 {
    if left.time || right.time {
        timing::tolerance(scale).as_secs_f64() * 1000.0
    } else {
        0.0
    }
}

/// How far two times are beyond what the tolerance forgives.
fn missed(left: &Measured, right: &Measured, scale: f64) -> Option<Duration> {
    if !left.time && !right.time {
        return None;
    }
    let apart = (left.number()? - right.number()?).abs() - slack(left, right, scale);
    Duration::try_from_secs_f64(apart.max(0.0) / 1000.0).ok()
}

/// Characters of a text, items of a list, keys of an object, bytes of a buffer.
fn length(value: &Value) -> Result<usize, CheckError> {
    match value {
        Value::Text(text) => Ok(text.chars().count()),
        Value::Bytes(bytes) => Ok(bytes.len()),
        Value::List(values) => Ok(values.len()),
        Value::Json(json) => match json.root() {
            Node::Text(text) => Ok(text.chars().count()),
            Node::Array { items, .. } => Ok(items.len()),
            Node::Object { entries, .. } => Ok(entries.len()),
            Node::Bytes(bytes) => Ok(bytes.len()),
            _ => Err(CheckError::Senseless(format!("{value} has no length"))),
        },
        Value::Number(_) => Err(CheckError::Senseless(format!("{value} has no length"))),
    }
}

/// The least number of places in which two of the texts differ; a place that only one has counts.
fn apart(values: &[Value]) -> Result<usize, CheckError> {
    let texts: Vec<Vec<char>> = values
        .iter()
        .map(|value| value.raw().chars().collect())
        .collect();
    let mut least = None;
    for (i, a) in texts.iter().enumerate() {
        for b in &texts[..i] {
            let differing =
                a.iter().zip(b).filter(|(a, b)| a != b).count() + a.len().abs_diff(b.len());
            least = Some(least.map_or(differing, |least: usize| least.min(differing)));
        }
    }
    least.ok_or_else(|| CheckError::Senseless("`apart` needs two texts or more".to_owned()))
}

/// Adds a value, or the items of a list, to those that must be distinct.
fn spread(value: Value, into: &mut Vec<Value>) {
    match value {
        Value::List(values) => into.extend(values),
        Value::Json(json) => match json.root() {
            Node::Array { items, .. } => {
                into.extend(items.iter().map(|item| Value::Json(json.subtree(*item))));
            }
            _ => into.push(Value::Json(json)),
        },
        value => into.push(value),
    }
}

fn distinct(values: &[Value]) -> Result<(), &Value> {
    for (i, value) in values.iter().enumerate() {
        if values[..i].iter().any(|earlier| earlier.same(value)) {
            return Err(value);
        }
    }
    Ok(())
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        })
    }
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
        })
    }
}
