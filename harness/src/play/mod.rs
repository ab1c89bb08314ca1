//! Plays one trial against one server: does what the steps say, and finds the first that fails.

mod endpoint;
mod options;
mod played;
mod pulse;

pub use endpoint::{Endpoint, EndpointError};
pub use options::{Pending, PlayOptions, TargetControl};
pub use played::{End, Failure, Played, StepTime};
pub use pulse::Pulse;
