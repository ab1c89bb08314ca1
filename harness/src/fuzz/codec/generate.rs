//! Inputs of every kind: packets that follow the rules, packets that nearly do, and anything at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use siospec_codec::socket::{PacketType, placeholder};

use super::input::{Frame, Input, Layer};

/// An endless stream of inputs, the same for the same seed.
#[derive(Debug, Clone)]
pub struct Source(SmallRng);

const LEAVES: [&str; 20] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1.0",
    "-12.5e+3",
    "1e400",
    "-1e400",
    "5e-324",
    "0.1",
    "9007199254740993",
    "12345678901234567890",
    "123456789012345678901234567890",
    "\"\"",
    "[]",
    "{}",
    "[ ]",
    "{ }",
    "{\"\":null}",
];

const STRINGS: [&str; 17] = [
    r#""\ud800""#,
    r#""\udc00\ud800""#,
    r#""\u0000\"\\\/""#,
    r#""\u001e""#,
    r#""_placeholder""#,
    r#""num""#,
    r#""a,b]}""#,
    r#""[[{{""#,
    "\"\u{2028}\"",
    r#""\ud83d\ude00""#,
    r#""\u0061bc""#,
    r#""$bytes""#,
    r#""__proto__""#,
    r#""constructor""#,
    r#""toJSON""#,
    r#""$serde_json::private::Number""#,
    r#""$serde_json::private::RawValue""#,
];

const NAMES: [&str; 12] = [
    r#""message""#,
    r#""a b""#,
    r#""""#,
    r#""toString""#,
    r#""connect""#,
    r#""disconnecting""#,
    r#""\u0063onnect""#,
    "null",
    "true",
    "{}",
    "[]",
    "12.0",
];

/// Payloads of a shape that some types cannot have.
const SHAPES: [&str; 10] = [
    "",
    "[]",
    "{}",
    "null",
    "false",
    "0",
    "\"x\"",
    "{\"0\":\"m\"}",
    " [\"m\"]",
    "[[\"m\"]]",
];

/// What mutations put in.
const PIECES: [&str; 46] = [
    "",
    "-",
    "/",
    ",",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "\\",
    ":",
    ".",
    "+",
    "e",
    "0",
    "1",
    "5",
    "6",
    "9",
    "é",
    "４",
    "٣",
    "²",
    "😀",
    "\u{feff}",
    "\u{1e}",
    " ",
    "\t",
    "\n",
    "\u{a0}",
    "\0",
    "b",
    "=",
    "_",
    "?",
    "d=",
    "null",
    "NaN",
    "-Infinity",
    "true",
    "\\ud800",
    "\"connect\"",
    "10",
    "11",
    r#"{"_placeholder":true,"num":0}"#,
    r#"{"_placeholder":true,"num":-1}"#,
];

impl Source {
    /// The stream of that seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// The next input.
    pub fn input(&mut self) -> Input {
        match self.below(20) {
            0..3 => {
                let text = self.engine_text();
                Input::text(Layer::EnginePacket, text)
            }
            3..7 => self.payload(),
            7..14 => {
                let text = self.socket_text();
                Input::text(Layer::Socket, text)
            }
            _ => self.conversation(),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from.choose(&mut self.0).copied().unwrap_or_default()
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(9)).map(|_| self.0.random()).collect()
    }

    fn engine_text(&mut self) -> String {
        let text = match self.below(8) {
            0 => format!("b{}", STANDARD.encode(self.bytes())),
            1 => return self.arbitrary(),
            2 => format!("4{}", self.socket_text()),
            3 => format!("{}probe", self.below(7)),
            4 => format!("4{}", self.json(2)),
            _ => format!("{}{}", self.below(7), self.arbitrary()),
        };
        if self.one_in(3) {
            self.mutated(text)
        } else {
            text
        }
    }

    fn payload(&mut self) -> Input {
        let parts = match self.below(40) {
            0 => 15 + self.below(4),
            _ => 1 + self.below(4),
        };
        let parts: Vec<_> = (0..parts).map(|_| self.engine_text()).collect();
        let body = parts.join("\u{1e}");
        let body = if self.one_in(4) {
            self.mutated(body)
        } else {
            body
        };
        Input::text(Layer::EnginePayload, body)
    }

