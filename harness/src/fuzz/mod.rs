//! Fuzzing: inputs and conversations that nobody wrote, put to parsers and to live servers.

pub mod codec;
pub mod server;
