//! The arguments of an event or an acknowledgement: JSON, with binary data anywhere in it.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Arguments, kept as they came: JSON values separated by commas, and the attachments that stand in them.
///
/// The n-th placeholder in the JSON always carries the number n, so arguments go back out without being looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    json: Bytes,
    attachments: Vec<Bytes>,
}

/// Why an argument could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArgError {
    /// There are fewer arguments.
    #[error("there is no argument {0}")]
    Missing(usize),
    /// The argument is of another type.
    #[error("argument {0}: {1}")]
    Type(usize, serde_json::Error),
    /// A placeholder does not fit the attachments (SIO-BI-16, SIO-BI-17).
    #[error("a placeholder names no attachment")]
    Placeholder,
    /// The JSON cannot be read, for instance because it is nested too deep (SIO-SEC-04).
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// Binary data as one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary(pub Bytes);

/// What can be an argument: whatever serializes to JSON, [`Binary`], or other [`Args`], whose values follow one by one.
pub trait ToArg {
    /// Appends the value.
    fn append_to(self, args: &mut Args);
}

impl<T: Serialize> ToArg for T {
    fn append_to(self, args: &mut Args) {
        // What does not serialize (a map with keys that are no strings) becomes null, as in JavaScript.
        let json = serde_json::to_string(&self).unwrap_or_else(|_| "null".to_owned());
        args.append_json(json.as_bytes());
    }
}

impl ToArg for Binary {
    fn append_to(self, args: &mut Args) {
        let placeholder = placeholder(args.attachments.len()).to_string();
        args.append_json(placeholder.as_bytes());
        args.attachments.push(self.0);
    }
}

impl ToArg for Args {
    fn append_to(self, args: &mut Args) {
        if self.json.is_empty() {
            return;
        }
        if args.json.is_empty() {
            *args = self;
            return;
        }
        let shift = args.attachments.len();
        if shift == 0 || self.attachments.is_empty() {
            args.append_json(&self.json);
        } else {
            for mut value in self.values().unwrap_or_default() {
                visit(&mut value, &mut |num| num.map(|num| num + shift));
                args.append_json(value.to_string().as_bytes());
            }
        }
        args.attachments.extend(self.attachments);
    }
}

/// Makes [`Args`] of a list of values: `args!["room", 5, Binary(data)]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut args = $crate::Args::default();
        $($crate::ToArg::append_to($value, &mut args);)*
        args
    }};
}

impl Args {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the values of a JSON array, without its brackets, that has no binary data in it.
    ///
    /// An object that looks like a placeholder is an ordinary object there (SIO-BI-20).
    pub fn from_json(json: Bytes) -> Self {
        Self {
            json,
            attachments: Vec::new(),
        }
    }

    /// Takes the values of a JSON array, without its brackets, and the attachments that its placeholders name.
    ///
    /// Placeholders are matched by number (SIO-BI-04), two may name the same attachment (SIO-BI-22), and an attachment
    /// that none names is dropped (SIO-BI-21).
    pub fn from_binary(json: Bytes, attachments: Vec<Bytes>) -> Result<Self, ArgError> {
        let mut args = Self { json, attachments };
        let mut values = args.values()?;
        let mut order = Vec::new();
        let mut wrong = false;
        for value in &mut values {
            visit(value, &mut |num| {
                match num.filter(|num| *num < args.attachments.len()) {
                    Some(num) => order.push(num),
                    None => wrong = true,
                }
                None
            });
        }
        if wrong {
            return Err(ArgError::Placeholder);
        }
        if order.iter().copied().eq(0..args.attachments.len()) {
            return Ok(args);
        }
        let mut next = 0..;
        for value in &mut values {
            visit(value, &mut |_| next.next());
        }
        let text: Vec<String> = values.iter().map(Value::to_string).collect();
        args.json = text.join(",").into();
        args.attachments = order
            .into_iter()
            .map(|num| args.attachments[num].clone())
            .collect();
        Ok(args)
    }

    /// Appends a value.
    #[must_use]
    pub fn with(mut self, value: impl ToArg) -> Self {
        value.append_to(&mut self);
        self
    }

    /// The values, separated by commas.
    pub fn json(&self) -> &Bytes {
        &self.json
    }

    /// The binary data, in the order of the placeholders.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// Number of arguments; none where the JSON cannot be read.
    pub fn len(&self) -> usize {
        self.split().map_or(0, |values| values.len())
    }

    /// Whether there are no arguments.
    pub fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// Reads the n-th argument, counted from 0.
    pub fn get<T: DeserializeOwned>(&self, n: usize) -> Result<T, ArgError> {
        let values = self.split()?;
        let value = values.get(n).ok_or(ArgError::Missing(n))?;
        serde_json::from_str(value.get()).map_err(|error| ArgError::Type(n, error))
    }

    /// The n-th argument, if it is binary data itself.
    pub fn binary(&self, n: usize) -> Option<Bytes> {
        let value: Value = self.get(n).ok()?;
        self.attachments.get(number(value.as_object()?)??).cloned()
    }

    /// The arguments from the n-th on.
    pub fn rest(&self, n: usize) -> Self {
        let Ok(values) = self.split() else {
            return Self::new();
        };
        if n == 0 {
            return self.clone();
        }
        if self.attachments.is_empty() {
            let tail: Vec<&str> = values.iter().skip(n).map(|value| value.get()).collect();
            return Self::from_json(tail.join(",").into());
        }
        let mut passed = 0;
        let mut rest = Self::new();
        for (at, mut value) in self.values().unwrap_or_default().into_iter().enumerate() {
            visit(&mut value, &mut |num| {
                if at < n {
                    passed += 1;
                    return None;
                }
                num.map(|num| num - passed)
            });
            if at >= n {
                rest.append_json(value.to_string().as_bytes());
            }
        }
        rest.attachments = self.attachments[passed.min(self.attachments.len())..].to_vec();
        rest
    }

