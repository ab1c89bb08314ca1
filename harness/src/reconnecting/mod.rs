//! A client that reconnects by itself, as the official one does; its decisions are pure, so that they
//! can be shown, repeated with a seed, and compared with the official client's. Only [`Reconnecting`]
//! and the session under it touch the network.

mod attempts;
mod backoff;
mod carrier;
mod client;
mod session;
mod socket;
mod worker;

pub use attempts::{Attempts, AttemptsOptions, Order};
pub use backoff::Backoff;
pub use client::{Decisions, Reconnecting, ReconnectingOptions};
pub use session::EngineOptions;
pub use socket::{Emit, Socket, SocketOptions, Step};
