//! `siospec doctor`: why can I not connect? [`look`] asks the server what a client would ask, one question after the
//! other, and writes down what came; [`diagnose`] is pure and says what that means.

mod diagnosis;
mod look;
mod paper;
mod seen;

pub use diagnosis::{Finding, Problem, diagnose};
pub use look::{Asked, look};
pub use paper::{json, text};
pub use seen::{Came, Evidence, Seen, Session, Spoke};
