//! The cut sweep: a conversation is played once whole, then again with its connection cut behind each
//! single byte, in each direction; after each cut the server must still be sound, and when all clients are gone it must
//! hold no more than before.

mod census;
mod conversation;
mod figures;
mod invariants;
mod place;
mod smallest;

pub use census::{Census, Left};
pub use conversation::{Sweep, sweep};
pub use figures::{Figures, Standing, Swept, Violation};
