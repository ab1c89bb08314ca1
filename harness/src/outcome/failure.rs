//! Where a scenario stopped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The step at which a scenario stopped, and what stood there instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The step's file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// How many characters of the line it takes.
    pub length: u32,
    /// The lines of YAML around it.
    pub snippet: Snippet,
    /// The client that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Which step it is, in words: `step 3`, `setup`, `final fence`.
    pub step: String,
    /// What is wrong, one line.
    pub message: String,
    /// What the scenario wants there, as one would write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came, as one would write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
    /// Where inside the value the two part, such as `$[1].name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Further lines: packets that were waiting, how a connection ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Failure {
    /// Whether nothing but the deadline of the trial as a whole ended it.
    pub fn whole_trial(&self) -> bool {
        self.message.starts_with(crate::play::TOO_LONG)
    }
}

/// Lines of a scenario's source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snippet {
    /// The number of the first line, from 1.
    pub first_line: u32,
    /// The lines without their ends.
    pub lines: Vec<String>,
}

impl Snippet {
    /// `line` of `source` with up to two lines before it and one behind.
    pub fn around(source: &str, line: u32) -> Self {
        let first_line = line.saturating_sub(2).max(1);
        let wanted = (line + 2 - first_line) as usize;
        let lines = source.lines().skip(first_line as usize - 1).take(wanted);
        Self {
            first_line,
            lines: lines.map(str::to_owned).collect(),
        }
    }
}
