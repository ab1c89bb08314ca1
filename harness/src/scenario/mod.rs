//! The scenario language: what a YAML file says, before anything is played.
//!
//! `model` is the syntax tree, `literal` and `json` are packets and JSON values with holes,
//! `trial` multiplies a scenario by its clients, transports and cases.
//! Nothing here does input or output except [`source`], which reads a file.

pub mod expression;
pub mod hole;
pub mod json;
pub mod json_read;
pub mod json_write;
pub mod literal;
mod locate;
pub mod model;
mod packet;
pub mod source;
pub mod template;
pub mod trial;
pub mod verb;
