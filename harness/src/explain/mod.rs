//! `siospec explain`: wire text taken apart layer by layer, for people.

mod chain;
mod har;
mod paper;
mod told;

pub use chain::{Chain, Part, binary, text};
pub use har::{Found, read as read_har};
pub use paper::{payload, print};
pub use told::{entry, pasted, transcript};
