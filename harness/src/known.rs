//! A known deviation: what a target does differently, with the evidence by which it is known again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::outcome::{Failure, Outcome};
use crate::scenario::model::Step;
use crate::scenario::path;

/// The reason that `siospec bless` writes where nobody has given one. A run refuses it.
pub const NO_REASON: &str = "?";

/// Where a trial may fail beside its steps.
const BESIDE_STEPS: [&str; 2] = ["setup", "final fence"];

/// A deviation that somebody has looked at: the evidence, and why it is so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The scenario's name, or one trial of it with its brackets; brackets with fewer parameters mean every trial that
    /// has these.
    pub scenario: String,
    /// The step that fails, where the scenario could fail at several: `4`, `4.2`, `setup` or `final fence`, as a failure
    /// prints it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What was expected, as a failure prints it; empty where it prints nothing.
    pub expected: Evidence,
    /// What came, as a failure prints it; its message where nothing came.
    pub got: Evidence,
    /// Why it is so, for a reader.
    pub reason: String,
    /// Where it is reported: an issue's number or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// Where it can be read up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The version of the server that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How often it shows, of 1, where the server is not deterministic.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "rate"
    )]
    pub sometimes: Option<f64>,
    /// The day after which the entry is stale, `2026-12-31`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<chrono::NaiveDate>,
}

/// A rate, also from inside a verdict, where serde hands on the numbers of JSON as they are written.
fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let number = Option::<serde_json::Number>::deserialize(from)?;
    Ok(number.and_then(|number| number.as_f64()))
}

/// One text of a failure, or several of which any will do; `$_` stands for what differs from run to run, such as ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text, or a list of texts")]
pub enum Evidence {
    /// The only one.
    One(String),
    /// Any of these.
    Any(Vec<String>),
}

impl From<&str> for Evidence {
    fn from(text: &str) -> Self {
        Evidence::One(text.to_owned())
    }
}

impl From<Vec<String>> for Evidence {
    fn from(mut texts: Vec<String>) -> Self {
        match texts.len() {
            1 => Evidence::One(texts.remove(0)),
            _ => Evidence::Any(texts),
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join(" or "))
    }
}

impl Evidence {
    /// The texts.
    pub fn texts(&self) -> &[String] {
        match self {
            Evidence::One(text) => std::slice::from_ref(text),
            Evidence::Any(texts) => texts,
        }
    }

    fn reads(&self, text: &str) -> bool {
        self.texts().iter().any(|evidence| reads(evidence, text))
    }
}

impl Known {
    /// The scenario's name, without the brackets of a trial.
    pub fn scenario_name(&self) -> &str {
        split(&self.scenario).0
    }

    /// Whether it names that trial, by its present name or by an earlier one of its scenario.
    pub fn is_about(&self, outcome: &Outcome) -> bool {
        self.names(&outcome.scenario, &outcome.aka, &outcome.trial)
    }

    /// Whether it names that trial of that scenario, whose earlier names are `aka`.
    pub fn names(&self, scenario: &str, aka: &[String], trial: &str) -> bool {
        let (name, wanted) = split(&self.scenario);
        let (_, has) = split(trial);
        (name == scenario || aka.iter().any(|earlier| earlier == name))
            && wanted.iter().all(|parameter| has.contains(parameter))
    }

    /// What of `version` differs from these versions, such as `python-socketio 5.18.1`; nothing where the entry has no
    /// version, or the target none of that name.
    pub fn seen_on_other(&self, versions: &BTreeMap<String, String>) -> Option<String> {
        let seen = self.version.iter().flat_map(|seen| seen.split(','));
        let other = seen.filter_map(|seen| {
            let (name, version) = seen.trim().rsplit_once(' ')?;
            let other = versions.get(name).is_some_and(|present| present != version);
            other.then(|| seen.trim().to_owned())
        });
        let other: Vec<String> = other.collect();
        (!other.is_empty()).then(|| other.join(", "))
    }

