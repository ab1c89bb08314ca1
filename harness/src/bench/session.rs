//! A run: rounds in which every target has its turn at everything.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use siospec_codec::engine::Transport;
use tokio::runtime::Handle;

use super::client::Fleet;
use super::cores::{Cores, Side};
use super::figures::{Figures, Key, Sample, Target};
use super::machine::{self, Machine};
use super::measure::Measure;
use super::phase::{Acks, Bursts, Errors, FanOut, Join, Paced, Phase, Silence, Window};
use super::plan::{Cell, Plan, order};
use super::subject::{self, Subject};
use super::usage::Own;
use crate::run::stop::Stop;
use crate::target::server::Server;

/// How long answers are waited for behind the end of a measurement, at most.
const DRAIN: Duration = Duration::from_secs(5);
/// And at least.
const SHORT_DRAIN: Duration = Duration::from_secs(1);
/// Connections that are made at once where making them is measured.
const AT_ONCE: usize = 16;
/// Connections that are made at most in one measurement; each leaves something behind in a kernel.
const MOST_MADE: u64 = 5_000;
/// Ids of one phase; it never sends so many events.
const IDS: u64 = 10_000_000;
/// Connections that a server has had before its memory is looked at the first time.
const WARM: usize = 10;

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

/// One connection cell of one target in one round, while it is measured.
struct Turn<'a> {
    session: &'a Session<'a>,
    subject: &'a Subject,
    cell: Cell,
    round: u32,
    fleet: Fleet,
    ids: u64,
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
            let started = subject::prepare(server, &self.runtime)
                .and_then(|()| Subject::start(server, &self.cores, &self.runtime));
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

    /// A server of its own, that has seen nothing but a few connections before.
    fn memory(&self, round: u32, transport: Transport, server: &Server, figures: &mut Figures) {
        let mut counts = self.plan.idle.clone();
        counts.sort_unstable();
        counts.dedup();
        let mut counts = counts.into_iter();
        let key = |connections| Key {
            measure: Measure::Memory,
            cell: Cell {
                transport,
                connections,
            },
            rate: None,
        };
        let measured = self.idle(
            round,
            transport,
            server,
            &mut counts,
            &mut |count, sample| {
                figures.row(key(count), server.name()).samples.push(sample);
            },
        );
        if let (Err(why), false) = (measured, self.stop.is_set()) {
            for count in counts {
                let row = figures.row(key(count), server.name());
                row.samples.push(failed(round, &why));
            }
        }
    }

    fn idle(
        &self,
        round: u32,
        transport: Transport,
        server: &Server,
        counts: &mut dyn Iterator<Item = usize>,
        take: &mut dyn FnMut(usize, Sample),
    ) -> Result<(), String> {
        if !Subject::is_startable(server) {
            return Err("memory is measured of servers that siospec starts itself".into());
        }
        let subject = Subject::start(server, &self.cores, &self.runtime)?;
        let told = |error: io::Error| error.to_string();
        let warm = Cell {
            transport,
            connections: WARM,
        };
        let turn = Turn::begin(self, &subject, warm, round)?;
        turn.fleet.close(&self.stop).map_err(told)?;
        subject.settle(Duration::from_secs(2));
        let memory = || subject.usage().map(|usage| usage.resident);
        let base = memory().ok_or("the system does not tell the memory of a process")?;
        let mut fleet = Fleet::new(subject.address.clone(), transport).map_err(told)?;
        for count in counts {
            grow(&mut fleet, count, &self.stop)?;
            let (usage, own, begins) = (subject.usage(), Own::now(), Instant::now());
            let pings = fleet.tally().pings;
            fleet
                .drive(&mut Silence, begins + self.plan.hold, &self.stop)
                .map_err(told)?;
            if self.stop.is_set() {
                return Ok(());
            }
            let more = memory().unwrap_or(0).saturating_sub(base);
            let mut sample = Sample {
                round,
                bytes: Some(more as f64 / count as f64),
                pings: fleet.tally().pings - pings,
                ..Sample::default()
            };
            use_of(&mut sample, &subject, usage, own, begins.elapsed(), 0);
            lost(&mut sample, &fleet);
            let trouble = sample.trouble.clone();
            take(count, sample);
            if let Some(trouble) = trouble {
                return Err(trouble);
            }
        }
        fleet.close(&self.stop).map_err(told)?;
        subject.end(&self.runtime);
        Ok(())
    }
}

impl<'a> Turn<'a> {
    fn begin(
        session: &'a Session<'a>,
        subject: &'a Subject,
        cell: Cell,
        round: u32,
    ) -> Result<Self, String> {
        let fleet = Fleet::new(Arc::clone(&subject.address), cell.transport);
        let mut fleet = fleet.map_err(|error| error.to_string())?;
        grow(&mut fleet, cell.connections, &session.stop)?;
        Ok(Self {
            session,
            subject,
            cell,
            round,
            fleet,
            ids: 0,
        })
    }

