//! What a step can do or await.

use std::time::Duration;

use super::expression::Check;
use super::json::Json;
use super::literal::{
    AnswerPattern, ClosedPattern, Content, FramePattern, PacketLiteral, PacketPattern, StatusSet,
    Template,
};
use super::model::{Step, Transport};

/// What a step does or awaits. One variant for each verb of the language.
#[derive(Clone, Debug)]
pub enum Verb {
    /// `open`: an Engine.IO handshake.
    Open(Open),
    /// `connect`: a Socket.IO CONNECT and its reply, and the fixture's `auth` event.
    Connect(Connect),
    /// `send`: an Engine.IO packet as written, never validated.
    Send(PacketLiteral),
    /// `emit`: a Socket.IO event, attachments split off.
    Emit(Emit),
    /// `expect`: the next packets, usually one; a binary event is its header and its attachments.
    Expect(Vec<PacketPattern>),
    /// `expect.any-order`: these packets in any order, attachments kept with their header.
    ExpectAnyOrder(Vec<PacketPattern>),
    /// `expect.raw`: the next packet, byte for byte.
    ExpectRaw(PacketPattern),
    /// `nothing`: a fence, before which nothing else may have arrived.
    Nothing,
    /// `silence`: nothing arrives for that time.
    Silence(Duration),
    /// `alive`: the connection is still usable.
    Alive,
    /// `dead`: the connection ends within the time (or the default), although pings are answered.
    Dead(Option<Duration>),
    /// `close`: the client closes.
    Close(Close),
    /// `closed`: what kind of end it was.
    Closed(ClosedPattern),
    /// `drop`: all TCP connections of the client are lost at once.
    Drop(Loss),
    /// `http`: one HTTP request.
    Http(Request),
    /// `http.expect`: the answer to the oldest request that has none yet.
    HttpExpect(AnswerPattern),
    /// `poll`: one polling GET.
    Poll(Poll),
    /// `poll.expect`: the answer to the oldest GET that has none yet.
    PollExpect(AnswerPattern),
    /// `ws.frame`: a WebSocket frame below the library.
    Frame(Frame),
    /// `ws.frame.expect`: the next ping or pong frame.
    FrameExpect(FramePattern),
    /// `tcp.bytes`: bytes on a TCP connection.
    Bytes(Content),
    /// `network`: an action of the fault proxy.
    Network(Network),
    /// `target`: an action on the server process.
    Target(TargetAction),
    /// `target.exit`: the server process ends.
    TargetExit,
    /// `check`: a comparison of bound values.
    Check(Check),
    /// `wait`: time passes.
    Wait(Duration),
    /// `repeat`: the same steps several times.
    Repeat(Repeat),
    /// `together`: the steps at once.
    Together(Vec<Step>),
    /// `either`: the next event decides which branch is taken; the rest of it must pass.
    Either(Vec<Vec<Step>>),
}

/// `open: polling` or `open: {transport, path, query, headers}`.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// The transport; `None` takes the client's declared one, or WebSocket where the server has it.
    pub transport: Option<Transport>,
    /// Path instead of the scenario's. With a `?` it is the whole request target, and nothing is
    /// added to it (`ws.open: /socket.io/?EIO=4&transport=websocket&sid=$A.sid`).
    pub path: Option<Template>,
    /// Query parameters added to `EIO` and `transport`, or in their place.
    pub query: Vec<(String, Template)>,
    /// Headers added.
    pub headers: Vec<(String, Template)>,
    /// The handshake must be refused with one of these, and no session begins.
    pub refused: Option<StatusSet>,
}

/// `connect: /admin` or `connect: {ns, auth, refused}`.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The namespace, such as `/`.
    pub ns: Template,
    /// The CONNECT payload.
    pub auth: Option<Json>,
}

/// `emit: [event, args…]`, with its `ack:`.
#[derive(Clone, Debug)]
pub struct Emit {
    /// The whole argument list as an array, the event's name first.
    pub args: Json,
    /// What the acknowledgement must carry, as an array; `None` asks for none.
    pub ack: Option<Json>,
    /// `ack: failed`: no acknowledgement may come before the client gives it up.
    pub ack_fails: bool,
    /// `volatile: true`: may be dropped while the transport cannot take it.
    pub volatile: bool,
    /// `timeout:` of the acknowledgement, instead of the reconnecting client's own.
    pub timeout: Option<Duration>,
}

/// `close`: the ways in which a client ends a connection in good order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Close {
    /// The Engine.IO close packet `1`, or on WebSocket a close frame, as a client library does.
    Default,
    /// A WebSocket close frame with this code and reason.
    Code(u16, String),
    /// The end of this layer's TCP connection (`tcp.close`).
    Tcp,
}

/// How a TCP connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// RST.
    Reset,
    /// FIN, without a WebSocket close.
    Fin,
}

