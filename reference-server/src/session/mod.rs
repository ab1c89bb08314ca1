//! The Engine.IO session as a pure state machine.
//!
//! [`Session::handle`] takes what happened and when; [`Session::poll_output`] gives each edge what is its own: the
//! application its messages, a pending GET its answer, a WebSocket its frames; [`Session::poll_timeout`] says when
//! to come back with [`Input::Tick`]. There is no I/O here and no clock, so tests move the time by hand.

mod event;
mod heartbeat;
mod message;
mod outbox;
mod state;
#[cfg(test)]
mod tests;
mod upgrade;

pub use event::{CloseReason, Edge, Input, Output, SocketId, Source, close_code};
pub use heartbeat::{Beat, Heartbeat};
pub use message::Message;
pub use outbox::{Frame, Full, Outbox};
pub use state::Session;
pub use upgrade::{Step, Upgrade};
