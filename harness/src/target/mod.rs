//! Servers under test: found, prepared, started, reached, and ended on every path.

pub mod foreign;
mod guard;
pub mod instance;
pub mod knobs;
pub mod manifest;
mod output;
pub mod prepare;
pub mod process;
mod signal;
pub mod url;
