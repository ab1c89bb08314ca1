//! What can happen to a session, and what it gives to its edges.

use super::{Frame, Message};
use siospec_codec::engine::OwnedPacket;
use std::fmt;

/// The codes that a WebSocket is closed with (RFC 6455, section 7.4).
pub mod close_code {
    /// The session came to its end.
    pub const NORMAL: u16 = 1000;
    /// The server shuts down.
    pub const GOING_AWAY: u16 = 1001;
    /// The peer broke the protocol.
    pub const PROTOCOL: u16 = 1002;
    /// Text that is not UTF-8.
    pub const NOT_UTF8: u16 = 1007;
    /// The peer does not read, or did not do what it promised in time.
    pub const POLICY: u16 = 1008;
    /// A message above `maxPayload`.
    pub const TOO_BIG: u16 = 1009;
}

/// One of the WebSockets that ever came for this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketId(pub u32);

/// Where a packet came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The body of a POST.
    Post,
    /// A WebSocket.
    Socket(SocketId),
}

/// What can happen to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A GET for this session arrived.
    PollStarted,
    /// The TCP connection of the pending GET is gone.
    PollDropped,
    /// The head of a POST arrived.
    PostStarted,
    /// The POST was read to its end.
    PostFinished,
    /// The TCP connection broke in the middle of the POST.
    PostDropped,
    /// A WebSocket with this session's sid arrived.
    SocketOpened(SocketId),
    /// A WebSocket ended by itself, or its TCP connection did.
    SocketClosed(SocketId),
    /// A packet was read.
    Received(Source, OwnedPacket),
    /// What was read is no packet; the code closes a WebSocket.
    Malformed(Source, u16),
    /// The application sends frames that belong together; volatile ones only if the client is ready for them.
    Send {
        /// The frame that goes first.
        first: Frame,
        /// What follows it immediately (SIO-BI-05).
        rest: Vec<Frame>,
        /// Whether it may be dropped (SIO-VO-02).
        volatile: bool,
    },
    /// The application closes the session, after everything sent so far (EIO-CL-08).
    Close(CloseReason),
    /// The time that [`Session::poll_timeout`] named has come.
    Tick,
}

/// Who asks for output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The application above the session.
    App,
    /// The pending GET.
    Poll,
    /// A WebSocket.
    Socket(SocketId),
}

/// What a session gives to its edges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// To the application: a message.
    Message(Message),
    /// To the application: the session is over; nothing follows.
    Closed(CloseReason),
    /// To the pending GET: its payload.
    Answer(Vec<Frame>),
    /// To a WebSocket: a frame.
    Frame(Frame),
    /// To a WebSocket: a close frame with this code, and the end.
    Hangup(u16),
}

/// Why a session ended, in the words of the reference implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client closed, or its connection ended in order.
    TransportClose,
    /// The connection broke, or the client broke the rules of its transport.
    TransportError,
    /// A pong did not come.
    PingTimeout,
    /// The client sent what is no packet.
    ParseError,
    /// The application closed the session.
    ForcedClose,
    /// The server stops.
    ServerShutdown,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced server close",
            Self::ServerShutdown => "server shutting down",
        })
    }
}
