//! What was measured, as data: the JSON report, and what tables are made of.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::latency::Latency;
use super::machine::Machine;
use super::measure::Measure;
use super::phase::Errors;
use super::plan::Cell;
use super::statistics::{Spread, ratio};

/// A thread that is on its processor, or waits for one, for this part of the time is at its end.
const BUSY: f64 = 0.9;

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The version of this form.
    pub format: u32,
    /// The version of siospec.
    pub siospec: String,
    /// The command that made it, as it was typed.
    pub command: String,
    /// When it began.
    pub started: DateTime<Utc>,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// Where.
    pub machine: Machine,
    /// How often everything was to be measured.
    pub rounds: u32,
    /// How long one measurement took.
    pub seconds: f64,
    /// How long idle connections were held before memory was read.
    pub hold_seconds: f64,
    /// The servers, the first being what the others are compared with.
    pub targets: Vec<Target>,
    /// One for each measure, cell, rate and target.
    pub rows: Vec<Row>,
}

impl Figures {
    /// The version of the form that this siospec writes.
    pub const FORMAT: u32 = 1;

    /// Figures as [`report`](super::report) has written them.
    ///
    /// # Errors
    /// In words, what is wrong with them.
    pub fn read(text: &str) -> Result<Self, String> {
        let figures: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match figures.format {
            Self::FORMAT => Ok(figures),
            other => Err(format!(
                "they have form {other}; this siospec reads form {}",
                Self::FORMAT
            )),
        }
    }

    /// All errors of all rows.
    pub fn errors(&self) -> Errors {
        let all = self.rows.iter().map(Row::errors);
        all.fold(Errors::default(), Errors::and)
    }

    /// The same row of the first target.
    pub fn first_of(&self, row: &Row) -> Option<&Row> {
        let first = &self.targets.first()?.name;
        self.rows
            .iter()
            .find(|other| other.target == *first && other.key() == row.key())
    }

    /// The row, made if it is not there.
    pub fn row(&mut self, key: Key, target: &str) -> &mut Row {
        let found = self
            .rows
            .iter()
            .position(|row| row.key() == key && row.target == target);
        let place = found.unwrap_or_else(|| {
            self.rows.push(Row {
                measure: key.measure,
                cell: key.cell,
                rate: key.rate,
                target: target.to_owned(),
                samples: Vec::new(),
            });
            self.rows.len() - 1
        });
        &mut self.rows[place]
    }
}

/// A server that was measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Versions of what it is made of, by name.
    pub versions: BTreeMap<String, String>,
    /// Why it was not measured, or not to the end.
    pub trouble: Option<String>,
}

/// What a row is about, its target aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What was measured.
    pub measure: Measure,
    /// Over what.
    pub cell: Cell,
    /// At which rate, where one was given.
    pub rate: Option<u32>,
}

/// The samples of one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was measured.
    pub measure: Measure,
    /// Over what.
    #[serde(flatten)]
    pub cell: Cell,
    /// Events a second that were to be sent, of an open loop.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rate: Option<u32>,
    /// The server.
    pub target: String,
    /// One a round.
    pub samples: Vec<Sample>,
}

/// One measurement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// In which round.
    pub round: u32,
    /// How many a second.
    pub per_second: Option<f64>,
    /// How long each took, in microseconds.
    pub latency: Latency,
    /// How late 99 of 100 events of an open loop were sent at most, in microseconds: the client's own fault.
    pub late_p99: Option<f64>,
    /// Processor time of the server for each, in microseconds.
    pub server_time: Option<f64>,
    /// Processors that the server was on, on the average: 1 is one of them all the time.
    pub server_share: Option<f64>,
    /// The part of the time that the client was on its processor.
    pub client_share: f64,
    /// The part of the time that the client waited for a processor.
    pub client_waited: Option<f64>,
    /// Bytes of memory for each idle connection.
    pub bytes: Option<f64>,
    /// Pings that were answered meanwhile.
    pub pings: u64,
    /// What went wrong.
    pub errors: Errors,
    /// Why there is no figure, or not a whole one.
    pub trouble: Option<String>,
}

/// One number of a sample.
pub type Number = fn(&Sample) -> Option<f64>;

impl Row {
    /// What it is about.
    pub fn key(&self) -> Key {
        Key {
            measure: self.measure,
            cell: self.cell,
            rate: self.rate,
        }
    }

    /// What the rounds say together.
    pub fn spread(&self, number: Number) -> Option<Spread> {
        Spread::of(self.samples.iter().filter_map(number))
    }

    /// What the rounds say together of a percentile: nothing, if some of them had too few times for it.
    pub fn percentile(&self, number: Number) -> Option<Spread> {
        let mut measured = self
            .samples
            .iter()
            .filter(|sample| sample.trouble.is_none());
        measured
            .all(|sample| number(sample).is_some())
            .then(|| self.spread(number))?
    }

