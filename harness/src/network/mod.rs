//! The network between a client and its target, made to fail on cue.

mod body;
mod command;
mod frame;
mod link;
mod proxy;
mod pump;
mod scanner;

pub use command::{Action, Command, Counted, Shaping, Trigger, Ways};
pub use link::{Link, Passage, Shape, Traffic};
pub use proxy::{Event, Log, Proxy};
pub use scanner::{Boundary, Direction, Scanner, Unit};
