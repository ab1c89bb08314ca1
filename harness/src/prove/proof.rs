//! What playing against a fault shows. Pure: outcomes in, a proof out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::outcome::{Failure, Verdict};

/// One trial's end against a fault.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The trial's name.
    pub trial: String,
    /// The requirements that its scenario checks.
    pub requirements: Vec<String>,
    /// What came of it.
    pub verdict: Verdict,
}

/// How a fault fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A scenario of its requirement fails on it.
    Caught,
    /// All of them pass.
    Survived,
    /// None could be judged, or there is none.
    Unjudged,
}

/// A scenario of the fault's requirement that failed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// The trial.
    pub trial: String,
    /// The line of the step that failed.
    pub line: u32,
    /// What went wrong there, with everything that differs from run to run left out.
    pub text: String,
    /// What else was seen to go wrong there, in other runs: a fault that races with the client shows itself in more
    /// than one way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_texts: Vec<String>,
}

/// A scenario of another requirement that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collateral {
    /// The trial.
    pub trial: String,
    /// What went wrong.
    pub text: String,
    /// Why the fault says that it must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is known of one fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The fault's name.
    pub fault: String,
    /// The requirements that it breaks.
    pub requirements: Vec<String>,
    /// What it breaks, in one sentence.
    pub breaks: String,
    /// How it fared.
    pub state: State,
    /// How often it was played until it was caught, or given up.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub plays: u32,
    /// Who caught it.
    pub kills: Vec<Kill>,
    /// Trials of its requirements that did not notice it.
    pub unnoticed: Vec<String>,
    /// Trials of its requirements that could not be judged, and why.
    pub unjudged: BTreeMap<String, String>,
    /// Trials of other requirements that failed.
    pub collateral: Vec<Collateral>,
}

fn once() -> u32 {
    1
}

fn is_once(plays: &u32) -> bool {
    *plays == once()
}

impl Proof {
    /// Whether the fault is caught, and only where it should be.
    #[must_use]
    pub fn is_green(&self) -> bool {
        self.state == State::Caught && self.collateral.iter().all(|c| c.reason.is_some())
    }
}

/// All proofs of a run: what `reports/proof.json` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// Trials that failed on the unbroken server, with their text; each is red.
    pub unbroken: BTreeMap<String, String>,
    /// How many trials were played on the unbroken server.
    pub baseline: usize,
    /// One for each fault, by name.
    pub proofs: BTreeMap<String, Proof>,
    /// Scenarios that no fault made fail, of those that were asked about: nobody has seen that they can.
    #[serde(default)]
    pub unfailed: Vec<String>,
}

/// How a fault's capture differs from the one on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The fault.
    pub fault: String,
    /// What is different, one line.
    pub what: String,
}

impl Book {
    /// Whether every fault is caught where it should be, every scenario can fail, and the unbroken server fails nothing.
    #[must_use]
    pub fn is_green(&self) -> bool {
        self.unbroken.is_empty()
            && self.unfailed.is_empty()
            && self.proofs.values().all(Proof::is_green)
    }

    /// Asks of these scenarios whether any fault made them fail.
    pub fn ask_about<'s>(&mut self, scenarios: impl Iterator<Item = &'s str>) {
        let kills = self.proofs.values().flat_map(|proof| &proof.kills);
        let failed: BTreeSet<&str> = kills
            .map(|kill| crate::known::split(&kill.trial).0)
            .collect();
        let unfailed = scenarios.filter(|scenario| !failed.contains(scenario));
        self.unfailed = unfailed.map(str::to_owned).collect();
    }

    /// Where captures differ from those on record: a fault that no trial catches any more as one of them did, at least
    /// once. That one of several trials is faster than the fault, or sees it in another light, is no change.
    #[must_use]
    pub fn changes(&self, record: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, proof) in &self.proofs {
            let Some(before) = record.proofs.get(name) else {
                continue;
            };
            let as_before = |kill: &Kill| before.kills.iter().any(|known| known.explains(kill));
            if before.kills.is_empty() || proof.kills.iter().any(as_before) {
                continue;
            }
            let what = match (before.kills.first(), proof.kills.first()) {
                (Some(known), None) => format!("{} no longer catches it", known.trial),
                (Some(known), Some(now)) => format!(
                    "{} catches it for another reason: `{}`, on record {}: `{}`",
                    now.trial, now.text, known.trial, known.text
                ),
                (None, _) => continue,
            };
            changes.push(Change {
                fault: name.clone(),
                what,
            });
        }
        changes
    }

    /// Keeps what the record knows of other reasons for the same captures, which a single run cannot show.
    pub fn remember(&mut self, record: &Self) {
        for (name, proof) in &mut self.proofs {
            let known = record.proofs.get(name).into_iter().flat_map(|p| &p.kills);
            for before in known {
                let Some(kill) = proof.kills.iter_mut().find(|k| k.trial == before.trial) else {
                    continue;
                };
                kill.other_texts = std::iter::once(&before.text)
                    .chain(&before.other_texts)
                    .filter(|text| **text != kill.text)
                    .cloned()
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect();
            }
        }
    }
}