    /// Whether the failure is the one that the entry describes: the same step, the same words.
    pub fn shows(&self, failure: &Failure) -> bool {
        let (expected, got) = evidence(failure);
        self.step
            .as_deref()
            .is_none_or(|step| step == number(&failure.step))
            && self.expected.reads(expected)
            && self.got.reads(got)
    }

    /// Whether so many plays would have shown it. What shows itself only sometimes is missed by that many once in a
    /// thousand times.
    pub fn is_due_in(&self, plays: usize) -> bool {
        plays as f64 >= self.sometimes.map_or(1.0, |rate| 7.0 / rate)
    }

    /// Whether a trial of these steps has the step that the entry names.
    pub fn has_step(&self, steps: &[Step]) -> bool {
        let is_there = |step: &str| BESIDE_STEPS.contains(&step) || path::leads(steps, step);
        self.step.as_deref().is_none_or(is_there)
    }

    /// What is wrong with the entry by itself.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("known deviation {}: {what}", self.scenario));
        if self
            .sometimes
            .is_some_and(|rate| !(rate > 0.0 && rate < 1.0))
        {
            return wrong("`sometimes` is a rate between 0 and 1");
        }
        if self.reason.trim().is_empty() || self.reason.trim() == NO_REASON {
            return wrong("a reason must be given");
        }
        let is_step = |step: &str| {
            BESIDE_STEPS.contains(&step) || step.chars().all(|c| c.is_ascii_digit() || c == '.')
        };
        if let Some(step) = self.step.as_deref().filter(|step| !is_step(step)) {
            return wrong(&format!(
                "`step: {step}` is none; write the step as a failure prints it, `4` or `4.2`, `setup` or `final fence`"
            ));
        }
        if self.scenario.contains('*') {
            return wrong("one entry names one scenario, without wildcards");
        }
        Ok(())
    }
}

/// `4.2` of `step 4.2`.
fn number(step: &str) -> &str {
    step.strip_prefix("step ").unwrap_or(step)
}

/// Expected and got, as entries have them.
pub fn evidence(failure: &Failure) -> (&str, &str) {
    let expected = failure.expected.as_deref().unwrap_or_default();
    let got = failure.received.as_deref().unwrap_or(&failure.message);
    (expected, got)
}

/// `text` with `$_` for what another run will have differently: ids, ports, times, dates.
pub fn steady(text: &str) -> String {
    #[expect(
        clippy::expect_used,
        reason = "the expressions are constant, and a test reads them"
    )]
    static CHANGING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r#""(sid|pid)":"[^"]*""#, r#""$1":"$$_""#),
            (r"sid=[A-Za-z0-9_-]{8,}", "sid=$$_"),
            (r"127\.0\.0\.1:\d+", "127.0.0.1:$$_"),
            (r"\b\d+(\.\d+)?(ms|s)\b", "$$_"),
            (r"\b\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "$$_"),
        ]
        .map(|(pattern, put)| (Regex::new(pattern).expect("an expression"), put))
        .into()
    });
    let mut text = text.trim().to_owned();
    for (pattern, put) in CHANGING.iter() {
        text = pattern.replace_all(&text, *put).into_owned();
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let words: Vec<&str> = text.split(|c| !is_word(c)).filter(|w| is_id(w)).collect();
    let ids: Vec<String> = words.into_iter().map(str::to_owned).collect();
    ids.iter().fold(text, |text, id| text.replace(id, "$_"))
}

/// Whether a word looks as ids of sessions and sockets do: 15 to 22 letters of both cases, digits, `_` and `-`.
fn is_id(word: &str) -> bool {
    let count = |of: fn(&char) -> bool| word.chars().filter(of).count();
    (15..=22).contains(&word.len())
        && count(char::is_ascii_uppercase) > 1
        && count(char::is_ascii_lowercase) > 1
}

/// A trial's scenario and parameters: `a/b[packet=array,A=polling]`.
pub fn split(trial: &str) -> (&str, Vec<&str>) {
    match trial.split_once('[') {
        Some((name, rest)) => (name, rest.trim_end_matches(']').split(',').collect()),
        None => (trial, Vec::new()),
    }
}

