//! What is measured, in which order, and within which bounds.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use siospec_codec::engine::Transport;

use super::measure::Measure;

/// No run holds more connections at once: a source address has about 28,000 ports, a process often 20,000 files.
pub const MOST_CONNECTIONS: usize = 30_000;
/// No open loop sends more events a second.
pub const MOST_RATE: u32 = 200_000;
/// No single measurement takes longer.
pub const LONGEST: Duration = Duration::from_secs(60);
/// No open loop has more events under way; each is remembered until it is answered.
pub const MOST_UNDER_WAY: f64 = 2_000_000.0;

/// The plan of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is measured.
    pub measures: Vec<Measure>,
    /// On which transports.
    pub transports: Vec<Transport>,
    /// With how many connections.
    pub connections: Vec<usize>,
    /// How many idle connections are held when memory is read, upwards on one server.
    pub idle: Vec<usize>,
    /// Events a second of the open loop, all connections together.
    pub rates: Vec<u32>,
    /// How often everything is measured, one target after the other each time.
    pub rounds: u32,
    /// How long one measurement takes.
    pub time: Duration,
    /// How long idle connections are held before memory is read.
    pub hold: Duration,
}

/// Connections of one transport: what all measurements of traffic share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    /// `websocket` or `polling`.
    #[serde(with = "name")]
    pub transport: Transport,
    /// How many.
    pub connections: usize,
}

mod name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use siospec_codec::engine::Transport;

    pub(super) fn serialize<S: Serializer>(
        transport: &Transport,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.serialize_str(transport.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Transport, D::Error> {
        let name = String::deserialize(from)?;
        Transport::from_name(&name).ok_or_else(|| D::Error::custom("no transport"))
    }
}

impl Plan {
    /// Whether it is within its bounds; if not, in words, why.
    ///
    /// # Errors
    /// The first bound that is broken.
    pub fn check(&self) -> Result<(), String> {
        if self.measures.is_empty() || self.transports.is_empty() || self.connections.is_empty() {
            return Err("nothing is to be measured".into());
        }
        if let Some(many) = self
            .connections
            .iter()
            .chain(&self.idle)
            .find(|count| !(1..=MOST_CONNECTIONS).contains(count))
        {
            return Err(format!(
                "{many} connections: between 1 and {MOST_CONNECTIONS} connections are held at once"
            ));
        }
        if let Some(rate) = self
            .rates
            .iter()
            .find(|rate| !(1..=MOST_RATE).contains(rate))
        {
            return Err(format!(
                "--rate {rate}: between 1 and {MOST_RATE} events a second are sent"
            ));
        }
        if self.time.is_zero() || self.time > LONGEST || self.hold > 10 * LONGEST {
            let longest = LONGEST.as_secs();
            return Err(format!(
                "one measurement takes more than 0 and at most {longest} seconds (--seconds), and idle connections are \
                 held for at most {} (--hold)",
                10 * longest
            ));
        }
        let most = self.rates.iter().max().copied().unwrap_or(0);
        if f64::from(most) * self.time.as_secs_f64() > MOST_UNDER_WAY {
            return Err(format!(
                "--rate {most} for {} s is more than {MOST_UNDER_WAY} events; lower one of them",
                self.time.as_secs_f64()
            ));
        }
        Ok(())
    }

    /// The cells, in the order in which they are measured in each round.
    pub fn cells(&self) -> Vec<Cell> {
        let cells = self.transports.iter().flat_map(|transport| {
            self.connections.iter().map(|connections| Cell {
                transport: *transport,
                connections: *connections,
            })
        });
        cells.collect()
    }

    /// The most TCP connections that it holds at once.
    pub fn sockets(&self) -> usize {
        let counts = self.connections.iter().filter(|_| self.traffic());
        let idle = self.idle.iter().filter(|_| self.measures(Measure::Memory));
        let most = counts.chain(idle).max().copied().unwrap_or(0);
        // A polling client has one for its GET and one for its POSTs.
        match self.transports.contains(&Transport::Polling) {
            true => 2 * most,
            false => most,
        }
    }

    /// Whether this is measured.
    pub fn measures(&self, measure: Measure) -> bool {
        self.measures.contains(&measure)
    }

    /// The measures that share standing connections.
    pub fn traffic(&self) -> bool {
        self.measures.iter().any(|measure| measure.is_traffic())
    }
}

/// The order of `targets` servers in a round: each comes first, second, … equally often, so that what drifts on the
/// machine falls on all of them.
pub fn order(round: u32, targets: usize) -> impl Iterator<Item = usize> {
    let first = usize::try_from(round).unwrap_or(0);
    (0..targets).map(move |place| (first + place) % targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            measures: Measure::ALL.to_vec(),
            transports: vec![Transport::Websocket, Transport::Polling],
            connections: vec![1, 50],
            idle: vec![500],
            rates: vec![1000],
            rounds: 5,
            time: Duration::from_millis(400),
            hold: Duration::from_secs(1),
        }
    }

    #[test]
    fn targets_take_turns_and_each_comes_first_equally_often() {
        let rounds: Vec<Vec<usize>> = (0..4).map(|round| order(round, 3).collect()).collect();
        assert_eq!(rounds, [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]);
        assert_eq!(order(3, 0).count(), 0);
    }

    #[test]
    fn every_transport_meets_every_number_of_connections() {
        let cells = plan().cells();
        assert_eq!(cells.len(), 4);
        assert_eq!(cells[1].connections, 50);
        assert_eq!(cells[2].transport, Transport::Polling);
    }

    #[test]
    fn what_is_out_of_bounds_is_said() {
        assert_eq!(plan().check(), Ok(()));
        for (wrong, words) in [
            (
                Plan {
                    connections: vec![0],
                    ..plan()
                },
                "0 connections: between 1",
            ),
            (
                Plan {
                    connections: vec![50_000],
                    ..plan()
                },
                "50000 connections: between",
            ),
            (
                Plan {
                    rates: vec![300_000],
                    ..plan()
                },
                "--rate 300000: between",
            ),
            (
                Plan {
                    time: Duration::ZERO,
                    ..plan()
                },
                "more than 0",
            ),
            (
                Plan {
                    measures: Vec::new(),
                    ..plan()
                },
                "nothing is to be measured",
            ),
            (
                Plan {
                    rates: vec![200_000],
                    time: LONGEST,
                    ..plan()
                },
                "--rate 200000 for 60 s is more than",
            ),
        ] {
            let said = wrong.check().unwrap_err();
            assert!(said.contains(words), "{said}");
        }
    }
}
