//! Positions, asked of the YAML parser itself: the document is read again with a seed that
//! fails on purpose at the wanted path, and the parser's error says where that was.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

use super::source::Segment;

/// The byte offset at which the node at `path` begins, its tag included, if there is one.
pub(super) fn offset(text: &str, path: &[Segment]) -> Option<usize> {
    let error = Probe { path }
        .deserialize(serde_yaml::Deserializer::from_str(text))
        .err()?;
    Some(error.location()?.index())
}

/// Walks to the end of `path` and fails there.
struct Probe<'p> {
    path: &'p [Segment],
}

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the node at the path")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((Segment::Item(wanted), rest)) = self.path.split_first() else {
            return Err(A::Error::custom("here"));
        };
        for _ in 0..*wanted {
            seq.next_element::<IgnoredAny>()?;
        }
        seq.next_element_seed(Probe { path: rest })?;
        Err(A::Error::custom("here"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (wanted, key, rest) = match self.path.split_first() {
            Some((Segment::Entry(wanted), rest)) => (*wanted, false, rest),
            Some((Segment::Key(wanted), rest)) => (*wanted, true, rest),
            _ => return Err(A::Error::custom("here")),
        };
        for _ in 0..wanted {
            map.next_entry::<IgnoredAny, IgnoredAny>()?;
        }
        if key {
            map.next_key_seed(Probe { path: &[] })?;
        } else if map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(Probe { path: rest })?;
        }
        Err(A::Error::custom("here"))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("here"))
    }
}
