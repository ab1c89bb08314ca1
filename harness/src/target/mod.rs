//! Servers under test: found, prepared, started, reached, and ended on every path.

pub mod bundled;
pub mod embedded;
pub mod foreign;
mod found;
mod guard;
pub mod instance;
pub mod knobs;
pub mod manifest;
pub mod needs;
mod output;
mod port;
pub mod prepare;
pub mod process;
pub mod server;
mod signal;
pub mod trust;
pub mod url;
pub(crate) mod waits;
