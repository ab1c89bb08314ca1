//! From a file's bytes to nodes: what the language does not allow in YAML is refused here.

use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, MOST, in_order};
use super::node::{self, Node, Scalar, Value};
use super::source::Source;

/// Reads a file's bytes.
///
/// # Errors
/// Everything in it that is no YAML, or YAML that the language does not allow.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<(Arc<Source>, Node), Vec<Diagnostic>> {
    let source = decode(file, bytes).map_err(|error| vec![error])?;
    let errors = refused_characters(&source);
    if !errors.is_empty() {
        return Err(in_order(errors));
    }
    let root = match node::read(&source.text) {
        Ok(root) => root,
        Err(error) => return Err(vec![broken(&source, &error)]),
    };
    let errors = refused_nodes(&source, &root);
    if errors.is_empty() {
        return Ok((source, root));
    }
    Err(in_order(errors))
}

fn decode(file: &str, bytes: &[u8]) -> Result<Arc<Source>, Diagnostic> {
    let source = |text: String| {
        Arc::new(Source {
            file: file.to_owned(),
            text,
        })
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(source(text.to_owned())),
        Err(error) => {
            let at = error.valid_up_to();
            let source = source(String::from_utf8_lossy(bytes).into_owned());
            let message = format!("byte {at} of the file is not UTF-8");
            Err(Diagnostic::new(&source, at..at + 1, message).hint(Some(
                "save the file as UTF-8; write bytes as `!hex 00ff` or `<00 ff>`".to_owned(),
            )))
        }
    }
}

/// Characters that YAML would accept or refuse with a word nobody understands.
fn refused_characters(source: &Arc<Source>) -> Vec<Diagnostic> {
    let text = &source.text;
    if text.starts_with('\u{feff}') {
        let message = "the file begins with a byte-order mark";
        return vec![
            Diagnostic::new(source, 0..3, message).hint(Some("save it without one".to_owned())),
        ];
    }
    let mut errors = Vec::new();
    for (at, _) in text.match_indices('\t').take(MOST) {
        let error = Diagnostic::new(source, at..at + 1, "a tab stands here");
        errors.push(error.hint(Some("indent with spaces; in a text write `\\t`".to_owned())));
    }
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}');
    if let Some((at, c)) = text.char_indices().find(|(_, c)| control(*c)) {
        let message = format!("the control character U+{:04X} stands here", u32::from(c));
        let hint = if c == '\u{1e}' {
            "write the record separator as ␞"
        } else {
            "write it as an escape in double quotes"
        };
        errors.push(
            Diagnostic::new(source, at..at + c.len_utf8(), message).hint(Some(hint.to_owned())),
        );
    }
    errors
}

/// The parser's own error, in a scenario's terms.
fn broken(source: &Arc<Source>, error: &serde_yaml::Error) -> Diagnostic {
    let whole = error.to_string();
    if whole.contains("more than one document") {
        let at = second_document(&source.text);
        return Diagnostic::new(source, at, "a second document begins here")
            .hint(Some("one file is one scenario".to_owned()));
    }
    if let Some((at, name, rest)) = unspaced_key(&source.text) {
        let message = "a space must follow the colon of a key";
        return Diagnostic::new(source, at..at + name.len() + 1, message).hint(Some(format!(
            "a space must follow the colon: `{name}: {rest}`"
        )));
    }
    let at = error.location().map_or(0, |location| location.index());
    let message = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
    let hint = match message.as_str() {
        m if m.contains("mapping values are not allowed") => {
            "quote a text in which `: ` stands, and see that the line is indented like its neighbours"
        }
        m if m.contains("did not find expected") => {
            "see that the line is indented like its neighbours, and that brackets and quotes are closed"
        }
        m if m.contains("cannot start any token") => {
            "quote a text that begins with `@`, `%` or a backtick"
        }
        m if m.contains("unknown anchor") => {
            "anchors and aliases are not allowed; write the value out"
        }
        m if m.contains("recursion limit") => {
            "write so deep a value as one literal: `42[\"x\",$([*1000)$(]*1000)]`"
        }
        _ => {
            "see that the line is indented like its neighbours, and quote texts with special characters"
        }
    };
    Diagnostic::new(source, at..at + 1, format!("this is no YAML: {message}"))
        .hint(Some(hint.to_owned()))
}

/// A line that looks like `within:500ms`: where it is, and its two sides.
fn unspaced_key(text: &str) -> Option<(usize, &str, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start().trim_start_matches("- ").trim_start();
        let start = at + line.len() - content.len();
        at += line.len();
        let Some((name, rest)) = content.trim_end().split_once(':') else {
            continue;
        };
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !name.is_empty() && name.chars().all(word) && !rest.is_empty() && !rest.starts_with(' ')
        {
            return Some((start, name, rest));
        }
    }
    None
}

fn second_document(text: &str) -> Range<usize> {
    let mut seen = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let content = line.split('#').next().unwrap_or_default().trim();
        if seen && matches!(content, "---" | "...") {
            return at..at + 3;
        }
        seen |= !content.is_empty() && content != "---";
        at += line.len();
    }
    0..1
}

