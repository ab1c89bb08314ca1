//! The load client: many connections on one thread, no transcript, no timers of their own.
//!
//! One loop waits for whatever is ready, hands every Socket.IO packet to the [`Phase`](super::phase::Phase) that is
//! measured, and writes what the phase wants to say. Pings are answered; nothing else happens by itself.

mod address;
mod exchange;
mod fleet;
mod http;
mod member;
mod page;
mod polling;
mod stream;
mod timer;
mod websocket;

pub(super) use address::Address;
pub(super) use fleet::Fleet;
pub(super) use member::Outbox;
