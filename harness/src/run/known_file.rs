//! The text of a `known.yaml`: taken apart without losing a byte, and an entry as one would write it.

use crate::known::Known;

/// An entry with what stands directly above it, or what stands between two of them.
pub(super) struct Piece {
    pub(super) text: String,
    known: Option<Known>,
}

impl Piece {
    /// The entry, if it is one.
    pub(super) fn entry(&self) -> Option<&Known> {
        self.known.as_ref()
    }
}

/// The file in pieces that together are the file. A comment belongs to the entry that follows it without a blank line.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut texts: Vec<(String, bool)> = Vec::new();
    let mut loose = String::new();
    for line in text.split_inclusive('\n') {
        let begins = line.starts_with("- ") || line.trim_end() == "-";
        if begins {
            let at = loose.rfind("\n\n").map_or(0, |at| at + 2);
            let own = loose.split_off(at);
            let (between, own) = match own.trim().is_empty() {
                true => (format!("{loose}{own}"), String::new()),
                false => (std::mem::take(&mut loose), own),
            };
            loose.clear();
            if !between.is_empty() {
                texts.push((between, false));
            }
            texts.push((format!("{own}{line}"), true));
        } else if line.starts_with('#') || line.trim().is_empty() || texts.is_empty() {
            loose.push_str(line);
        } else if let Some((entry, _)) = texts.last_mut() {
            entry.push_str(&std::mem::take(&mut loose));
            entry.push_str(line);
        }
    }
    texts.push((loose, false));
    texts
        .into_iter()
        .map(|(text, is_entry)| {
            let parsed: Option<Vec<Known>> =
                serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
            let mut entries = parsed.unwrap_or_default();
            match (is_entry, entries.len()) {
                (true, 1) | (false, 0) => Ok(Piece {
                    text,
                    known: entries.pop(),
                }),
                _ => Err("it is not a list whose entries begin with `- ` at the margin".into()),
            }
        })
        .collect()
}

/// The entry as one would write it.
pub(super) fn written(entry: &Known) -> String {
    let mut lines = Vec::new();
    let mut put = |key: &str, value: String| lines.push(format!("  {key}: {value}"));
    put("scenario", scalar(&entry.scenario));
    if let Some(step) = &entry.step {
        put("step", step.clone());
    }
    for (key, evidence) in [("expected", &entry.expected), ("got", &entry.got)] {
        match evidence.texts() {
            [text] => put(key, scalar(text)),
            texts => {
                let items = texts.iter().map(|text| format!("\n    - {}", scalar(text)));
                put(key, items.collect());
            }
        }
    }
    put("reason", scalar(&entry.reason));
    if let Some(issue) = &entry.issue {
        put("issue", scalar(issue));
    }
    if let Some(link) = &entry.link {
        put("link", scalar(link));
    }
    if let Some(version) = &entry.version {
        put("version", scalar(version));
    }
    if let Some(rate) = entry.sometimes {
        put("sometimes", rate.to_string());
    }
    format!("-{}\n", lines.join("\n")[1..].replace(": \n", ":\n"))
}

/// A text on one line, with the quotes that it needs.
fn scalar(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    if text.chars().any(char::is_control) {
        return quoted;
    }
    serde_yaml::to_string(text).map_or(quoted, |yaml| yaml.trim_end().to_owned())
}
