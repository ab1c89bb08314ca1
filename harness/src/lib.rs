//! siospec
pub mod network;
pub mod outcome;
pub mod play;
pub mod transcript;
