//! Packets, answers and texts as a scenario writes them: literals with holes.

use bytes::Bytes;
use regex::Regex;

use super::json::Json;

/// A text with holes, such as `/socket.io/?EIO=4&sid=$A.sid`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Template {
    /// Text and holes in turn.
    pub parts: Vec<Part>,
}

/// A piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A hole.
    Hole {
        /// What fills it.
        hole: Hole,
        /// Inside brackets, where the value is written as JSON; elsewhere as raw text.
        json: bool,
    },
}

/// `$x`, `$n:number`, `$_`, `$A.sid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// What it is bound to.
    pub name: Name,
    /// What it takes.
    pub kind: Kind,
}

/// The name of a bound value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// `$_`: anything, bound to nothing.
    Any,
    /// `$x`
    Plain(String),
    /// `$A.sid`, `$W[3].sid`, `$A.id(/custom)`
    Of {
        /// Client or group.
        client: String,
        /// Member of the group; without it, the acting member's own, or the list of all.
        member: Option<u32>,
        /// `sid`, `id`, `pid`, `auth`, `n`, or a name that the scenario binds.
        field: String,
        /// The namespace of `id`, `pid`, `auth`; `/` if left out.
        ns: Option<String>,
    },
    /// `$config.pingInterval`: what the server was started with; durations in milliseconds.
    Config(String),
}

/// What a hole takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    Any,
    /// `:number`
    Number,
    /// `:string`
    String,
    /// `:bool`
    Bool,
    /// `:array`
    Array,
    /// `:object`
    Object,
    /// `:bytes`
    Bytes,
}

/// A regular expression that knows how it was written.
#[derive(Clone, Debug)]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// What is sent as one Engine.IO packet.
#[derive(Clone, Debug, PartialEq)]
pub enum PacketLiteral {
    /// Text with its type digit, such as `42["hi"]`, or anything else: it is not validated.
    Text(Template),
    /// `<01 02 ff>`
    Binary(Bytes),
}

/// What one received Engine.IO packet must be.
#[derive(Clone, Debug, PartialEq)]
pub struct PacketPattern {
    /// As the scenario writes it.
    pub written: String,
    /// What it asks for.
    pub shape: PacketShape,
}

/// The kinds of [`PacketPattern`].
#[derive(Clone, Debug, PartialEq)]
pub enum PacketShape {
    /// `$_`: any packet.
    Any,
    /// `<01 02 ff>`: a binary packet of these bytes.
    Binary(Bytes),
    /// `~/…/`: a text packet that matches.
    Regex(Pattern),
    /// A text packet, compared byte for byte.
    Text(Template),
    /// A packet that is a digit and a JSON value: `0{…}` on `/socket.io/`.
    Open(Json),
    /// A Socket.IO packet.
    Socket(SocketPattern),
}

/// A Socket.IO packet in a message packet, such as `42/custom,7["hi",$x]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketPattern {
    /// The type digit, `0` to `6`.
    pub kind: char,
    /// The announced number of attachments, for types 5 and 6.
    pub attachments: Option<u64>,
    /// The namespace; `/` where none is written.
    pub ns: Template,
    /// The ack id.
    pub ack: AckId,
    /// The payload; `None` where there must be none.
    pub payload: Option<Json>,
}

/// The ack id of a [`SocketPattern`].
#[derive(Clone, Debug, PartialEq)]
pub enum AckId {
    /// There must be none.
    None,
    /// These digits, compared by value.
    Digits(String),
    /// `43$id[…]`
    Hole(Hole),
}

/// A text that is sent where bytes are possible too.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A text; `␞` stands for U+001E.
    Text(Template),
    /// `!hex 0102`
    Bytes(Bytes),
}

/// What a text must be.
#[derive(Clone, Debug, PartialEq)]
pub enum TextPattern {
    /// The whole text.
    Text(Template),
    /// `~/…/`
    Regex(Pattern),
    /// `!hex 0102`: these bytes.
    Bytes(Bytes),
}

/// `http.expect`, `poll.expect`: what an answer must be.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerPattern {
    /// The status; 200 if left out.
    pub status: StatusSet,
    /// Headers by lower-case name. `None`: the header must be absent.
    pub headers: Vec<(String, Option<TextPattern>)>,
    /// The whole body.
    pub body: Option<TextPattern>,
    /// The body as JSON.
    pub json: Option<Json>,
    /// The body split at U+001E.
    pub packets: Option<Vec<PacketPattern>>,
    /// `packets:` ends with `...`, so that further ones may follow.
    pub further: bool,
}

/// `200`, `[400, 413]`, `4xx`, `cut`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSet(pub Vec<Status>);

/// One member of a [`StatusSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `400`
    Code(u16),
    /// `4xx`, as its first digit.
    Class(u8),
    /// `cut`: the connection ended without an answer.
    Cut,
}

/// `closed: {code, reason, how}`; empty takes any end.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ClosedPattern {
    /// Codes of a WebSocket close frame, one of which must have come.
    pub code: Option<Vec<u16>>,
    /// The reason in the close frame.
    pub reason: Option<TextPattern>,
    /// The kinds of end that are right.
    pub how: Option<Vec<EndingKind>>,
}

/// `ws.frame.expect: {opcode, payload}`: what a ping or pong frame must be.
#[derive(Clone, Debug, PartialEq)]
pub struct FramePattern {
    /// 9 for a ping, 10 for a pong.
    pub opcode: u8,
    /// Its data; anything if left out.
    pub payload: Option<TextPattern>,
}

/// The ways in which a connection can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndingKind {
    /// `frame`: a WebSocket close frame.
    Frame,
    /// `fin`: the end of the TCP stream, without a close frame.
    Fin,
    /// `reset`: RST.
    Reset,
    /// `packet`: the Engine.IO close packet `1`.
    Packet,
    /// `gone`: polling is answered 400, the session is unknown.
    Gone,
    /// `refused`: the WebSocket handshake was answered otherwise than 101, or not at all.
    Refused,
}
