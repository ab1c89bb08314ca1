//! What was asked of a server, and what came.

use serde::Serialize;

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// An HTTP answer.
    Answer {
        /// The status.
        status: u16,
        /// Header fields, names in lower case.
        headers: Vec<(String, String)>,
        /// The beginning of the body.
        body: String,
    },
    /// No connection: what the system or TLS says.
    Unreachable(String),
    /// A connection, and no HTTP on it.
    Broken(String),
    /// A connection, and nothing within the time given.
    Silent,
}

impl Came {
    /// The status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Came::Answer { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The body, if there was an answer.
    #[must_use]
    pub fn body(&self) -> &str {
        match self {
            Came::Answer { body, .. } => body,
            _ => "",
        }
    }

    /// A header of the answer; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let Came::Answer { headers, .. } = self else {
            return None;
        };
        let found = headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it is the open packet of Engine.IO 4, as a handshake by polling brings it.
    #[must_use]
    pub fn opens(&self) -> bool {
        self.status() == Some(200) && self.body().starts_with("0{")
    }

    /// Whether it is the open packet of Engine.IO 3, `96:0{…}`.
    #[must_use]
    pub fn opens_in_old(&self) -> bool {
        let counted = self.body().split_once(":0{");
        self.status() == Some(200) && counted.is_some_and(|(count, _)| count.parse::<u32>().is_ok())
    }
}

/// What came of the request for a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoke {
    /// A WebSocket, and this open packet on it.
    Open(String),
    /// A WebSocket, and something else on it first, or nothing within the time given.
    Other(Option<String>),
    /// No WebSocket.
    Refused(Came),
}

/// How a polling session went on behind its handshake, each request on a connection of its own, as a balancer may
/// spread them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What came of each POST.
    pub posts: Vec<Came>,
    /// What came of the same again with the cookies of the handshake, where it set some and POSTs were refused.
    pub with_cookie: Option<Vec<Came>>,
    /// What came of the attempt to go on as a WebSocket: the answer to `2probe`.
    pub probe: Option<Spoke>,
}

impl Session {
    /// Which of some POSTs found the session no more.
    pub(super) fn lost(posts: &[Came]) -> Vec<&Came> {
        let lost = |came: &&Came| matches!(came.status(), Some(400 | 404 | 410));
        posts.iter().filter(lost).collect()
    }
}

/// Everything that was asked. `None` is a question that was not needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Scheme, host and port.
    pub base: String,
    /// The path of Socket.IO.
    pub path: String,
    /// The origin that the page of a browser would have, from `--origin`.
    pub origin: Option<String>,
    /// The handshake by polling.
    pub polling: Came,
    /// The same without `Origin`, where it was given and the handshake refused.
    pub without_origin: Option<Came>,
    /// The handshake as a WebSocket.
    pub websocket: Option<Spoke>,
    /// The handshake of Engine.IO 3.
    pub old: Option<Came>,
    /// Paths at which the handshake succeeds, if it does not at `path`.
    pub elsewhere: Vec<String>,
    /// A path at which a WebSocket is accepted that is no Engine.IO, and what was said on it first.
    pub plain_websocket: Option<(String, Option<String>)>,
    /// How a session went on.
    pub session: Option<Session>,
    /// The first answer to CONNECT on `/`; the inner `None` is none within the time given.
    pub connect: Option<Option<String>>,
    /// The first ping that came, if one was waited for, and how long that was, milliseconds.
    pub ping: Option<(bool, u64)>,
}

/// A question and what came of it, as a reader is shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What was sent.
    pub sent: String,
    /// What came.
    pub came: String,
}

/// What came, in one line.
pub(super) fn shown(came: &Came) -> String {
    match came {
        Came::Answer { status, body, .. } => match short(body).as_str() {
            "" => format!("{status} with an empty body"),
            body => format!("{status} `{body}`"),
        },
        Came::Unreachable(reason) => reason.clone(),
        Came::Broken(reason) => format!("no HTTP answer ({reason})"),
        Came::Silent => "nothing".to_owned(),
    }
}

/// The first line of a text that has something in it, of which a reader need see no more.
pub(super) fn short(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    let shown = crate::report::wire::visible(line.unwrap_or_default());
    match shown.char_indices().nth(100) {
        Some((cut, _)) => format!("{}…", &shown[..cut]),
        None => shown,
    }
}
