//! What a run leaves behind, in the forms people and tools read.

pub(crate) mod answers;
mod cells;
mod counts;
pub mod ctrf;
pub mod diff;
pub mod failure;
pub mod html;
pub mod json;
pub mod junit;
pub mod kind;
pub mod markdown;
pub mod merge;
pub mod remarks;
pub mod summary;
pub mod tap;
pub mod wire;
