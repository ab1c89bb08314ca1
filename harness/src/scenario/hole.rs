//! Holes: `$x`, `$n:number`, `$_`, `$A.sid`, `$W[3].id(/custom)`, `$config.pingInterval`.
//!
//! Names of clients begin with a capital letter and names of values with a small one, so that
//! `$id["yes"]` and `$W[3].sid` cannot be confused.

use std::fmt;

use super::literal::{Hole, Kind, Name};

/// The fields of a client that the player binds by itself.
pub const FIELDS: [&str; 6] = ["sid", "id", "pid", "auth", "n", "transport"];

/// Reads the hole at the start of `text`, which begins with `$`; returns it and its length.
///
/// # Errors
/// A sentence that says what a hole looks like.
pub(super) fn read(text: &str) -> Result<(Hole, usize), String> {
    let (name, mut length) = read_name(text)?;
    let mut kind = Kind::Any;
    if let Some(rest) = text[length..].strip_prefix(':') {
        let word = word(rest);
        if let Some((_, found)) = KINDS.iter().find(|(name, _)| *name == word) {
            kind = *found;
            length += 1 + word.len();
        }
    }
    Ok((Hole { name, kind }, length))
}

/// Reads the name at the start of `text`, which begins with `$`; returns it and its length.
pub(super) fn read_name(text: &str) -> Result<(Name, usize), String> {
    let word = word(&text[1..]);
    let length = 1 + word.len();
    if word == "_" {
        return Ok((Name::Any, length));
    }
    match word.chars().next() {
        None => Err("a `$` that is no hole is written `$$`".to_owned()),
        Some('a'..='z') if word == "config" => knob(text, length),
        Some('a'..='z') => Ok((Name::Plain(word.to_owned()), length)),
        Some('A'..='Z') => field(text, word, length),
        Some(_) => Err(format!(
            "`${word}` is no name: it begins with a letter, or is `$_`"
        )),
    }
}

fn knob(text: &str, length: usize) -> Result<(Name, usize), String> {
    let knob = text[length..]
        .strip_prefix('.')
        .map(word)
        .unwrap_or_default();
    if knob.is_empty() {
        return Err("`$config` needs a knob, such as `$config.pingInterval`".to_owned());
    }
    Ok((Name::Config(knob.to_owned()), length + 1 + knob.len()))
}

fn field(text: &str, client: &str, mut length: usize) -> Result<(Name, usize), String> {
    let mut member = None;
    if let Some(rest) = text[length..].strip_prefix('[') {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if !rest[digits..].starts_with(']') {
            return Err(format!("a member of a group is written `${client}[0].sid`"));
        }
        let index = rest[..digits]
            .parse()
            .map_err(|_| "this is no index".to_owned())?;
        member = Some(index);
        length += digits + 2;
    }
    let field = text[length..]
        .strip_prefix('.')
        .map(word)
        .unwrap_or_default();
    if field.is_empty() {
        return Err(format!(
            "`${client}` needs a field, such as `${client}.sid` or `${client}.id`"
        ));
    }
    length += 1 + field.len();
    let mut ns = None;
    if let Some(rest) = text[length..].strip_prefix("(/") {
        let Some(end) = rest.find(')') else {
            return Err(format!("`${client}.{field}(/` has no closing `)`"));
        };
        ns = Some(format!("/{}", &rest[..end])).filter(|ns| ns != "/");
        length += 2 + end + 1;
    }
    Ok((
        Name::Of {
            client: client.to_owned(),
            member,
            field: field.to_owned(),
            ns,
        },
        length,
    ))
}

fn word(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    &text[..end]
}

const KINDS: [(&str, Kind); 6] = [
    ("number", Kind::Number),
    ("string", Kind::String),
    ("bool", Kind::Bool),
    ("array", Kind::Array),
    ("object", Kind::Object),
    ("bytes", Kind::Bytes),
];

impl Kind {
    /// The word behind the colon; empty for any.
    #[must_use]
    pub fn word(self) -> &'static str {
        KINDS
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(word, _)| word)
    }
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if self.kind == Kind::Any {
            Ok(())
        } else {
            write!(f, ":{}", self.kind.word())
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("$_"),
            Self::Plain(name) => write!(f, "${name}"),
            Self::Of {
                client,
                member,
                field,
                ns,
            } => {
                write!(f, "${client}")?;
                if let Some(member) = member {
                    write!(f, "[{member}]")?;
                }
                write!(f, ".{field}")?;
                match ns {
                    Some(ns) => write!(f, "({ns})"),
                    None => Ok(()),
                }
            }
            Self::Config(knob) => write!(f, "$config.{knob}"),
        }
    }
}
