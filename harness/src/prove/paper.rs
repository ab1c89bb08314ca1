//! The kill matrix, for people.

use super::proof::{Book, Change, State};
use crate::report::wire::visible;

/// The end of a run on a terminal.
#[must_use]
pub fn summary(book: &Book, changes: &[Change]) -> String {
    let mut out = String::new();
    for (trial, why) in &book.unbroken {
        out.push_str(&format!(
            "UNBROKEN  {trial} fails on the unbroken server: {}\n",
            visible(why)
        ));
    }
    for proof in book.proofs.values() {
        match proof.state {
            State::Caught if proof.plays > 1 => out.push_str(&format!(
                "LATE      {} ({}): caught in play {} only\n",
                proof.fault,
                proof.requirements.join(", "),
                proof.plays
            )),
            State::Caught => {}
            State::Survived => out.push_str(&format!(
                "SURVIVED  {} ({}): nobody noticed that {}\n",
                proof.fault,
                proof.requirements.join(", "),
                proof.breaks
            )),
            State::Unjudged => out.push_str(&format!(
                "UNJUDGED  {} ({}): {:?}\n",
                proof.fault,
                proof.requirements.join(", "),
                proof.unjudged
            )),
        }
        for other in proof.collateral.iter().filter(|c| c.reason.is_none()) {
            out.push_str(&format!(
                "WIDE      {} also fails {}: {}\n",
                proof.fault,
                other.trial,
                visible(&other.text)
            ));
        }
    }
    for scenario in &book.unfailed {
        out.push_str(&format!("UNFAILED  {scenario}: no fault makes it fail\n"));
    }
    for change in changes {
        out.push_str(&format!(
            "CHANGED   {}: {}\n",
            change.fault,
            visible(&change.what)
        ));
    }
    let caught = book
        .proofs
        .values()
        .filter(|p| p.state == State::Caught)
        .count();
    let kills: usize = book.proofs.values().map(|p| p.kills.len()).sum();
    out.push_str(&format!(
        "{caught} of {} faults caught by {kills} trials; {} of {} trials fail on the unbroken server\n",
        book.proofs.len(),
        book.unbroken.len(),
        book.baseline
    ));
    out
}

/// The kill matrix as Markdown.
#[must_use]
pub fn markdown(book: &Book) -> String {
    let mut out = String::from(
        "# Proof that the checks can fail\n\n\
         Each row is a fault: the bundled server breaks exactly one rule, and the scenario of that rule fails for the reason shown. \
         Made by `siospec prove --report md=reports/proof.md`.\n\n",
    );
    out.push_str(&format!("```\n{}```\n\n", summary(book, &[])));
    out.push_str("| fault | requirement | the server … | caught by | line | because |\n|---|---|---|---|--:|---|\n");
    for proof in book.proofs.values() {
        let (by, line, because) = match proof.kills.first() {
            Some(kill) if proof.kills.len() > 1 => (
                format!("`{}` and {} more", kill.trial, proof.kills.len() - 1),
                kill.line.to_string(),
                cell(&kill.text),
            ),
            Some(kill) => (
                format!("`{}`", kill.trial),
                kill.line.to_string(),
                cell(&kill.text),
            ),
            None => ("**nobody**".to_owned(), String::new(), String::new()),
        };
        out.push_str(&format!(
            "| {} | {} | {} | {by} | {line} | {because} |\n",
            proof.fault,
            proof.requirements.join(", "),
            cell(&proof.breaks)
        ));
    }
    let noted: Vec<_> = book
        .proofs
        .values()
        .filter(|p| !p.collateral.is_empty())
        .collect();
    if !noted.is_empty() {
        out.push_str("\n## Faults that others notice too\n\n");
        for proof in noted {
            for other in &proof.collateral {
                let reason = other.reason.as_deref().unwrap_or("**no reason given**");
                out.push_str(&format!(
                    "- {} also fails `{}`: {reason}\n",
                    proof.fault, other.trial
                ));
            }
        }
    }
    out
}

/// A text that stays in its cell.
fn cell(text: &str) -> String {
    visible(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_sent_stays_in_its_cell() {
        assert_eq!(cell("a\0|b\nc"), "a\\u0000\\|b\\nc");
    }
}
