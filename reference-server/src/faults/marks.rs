//! Sessions that a fault remembers something of.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is remembered, by sid.
pub(super) struct Marks<T = ()>(Mutex<HashMap<String, T>>);

impl<T> Default for Marks<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Marks<T> {
    fn all(&self) -> MutexGuard<'_, HashMap<String, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers it, in the place of what was there.
    pub(super) fn set(&self, sid: &str, value: T) {
        self.all().insert(sid.to_owned(), value);
    }

    /// What is remembered.
    pub(super) fn get(&self, sid: &str) -> Option<T> {
        self.all().get(sid).cloned()
    }

    /// What was remembered until now.
    pub(super) fn take(&self, sid: &str) -> Option<T> {
        self.all().remove(sid)
    }

    /// Whether anything is.
    pub(super) fn has(&self, sid: &str) -> bool {
        self.all().contains_key(sid)
    }
}