    /// The first argument, as a list of one or none.
    pub fn first(&self) -> Option<Value> {
        self.get(0).ok()
    }

    fn split(&self) -> Result<Vec<Box<RawValue>>, serde_json::Error> {
        serde_json::from_slice(&self.bracketed())
    }

    fn values(&self) -> Result<Vec<Value>, serde_json::Error> {
        serde_json::from_slice(&self.bracketed())
    }

    fn bracketed(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(self.json.len() + 2);
        text.push(b'[');
        text.extend_from_slice(&self.json);
        text.push(b']');
        text
    }

    fn append_json(&mut self, value: &[u8]) {
        if self.json.is_empty() {
            self.json = Bytes::copy_from_slice(value);
            return;
        }
        let mut json = Vec::with_capacity(self.json.len() + 1 + value.len());
        json.extend_from_slice(&self.json);
        json.push(b',');
        json.extend_from_slice(value);
        self.json = json.into();
    }
}

fn placeholder(num: usize) -> Value {
    serde_json::json!({ "_placeholder": true, "num": num })
}

/// If the object is a placeholder: its number, where that is one.
fn number(object: &Map<String, Value>) -> Option<Option<usize>> {
    if object.get("_placeholder") != Some(&Value::Bool(true)) {
        return None;
    }
    Some(
        object
            .get("num")
            .and_then(Value::as_u64)
            .and_then(|num| usize::try_from(num).ok()),
    )
}

/// Calls `each` with the number of every placeholder, in order, and sets the number that it gives.
fn visit(value: &mut Value, each: &mut dyn FnMut(Option<usize>) -> Option<usize>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, each)),
        Value::Object(object) => match number(object) {
            Some(num) => {
                if let Some(new) = each(num) {
                    object.insert("num".to_owned(), Value::from(new));
                }
            }
            None => object.values_mut().for_each(|item| visit(item, each)),
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(list: &[&'static [u8]]) -> Vec<Bytes> {
        list.iter().map(|data| Bytes::from_static(data)).collect()
    }

    const PH: [&str; 2] = [
        r#"{"_placeholder":true,"num":0}"#,
        r#"{"_placeholder":true,"num":1}"#,
    ];

    #[test]
    fn values_and_binary_data_stand_side_by_side() {
        let args = args!["a", 5, Binary(Bytes::from_static(b"\x01")), Value::Null];
        assert_eq!(args.json(), &format!(r#""a",5,{},null"#, PH[0]));
        assert_eq!(args.attachments(), bytes(&[b"\x01"]));
        assert_eq!(args.binary(2), Some(Bytes::from_static(b"\x01")));
        assert_eq!(args.len(), 4);
    }

    #[test]
    fn attachments_are_matched_by_number_and_not_by_position() {
        let json = format!("{},{}", PH[1], PH[0]);
        let args = Args::from_binary(json.into(), bytes(&[b"zero", b"one"])).unwrap();
        assert_eq!(args.json(), &format!("{},{}", PH[0], PH[1]));
        assert_eq!(args.attachments(), bytes(&[b"one", b"zero"]));
    }

    #[test]
    fn an_attachment_named_twice_is_two_and_one_named_never_is_none() {
        let json = format!("{},{}", PH[1], PH[1]);
        let args = Args::from_binary(json.into(), bytes(&[b"zero", b"one"])).unwrap();
        assert_eq!(args.attachments(), bytes(&[b"one", b"one"]));
    }

    #[test]
    fn a_placeholder_out_of_range_is_refused() {
        for num in ["1", "-1", "\"splice\"", "0.5", "null"] {
            let json = format!(r#"{{"_placeholder":true,"num":{num}}}"#);
            assert!(
                Args::from_binary(json.into(), bytes(&[b"zero"])).is_err(),
                "{num}"
            );
        }
        assert!(Args::from_binary(r#"{"_placeholder":true}"#.into(), bytes(&[b"zero"])).is_err());
    }

    #[test]
    fn the_rest_takes_its_own_attachments_along() {
        let args = args![
            Binary(Bytes::from_static(b"a")),
            "x",
            Binary(Bytes::from_static(b"b"))
        ];
        let rest = args.rest(1);
        assert_eq!(rest.json(), &format!(r#""x",{}"#, PH[0]));
        assert_eq!(rest.attachments(), bytes(&[b"b"]));
        assert_eq!(args![1, "two", [3]].rest(2).json(), "[3]");
        assert_eq!(args![1].rest(4), Args::new());
    }

    #[test]
    fn arguments_put_together_keep_their_binary_data_apart() {
        let both = args![
            Binary(Bytes::from_static(b"a")),
            args![1, Binary(Bytes::from_static(b"b"))]
        ];
        assert_eq!(both.json(), &format!("{},1,{}", PH[0], PH[1]));
        assert_eq!(both.attachments(), bytes(&[b"a", b"b"]));
    }

    #[test]
    fn numbers_keep_their_digits() {
        let args = Args::from_json("12345678901234567890,1e400,0.10".into());
        assert_eq!(args.rest(1).json(), "1e400,0.10");
    }
}
