//! A run: rounds in which every target has its turn at everything.

use std::time::{Duration, Instant};

use siospec_codec::engine::Transport;
use tokio::runtime::Handle;

use super::client::Fleet;
use super::cores::{Cores, Side};
use super::figures::{Figures, Key, Sample, Target};
use super::machine::{self, Machine};
use super::measure::Measure;
use super::phase::Acks;
use super::plan::{Cell, Plan, order};
use super::subject::{self, Subject};
use super::turn::{Turn, failed, lost, use_of};
use super::usage::Own;
use crate::run::stop::Stop;
use crate::target::server::Server;

/// How long a server may take to be quiet behind its turn: one with a thread for each of its connections takes seconds.
const AFTERMATH: Duration = Duration::from_secs(10);

/// Connections that are made at once where making them is measured.
const AT_ONCE: usize = 16;
/// Connections that are made at most in one measurement; each leaves something behind in a kernel.
const MOST_MADE: u64 = 5_000;

/// What a run needs.
#[derive(Debug)]
pub struct Session<'a> {
    /// What is measured.
    pub plan: &'a Plan,
    /// Of whom.
    pub servers: &'a [Server],
    /// On which processors.
    pub cores: Cores,
    /// The wish to stop.
    pub stop: Stop,
    /// Where processes are watched. The load itself runs on the calling thread, which must be none of its threads.
    pub runtime: Handle,
    /// Whether a server that is not on this machine may be loaded.
    pub anywhere: bool,
    /// Where what goes on is said.
    pub say: fn(&str),
}

