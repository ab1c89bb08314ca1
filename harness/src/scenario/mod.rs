//! The scenario language: what a YAML file says, before anything is played.
//!
//! A file's bytes become nodes (`document`, `node`), the nodes become the [`model`] (`header`, `steps`
//! and the rooms that end in `_read`), and `check` asks whether it makes sense. [`literal`] and
//! [`json`] are packets and JSON values with holes; [`trial`] multiplies a scenario by its cases and by
//! the ways its clients connect; [`catalogue`] and [`corpus`] are the files that come with the program.

mod args;
pub mod catalogue;
mod check;
mod client_read;
mod contents;
pub mod corpus;
pub mod diagnostic;
mod document;
pub mod expression;
mod expression_read;
pub mod grammar;
mod header;
pub mod hole;
pub mod json;
pub mod json_read;
pub(crate) mod json_write;
pub mod literal;
pub mod load;
mod locate;
mod lower;
pub mod model;
mod names;
mod network_read;
mod node;
pub mod packet;
pub mod path;
pub mod reconnect;
pub mod release;
pub mod schema;
pub mod source;
mod splice;
mod steps;
pub mod template;
pub mod trial;
mod uses;
pub mod verb;
mod verb_read;
mod wire_read;
