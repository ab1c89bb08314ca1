//! What a trial needs of a server, read off its scenario.

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
        let mut fixture = !scenario.needs.is_empty();
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
        if self.fixture && !fixture {
            return Err(
                "needs the app of the fixture contract, which the server does not have".into(),
            );
        }
        Ok(())
    }

    /// What the server must be started with, or the knob that it lacks.
    pub fn settle(&self, knobs: &Honoured) -> Result<Settings, String> {
        knobs.settle(self.config)
    }
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