impl Session<'_> {
    /// Measures everything. What stops half-way still has its figures.
    ///
    /// # Errors
    /// In words, where nothing can be measured: the plan is out of bounds, or a server is not on this machine.
    pub fn run(&self) -> Result<Figures, String> {
        self.plan.check()?;
        self.check_files()?;
        let mut figures = self.empty();
        let mut subjects = Vec::new();
        for (place, server) in self.servers.iter().enumerate() {
            let started = subject::prepare(server, &self.runtime, &self.stop)
                .and_then(|()| Subject::start(server, &self.cores, &self.runtime, &self.stop));
            let subject = match started {
                Ok(subject) if !subject.is_local() && !self.anywhere => {
                    return Err(format!(
                        "{} is not on this machine: load is for servers of your own; --i-own-this-server says that it is",
                        server.name()
                    ));
                }
                Ok(subject) => Some(subject),
                Err(error) => {
                    figures.targets[place].trouble = Some(error);
                    None
                }
            };
            figures.targets[place].versions = server.versions();
            subjects.push(subject);
        }
        let pinned = self.cores.pin(Side::Client);
        self.warm_up(&subjects, &mut figures);
        for round in 0..self.plan.rounds {
            self.round(round, &subjects, &mut figures);
        }
        drop(pinned);
        for (subject, target) in subjects.into_iter().zip(&mut figures.targets) {
            let Some(subject) = subject else { continue };
            if let Some(death) = subject.death(&self.runtime) {
                target.trouble = Some(death);
            }
            subject.end(&self.runtime);
        }
        figures.interrupted = self.stop.is_set();
        figures.machine.load.extend(machine::load());
        Ok(figures)
    }

    fn empty(&self) -> Figures {
        let target = |server: &Server| Target {
            name: server.name().to_owned(),
            ..Target::default()
        };
        Figures {
            format: Figures::FORMAT,
            siospec: env!("CARGO_PKG_VERSION").to_owned(),
            started: chrono::Utc::now(),
            interrupted: false,
            machine: Machine::this(&self.cores),
            rounds: self.plan.rounds,
            command: String::new(),
            seconds: self.plan.time.as_secs_f64(),
            hold_seconds: self.plan.hold.as_secs_f64(),
            targets: self.servers.iter().map(target).collect(),
            rows: Vec::new(),
        }
    }

    fn check_files(&self) -> Result<(), String> {
        let most = self.plan.sockets() as u64 + 100;
        match machine::raise_files() {
            Some(limit) if limit < most => Err(format!(
                "{most} open files are needed, here and in the server, and the system allows {limit}: raise the hard \
                 limit (`ulimit -Hn`), or measure fewer connections (--connections, --idle)"
            )),
            _ => Ok(()),
        }
    }

    /// Lets every server see what is to come, uncounted: interpreters compile, allocators grow.
    fn warm_up(&self, subjects: &[Option<Subject>], figures: &mut Figures) {
        for (place, subject) in subjects.iter().enumerate() {
            for transport in &self.plan.transports {
                let (Some(subject), false) = (subject, self.stop.is_set()) else {
                    continue;
                };
                (self.say)(&format!(
                    "{}: warming up on {transport}",
                    self.servers[place].name()
                ));
                let cell = Cell {
                    transport: *transport,
                    connections: 20,
                };
                let warmed = Turn::begin(self, subject, cell, 0).and_then(|mut turn| {
                    let time = self.plan.time.min(Duration::from_millis(500));
                    let sample = turn.phase(time, |first, window| Acks::new(20, first, window))?;
                    turn.fleet
                        .close(&self.stop)
                        .map_err(|error| error.to_string())?;
                    Ok(sample)
                });
                if let Err(why) = warmed {
                    figures.targets[place].trouble.get_or_insert(why);
                }
            }
            if let Some(subject) = subject {
                subject.settle(Duration::from_secs(1));
            }
        }
    }

    fn round(&self, round: u32, subjects: &[Option<Subject>], figures: &mut Figures) {
        let mut each = |what: &str, measure: &mut dyn FnMut(&Server, &Subject, &mut Figures)| {
            for place in order(round, subjects.len()) {
                let (Some(subject), false) = (&subjects[place], self.stop.is_set()) else {
                    continue;
                };
                let (server, of) = (&self.servers[place], self.plan.rounds);
                (self.say)(&format!(
                    "round {} of {of}: {}, {what}",
                    round + 1,
                    server.name()
                ));
                measure(server, subject, figures);
                // A server that still ends its connections takes the processor from the next one.
                subject.settle(AFTERMATH);
            }
        };
        if self.plan.traffic() {
            for cell in self.plan.cells() {
                let what = format!("{} connections on {}", cell.connections, cell.transport);
                each(&what, &mut |server, subject, figures| {
                    self.traffic(round, cell, server.name(), subject, figures);
                });
            }
        }
        for transport in &self.plan.transports {
            if self.plan.measures(Measure::Connect) {
                each(
                    &format!("connecting on {transport}"),
                    &mut |server, subject, figures| {
                        self.connect(round, *transport, server.name(), subject, figures);
                    },
                );
            }
            if self.plan.measures(Measure::Memory) {
                each(
                    &format!("idle on {transport}"),
                    &mut |server, _, figures| {
                        self.memory(round, *transport, server, figures);
                    },
                );
            }
        }
    }

    /// All measurements that share the connections of a cell.
    fn traffic(
        &self,
        round: u32,
        cell: Cell,
        target: &str,
        subject: &Subject,
        figures: &mut Figures,
    ) {
        let mut keys = Vec::new();
        for measure in self
            .plan
            .measures
            .iter()
            .filter(|measure| measure.is_traffic())
        {
            let rates: Vec<Option<u32>> = match measure {
                Measure::Latency => self.plan.rates.iter().copied().map(Some).collect(),
                _ => vec![None],
            };
            keys.extend(rates.into_iter().map(|rate| Key {
                measure: *measure,
                cell,
                rate,
            }));
        }
        let mut keys = keys.into_iter();
        let measured = Turn::begin(self, subject, cell, round).and_then(|mut turn| {
            for key in keys.by_ref() {
                let sample = turn.measure(key)?;
                if self.stop.is_set() {
                    return Ok(());
                }
                let trouble = sample.trouble.clone();
                figures.row(key, target).samples.push(sample);
                if let Some(trouble) = trouble {
                    return Err(trouble);
                }
            }
            turn.fleet
                .close(&self.stop)
                .map_err(|error| error.to_string())
        });
        if let (Err(why), false) = (measured, self.stop.is_set()) {
            for key in keys {
                figures.row(key, target).samples.push(failed(round, &why));
            }
        }
    }

    fn connect(
        &self,
        round: u32,
        transport: Transport,
        target: &str,
        subject: &Subject,
        figures: &mut Figures,
    ) {
        let key = Key {
            measure: Measure::Connect,
            cell: Cell {
                transport,
                connections: AT_ONCE,
            },
            rate: None,
        };
        let measured = Fleet::new(subject.address.clone(), transport).and_then(|mut fleet| {
            let (before, own) = (subject.usage(), Own::now());
            let begins = Instant::now();
            let times = fleet.churn(AT_ONCE, MOST_MADE, begins + self.plan.time, &self.stop)?;
            let took = begins.elapsed();
            let mut sample = Sample {
                round,
                per_second: Some(times.len() as f64 / took.as_secs_f64()),
                latency: times.latency(),
                ..Sample::default()
            };
            use_of(&mut sample, subject, before, own, took, times.len());
            lost(&mut sample, &fleet);
            fleet.close(&self.stop)?;
            Ok(sample)
        });
        if !self.stop.is_set() {
            let sample = measured.unwrap_or_else(|error| failed(round, &error.to_string()));
            figures.row(key, target).samples.push(sample);
        }
    }
}
