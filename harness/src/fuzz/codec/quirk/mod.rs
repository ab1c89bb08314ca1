//! What a peer seems to have read in the place of what stands there.
//!
//! A quirk writes the input anew, in the form in which our codec reads what the peer read. It explains a disagreement
//! only if the two then agree.

mod digit;
mod engine;
mod socket;

pub use socket::{loose_json, unmarked};

use super::class::Class;
use super::input::Input;

/// A way to read a text otherwise.
#[derive(Debug)]
pub struct Quirk {
    /// Its class.
    pub class: &'static Class,
    /// The input as it was read; `None` where the quirk has nothing to do with it.
    pub rewrite: fn(&Input) -> Option<Input>,
}

impl PartialEq for Quirk {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Quirk> {
    socket::QUIRKS.iter().chain(&engine::QUIRKS)
}
