//! What a run leaves behind, in the forms people and tools read.

pub mod failure;
pub mod html;
pub mod json;
pub mod junit;
pub mod kind;
pub mod merge;
pub mod summary;
pub mod wire;
