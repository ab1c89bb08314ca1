//! `siospec fuzz codec`: the same inputs to our codec and to other people's parsers.
//!
//! | stage | file |
//! |---|---|
//! | an input, and how it is made | [`input`], [`generate`] |
//! | a parser behind the line protocol | [`peer`], its answer [`answer`] |
//! | what our codec says | [`ours`] |
//! | what two answers differ in, and why | [`difference`], [`explain`] with the [`class`]es |
//! | the smallest input that still shows it | [`shrink`] |
//! | all of it together, counted | [`session`], [`tally`] |
//! | what is written down | [`table`], [`vectors`] |

pub mod answer;
pub mod class;
pub mod difference;
pub mod explain;
pub mod generate;
pub mod input;
pub mod ours;
pub mod peer;
pub mod quirk;
pub mod refusal;
pub mod session;
pub mod shrink;
pub mod table;
pub mod tally;
pub mod tolerance;
pub mod vectors;
