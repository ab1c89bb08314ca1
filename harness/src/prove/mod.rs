//! Every check proven able to fail: each fault of the reference server against the scenarios of its requirement.
//!
//! A fault must be caught by a scenario of the requirement it breaks, for a stated reason; scenarios of other
//! requirements must not notice it, unless the fault says why they do; and the unbroken server fails nothing.

mod choice;
mod paper;
mod play;
mod proof;

pub use choice::{Chosen, choose};
pub use paper::{markdown, summary};
pub use play::{Order, prove};
pub use proof::{Book, Change, Collateral, Kill, Proof, Seen, State, weigh};