    fn socket_text(&mut self) -> String {
        match self.below(10) {
            0 => self.arbitrary(),
            1 => {
                let length = self.below(12);
                (0..length).map(|_| self.pick(&PIECES)).collect()
            }
            2..6 => {
                let text = self.packet(&PacketType::ALL).0;
                self.mutated(text)
            }
            _ => self.packet(&PacketType::ALL).0,
        }
    }

    /// A header with attachments, most of the time as many as it wants, and perhaps a packet behind.
    fn conversation(&mut self) -> Input {
        let (text, announced) = self.packet(&[PacketType::BinaryEvent, PacketType::BinaryAck]);
        let text = if self.one_in(3) {
            self.mutated(text)
        } else {
            text
        };
        let come = match self.below(12) {
            0 => announced + 1,
            1 => announced.saturating_sub(1),
            _ => announced,
        };
        let mut frames = vec![Frame::Text(text)];
        frames.extend((0..come).map(|_| Frame::Binary(self.bytes())));
        if self.one_in(8) {
            let at = 1 + self.below(frames.len());
            let text = self.packet(&PacketType::ALL).0;
            frames.insert(at, Frame::Text(text));
        }
        Input {
            layer: Layer::Socket,
            frames,
        }
    }

    /// A packet that is valid but for an odd name now and then, and how many attachments it announces.
    fn packet(&mut self, kinds: &[PacketType]) -> (String, usize) {
        let kind = kinds
            .choose(&mut self.0)
            .copied()
            .unwrap_or(PacketType::Event);
        let attachments = match (kind.is_binary(), self.below(30)) {
            (false, _) => 0,
            (true, 0) => 9 + self.below(3),
            (true, 1..3) => 0,
            (true, _) => 1 + self.below(3),
        };
        let mut arguments: Vec<_> = (0..self.below(4)).map(|_| self.json(3)).collect();
        for index in 0..attachments {
            let marker = self.marker(index, attachments);
            let at = self.below(arguments.len() + 1);
            arguments.insert(at, marker);
        }
        if kind.is_event() {
            arguments.insert(0, self.name());
        }
        let payload = match kind {
            _ if self.one_in(15) => self.pick(&SHAPES).to_owned(),
            PacketType::Disconnect => String::new(),
            PacketType::Connect if self.one_in(2) => String::new(),
            PacketType::Connect => format!("{{\"token\":{}}}", self.json(2)),
            PacketType::ConnectError if self.one_in(4) => self.string(),
            PacketType::ConnectError => format!("{{\"message\":{}}}", self.string()),
            _ if self.one_in(500) => self.deep(),
            _ => format!("[{}]", arguments.join(",")),
        };
        let wants_id = kind.is_ack() || (kind.is_event() && self.one_in(2));
        let id = if wants_id { self.id() } else { String::new() };
        let count = if kind.is_binary() {
            format!("{attachments}-")
        } else {
            String::new()
        };
        let namespace = self.namespace();
        let digit = char::from(kind.digit());
        (
            format!("{digit}{count}{namespace}{id}{payload}"),
            attachments,
        )
    }

