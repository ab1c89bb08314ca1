//! Inputs that nobody wrote: other people's parsers beside our own codec.

pub mod codec;
