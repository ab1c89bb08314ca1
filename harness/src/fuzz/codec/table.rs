//! A run as a person reads it: on the terminal, and as `reports/parsers.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::class::Class;
use super::explain::Verdict;
use super::input::Input;
use super::peer::Reply;
use super::session::{Finding, Found, Vector};

/// For the terminal.
#[must_use]
pub fn text(found: &Found) -> String {
    let mut out = String::new();
    let seconds = found.took.as_secs_f64();
    let _ = writeln!(
        out,
        "{} inputs in {seconds:.1} s, {:.0} a second, seed {}",
        found.tally.inputs,
        found.tally.inputs as f64 / seconds.max(0.001),
        found.seed
    );
    for (name, column) in &found.tally.columns {
        let _ = write!(
            out,
            "  {name}: {} agree, {} disagree in {} classes, {} unknown",
            column.agreed,
            column.known(),
            column.classes.len(),
            column.unknown
        );
        match column.not_offered {
            0 => out.push('\n'),
            more => _ = writeln!(out, ", {more} of layers that it does not parse"),
        }
    }
    let rows: Vec<_> = found
        .tally
        .seen()
        .map(|class| (class.name, counts(found, class), smallest(found, class)))
        .collect();
    let width = |of: fn(&(&str, String, String)) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (names, numbers) = (width(|row| row.0.len()), width(|row| row.1.len()));
    for (name, counts, example) in &rows {
        let _ = writeln!(out, "  {name:names$}  {counts:numbers$}  {example}");
    }
    found
        .findings
        .iter()
        .for_each(|finding| unknown(finding, &mut out));
    out
}

/// How often each peer was in a class.
fn counts(found: &Found, class: &Class) -> String {
    let columns = found.tally.columns.iter();
    let counts: Vec<_> = columns
        .filter_map(|(name, column)| Some(format!("{name} {}", column.classes.get(class.name)?)))
        .collect();
    counts.join(", ")
}

fn smallest(found: &Found, class: &Class) -> String {
    let input = example(found, class);
    input.map(ToString::to_string).unwrap_or_default()
}

fn example<'a>(found: &'a Found, class: &Class) -> Option<&'a Input> {
    let shrunk = found.examples.iter().find(|(other, _)| *other == class);
    let kept = || found.tally.example(class).map(|example| &example.input);
    shrunk.map(|(_, vector)| &vector.input).or_else(kept)
}

fn unknown(finding: &Finding, out: &mut String) {
    let theirs = match &finding.reply {
        Reply::Answer(answer) => answer.line(),
        Reply::Broke(why) => why.clone(),
        Reply::NotOffered => String::new(),
    };
    let _ = writeln!(
        out,
        "\nunknown: {} parts from siospec, and no class says why\n  input     {}\n  question  {}\n  siospec   {}\n  \
         peer      {theirs}",
        finding.peer,
        finding.input,
        finding.input.question(),
        finding.ours.answer.line(),
    );
}

/// For `reports/parsers.md`.
#[must_use]
pub fn markdown(found: &Found) -> String {
    let mut out = String::from(
        "# Where parsers disagree\n\n\
         The same inputs, put to siospec's codec and to the parsers of released libraries: valid packets of all kinds, \
         valid ones with a few\ncharacters changed, and arbitrary text, on three layers (one Engine.IO packet, a polling \
         body, the messages of a connection with their\nattachments). Verdict and meaning are compared; each \
         disagreement has a class. A parser is not a server: what it lets pass, the code\naround it may still refuse, and \
         [findings.md](findings.md) says what was seen on the wire.\n\n",
    );
    let _ = writeln!(
        out,
        "Written by `siospec fuzz codec --seed {} --count {} --report markdown=reports/parsers.md --report \
         json=reports/parsers.json`.\n[parsers.json](parsers.json) has the same with vectors for other projects; \
         [targets/parsers](../targets/parsers/README.md) says how to put your own\nparser to it.\n",
        found.seed, found.tally.inputs
    );
    columns(found, &mut out);
    classes(found, &mut out);
    reasons(found, &mut out);
    out
}

