//! The arguments of an event or an acknowledgement: JSON, with binary data anywhere in it.

use bytes::Bytes;
use bytestring::ByteString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use siospec_codec::socket::{Argument, Arguments, Packet, PacketType, placeholder};

/// Arguments, kept as they came: JSON values separated by commas, and the attachments that stand in them.
///
/// The n-th placeholder in the JSON always carries the number n, so arguments go back out without being looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    json: ByteString,
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
        args.append(&json);
    }
}

impl ToArg for Binary {
    fn append_to(self, args: &mut Args) {
        let mut json = String::new();
        placeholder::encode(args.attachments.len(), &mut json);
        args.append(&json);
        args.attachments.push(self.0);
    }
}

impl ToArg for Args {
    fn append_to(self, args: &mut Args) {
        if args.json.is_empty() {
            *args = self;
        } else if args.attachments.is_empty() || self.attachments.is_empty() {
            if !self.json.is_empty() {
                args.append(&self.json);
            }
            args.attachments.extend(self.attachments);
        } else {
            let both = Args::build(|all| {
                for side in [&*args, &self] {
                    side.each(|argument| {
                        all.push_argument(argument);
                    });
                }
            });
            *args = both;
        }
    }
}

impl From<Arguments> for Args {
    fn from(arguments: Arguments) -> Self {
        Self {
            json: arguments.json().into(),
            attachments: arguments.attachments().to_vec(),
        }
    }
}

/// Makes [`Args`] of a list of values: `args!["room", 5, Binary(data)]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        $crate::Args::new()$(.with($value))*
    };
}

impl Args {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the values of a JSON array, without its brackets, that has no binary data in it.
    ///
    /// An object that looks like a placeholder is an ordinary object there (SIO-BI-20).
    pub fn from_json(json: impl Into<ByteString>) -> Self {
        Self {
            json: json.into(),
            attachments: Vec::new(),
        }
    }

    /// Appends a value.
    #[must_use]
    pub fn with(mut self, value: impl ToArg) -> Self {
        value.append_to(&mut self);
        self
    }

    /// The values, separated by commas.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The binary data, in the order of the placeholders.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// Number of arguments.
    pub fn len(&self) -> usize {
        let mut count = 0;
        self.each(|_| count += 1);
        count
    }

    /// Whether there are no arguments.
    pub fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// Reads the n-th argument, counted from 0.
    pub fn get<T: DeserializeOwned + 'static>(&self, n: usize) -> Result<T, ArgError> {
        let value = self
            .nth(n, |argument| argument.parse())
            .ok_or(ArgError::Missing(n))?;
        value.map_err(|error| ArgError::Type(n, error))
    }

    /// The n-th argument, if it is binary data itself.
    pub fn binary(&self, n: usize) -> Option<Bytes> {
        self.nth(n, |argument| argument.as_binary().cloned())
            .flatten()
    }

    /// The arguments from the n-th on.
    pub fn rest(&self, n: usize) -> Self {
        if n == 0 {
            return self.clone();
        }
        let mut at = 0;
        Self::build(|rest| {
            self.each(|argument| {
                if at >= n {
                    rest.push_argument(argument);
                }
                at += 1;
            });
        })
    }

    /// The first argument, if there is one and it is JSON.
    pub fn first(&self) -> Option<serde_json::Value> {
        self.get(0).ok()
    }

    fn each(&self, mut visit: impl FnMut(Argument<'_>)) {
        if self.json.is_empty() {
            return;
        }
        let array = format!("[{}]", self.json);
        for raw in Packet::new(PacketType::Ack).with_payload(&array).raw_args() {
            visit(Argument::new(raw, &self.attachments));
        }
    }

    fn nth<T>(&self, n: usize, read: impl Fn(Argument<'_>) -> T) -> Option<T> {
        let (mut at, mut found) = (0, None);
        self.each(|argument| {
            if at == n {
                found = Some(read(argument));
            }
            at += 1;
        });
        found
    }

    fn build(fill: impl FnOnce(&mut Arguments)) -> Self {
        let mut arguments = Arguments::new();
        fill(&mut arguments);
        arguments.into()
    }

    fn append(&mut self, value: &str) {
        if self.json.is_empty() {
            self.json = value.into();
            return;
        }
        let mut json = String::with_capacity(self.json.len() + 1 + value.len());
        json.push_str(&self.json);
        json.push(',');
        json.push_str(value);
        self.json = json.into();
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
        let args = args!["a", 5, Binary(Bytes::from_static(b"\x01")), ()];
        assert_eq!(args.json(), format!(r#""a",5,{},null"#, PH[0]));
        assert_eq!(args.attachments(), bytes(&[b"\x01"]));
        assert_eq!(args.binary(2), Some(Bytes::from_static(b"\x01")));
        assert_eq!(args.len(), 4);
    }

    #[test]
    fn an_object_with_a_private_key_of_serde_json_is_an_object() {
        let object = r#"{"$serde_json::private::Number":"1"}"#;
        let args = Args::from_json(object);
        let read: serde_json::Value = args.get(0).unwrap();
        assert!(read.is_object());
        assert_eq!(args.first().unwrap(), read);
        assert_eq!(args![read].json(), object);
    }

    #[test]
    fn the_rest_takes_its_own_attachments_along() {
        let args = args![
            Binary(Bytes::from_static(b"a")),
            "x",
            Binary(Bytes::from_static(b"b"))
        ];
        let rest = args.rest(1);
        assert_eq!(rest.json(), format!(r#""x",{}"#, PH[0]));
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
        assert_eq!(both.json(), format!("{},1,{}", PH[0], PH[1]));
        assert_eq!(both.attachments(), bytes(&[b"a", b"b"]));
    }

    #[test]
    fn numbers_keep_their_digits() {
        let args = Args::from_json("12345678901234567890,1e400,0.10");
        assert_eq!(args.rest(1).json(), "1e400,0.10");
    }
}
