//! What was asked against what came. Everything here is pure: values in, a verdict out.
//!
//! A literal of the scenario compares itself (`PacketPattern::matches`, `AnswerPattern::matches`,
//! `ClosedPattern::matches`, `Check::judge`), and is sent by `render`, with the values that the
//! trial's [`Captures`] hold.

mod answer;
mod any_order;
mod captures;
mod check;
mod event;
mod json;
mod mismatch;
pub(crate) mod number;
mod packet;
mod received;
mod socket;
mod text;
pub mod timing;
mod value;

pub use any_order::any_order;
pub use captures::{Captures, Unbound};
pub use check::CheckError;
pub use event::{acknowledgement, acknowledges};
pub use mismatch::{Mismatch, shorten};
pub use received::{Answer, Ending, Received};
pub use socket::Head;
pub use value::Value;
