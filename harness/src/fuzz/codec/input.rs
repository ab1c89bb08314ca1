//! What a parser is asked: a layer, and the frames of one connection.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::judge::shorten;

/// What the frames are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// The text of one Engine.IO packet.
    EnginePacket,
    /// A polling body.
    EnginePayload,
    /// The data of Engine.IO messages.
    Socket,
}

impl Layer {
    /// All three.
    pub const ALL: [Self; 3] = [Self::EnginePacket, Self::EnginePayload, Self::Socket];

    /// Its name in the line protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EnginePacket => "engine-packet",
            Self::EnginePayload => "engine-payload",
            Self::Socket => "socket",
        }
    }

    /// The layer of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name)
    }
}

/// A text, or bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Frame {
    /// A text.
    Text(String),
    /// An attachment.
    Binary(Vec<u8>),
}

impl Frame {
    /// Its bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(data) => data.len(),
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// As the line protocol writes it: a string, or `{"$bytes": base64}`.
impl Serialize for Frame {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Binary(data) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("$bytes", &STANDARD.encode(data))?;
                map.end()
            }
        }
    }
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Input {
    /// How the frames are read.
    pub layer: Layer,
    /// The frames; a single text for the layers of Engine.IO.
    pub frames: Vec<Frame>,
}

impl Input {
    /// One text.
    pub fn text(layer: Layer, text: impl Into<String>) -> Self {
        Self {
            layer,
            frames: vec![Frame::Text(text.into())],
        }
    }

    /// The text that a layer of Engine.IO is asked about.
    #[must_use]
    pub fn only_text(&self) -> &str {
        match self.frames.first() {
            Some(Frame::Text(text)) => text,
            _ => "",
        }
    }

    /// The line of the protocol that asks it.
    #[must_use]
    pub fn question(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What is smaller is easier to read: first fewer bytes, then fewer frames, then the first in order.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.frames.iter().map(Frame::len).sum(), self.frames.len())
    }
}

/// As a table shows it: the frames with a bar between them, what is invisible escaped, bytes in hexadecimal.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, frame) in self.frames.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { "  +  " })?;
            match frame {
                Frame::Text(text) if text.is_empty() => f.write_str("(empty)")?,
                Frame::Text(text) => f.write_str(&shorten(&visible(text)))?,
                Frame::Binary(data) => {
                    let hex: Vec<_> = data.iter().map(|byte| format!("{byte:02x}")).collect();
                    write!(f, "<{}>", hex.join(" "))?;
                }
            }
        }
        Ok(())
    }
}

/// The text with everything escaped that an eye cannot tell.
#[must_use]
pub fn visible(text: &str) -> String {
    let odd = |c: char| c.is_control() || (c.is_whitespace() && c != ' ') || invisible(c);
    let edge = |at: usize| at == 0 || at + 1 == text.len();
    let mut out = String::new();
    for (at, c) in text.char_indices() {
        match c {
            '\u{1e}' => out.push('␞'),
            ' ' if edge(at) => out.push('␠'),
            c if odd(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Marks without a width, and what no font has.
const fn invisible(c: char) -> bool {
    matches!(
        c as u32,
        0xAD | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFE00..=0xFE0F | 0xFEFF | 0xE000..=0xF8FF | 0xF0000..
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_line_of_the_protocol() {
        let input = Input {
            layer: Layer::Socket,
            frames: vec![Frame::Text("51-[\n]".into()), Frame::Binary(vec![1, 2, 3])],
        };
        assert_eq!(
            input.question(),
            r#"{"layer":"socket","frames":["51-[\n]",{"$bytes":"AQID"}]}"#
        );
        assert_eq!(input.to_string(), "51-[\\u{a}]  +  <01 02 03>");
    }
}
