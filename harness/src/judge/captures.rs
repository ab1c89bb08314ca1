//! The values that a trial's holes are bound to.

use std::collections::HashMap;

use bytes::Bytes;

use crate::scenario::json::Json;
use crate::scenario::literal::Name;

/// A bound value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A JSON value, from inside a payload.
    Json(Json),
    /// Raw text: an ack id, a piece of a URL or header, an id.
    Text(String),
    /// A number, such as a time in milliseconds.
    Number(f64),
    /// The bytes of a binary packet.
    Bytes(Bytes),
}

/// The bound values of a trial. Cheap enough to clone for a branch that may not be taken.
#[derive(Clone, Debug, Default)]
pub struct Captures {
    values: HashMap<Name, Value>,
    member: Option<(String, u32)>,
}

/// A hole that is filled with a value, although none is bound to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is not bound to anything")]
pub struct Unbound {
    /// The hole.
    pub name: Name,
}

impl Captures {
    /// Nothing bound.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same values, seen by one member of a group: `$W.sid` is its own from now on, and `$W.n`
    /// its index.
    #[must_use]
    pub fn for_member(&self, group: &str, member: u32) -> Self {
        Self {
            values: self.values.clone(),
            member: Some((group.to_owned(), member)),
        }
    }

    /// Binds a value, in place of an earlier one.
    pub fn bind(&mut self, name: Name, value: Value) {
        let name = self.own(name);
        self.values.insert(name, value);
    }

    /// Binds `$A.field`, or `$W[3].field` for a member of a group.
    pub fn bind_field(&mut self, client: &str, member: Option<u32>, field: &str, value: Value) {
        let name = Name::Of {
            client: client.to_owned(),
            member,
            field: field.to_owned(),
            ns: None,
        };
        self.bind(name, value);
    }

    /// Forgets a value, such as `$A.id` when the client is no longer connected.
    pub fn unbind(&mut self, name: &Name) {
        let name = self.own(name.clone());
        self.values.remove(&name);
    }

    /// The value bound to a name.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Value> {
        self.values.get(&self.own(name.clone()))
    }

    /// Takes over what a member of a group, or a branch, has bound.
    pub fn absorb(&mut self, other: Self) {
        self.values.extend(other.values);
    }

    /// A group's name, as the acting member means it; and `/` is the namespace if none is named.
    fn own(&self, name: Name) -> Name {
        let Name::Of {
            client,
            member,
            field,
            ns,
        } = name
        else {
            return name;
        };
        let acting = self
            .member
            .as_ref()
            .filter(|(group, _)| *group == client)
            .map(|m| m.1);
        let ns = ns.filter(|ns| ns != "/");
        Name::Of {
            member: member.or(acting),
            client,
            field,
            ns,
        }
    }
}
