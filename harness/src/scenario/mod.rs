//! The scenario language: what a YAML file says, before anything is played.
//!
//! `model` is the syntax tree, `literal` and `json` are packets and JSON values with holes,
//! `trial` multiplies a scenario by its clients, transports and cases.
//! Nothing here does input or output except [`source`], which reads a file.

pub mod expression;
pub mod json;
pub mod literal;
mod locate;
pub mod model;
pub mod source;
pub mod trial;
pub mod verb;
