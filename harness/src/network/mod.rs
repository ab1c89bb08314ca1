//! The network between a client and its target, made to fail on cue.

mod scanner;

pub use scanner::{Boundary, Direction, Scanner, Unit};
