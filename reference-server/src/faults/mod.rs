//! The rules that this server can be told to break, one at a time: `siospec serve --fault NAME`.
//!
//! A [`Fault`] names the requirements whose rule it breaks, says in one sentence what it breaks, and overrides one
//! hook of one of the server's [seams](crate::seams). It is as narrow as the rule: everything else about the server
//! stays right, and what cannot stay right stands under [`Fault::also`] with its reason. A server gets hooks of its
//! own from [`Fault::make`], so they may keep state.
//!
//! # How to write one
//! Put it into the file of its requirement's group, in the order of the requirements:
//!
//! ```text
//! Fault {
//!     name: "po-OK-uppercase",
//!     requirements: &["EIO-PO-01"],
//!     breaks: "a successful POST is answered `OK` instead of `ok`",
//!     also: &[],
//!     make: || hooks::response(|_, _, response| {
//!         if &response.body[..] == b"ok" {
//!             response.body = "OK".into();
//!         }
//!     }),
//! },
//! ```
//!
//! [`hooks`] makes the seams of one closure: one function for each hook, of the same name and arguments. What needs
//! two hooks, or state that they share, is a struct that implements [`Seams`], in the same file.
//!
//! Look for the hook nearest to the rule, and let it break no more than the rule:
//! - a status, a header, a body: [`hooks::response`]; what is let in or kept out: [`hooks::request`], which may change
//!   the query, the method and the headers, or answer at once. [`Response::delay`](crate::exchange::Response::delay)
//!   holds an answer back.
//! - which Engine.IO packets come and go, and in which order: [`hooks::inward`], [`hooks::outward`] (a polling answer
//!   is seen whole; of a WebSocket, all that is due); requests, connections and the clock of a session:
//!   [`hooks::input`]; the open packet: [`hooks::open`], or as text by
//!   [`hooks::outward`]. Frames on the WebSocket, masks, opcodes, pongs: [`hooks::wire`].
//! - what the wire may look like: `config.leniency` by [`hooks::config`], or [`hooks::malformed`] and
//!   [`hooks::undecodable`]; which violation goes unpunished: [`hooks::violation`].
//! - what the application hears and says: [`hooks::incoming`], [`hooks::outgoing`]; lifecycle events that the fixture
//!   reports to `/monitor` are outgoing packets there.
//! - who is in which room: [`hooks::adapter`] with [`hooks::Around`], or [`hooks::select`].
//! - when: timers by [`hooks::config`]; what the handshake then says, by `open`.
//! - what comes on top, later: [`View::later`](crate::seams::View::later) with what a
//!   [`Server`](crate::Server) can do: `send_frame`, `close_session`, `close_all`, `start_background_task`, `of`.

use crate::seams::Seams;
use std::sync::Arc;

mod acks;
mod addressees;
mod binary;
mod broadcast_acks;
mod close;
mod codec;
mod concurrency;
mod connect;
mod connect_error;
mod delivery;
mod disconnect;
mod events;
mod handshake;
mod headers;
mod heard;
mod heartbeat;
pub mod hooks;
mod limits;
mod marks;
mod namespaces;
mod ordering;
mod payload;
mod polling;
mod query;
mod reconnect;
mod recovery;
mod rooms;
mod script;
mod security;
#[cfg(test)]
mod tests;
mod upgrade;
mod upgrading;
mod volatile;
mod websocket;
mod wire_frames;

/// One rule broken on purpose.
pub struct Fault {
    /// Its name.
    pub name: &'static str,
    /// The requirements whose rule it breaks.
    pub requirements: &'static [&'static str],
    /// What it breaks, in one sentence.
    pub breaks: &'static str,
    /// Requirements that fall with it, and why each cannot stand.
    pub also: &'static [(&'static str, &'static str)],
    /// What it overrides; made anew for each server, so that it may have state.
    pub make: fn() -> Arc<dyn Seams>,
}

impl Fault {
    /// What it overrides, for one server.
    pub fn seams(&self) -> Arc<dyn Seams> {
        (self.make)()
    }
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Fault").field(&self.name).finish()
    }
}

/// The families, in the order of the catalogue's groups.
const FAMILIES: [&[Fault]; 28] = [
    handshake::FAULTS,
    query::FAULTS,
    polling::FAULTS,
    payload::FAULTS,
    websocket::FAULTS,
    upgrade::FAULTS,
    heartbeat::FAULTS,
    close::FAULTS,
    limits::FAULTS,
    headers::FAULTS,
    connect::FAULTS,
    namespaces::FAULTS,
    connect_error::FAULTS,
    events::FAULTS,
    binary::FAULTS,
    acks::FAULTS,
    disconnect::FAULTS,
    rooms::FAULTS,
    addressees::FAULTS,
    broadcast_acks::FAULTS,
    volatile::FAULTS,
    recovery::FAULTS,
    reconnect::FAULTS,
    delivery::FAULTS,
    codec::FAULTS,
    ordering::FAULTS,
    concurrency::FAULTS,
    security::FAULTS,
];

/// All faults, family by family.
pub fn all() -> impl Iterator<Item = &'static Fault> {
    FAMILIES.into_iter().flatten()
}

/// The fault of that name.
pub fn find(name: &str) -> Option<&'static Fault> {
    all().find(|fault| fault.name == name)
}
