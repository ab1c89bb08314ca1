//! Memory of connections that only answer pings.

use std::io;
use std::time::{Duration, Instant};

use siospec_codec::engine::Transport;

use super::client::Fleet;
use super::figures::{Figures, Key, Sample};
use super::measure::Measure;
use super::phase::Silence;
use super::plan::Cell;
use super::session::Session;
use super::subject::Subject;
use super::turn::{Turn, failed, grow, lost, use_of};
use super::usage::Own;
use crate::target::server::Server;

/// Connections that a server has had before its memory is looked at the first time.
const WARM: usize = 10;

impl Session<'_> {
    /// A server that is started for it, so that it has seen nothing but a few connections before; one behind a URL has
    /// seen what it has seen.
    pub(super) fn memory(
        &self,
        round: u32,
        transport: Transport,
        server: &Server,
        figures: &mut Figures,
    ) {
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
        let subject = Subject::start(server, &self.cores, &self.runtime, &self.stop)?;
        let told = |error: io::Error| error.to_string();
        let warm = Cell {
            transport,
            connections: WARM,
        };
        let turn = Turn::begin(self, &subject, warm, round)?;
        turn.fleet.close(&self.stop).map_err(told)?;
        subject.settle(Duration::from_secs(2));
        let memory = || subject.resident();
        let base =
            memory().ok_or("neither the system nor the server's /fixture tells its memory")?;
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
