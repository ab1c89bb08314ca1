//! What a trial needs of a server, read off its scenario.

use std::sync::LazyLock;

use regex::Regex;

use crate::scenario::model::{Config, Step, Transport};
use crate::scenario::trial::Trial;
use crate::scenario::verb::Verb;

use super::knobs::{Honoured, Settings};

/// What a trial needs.
#[derive(Debug, Clone)]
pub struct Needs<'a> {
    capabilities: &'a [String],
    config: &'a Config,
    transports: Vec<Transport>,
    /// An instance of its own.
    pub alone: bool,
    /// A process that it may stop and start.
    pub process: bool,
    /// A process whose memory is the server's and nobody else's.
    pub figures: bool,
    /// The app of the fixture contract, on the socket path.
    fixture: bool,
}

impl<'a> Needs<'a> {
    /// The needs of a trial.
    pub fn of(trial: &'a Trial) -> Self {
        let scenario = &trial.scenario;
        let mut transports: Vec<_> = trial
            .clients
            .iter()
            .map(|seat| seat.link.transport)
            .collect();
        let mut process = false;
        let mut fixture =
            !scenario.needs.is_empty() || speaks_to_the_fixture(&scenario.source.text);
        each_step(&trial.case.steps, &mut |step| match &step.verb {
            Verb::Open(open) => transports.extend(open.transport),
            Verb::Target(_) | Verb::TargetExit => process = true,
            Verb::Emit(_) => fixture = true,
            _ => {}
        });
        let alone = scenario.alone || process;
        Self {
            capabilities: &scenario.needs,
            config: &scenario.config,
            transports,
            alone,
            process,
            figures: alone && scenario.source.text.contains("\"rss\""),
            fixture,
        }
    }

    /// Whether capabilities and transports suffice.
    pub fn met(&self, capabilities: &[String], transports: &[&str]) -> Result<&Self, String> {
        if let Some(missing) = self
            .capabilities
            .iter()
            .find(|needed| !capabilities.contains(needed))
        {
            return Err(format!(
                "needs the capability {missing}, which the server does not declare"
            ));
        }
        let lacking = self
            .transports
            .iter()
            .map(ToString::to_string)
            .find(|t| !transports.contains(&t.as_str()));
        match lacking {
            Some(transport) => Err(format!(
                "needs the transport {transport}, which the server does not offer"
            )),
            None => Ok(self),
        }
    }

    /// Whether a server that is not ours to start can be asked for this.
    pub fn met_by_a_stranger(&self, fixture: bool, exclusive: bool) -> Result<(), String> {
        if self.process {
            return Err("needs to stop and start the server, which somebody else runs".into());
        }
        if self.alone && !exclusive {
            return Err(
                "needs the server for itself (`--exclusive` says that nobody else uses it)".into(),
            );
        }
        self.met_by_an_app(fixture)
    }

    /// Whether a server that has the app of the fixture contract, or has not, can be asked for this.
    pub fn met_by_an_app(&self, fixture: bool) -> Result<(), String> {
        match self.fixture && !fixture {
            true => Err(
                "needs the app of the fixture contract, which the server does not have \
                (`siospec new-target` writes one)"
                    .into(),
            ),
            false => Ok(()),
        }
    }

    /// What the server must be started with, or the knob that it lacks.
    pub fn settle(&self, knobs: &Honoured) -> Result<Settings, String> {
        knobs.settle(self.config)
    }
}

/// What only the app of the fixture contract knows: its namespaces, and events beside `message`.
static FIXTURE_WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(^|[^\w/])[\w\d-]*/(custom|auth|slow|monitor|fixture|dyn-)"#,
        r#"|\["(message-with-ack|count-bytes|note|whoami|join|leave|emit-to|call|call-many|burst|sandwich|kick|kick-room"#,
        r#"|slow|double-ack|throw|message-back|noted|called|call-result|call-many-result|auth|joined|left)""#,
    ))
    .ok()
});
/// An event or an acknowledgement that the server is to send.
static ANSWER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(^|[^\w$])4[2356][^\s"']*\["#).ok());

/// Whether a scenario rests on answers that a server without the fixture does not give, however it writes them. What it
/// only sends is no answer: a bare server refuses a malformed packet as any other does.
fn speaks_to_the_fixture(text: &str) -> bool {
    let found = |regex: &Option<Regex>, line: &str| regex.as_ref().is_none_or(|r| r.is_match(line));
    let sends = |line: &str| {
        ["send:", "bytes:", "frame:", "http:", "cases:"]
            .iter()
            .any(|verb| line.contains(verb))
    };
    let told = |line: &&str| {
        !["title:", "note:", "#"]
            .iter()
            .any(|key| line.trim_start().starts_with(key))
    };
    text.lines()
        .filter(told)
        .any(|line| found(&FIXTURE_WORDS, line) || !sends(line) && found(&ANSWER, line))
}

/// Visits every step, those inside blocks too.
pub(crate) fn each_step(steps: &[Step], visit: &mut impl FnMut(&Step)) {
    for step in steps {
        visit(step);
        match &step.verb {
            Verb::Repeat(repeat) => each_step(&repeat.steps, visit),
            Verb::Together(steps) => each_step(steps, visit),
            Verb::Either(branches) => branches.iter().for_each(|branch| each_step(branch, visit)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_app_needs_the_app() {
        for line in [
            "  - expect: 42[\"message-back\",1]",
            "      - 42[\"hi\"]",
            "  - A.send: 42[\"join\",[\"red\"]]",
            "  - send: 40/custom,",
            "  - A.http.expect: {body: 430[]}",
            "  - A.connect: /auth",
            "  - A.http: GET /fixture",
        ] {
            assert!(speaks_to_the_fixture(line), "{line}");
        }
    }

    #[test]
    fn what_any_server_does_needs_no_app() {
        for line in [
            "title: An answer 42[\"x\"] to /custom",
            "  - send: 42[\"message\",\"x\"]",
            "  - A.http: {request: POST /socket.io/?EIO=4&transport=polling&sid=$A.sid, body: '42{}'}",
            "  - expect: 40{\"sid\":$id:string}",
            "  - expect: 44/random,{...}",
            "  - A.http.expect: {status: 400}",
            "  - wait: 420ms",
        ] {
            assert!(!speaks_to_the_fixture(line), "{line}");
        }
    }
}