fn columns(found: &Found, out: &mut String) {
    out.push_str("| parser | versions | agrees | disagrees | unknown |\n|---|---|---|---|---|\n");
    for ((name, column), (_, versions)) in found.tally.columns.iter().zip(&found.peers) {
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} |",
            listed(versions),
            column.agreed,
            column.known(),
            column.unknown
        );
    }
}

fn listed(versions: &BTreeMap<String, String>) -> String {
    let all: Vec<_> = versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    all.join(", ")
}

fn classes(found: &Found, out: &mut String) {
    let names: Vec<_> = found
        .tally
        .columns
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let _ = writeln!(
        out,
        "\n## The classes\n\nHow many inputs each parser disagreed on, and the smallest that shows it. ␞ is U+001E, ␠ a \
         space at an end, `<…>` an attachment; `+` stands between\nmessages.\n\n| class | {} | layer | smallest input |\n|---|{}---|---|",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for class in found.tally.seen() {
        let counts: Vec<_> = found
            .tally
            .columns
            .iter()
            .map(|(_, column)| {
                column
                    .classes
                    .get(class.name)
                    .map(ToString::to_string)
                    .unwrap_or_default()
            })
            .collect();
        let _ = writeln!(
            out,
            "| [{0}](#{0}) | {1} | {2} | {3} |",
            class.name,
            counts.join(" | "),
            example(found, class).map_or("", |input| input.layer.name()),
            code(&smallest(found, class))
        );
    }
}

fn reasons(found: &Found, out: &mut String) {
    for (class, vector) in &found.examples {
        let _ = writeln!(
            out,
            "\n### {}\n\n{} Siospec: {}, by {}. On the layer `{}`:\n\n    {}\n\n| parser | says |\n|---|---|\n| siospec | {} |",
            class.name,
            class.reason,
            class.ours,
            class.requirements.join(", "),
            vector.input.layer.name(),
            vector.input,
            cell(&vector.ours.answer.line()),
        );
        others(vector, out);
    }
}

fn others(vector: &Vector, out: &mut String) {
    for (name, verdict, answer) in &vector.peers {
        let said = match verdict {
            Verdict::Agrees => "the same".to_owned(),
            _ => cell(answer),
        };
        let _ = writeln!(out, "| {name} | {said} |");
    }
}

fn cell(line: &str) -> String {
    code(&crate::judge::shorten(line))
}

/// Text as code in a cell of a table.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\|");
    match text.contains('`') {
        true => format!("`` {text} ``"),
        false => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::class;
    use super::super::input::{Input, Layer};
    use super::super::tally::Tally;
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_row_of_a_table_has_as_many_cells_as_its_head() {
        let peers = ["node", "python"].map(str::to_owned);
        let mut tally = Tally::new(&peers);
        tally.disagree(
            0,
            &[&class::BASE64],
            &Input::text(Layer::EnginePacket, "b|"),
        );
        let found = Found {
            seed: 1,
            peers: peers.map(|name| (name, BTreeMap::new())).to_vec(),
            tally,
            findings: Vec::new(),
            examples: Vec::new(),
            vectors: Vec::new(),
            took: Duration::ZERO,
            stopped: false,
        };
        let text = markdown(&found);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        let cells = |row: &str| row.replace("\\|", "").matches('|').count();
        // A row for each parser and one for the class, each table with its head and the line under it.
        assert_eq!(rows.len(), 2 + 2 + 2 + 1, "{text}");
        assert!(rows.iter().all(|row| cells(row) == 6), "{text}");
        assert!(
            text.contains(r"| [odd-base64](#odd-base64) | 1 |  | engine-packet | `b\|` |"),
            "{text}"
        );
    }
}
