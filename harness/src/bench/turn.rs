//! One target's turn at one cell: its connections, and what is measured over them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client::Fleet;
use super::figures::{Key, Sample};
use super::measure::Measure;
use super::phase::{Acks, Bursts, Errors, FanOut, Join, Paced, Phase, Window};
use super::plan::Cell;
use super::session::Session;
use super::subject::Subject;
use super::usage::{Own, Usage};
use crate::run::stop::Stop;

/// What has not come is missing when nothing at all has come for so long; a slow server or a busy machine loses nothing.
const QUIET: Duration = Duration::from_secs(2);
/// How long answers are waited for behind the end of a measurement at most.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ids of one phase; it never sends so many events.
const IDS: u64 = 10_000_000;

/// One connection cell of one target in one round, while it is measured.
pub(super) struct Turn<'a> {
    session: &'a Session<'a>,
    subject: &'a Subject,
    cell: Cell,
    round: u32,
    pub(super) fleet: Fleet,
    ids: u64,
}

impl<'a> Turn<'a> {
    pub(super) fn begin(
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

    pub(super) fn measure(&mut self, key: Key) -> Result<Sample, String> {
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
        let until = Instant::now() + PATIENCE;
        self.drive(&mut join, until)?;
        join.close(Instant::now());
        Ok(join.count().errors)
    }

    /// One measurement: the load within its window, then a while for what is still under way.
    pub(super) fn phase<P: Phase>(
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
        self.drain(&mut phase)?;
        phase.close(Instant::now());
        let count = phase.count();
        sample.per_second = Some(count.done as f64 / time.as_secs_f64());
        sample.latency = count.times.latency();
        sample.late_p99 = count.late.latency().p99;
        sample.errors = count.errors;
        lost(&mut sample, &self.fleet);
        Ok(sample)
    }

    /// Waits for what is still under way, as long as something comes.
    fn drain(&mut self, phase: &mut dyn Phase) -> Result<(), String> {
        let began = Instant::now();
        let mut come = None;
        while began.elapsed() < PATIENCE && come != Some(phase.count().times.len()) {
            let now = Instant::now();
            if phase.is_done(now) || self.session.stop.is_set() {
                break;
            }
            come = Some(phase.count().times.len());
            self.drive(phase, now + QUIET)?;
        }
        Ok(())
    }

    fn drive(&mut self, phase: &mut dyn Phase, until: Instant) -> Result<(), String> {
        let driven = self.fleet.drive(phase, until, &self.session.stop);
        driven.map_err(|error| error.to_string())
    }
}

/// Makes connections until there are so many.
pub(super) fn grow(fleet: &mut Fleet, many: usize, stop: &Stop) -> Result<(), String> {
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
pub(super) fn use_of(
    sample: &mut Sample,
    subject: &Subject,
    before: Option<Usage>,
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

/// Enters which connections were lost.
pub(super) fn lost(sample: &mut Sample, fleet: &Fleet) {
    let tally = fleet.tally();
    sample.errors.lost = tally.lost as u64;
    if let Some(why) = &tally.why {
        sample.trouble = Some(format!(
            "{} connections were lost, the first since {why}",
            tally.lost
        ));
    }
}

/// A round without a figure.
pub(super) fn failed(round: u32, why: &str) -> Sample {
    Sample {
        round,
        trouble: Some(why.to_owned()),
        ..Sample::default()
    }
}