    /// How many times the other this is.
    pub fn ratio(&self, other: &Self, number: Number) -> Option<f64> {
        let rounds = self.samples.iter().chain(&other.samples);
        let rounds = rounds.map(|sample| sample.round + 1).max().unwrap_or(0);
        let by_round = |row: &Self| {
            let mut numbers = vec![None; usize::try_from(rounds).unwrap_or(0)];
            for sample in &row.samples {
                let place = usize::try_from(sample.round).unwrap_or(usize::MAX);
                if let Some(slot) = numbers.get_mut(place) {
                    *slot = number(sample);
                }
            }
            numbers
        };
        ratio(&by_round(self), &by_round(other))
    }

    /// All errors.
    pub fn errors(&self) -> Errors {
        let all = self.samples.iter().map(|sample| sample.errors);
        all.fold(Errors::default(), Errors::and)
    }

    /// Whether the client was at its end in most rounds, and the server was not: then the figure is the client's.
    pub fn is_bound_by_client(&self) -> bool {
        let bound = self.samples.iter().filter(|sample| sample.client_bound());
        !self.samples.is_empty() && 2 * bound.count() > self.samples.len()
    }
}

impl Sample {
    fn client_bound(&self) -> bool {
        let client = self.client_share + self.client_waited.unwrap_or(0.0);
        client >= BUSY && self.server_share.is_none_or(|server| server < BUSY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(samples: Vec<Sample>) -> Row {
        Row {
            measure: Measure::Acks,
            cell: Cell {
                transport: siospec_codec::engine::Transport::Polling,
                connections: 50,
            },
            rate: None,
            target: "reference".into(),
            samples,
        }
    }

    fn sample(client: f64, waited: f64, server: f64) -> Sample {
        Sample {
            client_share: client,
            client_waited: Some(waited),
            server_share: Some(server),
            ..Sample::default()
        }
    }

    #[test]
    fn the_client_is_the_limit_when_it_is_busy_and_the_server_is_not() {
        assert!(row(vec![sample(0.97, 0.0, 0.6)]).is_bound_by_client());
        assert!(row(vec![sample(0.5, 0.45, 0.6)]).is_bound_by_client());
        assert!(!row(vec![sample(0.97, 0.0, 0.99)]).is_bound_by_client());
        assert!(!row(vec![sample(0.5, 0.1, 0.3)]).is_bound_by_client());
        let one_of_three = vec![
            sample(1.0, 0.0, 0.1),
            sample(0.1, 0.0, 0.1),
            sample(0.1, 0.0, 0.1),
        ];
        assert!(!row(one_of_three).is_bound_by_client());
        assert!(!row(Vec::new()).is_bound_by_client());
    }

    #[test]
    fn a_percentile_that_one_round_lacks_is_left_out() {
        let number: Number = |sample| sample.latency.p999;
        let with = |p999| Sample {
            latency: Latency {
                p999,
                ..Latency::default()
            },
            ..Sample::default()
        };
        let whole = row(vec![with(Some(2.0)), with(Some(3.0))]);
        assert_eq!(whole.percentile(number).unwrap().median, 2.5);
        assert_eq!(
            row(vec![with(Some(2.0)), with(None)]).percentile(number),
            None
        );
    }

    #[test]
    fn ratios_are_taken_within_the_same_round() {
        let at = |round, rate: f64| Sample {
            round,
            per_second: Some(rate),
            ..Sample::default()
        };
        let first = row(vec![at(0, 100.0), at(1, 10.0)]);
        let this = row(vec![at(1, 20.0), at(2, 7.0)]);
        assert_eq!(this.ratio(&first, |sample| sample.per_second), Some(2.0));
    }

    #[test]
    fn it_is_read_back_as_it_was_written() {
        let mut figures = Figures {
            format: Figures::FORMAT,
            siospec: "0.1.0".into(),
            command: "siospec bench".into(),
            started: DateTime::UNIX_EPOCH,
            interrupted: false,
            machine: Machine::default(),
            rounds: 1,
            seconds: 0.5,
            hold_seconds: 1.0,
            targets: vec![Target::default()],
            rows: Vec::new(),
        };
        let key = row(Vec::new()).key();
        figures
            .row(key, "reference")
            .samples
            .push(sample(0.1, 0.2, 0.3));
        figures
            .row(key, "reference")
            .samples
            .push(sample(0.1, 0.2, 0.3));
        assert_eq!(figures.rows.len(), 1);
        let text = serde_json::to_string(&figures).unwrap();
        assert!(
            text.contains(r#""transport":"polling","connections":50"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Figures>(&text).unwrap(), figures);
    }
}
