//! The cut sweep: a conversation is played once whole, then again with its connection cut behind each
//! single byte, in each direction; after each cut the server must still be sound.

mod conversation;
mod invariants;
mod smallest;

pub use conversation::{Figures, Sweep, Violation, sweep};