    fn measure(&mut self, key: Key) -> Result<Sample, String> {
        let (many, time) = (self.cell.connections, self.session.plan.time);
        match key.measure {
            Measure::Latency => {
                let rate = key.rate.unwrap_or(1);
                self.phase(time, |first, window| Paced::new(many, first, rate, window))
            }
            Measure::Events => self.phase(time, |_, window| Bursts::new(many, window)),
            Measure::FanOut => {
                let errors = self.join()?;
                let mut sample =
                    self.phase(time, |first, window| FanOut::new(many, first, window))?;
                sample.errors = sample.errors.and(errors);
                Ok(sample)
            }
            _ => self.phase(time, |first, window| Acks::new(many, first, window)),
        }
    }

    fn join(&mut self) -> Result<Errors, String> {
        self.ids += IDS;
        let mut join = Join::new(self.cell.connections, self.ids);
        let until = Instant::now() + DRAIN;
        self.drive(&mut join, until)?;
        join.close(Instant::now());
        Ok(join.count().errors)
    }

    /// One measurement: the load within its window, then a while for what is still under way.
    fn phase<P: Phase>(
        &mut self,
        time: Duration,
        make: impl FnOnce(u64, Window) -> P,
    ) -> Result<Sample, String> {
        self.ids += IDS;
        let (before, own) = (self.subject.usage(), Own::now());
        let begins = Instant::now();
        let window = Window {
            begins,
            ends: begins + time,
        };
        let mut phase = make(self.ids, window);
        self.drive(&mut phase, window.ends)?;
        let mut sample = Sample {
            round: self.round,
            ..Sample::default()
        };
        let (took, done) = (begins.elapsed(), phase.count().done);
        use_of(&mut sample, self.subject, before, own, took, done);
        let drain = (5 * time).clamp(SHORT_DRAIN, DRAIN);
        self.drive(&mut phase, window.ends + drain)?;
        phase.close(Instant::now());
        let count = phase.count();
        sample.per_second = Some(count.done as f64 / time.as_secs_f64());
        sample.latency = count.times.latency();
        sample.late_p99 = count.late.latency().p99;
        sample.errors = count.errors;
        lost(&mut sample, &self.fleet);
        Ok(sample)
    }

    fn drive(&mut self, phase: &mut dyn Phase, until: Instant) -> Result<(), String> {
        let driven = self.fleet.drive(phase, until, &self.session.stop);
        driven.map_err(|error| error.to_string())
    }
}

/// Makes connections until there are so many.
fn grow(fleet: &mut Fleet, many: usize, stop: &Stop) -> Result<(), String> {
    let patience = Duration::from_secs(20)
        + Duration::from_millis(5) * u32::try_from(many).unwrap_or(u32::MAX);
    let grown = fleet.grow(many, Instant::now() + patience, stop);
    grown.map_err(|error| error.to_string())?;
    let tally = fleet.tally();
    match &tally.why {
        Some(why) => Err(format!(
            "{} of {many} connections stood when one was lost: {why}",
            tally.connected
        )),
        None if stop.is_set() => Err("stopped".into()),
        None if tally.connected < many => Err(format!(
            "only {} of {many} connections stood after {} s",
            tally.connected,
            patience.as_secs()
        )),
        None => Ok(()),
    }
}

/// Enters what server and client have used since an earlier look.
fn use_of(
    sample: &mut Sample,
    subject: &Subject,
    before: Option<super::usage::Usage>,
    own: Own,
    took: Duration,
    done: u64,
) {
    let share = |time: Duration| time.as_secs_f64() / took.as_secs_f64().max(1e-9);
    let own = Own::now().since(own);
    sample.client_share = share(own.used);
    sample.client_waited = own.waited.map(share);
    if let Some((after, before)) = subject.usage().zip(before) {
        let used = after.since(&before);
        sample.server_share = Some(share(used));
        sample.server_time = (done > 0).then(|| used.as_secs_f64() * 1e6 / done as f64);
    }
}

fn lost(sample: &mut Sample, fleet: &Fleet) {
    let tally = fleet.tally();
    sample.errors.lost = tally.lost as u64;
    if let Some(why) = &tally.why {
        sample.trouble = Some(format!(
            "{} connections were lost, the first since {why}",
            tally.lost
        ));
    }
}

fn failed(round: u32, why: &str) -> Sample {
    Sample {
        round,
        trouble: Some(why.to_owned()),
        ..Sample::default()
    }
}