/// The trial's names under the present and the earlier names of its scenario.
pub fn names(scenario: &str, aka: &[String], trial: &str) -> impl Iterator<Item = String> {
    let choices = trial.strip_prefix(scenario).unwrap_or_default();
    let earlier = aka.iter().map(move |name| format!("{name}{choices}"));
    std::iter::once(trial.to_owned()).chain(earlier)
}

/// Whether `text` reads as `evidence` says.
fn reads(evidence: &str, text: &str) -> bool {
    let Some((first, rest)) = evidence.split_once("$_") else {
        return evidence.trim() == text.trim();
    };
    let Some(mut text) = text.trim_start().strip_prefix(first.trim_start()) else {
        return false;
    };
    let mut parts = rest.split("$_").peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.trim_end().ends_with(part.trim_end());
        }
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_in_evidence_stand_for_any_text_in_their_place() {
        assert!(reads("a$_c", "a b c"));
        assert!(reads("a$_c$_e", "a b c d e"));
        assert!(reads("$_", ""));
        assert!(!reads("a$_c$_e", "a b e"));
        assert!(!reads("a$_c", "a b c d"));
        assert!(!reads("$_c", "c d"));
    }

    #[test]
    fn an_entry_names_a_scenario_a_trial_or_the_trials_that_share_parameters() {
        let about = |named: &str| {
            let entry: Known = serde_yaml::from_str(&format!(
                "{{scenario: '{named}', expected: '', got: '', reason: so}}"
            ))
            .unwrap();
            let aka = ["a/old".to_owned()];
            entry.names("a/b", &aka, "a/b[packet=array,A=polling]")
        };
        assert!(about("a/old"));
        assert!(about("a/old[A=polling]"));
        assert!(!about("a/old[A=websocket]"));
        assert!(about("a/b"));
        assert!(about("a/b[packet=array,A=polling]"));
        assert!(about("a/b[A=polling]"));
        assert!(!about("a/b[A=websocket]"));
        assert!(!about("a/b[packet=array,A=websocket]"));
        assert!(!about("a/bc"));
        assert!(!about("a/bc[A=polling]"));
    }

    #[test]
    fn an_entry_says_when_it_was_seen_on_another_version() {
        let seen = |on: &str, versions: &[(&str, &str)]| {
            let versions = versions
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            let entry = Known {
                version: Some(on.into()),
                ..crate::outcome::tests::known()
            };
            entry.seen_on_other(&versions.collect())
        };
        let today = [("flask-socketio", "5.6.0"), ("python-socketio", "5.18.1")];
        assert_eq!(seen("python-socketio 5.18.1", &today), None);
        assert_eq!(
            seen("flask-socketio 5.5.1, python-socketio 5.18.1", &today).as_deref(),
            Some("flask-socketio 5.5.1")
        );
        assert_eq!(seen("another 1.0", &today), None);
    }

    #[test]
    fn what_changes_from_run_to_run_becomes_a_hole() {
        for (text, steadied) in [
            (r#"40{"sid":"tRRT-BeiUxxtROYbAAHf"}"#, r#"40{"sid":"$_"}"#),
            (
                "no connection to 127.0.0.1:46737: refused",
                "no connection to 127.0.0.1:$_: refused",
            ),
            (
                "the end of the connection within 2.1s",
                "the end of the connection within $_",
            ),
            ("after 250ms", "after $_"),
            (
                r#"42["left","fLFleWIbtmTe-bot","so"]"#,
                r#"42["left","$_","so"]"#,
            ),
            ("C3DAaaV5CdqmlzhC != C3DAaaV5CdqmlzhC", "$_ != $_"),
            ("a-client-that-speaks", "a-client-that-speaks"),
            ("42[\"message-back\",1]", "42[\"message-back\",1]"),
            ("437.777777777777778e+99[1]", "437.777777777777778e+99[1]"),
        ] {
            assert_eq!(steady(text), steadied);
            assert!(reads(steadied, text), "{steadied}");
        }
    }
}
