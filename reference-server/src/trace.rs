//! The chain from a TCP connection to a handler and back, as records: what `--trace` prints.

use std::fmt;
use std::sync::Arc;

/// Receives each record. It is called on the way of the message, so it should be quick.
pub type Tracer = Arc<dyn Fn(&Record) + Send + Sync>;

/// One step of a message on its way through the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The number of the TCP connection, counted from 1; of the one that opened the session, for steps above it; 0 for
    /// a broadcast, which belongs to none.
    pub connection: u64,
    /// The session, once there is one.
    pub sid: Option<String>,
    /// What happened.
    pub step: Step,
}

/// The layers that a message passes; inward from the first to [`Step::Handler`], outward from there to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A TCP connection was accepted, from this address.
    TcpConnection(String),
    /// An HTTP request was read: method and target.
    HttpRequest(String),
    /// A WebSocket frame was read.
    FrameIn(String),
    /// An Engine.IO packet came in.
    EngineIn(String),
    /// A Socket.IO packet came in, whole.
    PacketIn(String),
    /// A handler runs.
    Handler(String),
    /// The client broke a rule.
    Violation(String),
    /// The application emits, acknowledges or broadcasts.
    Emit(String),
    /// A Socket.IO packet goes out.
    PacketOut(String),
    /// An Engine.IO packet goes out.
    EngineOut(String),
    /// A WebSocket frame was written.
    FrameOut(String),
    /// An HTTP answer was given: status and body.
    HttpResponse(String),
}

impl Step {
    /// The layer's name, and how deep it lies below the TCP connection.
    fn layer(&self) -> (&'static str, usize) {
        match self {
            Self::TcpConnection(_) => ("TCP connection", 0),
            Self::HttpRequest(_) => ("HTTP request", 1),
            Self::FrameIn(_) => ("WebSocket frame in", 1),
            Self::EngineIn(_) => ("Engine.IO packet in", 2),
            Self::PacketIn(_) => ("Socket.IO packet in", 3),
            Self::Handler(_) => ("handler", 4),
            Self::Violation(_) => ("rule broken", 4),
            Self::Emit(_) => ("emit", 4),
            Self::PacketOut(_) => ("Socket.IO packet out", 3),
            Self::EngineOut(_) => ("Engine.IO packet out", 2),
            Self::FrameOut(_) => ("WebSocket frame out", 1),
            Self::HttpResponse(_) => ("HTTP answer", 1),
        }
    }

    fn content(&self) -> &str {
        match self {
            Self::TcpConnection(text)
            | Self::HttpRequest(text)
            | Self::FrameIn(text)
            | Self::EngineIn(text)
            | Self::PacketIn(text)
            | Self::Handler(text)
            | Self::Violation(text)
            | Self::Emit(text)
            | Self::PacketOut(text)
            | Self::EngineOut(text)
            | Self::FrameOut(text)
            | Self::HttpResponse(text) => text,
        }
    }
}

/// The longest content shown of a record, in characters.
const SHOWN: usize = 160;

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (layer, depth) = self.step.layer();
        let sid = self.sid.as_deref().unwrap_or("-");
        write!(
            f,
            "#{} {sid} {:indent$}{layer}: ",
            self.connection,
            "",
            indent = depth * 2
        )?;
        let content = self.step.content();
        let shown: String = content.chars().take(SHOWN).collect();
        // Control characters would garble a terminal; U+001E is the one that payloads are made of.
        f.write_str(&shown.escape_debug().to_string().replace("\\\"", "\""))?;
        if shown.len() < content.len() {
            write!(f, "… ({} bytes)", content.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_shows_its_connection_its_session_and_its_layer() {
        let record = Record {
            connection: 3,
            sid: Some("abc".into()),
            step: Step::EngineIn("4a\u{1e}".into()),
        };
        assert_eq!(
            record.to_string(),
            "#3 abc     Engine.IO packet in: 4a\\u{1e}"
        );
    }
}