impl Kill {
    /// Whether this capture on record is that one.
    fn explains(&self, now: &Self) -> bool {
        self.trial == now.trial && (self.text == now.text || self.other_texts.contains(&now.text))
    }
}

/// A fault, as far as weighing goes.
#[derive(Debug, Clone, Copy)]
pub struct Accused<'a> {
    /// Its name.
    pub name: &'a str,
    /// The requirements that it breaks.
    pub requirements: &'a [&'a str],
    /// What it breaks.
    pub breaks: &'a str,
    /// Requirements that fall with it, and why.
    pub also: &'a [(&'a str, &'a str)],
}

/// What these outcomes show about a fault.
#[must_use]
pub fn weigh(fault: Accused<'_>, own: Vec<Seen>, others: Vec<Seen>) -> Proof {
    let mut proof = Proof {
        fault: fault.name.to_owned(),
        requirements: fault
            .requirements
            .iter()
            .map(|id| (*id).to_owned())
            .collect(),
        breaks: fault.breaks.to_owned(),
        state: State::Unjudged,
        plays: once(),
        kills: Vec::new(),
        unnoticed: Vec::new(),
        unjudged: BTreeMap::new(),
        collateral: Vec::new(),
    };
    for seen in own {
        match seen.verdict {
            Verdict::Failed { failure } if !failure.whole_trial() => {
                proof.kills.push(Kill {
                    trial: seen.trial,
                    line: failure.line,
                    text: text(&failure),
                    other_texts: Vec::new(),
                });
            }
            Verdict::Passed => proof.unnoticed.push(seen.trial),
            other => drop(proof.unjudged.insert(seen.trial, said(&other))),
        }
    }
    for seen in others {
        if let Verdict::Failed { failure } = seen.verdict {
            let excuse = fault
                .also
                .iter()
                .find(|(id, _)| seen.requirements.iter().any(|r| r == id));
            let reason = excuse.map(|(_, why)| (*why).to_owned());
            proof.collateral.push(Collateral {
                trial: seen.trial,
                text: text(&failure),
                reason,
            });
        }
    }
    proof.kills.sort_by(|a, b| a.trial.cmp(&b.trial));
    proof.unnoticed.sort();
    proof.collateral.sort_by(|a, b| a.trial.cmp(&b.trial));
    proof.state = match (proof.kills.is_empty(), proof.unnoticed.is_empty()) {
        (false, _) => State::Caught,
        (true, false) => State::Survived,
        (true, true) => State::Unjudged,
    };
    proof
}

/// Why a trial says nothing about a fault.
fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::NotOffered { reason } | Verdict::Errored { reason, .. } => reason.clone(),
        Verdict::Failed { failure } => text(failure),
        other => other.word().to_owned(),
    }
}

/// A failure's reason without what differs from run to run: ids, ports and counted times.
pub(super) fn text(failure: &Failure) -> String {
    let expected = failure
        .expected
        .as_deref()
        .map(|e| format!("; expected {e}"))
        .unwrap_or_default();
    stable(&format!("{}{expected}", failure.message))
}

/// Runs of 16 and more characters that an id may have become `…`, runs of digits become `#`.
fn stable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
            .unwrap_or(rest.len());
        let (token, after) = rest.split_at(word);
        if token.len() >= 16
            && token
                .bytes()
                .any(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        {
            out.push('…');
        } else {
            digits(token, &mut out);
        }
        let next = after.chars().next();
        out.extend(next);
        rest = &after[next.map_or(0, char::len_utf8)..];
    }
    out
}

