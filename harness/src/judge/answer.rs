//! HTTP answers, and the ends of connections.

use bytes::Bytes;

use super::captures::Captures;
use super::mismatch::Mismatch;
use super::received::{Answer, Ending, Received};
use super::text::shown;
use crate::scenario::json::Json;
use crate::scenario::literal::{
    AnswerPattern, ClosedPattern, EndingKind, FramePattern, PacketPattern, Status, StatusSet,
};

impl StatusSet {
    /// Whether a status, or none, is one of these.
    #[must_use]
    pub fn contains(&self, status: Option<u16>) -> bool {
        self.0.iter().any(|item| match (item, status) {
            (Status::Code(code), Some(status)) => *code == status,
            (Status::Class(class), Some(status)) => u16::from(*class) == status / 100,
            (Status::Cut, None) => true,
            _ => false,
        })
    }
}

impl AnswerPattern {
    /// Compares an answer; binds holes only if all of it is as expected. An answer that never
    /// came is right if `cut` is, whatever else is asked of one that does.
    ///
    /// # Errors
    /// The first difference: status, headers, body.
    pub fn matches(&self, answer: &Answer, captures: &mut Captures) -> Result<(), Mismatch> {
        if !self.status.contains(answer.status) {
            let came = answer
                .status
                .map_or("cut".to_owned(), |status| status.to_string());
            let mismatch = Mismatch::new(&self.status, came).at("status");
            return Err(match answer.body.as_ref() {
                [] => mismatch,
                body => mismatch.because(format!("the body is {}", shown(&lossy(body)))),
            });
        }
        if answer.status.is_none() {
            return Ok(());
        }
        let mut bound = captures.clone();
        self.compare_headers(answer, &mut bound)?;
        self.compare_body(&answer.body, &mut bound)?;
        *captures = bound;
        Ok(())
    }

    fn compare_headers(&self, answer: &Answer, captures: &mut Captures) -> Result<(), Mismatch> {
        for (name, wanted) in &self.headers {
            let came: Vec<&str> = answer
                .headers
                .iter()
                .filter(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
                .collect();
            let path = format!("header {name}");
            match (wanted, came.as_slice()) {
                (None, []) => {}
                (None, _) => return Err(Mismatch::new("no such header", came.join(", ")).at(path)),
                (Some(wanted), []) => return Err(Mismatch::new(wanted, "no such header").at(path)),
                (Some(wanted), _) => {
                    wanted
                        .matches(came.join(", ").as_bytes(), captures)
                        .map_err(|m| m.at(path))?;
                }
            }
        }
        Ok(())
    }

    fn compare_body(&self, body: &Bytes, captures: &mut Captures) -> Result<(), Mismatch> {
        if let Some(wanted) = &self.body {
            wanted.matches(body, captures).map_err(|m| m.at("body"))?;
        }
        if self.json.is_none() && self.packets.is_none() {
            return Ok(());
        }
        let Ok(text) = std::str::from_utf8(body) else {
            let wanted = if self.json.is_some() {
                "JSON"
            } else {
                "packets"
            };
            return Err(Mismatch::new(wanted, shown(&lossy(body)))
                .at("body")
                .because("it is not UTF-8"));
        };
        if let Some(wanted) = &self.json {
            let came = Json::parse(text).map_err(|e| {
                Mismatch::new(wanted, shown(text))
                    .at("body")
                    .because(format!("byte {}: {e}", e.offset))
            })?;
            wanted.matches(&came, captures).map_err(|m| m.at("body"))?;
        }
        match &self.packets {
            Some(wanted) => compare_packets(wanted, self.further, text, captures),
            None => Ok(()),
        }
    }
}

fn compare_packets(
    wanted: &[PacketPattern],
    further: bool,
    body: &str,
    captures: &mut Captures,
) -> Result<(), Mismatch> {
    let came: Vec<&str> = if body.is_empty() {
        Vec::new()
    } else {
        body.split('\u{1e}').collect()
    };
    for (i, pattern) in wanted.iter().enumerate() {
        let path = format!("packet {}", i + 1);
        let Some(packet) = came.get(i) else {
            return Err(Mismatch::new(&pattern.written, "no further packet").at(path));
        };
        pattern
            .matches(&payload_packet(packet), captures)
            .map_err(|m| m.at(path))?;
    }
    match came.get(wanted.len()) {
        Some(extra) if !further => {
            Err(Mismatch::new("no further packet", extra)
                .at(format!("packet {}", wanted.len() + 1)))
        }
        _ => Ok(()),
    }
}

/// One packet of a polling payload; `b` and base64 is a binary one.
fn payload_packet(packet: &str) -> Received {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    match packet
        .strip_prefix('b')
        .and_then(|encoded| STANDARD.decode(encoded).ok())
    {
        Some(bytes) => Received::Binary(Bytes::from(bytes)),
        None => Received::Text(packet.to_owned()),
    }
}

impl ClosedPattern {
    /// Compares the end of a connection.
    ///
    /// # Errors
    /// It was another kind of end, or the close frame carries another code or reason.
    pub fn matches(&self, ending: &Ending, captures: &mut Captures) -> Result<(), Mismatch> {
        if let Some(kinds) = &self.how
            && !kinds.contains(&ending.kind)
        {
            let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
            return Err(Mismatch::new(kinds.join(" or "), ending));
        }
        let (code, reason) = ending.frame.clone().unwrap_or_default();
        if let Some(codes) = &self.code
            && !code.is_some_and(|code| codes.contains(&code))
        {
            let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
            return Err(Mismatch::new(
                format!("a close frame with {}", codes.join(" or ")),
                ending,
            ));
        }
        match &self.reason {
            Some(wanted) => wanted
                .matches(reason.as_bytes(), captures)
                .map_err(|m| m.at("reason")),
            None => Ok(()),
        }
    }
}

impl FramePattern {
    /// Compares a ping or pong frame.
    ///
    /// # Errors
    /// It is the other one, or carries other data.
    pub fn matches(
        &self,
        opcode: u8,
        payload: &[u8],
        captures: &mut Captures,
    ) -> Result<(), Mismatch> {
        let word = |opcode| match opcode {
            9 => "a ping frame".to_owned(),
            10 => "a pong frame".to_owned(),
            other => format!("a frame of opcode {other}"),
        };
        if self.opcode != opcode {
            return Err(Mismatch::new(word(self.opcode), word(opcode)));
        }
        match &self.payload {
            Some(wanted) => wanted
                .matches(payload, captures)
                .map_err(|m| m.at("payload")),
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for StatusSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, status) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" or ")?;
            }
            match status {
                Status::Code(code) => write!(f, "{code}")?,
                Status::Class(class) => write!(f, "{class}xx")?,
                Status::Cut => f.write_str("cut")?,
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for EndingKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Frame => "a close frame",
            Self::Fin => "the end of the stream",
            Self::Reset => "a reset",
            Self::Packet => "a close packet",
            Self::Gone => "a refused poll",
            Self::Refused => "a refused handshake",
        })
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.kind)?;
        match &self.frame {
            Some((Some(code), reason)) if reason.is_empty() => write!(f, " with {code}"),
            Some((Some(code), reason)) => write!(f, " with {code} {reason:?}"),
            Some((None, _)) => f.write_str(" without a code"),
            None => Ok(()),
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
