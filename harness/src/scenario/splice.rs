//! Macros: `$(name)` puts a case's text in, `$(TEXT*N)` repeats a text; before anything else is read.

use super::node::{Node, Value};

/// The most bytes that the texts of all cases of a scenario may grow to, together.
pub(super) const ROOM: usize = 64 << 20;

/// What a text takes of the room beside its bytes, so that many short ones end as well.
const TEXT: usize = 64;

/// Splices the macros of every text of a tree, and takes from the room what its texts are long. Where no room is
/// left, it is 0, and nothing further is spliced.
///
/// # Errors
/// Each text with a macro that makes no sense, with the reason.
pub(super) fn tree(
    node: &mut Node,
    case: &[(String, String)],
    room: &mut usize,
    errors: &mut Vec<(Node, String)>,
) {
    if *room == 0 {
        return;
    }
    match &mut node.value {
        Value::Scalar(text, _) => {
            let spliced = text
                .contains("$(")
                .then(|| expand(text, case, *room))
                .transpose();
            let length = match &spliced {
                Ok(Some(expanded)) => expanded.len(),
                _ => text.len(),
            };
            let left = room.checked_sub(length + TEXT);
            *room = left.unwrap_or(0);
            match spliced {
                Ok(_) if left.is_none() => errors.push((node.clone(), full())),
                Ok(Some(expanded)) => {
                    *text = expanded;
                    // Offsets in the new text say nothing about the file.
                    node.span = None;
                }
                Ok(None) => {}
                Err(message) => errors.push((node.clone(), message)),
            }
        }
        Value::Items(items) => {
            for item in items {
                tree(item, case, room, errors);
            }
        }
        Value::Entries(entries) => {
            for (key, value) in entries {
                tree(key, case, room, errors);
                tree(value, case, room, errors);
            }
        }
        Value::Tagged(_, inner) => tree(inner, case, room, errors),
    }
}

fn full() -> String {
    format!("the texts of a scenario may not become larger than {ROOM} bytes in all its cases")
}

/// Splices one text, which may take so much room.
fn expand(text: &str, case: &[(String, String)], room: usize) -> Result<String, String> {
    repeat(&name(text, case, room)?, room)
}

/// Puts the case's texts in.
fn name(text: &str, case: &[(String, String)], room: usize) -> Result<String, String> {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("$(") {
        let escaped = rest[..at].ends_with('$');
        out.push_str(&rest[..at]);
        rest = &rest[at + 2..];
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        let (content, behind) = rest.split_at(end);
        let Some(behind) = behind.strip_prefix(')').filter(|_| end > 0 && !escaped) else {
            out.push_str("$(");
            continue;
        };
        let Some((_, value)) = case.iter().find(|(key, _)| key == content) else {
            return Err(format!("`$({content})`: there are no cases of that name"));
        };
        if out.len() + value.len() > room {
            return Err(full());
        }
        out.push_str(value);
        rest = behind;
    }
    Ok(out + rest)
}

/// Repeats what is to be repeated. `$$(` is a literal `$(`; outside quotes it stays, since there
/// `$$` is a dollar to whoever reads on.
fn repeat(text: &str, room: usize) -> Result<String, String> {
    let mut out = String::new();
    let mut quoted = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(behind) = rest.strip_prefix("$$(") {
            out.push_str(if quoted { "$(" } else { "$$(" });
            rest = behind;
            continue;
        }
        if let Some(content) = rest.strip_prefix("$(") {
            let (unit, times, length) = generator(content)?;
            if out.len() + unit.len().saturating_mul(times) > room {
                return Err(full());
            }
            out.push_str(&unit.repeat(times));
            rest = &content[length..];
            continue;
        }
        let mut length = c.len_utf8();
        if c == '\\' && quoted {
            length += rest[1..].chars().next().map_or(0, char::len_utf8);
        } else if c == '"' {
            quoted = !quoted;
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    Ok(out)
}

/// `TEXT*N)`: the text, the number, and the length of the whole.
fn generator(content: &str) -> Result<(&str, usize, usize), String> {
    for (star, _) in content.match_indices('*') {
        let digits = content[star + 1..]
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .unwrap_or_default();
        let end = star + 1 + digits.len();
        if star > 0 && !digits.is_empty() && content[end..].starts_with(')') {
            let times = digits
                .parse()
                .map_err(|_| format!("`{digits}` is too many times"))?;
            return Ok((&content[..star], times, end + 1));
        }
    }
    Err("`$(` begins neither `$(name)` nor `$(TEXT*N)`; a literal one is written `$$(`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spliced(text: &str) -> String {
        let case = [
            ("packet".to_owned(), "40[]".to_owned()),
            ("size".to_owned(), "3".to_owned()),
        ];
        expand(text, &case, ROOM).unwrap()
    }

    #[test]
    fn a_case_goes_in_wherever_it_is_named() {
        assert_eq!(spliced("4$(packet)"), "440[]");
        assert_eq!(spliced(r#"42["$(packet)"]"#), r#"42["40[]"]"#);
    }

    #[test]
    fn a_text_is_repeated_inside_and_outside_of_quotes() {
        assert_eq!(spliced("4$(a*5)"), "4aaaaa");
        assert_eq!(
            spliced(r#"42["x$(ab*2)",$([*2)$(]*2)]"#),
            r#"42["xabab",[[]]]"#
        );
        assert_eq!(spliced("$(a*$(size))"), "aaa", "a case may be the number");
    }

    #[test]
    fn a_doubled_dollar_is_no_macro() {
        assert_eq!(spliced(r#"42["$$(packet)"]"#), r#"42["$(packet)"]"#);
        assert_eq!(
            spliced("4$$(a*3)"),
            "4$$(a*3)",
            "the template turns it into one dollar"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        let case = [];
        assert!(
            expand("$(nope)", &case, ROOM)
                .unwrap_err()
                .contains("no cases of that name")
        );
        assert!(expand("$(a*)", &case, ROOM).is_err());
        assert!(expand("$(a*99999999999)", &case, ROOM).is_err());
        assert!(expand("$(a*9999999999999999999999)", &case, ROOM).is_err());
    }
}
