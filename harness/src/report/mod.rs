//! What a run leaves behind, in the forms people and tools read.

pub mod html;
