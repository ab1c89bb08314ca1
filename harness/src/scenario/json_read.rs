//! JSON text to [`Json`], strictly, or with the holes of a scenario's literal.

use regex::Regex;

use super::hole;
use super::json::{Json, Node};
use super::literal::Pattern;

/// Why a text is no JSON value, and at which byte of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JsonError {
    /// Byte offset into the text.
    pub offset: usize,
    /// What is wrong there.
    pub message: String,
}

impl Json {
    /// Reads a JSON text as RFC 8259 has it.
    ///
    /// # Errors
    /// Names the first byte that breaks the grammar.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        Reader::new(text, false).document()
    }

    /// Reads JSON with holes, `...` and `~/regex/`.
    ///
    /// # Errors
    /// Names the first byte that breaks the grammar.
    pub fn parse_pattern(text: &str) -> Result<Self, JsonError> {
        Reader::new(text, true).document()
    }
}

/// Lone surrogates, which JSON can escape and UTF-8 cannot hold, are kept as the last 2048 code
/// points of the private plane 16.
const SURROGATES: u32 = 0x0010_F800;

/// The lone surrogate that a character stands for.
pub(super) fn surrogate(c: char) -> Option<u32> {
    let code = u32::from(c);
    (code >= SURROGATES).then(|| code - SURROGATES + 0xD800)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    holes: bool,
    nodes: Vec<Node>,
    /// Containers that are still open: node index, and for an object the key that waits.
    open: Vec<(usize, Option<String>)>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, holes: bool) -> Self {
        Self {
            text,
            at: 0,
            holes,
            nodes: Vec::new(),
            open: Vec::new(),
        }
    }

    fn document(mut self) -> Result<Json, JsonError> {
        self.space();
        self.value()?;
        while let Some((container, _)) = self.open.last() {
            let container = *container;
            self.next_in(container)?;
        }
        self.space();
        if self.at < self.text.len() {
            return Err(self.error("something follows the JSON value"));
        }
        Ok(Json { nodes: self.nodes })
    }

    /// Reads a value, or only the opening bracket of a container.
    fn value(&mut self) -> Result<(), JsonError> {
        let index = self.nodes.len();
        let node = match self.peek() {
            Some('[') => {
                self.at += 1;
                self.open.push((index, None));
                Node::Array {
                    items: Vec::new(),
                    rest: false,
                }
            }
            Some('{') => {
                self.at += 1;
                self.open.push((index, None));
                Node::Object {
                    entries: Vec::new(),
                    rest: false,
                }
            }
            Some('"') => Node::Text(self.string()?),
            Some('-' | '0'..='9') => Node::Number(self.number()?),
            Some('$') if self.holes => {
                let (hole, length) =
                    hole::read(&self.text[self.at..]).map_err(|message| self.error(&message))?;
                self.at += length;
                Node::Hole(hole)
            }
            Some('~') if self.holes => self.regex()?,
            _ => self.word()?,
        };
        self.nodes.push(node);
        Ok(())
    }

    /// Reads the next item of the innermost container, or its end.
    fn next_in(&mut self, container: usize) -> Result<(), JsonError> {
        self.space();
        let (object, first) = match &self.nodes[container] {
            Node::Object { entries, .. } => (true, entries.is_empty()),
            Node::Array { items, .. } => (false, items.is_empty()),
            _ => return Err(self.error("no container is open")),
        };
        let end = if object { '}' } else { ']' };
        if self.peek() == Some(end) {
            self.at += 1;
            self.open.pop();
            return Ok(());
        }
        if !first {
            self.require(',', end)?;
            self.space();
        }
        if self.holes && self.text[self.at..].starts_with("...") {
            return self.rest(container, end);
        }
        let child = if object {
            let start = self.at;
            if self.peek() != Some('"') {
                return Err(self.error("a key in double quotes must stand here"));
            }
            let key = self.string()?;
            self.space();
            self.require(':', ':')?;
            self.space();
            if self.holes && self.has_key(container, &key) {
                return Err(JsonError {
                    offset: start,
                    message: format!("the key {key:?} stands here twice"),
                });
            }
            (self.nodes.len(), Some(key))
        } else {
            (self.nodes.len(), None)
        };
        match (&mut self.nodes[container], child) {
            (Node::Object { entries, .. }, (index, Some(key))) => entries.push((key, index)),
            (Node::Array { items, .. }, (index, _)) => items.push(index),
            _ => {}
        }
        self.value()
    }

    fn has_key(&self, container: usize, key: &str) -> bool {
        matches!(&self.nodes[container], Node::Object { entries, .. } if entries.iter().any(|(k, _)| k == key))
    }

    fn rest(&mut self, container: usize, end: char) -> Result<(), JsonError> {
        self.at += 3;
        self.space();
        if self.peek() != Some(end) {
            return Err(self.error("`...` must be the last thing in its brackets"));
        }
        self.at += 1;
        self.open.pop();
        if let Node::Array { rest, .. } | Node::Object { rest, .. } = &mut self.nodes[container] {
            *rest = true;
        }
        Ok(())
    }

    fn require(&mut self, wanted: char, or: char) -> Result<(), JsonError> {
        if self.peek() == Some(wanted) {
            self.at += 1;
            return Ok(());
        }
        Err(self.error(&if wanted == or {
            format!("`{wanted}` must stand here")
        } else {
            format!("`{wanted}` or `{or}` must stand here")
        }))
    }

    fn word(&mut self) -> Result<Node, JsonError> {
        let rest = &self.text[self.at..];
        for (word, node) in [
            ("null", Node::Null),
            ("true", Node::Bool(true)),
            ("false", Node::Bool(false)),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(node);
            }
        }
        Err(self.error(match rest.chars().next() {
            None => "the text ends where a JSON value must stand",
            Some('.') if self.holes => "`...` must stand last in an array or object",
            Some(_) => "no JSON value starts like this",
        }))
    }

    fn number(&mut self) -> Result<String, JsonError> {
        let rest = &self.text[self.at..];
        let length = number_length(rest);
        match length {
            Some(length) => {
                self.at += length;
                Ok(rest[..length].to_owned())
            }
            None => Err(self.error("this is no JSON number")),
        }
    }

    fn regex(&mut self) -> Result<Node, JsonError> {
        let (pattern, length) =
            regex_literal(&self.text[self.at..]).map_err(|message| self.error(&message))?;
        self.at += length;
        Ok(Node::Regex(pattern))
    }

    fn string(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .find(|c: char| c == '"' || c == '\\' || c < ' ')
                .unwrap_or(rest.len());
            text.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => text.push(self.escape()?),
                Some(_) => {
                    return Err(self.error("a control character must be escaped in a JSON string"));
                }
                None => {
                    return Err(JsonError {
                        offset: start,
                        message: "this string is not closed".into(),
                    });
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let c = self.text[self.at + 1..].chars().next();
        let plain = match c {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode(),
            _ => return Err(self.error("this is no escape of JSON")),
        };
        self.at += 2;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let Some(unit) = self.unit(self.at) else {
            return Err(self.error("`\\u` must be followed by four hex digits"));
        };
        self.at += 6;
        if (0xD800..0xDC00).contains(&unit)
            && let Some(low @ 0xDC00..0xE000) = self.unit(self.at)
        {
            self.at += 6;
            let code = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let code = if (0xD800..0xE000).contains(&unit) {
            unit - 0xD800 + SURROGATES
        } else {
            unit
        };
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The UTF-16 unit of the `\uXXXX` at `at`.
    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits
            .bytes()
            .all(|b| b.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(digits, 16).ok())?
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn error(&self, message: &str) -> JsonError {
        JsonError {
            offset: self.at,
            message: message.to_owned(),
        }
    }
}

/// The length of the JSON number at the start of `text`; `None` if there is none.
pub(super) fn number_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && bytes[at] == b'0') {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

/// The `~/regex/` at the start of `text`, and its length. `\/` is a slash within; behind the last
/// slash can stand `i` (letter case does not matter), `m` (`^` and `$` are a line's) and `s` (`.` is
/// any character).
pub(super) fn regex_literal(text: &str) -> Result<(Pattern, usize), String> {
    let Some(body) = text.strip_prefix("~/") else {
        return Err("a regular expression is written ~/like this/".to_owned());
    };
    let mut source = String::new();
    let mut chars = body.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '/' => {
                let behind = &body[i + 1..];
                let flags = behind.len() - behind.trim_start_matches(['i', 'm', 's']).len();
                if flags > 0 {
                    source = format!("(?{}){source}", &behind[..flags]);
                }
                let regex = Regex::new(&source).map_err(|e| {
                    let last = e.to_string();
                    let why = last.lines().last().unwrap_or_default().trim().to_owned();
                    format!("this regular expression is broken: {why}")
                })?;
                return Ok((Pattern(regex), 2 + i + 1 + flags));
            }
            '\\' => match chars.next() {
                Some((_, '/')) => source.push('/'),
                Some((_, other)) => source.extend(['\\', other]),
                None => source.push('\\'),
            },
            _ => source.push(c),
        }
    }
    Err("this regular expression has no closing `/`".to_owned())
}