fn digits(token: &str, out: &mut String) {
    let mut number = false;
    for c in token.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !number {
            out.push('#');
        }
        number = c.is_ascii_digit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Snippet;

    const FAULT: Accused<'_> = Accused {
        name: "po-OK",
        requirements: &["EIO-PO-01"],
        breaks: "says OK",
        also: &[("EIO-CL-02", "its POST is answered so too")],
    };

    fn failed(message: &str) -> Verdict {
        let failure = Failure {
            file: "a.yaml".into(),
            line: 5,
            column: 1,
            length: 1,
            snippet: Snippet::default(),
            client: None,
            step: "step 1".into(),
            message: message.into(),
            expected: Some("ok".into()),
            received: Some("OK".into()),
            path: None,
            notes: Vec::new(),
        };
        Verdict::Failed { failure }
    }

    fn seen(trial: &str, requirement: &str, verdict: Verdict) -> Seen {
        Seen {
            trial: trial.into(),
            requirements: vec![requirement.into()],
            verdict,
        }
    }

    #[test]
    fn a_scenario_that_no_fault_makes_fail_is_red() {
        let kill = seen("a/b[A=polling]", "EIO-PO-01", failed("another body"));
        let proof = weigh(FAULT, vec![kill], Vec::new());
        let mut book = Book {
            proofs: [("po-OK".to_owned(), proof)].into(),
            ..Book::default()
        };
        book.ask_about(["a/b"].into_iter());
        assert!(book.is_green());
        book.ask_about(["a/b", "a/c"].into_iter());
        assert_eq!(book.unfailed, ["a/c"]);
        assert!(!book.is_green());
    }

    #[test]
    fn a_fault_is_caught_by_a_scenario_of_its_own_requirement_only() {
        let own = |verdict| vec![seen("a", "EIO-PO-01", verdict)];
        let caught = weigh(FAULT, own(failed("another body")), Vec::new());
        assert!(caught.is_green());
        assert_eq!(
            caught.kills,
            [Kill {
                trial: "a".into(),
                line: 5,
                text: "another body; expected ok".into(),
                other_texts: Vec::new(),
            }]
        );
        let survived = weigh(
            FAULT,
            own(Verdict::Passed),
            vec![seen("b", "EIO-PO-02", failed("x"))],
        );
        assert_eq!(survived.state, State::Survived);
        let errored = Verdict::Errored {
            reason: "no port".into(),
            failure: None,
        };
        assert_eq!(
            weigh(FAULT, own(errored), Vec::new()).state,
            State::Unjudged
        );
    }

    #[test]
    fn the_deadline_of_the_whole_trial_catches_nothing() {
        let proof = weigh(
            FAULT,
            vec![seen(
                "a",
                "EIO-PO-01",
                failed("the trial as a whole took longer than 30s"),
            )],
            Vec::new(),
        );
        assert_eq!(proof.state, State::Unjudged);
    }

    #[test]
    fn another_requirements_scenario_may_fail_only_with_a_reason() {
        let others = |id| vec![seen("b", id, failed("x"))];
        let own = || vec![seen("a", "EIO-PO-01", failed("x"))];
        assert!(weigh(FAULT, own(), others("EIO-CL-02")).is_green());
        assert!(!weigh(FAULT, own(), others("EIO-PO-02")).is_green());
    }

    #[test]
    fn a_capture_that_is_lost_or_says_something_else_is_a_change() {
        let book = |message: Option<&str>| {
            let verdict = message.map_or(Verdict::Passed, failed);
            let proof = weigh(FAULT, vec![seen("a", "EIO-PO-01", verdict)], Vec::new());
            Book {
                proofs: [("po-OK".to_owned(), proof)].into(),
                ..Book::default()
            }
        };
        assert_eq!(
            book(Some("x after 12 ms")).changes(&book(Some("x after 13 ms"))),
            []
        );
        assert_eq!(book(Some("y")).changes(&book(Some("x"))).len(), 1);
        assert_eq!(book(None).changes(&book(Some("x"))).len(), 1);
    }

    #[test]
    fn a_reason_that_was_seen_in_another_run_is_no_change() {
        let book = |message: &str| {
            let own = vec![seen("a", "EIO-PO-01", failed(message))];
            let proof = weigh(FAULT, own, Vec::new());
            Book {
                proofs: [("po-OK".to_owned(), proof)].into(),
                ..Book::default()
            }
        };
        let mut record = book("y");
        record.remember(&book("x"));
        assert_eq!(book("x").changes(&record), []);
        assert_eq!(book("y").changes(&record), []);
        assert_eq!(book("z").changes(&record).len(), 1);
    }

    #[test]
    fn ids_and_numbers_are_left_out_of_what_is_compared() {
        assert_eq!(
            stable("40{\"sid\":\"oSO0OpakMV_3jnilAAAA\"} within 250ms"),
            "#{\"sid\":\"…\"} within #ms"
        );
        assert_eq!(
            stable("something else came than was expected"),
            "something else came than was expected"
        );
    }
}
