//! Live servers under random conversations.
//!
//! A [`Conversation`] is a cast of clients and a list of [`Act`](act::Act)s, drawn from a seed ([`draw`]). The model
//! ([`world`]) knows who is connected where and in which room, and says of each act what everybody must hear of it, so
//! that a conversation is written down as a scenario ([`script`]), expectations and all, and played and judged like any
//! other. To take an act away is to write the scenario anew, which is how a failing one gets small ([`shrink`]).
//!
//! A conversation also says how its server is started ([`setup`]): a plain one, or with pings all the time, a small
//! limit, or recovery, as far as the target can be.
//!
//! What may be drawn is the [`vocabulary`] of a target: what it declares, without what its `known.yaml` says it does
//! differently. The [`campaign`] plays until its time is over and keeps a [`Finding`] for each class of failure.

pub mod act;
pub mod arguments;
mod campaign;
mod class;
mod conversation;
mod draw;
pub mod feature;
mod finding;
pub mod hostile;
mod script;
pub mod setup;
mod shrink;
mod stage;
pub mod stranger;
mod vocabulary;
mod world;

pub use campaign::{Campaign, Ended, Standing, campaign};
pub use class::Class;
pub use conversation::{Conversation, Written};
pub use finding::{Finding, Repeats};
pub use vocabulary::{Usage, Vocabulary};
