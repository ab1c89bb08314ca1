//! How fast servers are: measured one beside the other in one run, and never faster than they are right.
//!
//! | room | what stands there |
//! |---|---|
//! | [`plan`] | what is measured, within which bounds, and in which order |
//! | `client` | the load client: one thread, one loop, many connections |
//! | `phase` | who sends when, and what every answer must be; pure |
//! | [`session`] | the rounds: each target in turn, on the same connections |
//! | [`usage`] | processor time and memory of a server's processes |
//! | [`latency`], [`statistics`] | percentiles; medians, spreads and ratios of rounds |
//! | [`figures`] | what came of it, as data |
//! | [`table`], [`notes`] | the same as tables, and what must be known to read them |
//! | [`report`] | the same as JSON, Markdown, or one HTML page with plots |

mod client;
pub mod cores;
pub mod figures;
mod idle;
pub mod latency;
pub mod machine;
pub mod measure;
pub mod notes;
mod outstanding;
mod page;
mod phase;
pub mod plan;
pub mod plot;
pub mod report;
pub mod session;
pub mod statistics;
mod subject;
pub mod table;
mod turn;
pub mod usage;

pub use phase::Errors;
