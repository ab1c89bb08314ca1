//! What playing a trial brought to light.

use std::time::Duration;

use crate::network::Traffic;
use crate::transcript::Transcript;

/// One play of one trial.
#[derive(Clone, Debug)]
pub struct Played {
    /// How it ended.
    pub end: End,
    /// Everything sent and received.
    pub transcript: Transcript,
    /// From the first connection to the verdict.
    pub took: Duration,
    /// When each top-level step began and how long it took, in order; the setup is not among them.
    pub steps: Vec<StepTime>,
    /// During the trial, which passed or failed, the harness's own scheduler was late by this much,
    /// which is more than the tolerance. A failure is no verdict then: play the trial again. A late
    /// pong, for one, ends a session, and what is seen then is no time any more
    /// ([`Failure::timing`]); such a failure may be believed when it comes again. Nor is a pass that
    /// nobody expected, since a late harness may see a server's own time limit do what its rules
    /// do not.
    pub late: Option<Duration>,
    /// What passed the proxies, upward and downward, by client.
    pub passed: std::collections::BTreeMap<String, (Traffic, Traffic)>,
}

/// How a play ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Every step was as written, and nothing unforeseen was left.
    Passed,
    /// The server did otherwise.
    Failed(Failure),
    /// The harness could not judge: no connection to the server at all, a limit of this machine, a
    /// scenario that asks for what this run cannot do.
    Errored(Failure),
    /// It was told to stop.
    Cancelled,
}

/// What was expected where, and what came instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The step in words: `step 3`, `step 4.2` (inside a block), `setup`, `final fence`.
    pub at: String,
    /// The path of the step from the root of `steps`, counted from 0, through blocks and branches;
    /// empty for the setup and the final fence.
    pub path: Vec<usize>,
    /// The bytes of the YAML file that hold the step; `None` for the setup and the final fence.
    pub span: Option<std::ops::Range<usize>>,
    /// The client that it happened to, a member of a group such as `W[3]`.
    pub client: Option<String>,
    /// One line: what went wrong.
    pub summary: String,
    /// What the step wanted, as one would write it in a scenario.
    pub expected: Option<String>,
    /// What came, as one would write it in a scenario.
    pub received: Option<String>,
    /// Where inside a JSON value the two part, such as `$[1].num`.
    pub json_path: Option<String>,
    /// Further lines: packets that were waiting unread, how a connection ended.
    pub notes: Vec<String>,
    /// Whether it hangs on a time: the step would have passed at another pace.
    pub timing: bool,
    /// How far a time that was measured is beyond what the tolerance forgives; `None` where the step waited, and what it
    /// waited for did not come.
    pub missed: Option<Duration>,
}

/// When a step began and how long it took, since the start of the trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepTime {
    /// Its place among the scenario's steps, from 0.
    pub index: usize,
    /// Start, since the trial began.
    pub start: Duration,
    /// Duration.
    pub took: Duration,
}
