//! siospec

pub mod bench;
pub mod cli;
pub mod client;
pub mod coverage;
pub mod doctor;
pub mod explain;
mod file;
pub mod fuzz;
pub mod judge;
pub mod known;
pub mod ledger;
pub mod network;
pub mod outcome;
pub mod play;
pub mod prove;
pub mod reconnecting;
pub mod report;
pub mod run;
pub mod scenario;
mod suite;
pub mod sweep;
pub mod target;
pub mod transcript;

pub use suite::Suite;
