//! siospec
pub mod outcome;
