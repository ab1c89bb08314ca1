//! Plays one trial against one server: does what the steps say, and finds the first that fails.

mod act;
mod detour;
mod either;
mod ending;
mod endpoint;
mod exchange;
mod fence;
mod finish;
mod hands;
mod isolation;
mod observe;
mod options;
mod own_head;
mod played;
mod player;
mod pulse;
mod queue;
mod reconnecting;
mod step;
mod trouble;

pub(crate) use endpoint::fixture_beside;
pub use endpoint::{Endpoint, EndpointError};
pub use options::{Cut, Pending, PlayOptions, TargetControl};
pub use played::{End, Failure, Played, StepTime};
pub use player::{TOO_LONG, play};
pub use pulse::Pulse;
