//! Scenarios × targets, played and judged.

mod attempt;
pub mod bless;
pub mod contract;
mod doubt;
mod gate;
mod gone;
mod known;
mod known_file;
mod length;
pub mod plan;
mod progress;
pub mod rerun;
pub mod selection;
pub mod session;
mod silence;
pub mod stop;
mod verdict;

pub(crate) use attempt::{ENDED_IT, Judgement, Pace, Turn, judge};
