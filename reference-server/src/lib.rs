//! A real Socket.IO v5 server over Engine.IO v4: the one that scenarios are proven against, and a small one to use.
//!
//! ```no_run
//! use siospec_reference_server::{Config, Event, Socket, SocketIo, args};
//!
//! # async fn run() -> std::io::Result<()> {
//! let mut app = SocketIo::new(Config::default());
//! app.on("hello", async |socket: Socket, event: Event| {
//!     socket.to("room").emit("greeted", args![socket.id(), event.args]);
//!     args!["welcome"]
//! });
//! app.run(([127, 0, 0, 1], 5000).into()).await
//! # }
//! ```
//!
//! # For those who know Flask-SocketIO
//!
//! | Flask-SocketIO | here |
//! |---|---|
//! | `socketio = SocketIO(app)` | [`SocketIo::new`]`(config)` |
//! | `socketio.run(app)` | [`SocketIo::run`], or [`SocketIo::start`] for one that can be stopped |
//! | `@socketio.on('event')` | [`SocketIo::on`]`("event", …)` |
//! | `@socketio.on('event', namespace='/chat')` | [`SocketIo::of`]`("/chat").on("event", …)` |
//! | `@socketio.on('connect')`, `@socketio.on('disconnect')` | [`Handlers::on_connect`], [`Handlers::on_disconnect`] |
//! | `raise ConnectionRefusedError('why')` in `connect` | `Err(`[`Refused::new`]`("why"))` in a [`Handlers::middleware`] |
//! | `return value` from a handler | the same: [`Answer`] |
//! | `emit('event', *args)` | [`Socket::emit`]`("event", args![…])` |
//! | `emit(…, broadcast=True, include_self=False)` | [`Socket::broadcast`]`().emit(…)` |
//! | `emit(…, to='room')`, `include_self=True` | [`Server::of`]`("/").to("room").emit(…)` |
//! | `emit(…, to='room', include_self=False)` | [`Socket::to`]`("room").emit(…)` |
//! | `emit(…, skip_sid=sid)` | `.except(sid)` on a [`Broadcast`] |
//! | `send(value)` | [`Socket::send`]`(args![value])` |
//! | `call('event', *args, timeout=5)` | [`Socket::call`]`("event", args![…], timeout).await` |
//! | `join_room`, `leave_room`, `rooms()` | [`Socket::join_room`], [`Socket::leave_room`], [`Socket::rooms`] |
//! | `close_room('room')` | [`Server::close_room`] |
//! | `disconnect()` | [`Socket::disconnect`], [`Socket::disconnect_all`] |
//! | `request.sid`, `request.namespace`, `auth` | [`Socket::id`], [`Socket::namespace`], [`Socket::auth`] |
//! | `socketio.sleep`, `socketio.start_background_task` | [`Server::sleep`], [`Server::start_background_task`] |
//! | `socketio.stop()` | [`Running::stop`] |
//!
//! # From `run` to the TCP socket and back
//!
//! [`SocketIo::run`] registers nothing itself: it hands what `on` collected to `shared`, and that to `io::listener`,
//! which accepts a TCP connection. hyper reads an HTTP request from it; `io::router` finds the session and the
//! transport, or the [`Refusal`]. `io::polling` or `io::websocket` reads packets with the codec and tells the
//! [`session`], which is a state machine with the time as an argument; what it delivers goes through `link` to
//! [`namespace`], which says what the packet means for this client, and `dispatch` runs the handler. Its
//! [`Socket::emit`] goes the same way back: `wire` encodes the packet, the session keeps it in its outbox, and the
//! edge writes it into a GET's answer or a WebSocket's frame. [`trace`] shows each of these steps for each message.
//!
//! # The rooms
//!
//! | pure: no I/O, no clock | |
//! |---|---|
//! | [`session`] | one Engine.IO session: transports, heartbeat, upgrade, outbox |
//! | [`namespace`] | one client's memberships |
//! | [`acks`], [`adapter`], [`recovery`] | requests that wait for an answer; rooms and broadcast; what a lost client missed |
//! | **the application's side** | |
//! | `server`, `handler`, `socket`, `args`, `engine` | what is registered, and what handlers hold |
//! | [`fixture`] | the app that scenarios talk to, written with it |
//! | **between** | |
//! | `link`, `dispatch`, `shared` | one client behind one lock; its packets to its handlers; what all clients share |
//! | [`seams`], [`faults`] | where a server can be made to differ from a right one, and the faults that do it |
//! | **the edge** | |
//! | `io` | tokio, hyper and tungstenite, and nobody else knows them |

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
pub use config::{Config, Cors, Transports};
pub use engine::{EngineApp, EngineClient};
pub use handler::{Ack, AlreadyAcknowledged, Answer, CallError, Event, Handlers, Refused};
pub use io::Running;
pub use link::Handshake;
pub use outgoing::{Encoded, Outgoing, Says};
pub use refusal::Refusal;
pub use server::{Server, SocketIo};
pub use socket::{Answers, Broadcast, Socket};