/// Anchors, tags, keys twice, and texts that YAML reads otherwise than their author.
fn refused_nodes(source: &Arc<Source>, root: &Node) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    // An anchor is not seen by a reader; where one may be, each node is asked where it begins.
    let anchors = has_token(&source.text, "&", "");
    let marks = anchors || has_token(&source.text, "!", "hex ");
    root.walk(&mut |node| {
        if errors.len() >= MOST {
            return;
        }
        if marks {
            errors.extend(refused_mark(source, node, anchors));
        }
        match &node.value {
            Value::Entries(entries) => keys(source, entries, &mut errors),
            Value::Scalar(text, kind) => errors.extend(refused_text(source, node, text, *kind)),
            Value::Tagged(tag, _) if tag != "hex" => {
                let at = source.locate(&node.path);
                let error = Diagnostic::new(
                    source,
                    at..at + tag.len() + 1,
                    format!("the tag `!{tag}` is not known"),
                );
                errors.push(error.hint(Some("the only tag is `!hex 0102`".to_owned())));
            }
            _ => {}
        }
    });
    errors
}

/// Whether a mark stands where a YAML token can begin, with a word behind it that does not begin with `harmless`.
fn has_token(text: &str, mark: &str, harmless: &str) -> bool {
    text.match_indices(mark).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = &text[at + mark.len()..];
        let after = behind.chars().next();
        before.is_none_or(|c| c.is_whitespace() || "[{,:".contains(c))
            && after.is_some_and(|c| c.is_alphanumeric() || c == '!' || c == '_')
            && (harmless.is_empty() || !behind.starts_with(harmless))
    })
}

fn refused_mark(source: &Arc<Source>, node: &Node, anchors: bool) -> Option<Diagnostic> {
    let at = source.locate(&node.path);
    let rest = &source.text[at..];
    let word = rest
        .split([' ', '\n', ',', ']', '}'])
        .next()
        .unwrap_or_default();
    let quoted = node.span.as_ref().is_some_and(|span| span.start == at);
    if quoted {
        return None;
    }
    if anchors && rest.starts_with('&') {
        let error = Diagnostic::new(
            source,
            at..at + word.len(),
            format!("the anchor `{word}` is not allowed"),
        );
        return Some(error.hint(Some("write the value out wherever it is meant".to_owned())));
    }
    if rest.starts_with("!!") || rest.starts_with("!<") {
        let error = Diagnostic::new(
            source,
            at..at + word.len(),
            format!("the tag `{word}` is not known"),
        );
        return Some(error.hint(Some("the only tag is `!hex 0102`".to_owned())));
    }
    None
}

fn keys(source: &Arc<Source>, entries: &[(Node, Node)], errors: &mut Vec<Diagnostic>) {
    for (i, (key, value)) in entries.iter().enumerate() {
        let text = key.text().unwrap_or_default();
        let span = || span(source, key);
        if text == "<<" {
            errors.push(
                Diagnostic::new(source, span(), "merge keys are not allowed")
                    .hint(Some("write the entries out".to_owned())),
            );
        }
        if entries[..i]
            .iter()
            .any(|(earlier, _)| earlier.text() == Some(text))
        {
            errors.push(Diagnostic::new(
                source,
                span(),
                format!("the key `{text}` stands here twice"),
            ));
        }
        let unspaced = text
            .split_once(':')
            .filter(|_| value.is_null() && value.text() == Some(""));
        if let (Some((name, rest)), true) = (unspaced, is_plain(source, key)) {
            let error =
                Diagnostic::new(source, span(), format!("`{text}` is a key without a value"));
            errors.push(error.hint(Some(format!(
                "a space must follow the colon: `{name}: {rest}`"
            ))));
        }
    }
}

fn refused_text(source: &Arc<Source>, node: &Node, text: &str, kind: Scalar) -> Option<Diagnostic> {
    if let Some(span) = &node.span {
        let comment = source.text[span.end..]
            .split('\n')
            .next()
            .unwrap_or_default();
        if kind == Scalar::Text
            && is_plain(source, node)
            && comment.trim_start().starts_with('#')
            && is_open(text)
        {
            let at = span.end + comment.len() - comment.trim_start().len();
            let message = "a comment begins here, while the brackets or quotes of the text before it are still open";
            return Some(
                Diagnostic::new(source, at..at + comment.trim().len(), message)
                    .hint(Some("quote the whole text: `'…'`".to_owned())),
            );
        }
        return None;
    }
    if !text.contains(' ') || kind != Scalar::Text {
        return None;
    }
    let at = source.locate(&node.path);
    let folded = !source.text[at..].starts_with(['"', '\'', '|', '>', '!', '&', '*', '?']);
    folded.then(|| {
        let end = source.text[at..]
            .find('\n')
            .map_or(source.text.len(), |end| at + end);
        let message = "this text runs over several lines, which YAML joins with a space";
        Diagnostic::new(source, at..end, message).hint(Some(
            "quote it if that is meant; a key in the next line needs `key: value`, with a space, \
             and the indentation of the step's other keys"
                .to_owned(),
        ))
    })
}

/// Whether a scalar stands in the file without quotes.
pub(super) fn is_plain(source: &Source, node: &Node) -> bool {
    let Some(span) = &node.span else { return false };
    !source.text[..span.start].ends_with(['"', '\''])
}

/// Whether brackets or double quotes are open at the end of a text.
fn is_open(text: &str) -> bool {
    let mut depth = 0_i64;
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => {
                chars.next();
            }
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
    }
    quoted || depth > 0
}

/// The bytes at which a node stands: its text, or its first line.
pub(super) fn span(source: &Source, node: &Node) -> Range<usize> {
    if let Some(span) = &node.span {
        return span.clone();
    }
    let at = source.locate(&node.path);
    let end = source.text[at..]
        .find('\n')
        .map_or(source.text.len(), |end| at + end);
    at..end
}
