//! A conversation written down: steps of the scenario language, and which act each of them belongs to.

use std::fmt::Write as _;

/// Steps as they are written, line by line.
#[derive(Debug, Default)]
pub(super) struct Script {
    text: String,
    origins: Vec<Option<usize>>,
    act: Option<usize>,
    names: u32,
}

impl Script {
    /// What follows belongs to this act; `None` is the ending.
    pub(super) fn belongs_to(&mut self, act: Option<usize>) {
        self.act = act;
    }

    /// The act that what is written now belongs to.
    pub(super) fn act(&self) -> Option<usize> {
        self.act
    }

    /// A step whose value stands as it is in the YAML: `A.emit: [message, 1]`.
    pub(super) fn step(&mut self, words: impl AsRef<str>, value: impl AsRef<str>) {
        let line = format!("  - {}: {}", words.as_ref(), value.as_ref());
        let _ = writeln!(self.text, "{}", line.trim_end());
        self.origins.push(self.act);
    }

    /// A step whose value is a literal.
    pub(super) fn literal(&mut self, words: impl AsRef<str>, literal: &str) {
        self.step(words, quoted(literal));
    }

    /// A step with a list of literals; one alone stands on the line itself.
    pub(super) fn literals(&mut self, words: impl AsRef<str>, literals: &[String]) {
        if let [one] = literals {
            return self.literal(words, one);
        }
        self.step(words, "");
        for literal in literals {
            let _ = writeln!(self.text, "      - {}", quoted(literal));
        }
    }

    /// A modifier of the step before: `ack: [1]`.
    pub(super) fn modifier(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.text, "    {key}: {value}");
    }

    /// Lines inside the step before, as they are.
    pub(super) fn inside(&mut self, lines: &[String]) {
        for line in lines {
            let _ = writeln!(self.text, "      {line}");
        }
    }

    /// A name that nothing else in the script has: `c3`.
    pub(super) fn name(&mut self, beginning: &str) -> String {
        self.names += 1;
        format!("{beginning}{}", self.names)
    }

    /// How much there is, to come back to with [`Script::back_to`].
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.text.len(), self.origins.len())
    }

    /// Takes back what was written since the mark.
    pub(super) fn back_to(&mut self, (bytes, steps): (usize, usize)) {
        self.text.truncate(bytes);
        self.origins.truncate(steps);
    }

    /// The lines, and the act of each step.
    pub(super) fn finish(self) -> (String, Vec<Option<usize>>) {
        (self.text, self.origins)
    }
}

/// A literal in single quotes, in which YAML changes nothing.
pub(super) fn quoted(literal: &str) -> String {
    format!("'{}'", literal.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_knows_its_act_and_what_was_taken_back_is_gone() {
        let mut script = Script::default();
        script.belongs_to(Some(4));
        script.literal("A.send", "42[\"it's\"]");
        let mark = script.mark();
        script.step("A.nothing", "");
        script.back_to(mark);
        script.belongs_to(None);
        script.literals("A.expect", &["451-[]".to_owned(), "<>".to_owned()]);
        let (text, origins) = script.finish();
        assert_eq!(
            text,
            "  - A.send: '42[\"it''s\"]'\n  - A.expect:\n      - '451-[]'\n      - '<>'\n"
        );
        assert_eq!(origins, [Some(4), None]);
    }
}
