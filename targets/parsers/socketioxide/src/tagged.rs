//! Whatever the parser reads, as JSON in which bytes stand as `{"$bytes": base64}`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use super::encoded;

/// One value.
pub struct Tagged(pub Value);

/// All arguments of an event or an acknowledgement; the parser takes a tuple for them.
pub struct Arguments(pub Vec<Value>);

impl<'de> Deserialize<'de> for Tagged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Value, E> {
                Ok(json!({"$bytes": encoded(value)}))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
                Ok(Value::Array(all(seq)?))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut members = Map::new();
                while let Some((key, Tagged(value))) = map.next_entry::<String, Tagged>()? {
                    let key = if key.starts_with('$') {
                        format!("${key}")
                    } else {
                        key
                    };
                    members.insert(key, value);
                }
                Ok(members.into())
            }
        }

        deserializer.deserialize_any(Any).map(Tagged)
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tuple;

        impl<'de> Visitor<'de> for Tuple {
            type Value = Vec<Value>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the arguments")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Vec<Value>, A::Error> {
                all(seq)
            }
        }

        deserializer.deserialize_tuple(0, Tuple).map(Arguments)
    }
}

fn all<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Vec<Value>, A::Error> {
    let mut values = Vec::new();
    while let Some(Tagged(value)) = seq.next_element()? {
        values.push(value);
    }
    Ok(values)
}