/// `http: {request: POST /…, headers, body}`.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, or whatever is written.
    pub method: String,
    /// Path and query, as sent.
    pub target: Template,
    /// Headers added. A name with `null` is a header that must not be sent.
    pub headers: Vec<(String, Option<Template>)>,
    /// The body.
    pub body: Option<Content>,
}

/// `poll: hang` or `poll:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// A GET that is expected to be answered at once.
    Now,
    /// A GET that must still be unanswered when the step ends.
    Hang,
}

/// `ws.frame: {opcode, fin, rsv, masked, payload, length}`.
#[derive(Clone, Debug)]
pub struct Frame {
    /// 0 to 15.
    pub opcode: u8,
    /// Last fragment; default true.
    pub fin: bool,
    /// The three reserved bits as a number; default 0.
    pub rsv: u8,
    /// Masked, as a client must; default true.
    pub masked: bool,
    /// The payload; default empty.
    pub payload: Content,
    /// The length that the header announces, where it is not the payload's.
    pub length: Option<u64>,
}

/// A direction through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
    /// Both.
    Both,
}

/// `network`: what the fault proxy does to a client's connections.
#[derive(Clone, Debug, PartialEq)]
pub enum Network {
    /// `restore`: no fault any more; new connections go through.
    Restore,
    /// `reset`, `close`, or `cut: {after: …, how: …}`: connections end.
    Cut {
        /// RST or FIN.
        how: Loss,
        /// At once, or after so much traffic.
        after: Option<Trigger>,
    },
    /// `half-close`: one direction ends.
    HalfClose {
        /// The direction that ends.
        direction: Direction,
        /// At once, or after so much traffic.
        after: Option<Trigger>,
    },
    /// `blackhole`: bytes are held back until `restore`, the connection stays.
    Blackhole {
        /// Which bytes.
        direction: Direction,
        /// At once, or after so much traffic.
        after: Option<Trigger>,
    },
    /// `refuse`: connections are refused: all, or the next `times`.
    Refuse {
        /// How many; `None` until `restore`.
        times: Option<u32>,
        /// At once, or after so much traffic.
        after: Option<Trigger>,
    },
    /// `delay`: every segment waits.
    Delay {
        /// For at least this long.
        time: Duration,
        /// And up to this much longer.
        jitter: Duration,
        /// What the jitter is drawn from.
        seed: u64,
        /// Which bytes.
        direction: Direction,
    },
    /// `bandwidth`: so many bytes a second.
    Bandwidth {
        /// Bytes a second.
        rate: u64,
        /// Which bytes.
        direction: Direction,
    },
    /// `slice`: segments of so many bytes.
    Slice {
        /// Bytes a segment.
        size: u64,
        /// Which bytes.
        direction: Direction,
    },
}

impl Network {
    /// What is counted before it happens.
    pub fn after(&self) -> Option<&Trigger> {
        match self {
            Self::Cut { after, .. }
            | Self::HalfClose { after, .. }
            | Self::Blackhole { after, .. }
            | Self::Refuse { after, .. } => after.as_ref(),
            Self::Restore | Self::Delay { .. } | Self::Bandwidth { .. } | Self::Slice { .. } => {
                None
            }
        }
    }
}

/// `after: {packets: 2, direction: down}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// What is counted.
    pub unit: Unit,
    /// How many of them pass before the action.
    pub count: u64,
    /// In which direction they are counted.
    pub direction: Direction,
}

/// What a [`Trigger`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// TCP payload bytes.
    Bytes,
    /// Engine.IO packets.
    Packets,
    /// WebSocket frames.
    Frames,
    /// HTTP requests (or answers).
    Requests,
}

/// `target`: what happens to the server process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetAction {
    /// Stop, then start on the same port.
    Restart,
    /// Kill it.
    Stop,
    /// Start it again on the same port.
    Start,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Resume,
    /// SIGTERM; it should end by itself.
    Term,
}

/// `repeat: {times: 50, as: i, steps: […]}`.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// How often.
    pub times: u32,
    /// The name that counts from 0.
    pub counter: Option<String>,
    /// What is repeated.
    pub steps: Vec<Step>,
}

impl Verb {
    /// Whether a client does it. `target`, `wait` and the blocks have no subject; a `check` can have
    /// one, and then asks each member of a group.
    #[must_use]
    pub fn has_subject(&self) -> bool {
        !matches!(
            self,
            Self::Target(_)
                | Self::TargetExit
                | Self::Check(_)
                | Self::Wait(_)
                | Self::Repeat(_)
                | Self::Together(_)
                | Self::Either(_)
        )
    }

    /// Whether it awaits something of the server, so that it can decide a branch and be timed.
    #[must_use]
    pub fn observes(&self) -> bool {
        matches!(
            self,
            Self::Expect(_)
                | Self::ExpectAnyOrder(_)
                | Self::ExpectRaw(_)
                | Self::Nothing
                | Self::Silence(_)
                | Self::Dead(_)
                | Self::Closed(_)
                | Self::HttpExpect(_)
                | Self::PollExpect(_)
                | Self::FrameExpect(_)
        )
    }
}
