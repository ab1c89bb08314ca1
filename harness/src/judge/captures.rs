//! The values that a trial's holes are bound to.

use std::collections::HashMap;
use std::sync::Arc;

use super::mismatch::Mismatch;
use super::value::Value;
use crate::scenario::literal::{Hole, Name};

/// The bound values of a trial. Cheap enough to clone for a branch that may not be taken.
#[derive(Clone, Debug, Default)]
pub struct Captures {
    values: HashMap<Name, Arc<Value>>,
    member: Option<(String, u32)>,
}

/// A hole that must be filled, although nothing is bound to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing is bound to {name}")]
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
        let mut own = Self {
            values: self.values.clone(),
            member: Some((group.to_owned(), member)),
        };
        own.bind_field(group, Some(member), "n", Value::Number(f64::from(member)));
        own
    }

    /// Binds a value, in place of an earlier one.
    pub fn bind(&mut self, name: Name, value: Value) {
        let name = self.own(name);
        self.values.insert(name, Arc::new(value));
    }

    /// Binds `$x`, in place of an earlier one.
    pub fn bind_plain(&mut self, name: &str, value: Value) {
        self.bind(Name::Plain(name.to_owned()), value);
    }

    /// Binds `$A.field`, or `$W[3].field` for a member of a group, in place of an earlier one.
    pub fn bind_field(&mut self, client: &str, member: Option<u32>, field: &str, value: Value) {
        let name = Name::Of {
            client: client.to_owned(),
            member,
            field: field.to_owned(),
            ns: None,
        };
        self.bind(name, value);
    }

    /// Binds what belongs to a namespace: `$A.id(/custom)`, or `$A.id` for `/`.
    pub fn bind_in(
        &mut self,
        client: &str,
        member: Option<u32>,
        field: &str,
        ns: &str,
        value: Value,
    ) {
        let ns = Some(ns.to_owned());
        let name = Name::Of {
            client: client.to_owned(),
            member,
            field: field.to_owned(),
            ns,
        };
        self.bind(name, value);
    }

    /// Forgets a value, such as `$A.id` when the client is no longer connected.
    pub fn unbind(&mut self, name: &Name) {
        let name = self.own(name.clone());
        self.values.remove(&name);
    }

    /// Forgets every `$x` that `before` does not have, as each turn of a `repeat` does.
    pub fn forget_since(&mut self, before: &Self) {
        self.values
            .retain(|name, _| !matches!(name, Name::Plain(_)) || before.values.contains_key(name));
    }

    /// The value bound to a name. `$W.sid` outside of the group's own steps is the list of all.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<Value> {
        let own = self.own(name.clone());
        if let Some(value) = self.values.get(&own) {
            return Some(Value::clone(value));
        }
        let Name::Of {
            client,
            member: None,
            field,
            ns,
        } = own
        else {
            return None;
        };
        let mut all: Vec<(u32, &Value)> = Vec::new();
        for (name, value) in &self.values {
            let Name::Of {
                client: c,
                member: Some(m),
                field: f,
                ns: n,
            } = name
            else {
                continue;
            };
            if *c == client && *f == field && *n == ns {
                all.push((*m, value));
            }
        }
        all.sort_by_key(|(member, _)| *member);
        (!all.is_empty()).then(|| Value::List(all.into_iter().map(|(_, v)| v.clone()).collect()))
    }

    /// The value of a hole that must be filled.
    ///
    /// # Errors
    /// Nothing is bound to it.
    pub fn fill(&self, name: &Name) -> Result<Value, Unbound> {
        self.get(name).ok_or_else(|| Unbound { name: name.clone() })
    }

    /// Takes over what a member of a group, or a branch, has bound.
    pub fn absorb(&mut self, other: Self) {
        self.values.extend(other.values);
    }

    /// Gives a received value to a hole: binds it at first sight, compares it afterwards.
    ///
    /// # Errors
    /// The value is of another kind than the hole takes, or another one is bound.
    pub fn take(&mut self, hole: &Hole, value: Value) -> Result<(), Mismatch> {
        if !value.is(hole.kind) {
            return Err(Mismatch::new(hole, &value));
        }
        if hole.name == Name::Any {
            return Ok(());
        }
        match self.get(&hole.name) {
            None => self.bind(hole.name.clone(), value),
            Some(bound) if bound.same(&value) => {}
            Some(bound) => {
                return Err(
                    Mismatch::new(&bound, &value).because(format!("{} is bound to it", hole.name))
                );
            }
        }
        Ok(())
    }

    /// A group's name, as the acting member means it.
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
