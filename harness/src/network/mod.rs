//! The network between a client and its target, made to fail on cue.

mod link;
mod proxy;
mod scanner;

pub use link::{Action, Command, Counted, Link, Passage, Shape, Trigger, Weather};
pub use proxy::{Event, Log, Proxy};
pub use scanner::{Boundary, Direction, Scanner, Unit};
