//! What was asked against what came. Everything here is pure: values in, a verdict out.

mod captures;
mod received;

pub use captures::{Captures, Unbound, Value};
pub use received::{Answer, Ending, Mismatch, Received};
