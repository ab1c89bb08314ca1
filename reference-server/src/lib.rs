//! A real Socket.IO v5 server over Engine.IO v4.

pub mod acks;
pub mod adapter;
mod args;
pub mod config;
mod dispatch;
mod engine;
pub mod exchange;
pub mod faults;
pub mod fixture;
mod handler;
mod io;
mod link;
pub mod namespace;
mod outgoing;
pub mod recovery;
mod refusal;
mod reply;
pub mod seams;
mod server;
pub mod session;
mod shared;
mod sid;
mod socket;
pub mod trace;
mod wire;

pub use args::{ArgError, Args, Binary, ToArg};
pub use config::{Config, Cors};
pub use engine::{EngineApp, EngineClient};
pub use handler::{Ack, AlreadyAcknowledged, Answer, CallError, Event, Handlers, Refused};
pub use io::Running;
pub use link::Handshake;
pub use outgoing::{Encoded, Outgoing, Says};
pub use refusal::Refusal;
pub use server::{Server, SocketIo};
pub use socket::{Answers, Broadcast, Socket};
