//! The scripted client. It does nothing by itself, except that it answers pings and, on polling,
//! keeps a GET open; everything that arrives is recorded and queued from the first byte on.

mod arrivals;
mod dial;
mod frames;
mod handshake;
mod http;
pub mod packet;
mod polling;
mod raw;
mod reach;
mod session;
mod websocket;

pub use arrivals::{Arrival, Arrivals, What};
pub use dial::Unreachable;
pub use frames::{RawFrame, Violation};
pub use http::{Call, Exchange, NoAnswer, Outcome};
pub use polling::{Next, Polling, payload};
pub(crate) use raw::chunked;
pub use raw::{NoHttp, Raw};
pub use reach::{Ids, Reach, ReachError};
pub use session::{Client, Connection, NoSession, Opened, SelfWilled, sid};
pub use websocket::{Heartbeat, NoWebSocket, WebSocket};