    fn marker(&mut self, index: usize, attachments: usize) -> String {
        let mut marker = String::new();
        let index = if self.one_in(6) {
            self.below(attachments)
        } else {
            index
        };
        placeholder::encode(index, &mut marker);
        match self.below(16) {
            0 => format!(r#"{{"num":{index},"_placeholder":true}}"#),
            1 => format!(r#"{{"_placeholder":true,"num":{index}.0}}"#),
            2 => format!(r#"{{"_placeholder":1,"num":{index}}}"#),
            3 => format!(r#"{{"_placeholder":true,"num":{index},"more":1}}"#),
            4 => format!(r#"{{"_placeholder":false,"num":{index}}}"#),
            5 => format!(r#"{{"\u005fplaceholder":true,"num":{index}}}"#),
            6..9 => format!("{{\"deep\":[{marker}]}}"),
            _ => marker,
        }
    }

    fn deep(&mut self) -> String {
        let levels = match self.below(3) {
            0 => 1500,
            _ => 118 + self.below(12),
        };
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!("[\"m\",{open}{close}]")
    }

    fn name(&mut self) -> String {
        match self.below(12) {
            0..2 => self.pick(&NAMES).to_owned(),
            2 => self.0.random::<i32>().to_string(),
            3..6 => self.string(),
            _ => r#""m""#.to_owned(),
        }
    }

    fn namespace(&mut self) -> String {
        match self.below(12) {
            0 => "/admin,".to_owned(),
            1 => "/,".to_owned(),
            2 => "/a?b=c,".to_owned(),
            3 => format!("/{},", self.arbitrary().replace(',', "")),
            4 => "/é/😀,".to_owned(),
            _ => String::new(),
        }
    }

    fn id(&mut self) -> String {
        match self.below(12) {
            0 => self.0.random::<u64>().to_string(),
            1 => format!("00{}", self.below(10)),
            2 => "9".repeat(15 + self.below(30)),
            3 if self.one_in(4) => "9".repeat(99 + self.below(4)),
            3 if self.one_in(8) => "9".repeat(400),
            _ => self.below(1000).to_string(),
        }
    }

    /// JSON text of one value, white space and odd forms included.
    fn json(&mut self, depth: usize) -> String {
        if depth > 0 && self.one_in(4) {
            return self.compound(depth);
        }
        match self.below(8) {
            0..3 => self.0.random::<i16>().to_string(),
            3..6 => self.string(),
            _ => self.pick(&LEAVES).to_owned(),
        }
    }

    fn compound(&mut self, depth: usize) -> String {
        let count = 1 + self.below(3);
        if self.one_in(2) {
            let elements: Vec<_> = (0..count).map(|_| self.element(depth)).collect();
            return format!("[{}]", elements.join(","));
        }
        let member = |source: &mut Self| {
            let (key, space) = (source.string(), source.space());
            format!("{key}{space}:{}", source.element(depth))
        };
        let members: Vec<_> = (0..count).map(|_| member(self)).collect();
        format!("{{{}}}", members.join(","))
    }

    fn element(&mut self, depth: usize) -> String {
        let (before, after) = (self.space(), self.space());
        format!("{before}{}{after}", self.json(depth - 1))
    }

    fn space(&mut self) -> &'static str {
        match self.below(8) {
            0 => self.pick(&[" ", "\n", "\t ", "\r"]),
            _ => "",
        }
    }

    fn string(&mut self) -> String {
        match self.below(5) {
            0 => self.pick(&STRINGS).to_owned(),
            _ => serde_json::Value::from(self.arbitrary()).to_string(),
        }
    }

    /// Short text of any characters, many of them plain.
    fn arbitrary(&mut self) -> String {
        let length = self.below(7);
        (0..length)
            .map(|_| match self.below(10) {
                0 => self.0.random_range('\u{0}'..='\u{ff}'),
                1 => self.0.random_range('\u{100}'..='\u{ffff}'),
                // Below the plane in which `Json` keeps lone surrogates.
                2 => self.0.random_range('\u{10000}'..='\u{fffff}'),
                _ => self.0.random_range(' '..='~'),
            })
            .collect()
    }

    /// A few characters put in, taken out or replaced.
    fn mutated(&mut self, text: String) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..1 + self.below(3) {
            // The header is short and holds most of the rules.
            let near = if self.one_in(2) {
                chars.len().min(8)
            } else {
                chars.len()
            };
            let at = self.below(near + 1);
            let end = (at + self.below(3)).min(chars.len());
            let piece = self.pick(&PIECES);
            chars.splice(at..end, piece.chars());
        }
        chars.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::answer::End;
    use super::super::ours::{Rules, read};
    use super::*;

    #[test]
    fn one_seed_is_one_stream() {
        let stream = |seed| {
            let mut source = Source::new(seed);
            (0..100).map(|_| source.input()).collect::<Vec<_>>()
        };
        assert_eq!(stream(1), stream(1));
        assert_ne!(stream(1), stream(2));
    }

    /// Each rule is broken, and each layer read, by some of a few thousand inputs.
    #[test]
    fn the_stream_reaches_every_rule() {
        let mut source = Source::new(1);
        let (mut broken, mut whole, mut waiting) = (HashSet::new(), HashSet::new(), 0);
        for _ in 0..20_000 {
            let input = source.input();
            let ours = read(&input, Rules::default());
            broken.extend(ours.broken);
            match ours.answer.end {
                End::Whole => _ = whole.insert(input.layer),
                End::Waiting => waiting += 1,
                End::Refused(_) => {}
            }
        }
        assert_eq!(whole.len(), 3);
        assert!(waiting > 100);
        assert!(broken.len() >= 22, "{} rules: {broken:?}", broken.len());
    }
}
