//! A client that reconnects by itself, as the official one does; its decisions are pure, so that they
//! can be shown, repeated with a seed, and compared with the official client's.

mod backoff;
mod manager;
mod socket;

pub use backoff::Backoff;
pub use manager::{Manager, ManagerOptions, Order};
pub use socket::{Emit, Socket, SocketOptions, Step};
