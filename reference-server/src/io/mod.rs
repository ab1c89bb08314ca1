//! The edge: sockets, HTTP, WebSockets, tasks and the clock. Nothing else in this crate knows of tokio or hyper's I/O.

mod alarm;
mod clock;
mod driver;
mod frames;
mod handshake;
mod listener;
mod polling;
mod router;
mod websocket;
mod wire;

pub use listener::Running;
pub(crate) use listener::start;
