//! siospec
pub mod network;
pub mod outcome;
