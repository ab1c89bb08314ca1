//! Chains as lines of text.

use super::chain::{self, Chain};

/// What stands between two packets of a payload when it is pasted: U+001E, or its picture ␞.
const SEPARATORS: [char; 2] = ['\u{1e}', '␞'];

/// The packets of a pasted text, one or a polling payload of several, and their chains.
#[must_use]
pub fn payload(text: &str) -> Vec<(&str, Chain)> {
    text.split(SEPARATORS)
        .map(|packet| (packet, chain::text(packet)))
        .collect()
}

/// A chain as lines: field, what stands there, what it means; then what is wrong, under its place.
#[must_use]
pub fn print(message: &str, chain: &Chain) -> String {
    let width = chain
        .parts
        .iter()
        .map(|p| shorten(&p.raw).chars().count())
        .max()
        .unwrap_or(0)
        .clamp(1, 40);
    let mut out = String::new();
    for part in &chain.parts {
        let line = format!(
            "  {:<12} {:<width$}  {}",
            part.field,
            shorten(&part.raw),
            part.meaning
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    if chain.attachments_due > 0 {
        out.push_str(&format!(
            "  {:<12} {} binary packet(s) must follow, nothing else before them\n",
            "then", chain.attachments_due
        ));
    }
    if let Some(error) = chain.error {
        let before = message.get(..error.offset).unwrap_or(message);
        let start = before.chars().count().saturating_sub(60);
        let shown: String = message.chars().skip(start).take(100).map(visible).collect();
        out.push_str(&format!("  {:<12} {}\n", "wrong", error.kind));
        out.push_str(&format!(
            "  {:<12} {shown}\n  {:<12} {:>caret$}\n",
            "",
            "",
            "^",
            caret = before.chars().count() - start + 1
        ));
    }
    out
}

fn shorten(raw: &str) -> String {
    let shown: String = raw.chars().take(200).map(visible).collect();
    match raw.chars().nth(200) {
        Some(_) => format!("{shown}…"),
        None => shown,
    }
}

/// Control characters as their pictures.
fn visible(c: char) -> char {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or(c),
        '\u{7f}' => '␡',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_explained_packet_by_packet() {
        let chains = payload("2\u{1e}40␞bAQID");
        assert_eq!(chains.len(), 3);
        assert_eq!(
            print(chains[0].0, &chains[0].1),
            "  Engine.IO    2  ping: the server asks whether the client is alive\n"
        );
    }

    #[test]
    fn the_caret_stands_under_what_is_wrong() {
        let message = r#"42["a",]"#;
        let printed = print(message, &chain::text(message));
        let lines: Vec<_> = printed.lines().collect();
        let (text, caret) = (lines[lines.len() - 2], lines[lines.len() - 1]);
        assert_eq!(caret.find('^'), text.find(']'), "{printed}");
        assert!(printed.contains("payload is not JSON"), "{printed}");
    }
}
