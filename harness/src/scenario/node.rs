//! A YAML document as ordered pairs and texts, nothing interpreted.
//!
//! It is read twice: once to see the shape (which node is a mapping, which plain scalar YAML
//! takes for a number), once to take every scalar as the text that stands in the file, so that
//! `0x1F`, `1e3`, long integers and `~` come out as they were written. A text that the parser lends
//! from the document also tells where it stands.

use std::fmt;
use std::ops::Range;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::source::Segment;

/// A node of the document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it is.
    pub(super) value: Value,
    /// The way to it from the root.
    pub(super) path: Vec<Segment>,
    /// The bytes of the document that hold its text, if it stands there as it is.
    pub(super) span: Option<Range<usize>>,
}

/// What a [`Node`] is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A text, and what YAML takes it for.
    Scalar(String, Scalar),
    /// A sequence.
    Items(Vec<Node>),
    /// A mapping, in the order of the file.
    Entries(Vec<(Node, Node)>),
    /// A value behind a tag such as `!hex`.
    Tagged(String, Box<Node>),
}

/// What YAML takes a plain scalar for. Whatever is quoted is a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Text,
    Number,
    Bool,
    Null,
}

impl Node {
    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing, as behind `A.nothing:`.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(_, Scalar::Null))
    }

    /// The node and all below it.
    pub(super) fn walk<'n>(&'n self, visit: &mut dyn FnMut(&'n Self)) {
        visit(self);
        match &self.value {
            Value::Scalar(..) => {}
            Value::Items(items) => items.iter().for_each(|item| item.walk(visit)),
            Value::Entries(entries) => {
                for (key, value) in entries {
                    key.walk(visit);
                    value.walk(visit);
                }
            }
            Value::Tagged(_, inner) => inner.walk(visit),
        }
    }
}

/// Reads the one document of a text.
pub(super) fn read(text: &str) -> Result<Node, serde_yaml::Error> {
    let shape = ShapeSeed.deserialize(serde_yaml::Deserializer::from_str(text))?;
    let seed = NodeSeed {
        shape: &shape,
        path: Vec::new(),
        text,
    };
    seed.deserialize(serde_yaml::Deserializer::from_str(text))
}

/// What the first reading finds.
enum Shape {
    Scalar(Scalar),
    Items(Vec<Shape>),
    Entries(Vec<(Shape, Shape)>),
    Tagged(String, Box<Shape>),
}

struct ShapeSeed;

impl<'de> DeserializeSeed<'de> for ShapeSeed {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ShapeSeed {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Scalar(Scalar::Bool))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar(Scalar::Number))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar(Scalar::Number))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Shape, E> {
        Ok(Shape::Scalar(Scalar::Number))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Shape, E> {
        Ok(Shape::Scalar(Scalar::Number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Scalar(Scalar::Number))
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Scalar(Scalar::Text))
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar(Scalar::Null))
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar(Scalar::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Self)? {
            items.push(item);
        }
        Ok(Shape::Items(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(Self)? {
            if !matches!(key, Shape::Scalar(_)) {
                return Err(A::Error::custom(
                    "a key must be a word, not a list, a mapping or tagged",
                ));
            }
            entries.push((key, map.next_value_seed(Self)?));
        }
        Ok(Shape::Entries(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Shape, A::Error> {
        let (tag, content) = tagged.variant::<String>()?;
        let inner = content.newtype_variant_seed(Self)?;
        Ok(Shape::Tagged(tag, Box::new(inner)))
    }
}

/// The second reading, along a known shape.
struct NodeSeed<'s> {
    shape: &'s Shape,
    path: Vec<Segment>,
    text: &'s str,
}

impl<'s> NodeSeed<'s> {
    fn below(&self, segment: Segment, shape: &'s Shape) -> Self {
        let mut path = self.path.clone();
        path.push(segment);
        NodeSeed {
            shape,
            path,
            text: self.text,
        }
    }

    fn node(self, value: Value, span: Option<Range<usize>>) -> Node {
        Node {
            value,
            path: self.path,
            span,
        }
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        match self.shape {
            Shape::Scalar(_) => deserializer.deserialize_str(self),
            Shape::Items(_) => deserializer.deserialize_seq(self),
            Shape::Entries(_) => deserializer.deserialize_map(self),
            Shape::Tagged(tag, inner) => {
                let within = NodeSeed {
                    shape: inner,
                    path: self.path.clone(),
                    text: self.text,
                };
                let inner = within.deserialize(deserializer)?;
                Ok(self.node(Value::Tagged(tag.clone(), Box::new(inner)), None))
            }
        }
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the first reading found")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Node, E> {
        let start = (text.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize);
        let span = start
            .map(|start| start..start + text.len())
            .filter(|span| self.text.get(span.clone()) == Some(text));
        let Shape::Scalar(scalar) = self.shape else {
            return Err(E::custom("the document changed between two readings"));
        };
        let value = Value::Scalar(text.to_owned(), *scalar);
        Ok(self.node(value, span))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        let Shape::Scalar(scalar) = self.shape else {
            return Err(E::custom("the document changed between two readings"));
        };
        let value = Value::Scalar(text.to_owned(), *scalar);
        Ok(self.node(value, None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let Shape::Items(shapes) = self.shape else {
            return Err(A::Error::custom(
                "the document changed between two readings",
            ));
        };
        let mut items = Vec::with_capacity(shapes.len());
        for (i, shape) in shapes.iter().enumerate() {
            items.extend(seq.next_element_seed(self.below(Segment::Item(i), shape))?);
        }
        Ok(self.node(Value::Items(items), None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let Shape::Entries(shapes) = self.shape else {
            return Err(A::Error::custom(
                "the document changed between two readings",
            ));
        };
        let mut entries = Vec::with_capacity(shapes.len());
        for (i, (key, value)) in shapes.iter().enumerate() {
            let Some(key) = map.next_key_seed(self.below(Segment::Key(i), key))? else {
                break;
            };
            entries.push((
                key,
                map.next_value_seed(self.below(Segment::Entry(i), value))?,
            ));
        }
        Ok(self.node(Value::Entries(entries), None))
    }
}
