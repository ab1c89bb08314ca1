//! What comes from a server, as the judge sees it.

use std::fmt;

use bytes::Bytes;

use crate::scenario::literal::EndingKind;

/// One Engine.IO packet, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A text packet with its type digit, such as `42["hi"]`; also whatever is no packet.
    Text(String),
    /// A binary message: a binary frame, or `b` and base64 in a payload, decoded.
    Binary(Bytes),
}

/// An HTTP answer, or the lack of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `None`: the connection ended without an answer.
    pub status: Option<u16>,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body, decompressed.
    pub body: Bytes,
}

/// The end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Which kind it was.
    pub kind: EndingKind,
    /// Code and reason of a WebSocket close frame; no code where the frame was empty.
    pub frame: Option<(Option<u16>, String)>,
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&text.replace('\u{1e}', "␞")),
            Self::Binary(bytes) => {
                f.write_str("<")?;
                for (i, byte) in bytes.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" ")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                f.write_str(">")
            }
        }
    }
}
