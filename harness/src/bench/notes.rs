//! What must be known to read the figures: how they were made, and what is to be said against them.

use super::figures::{Figures, Row};
use super::phase::BURST;
use super::table::whole;

/// A client that waits for a processor for more than this part of the time shares it with others.
const CROWDED: f64 = 0.05;

/// What is to be said against these figures; nothing if they are as good as they get.
pub fn caveats(figures: &Figures) -> Vec<String> {
    let mut notes = Vec::new();
    if figures.interrupted {
        notes.push("It was stopped before its end; what is here was measured until then.".into());
    }
    if figures.machine.debug_build {
        notes.push(
            "siospec was built without optimisation (dev profile), the load client and the bundled server alike: \
             their figures are not what they can do."
                .into(),
        );
    }
    let waited = figures.rows.iter().flat_map(|row| &row.samples);
    let waited: Vec<f64> = waited.filter_map(|sample| sample.client_waited).collect();
    let mean = waited.iter().sum::<f64>() / waited.len().max(1) as f64;
    if mean > CROWDED {
        notes.push(format!(
            "The machine was busy with something else: the client was ready, and waited for a processor, for {:.0} % of \
             the time. Compare processor time, not throughput or latency.",
            mean * 100.0
        ));
    }
    if !figures.machine.apart {
        notes.push("Client and servers shared all processors.".into());
    }
    let bound = figures.rows.iter().filter(|row| row.is_bound_by_client());
    let bound = bound.count();
    if bound > 0 {
        notes.push(format!(
            "In {bound} of {} rows the client was at its end and the server was not (`client` under limit): there the \
             server is at least as fast as shown.",
            figures.rows.len()
        ));
    }
    if figures.rounds < 5 {
        notes.push(format!(
            "{} rounds are few; a median wants five.",
            figures.rounds
        ));
    }
    for target in &figures.targets {
        if let Some(trouble) = &target.trouble {
            notes.push(format!("{}: {trouble}", target.name));
        }
    }
    notes.extend(troubles(figures));
    notes
}

/// Rows that have no figure in some round, and why the first time.
fn troubles(figures: &Figures) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for row in &figures.rows {
        let Some(why) = row
            .samples
            .iter()
            .find_map(|sample| sample.trouble.as_ref())
        else {
            continue;
        };
        let note = format!("{}, {}: {why}", row.target, about(row));
        if !said.contains(&note) {
            said.push(note);
        }
    }
    said
}

fn about(row: &Row) -> String {
    let transport = row.cell.transport;
    format!(
        "{} connections on {transport}",
        whole(row.cell.connections as f64)
    )
}

/// How the figures are made, as Markdown.
pub fn method(figures: &Figures) -> String {
    format!(
        "\
- Every target runs as one process of its own, started by siospec with the same settings (ping interval 10 s), and \
answers the events of the [fixture contract](../targets/README.md). siospec is the client: one thread, one loop.
- In each of {rounds} rounds every target has its turn at every cell, and another one comes first. Figures are medians \
of the rounds; ± is half the way from the least to the greatest, in parts of the median. × is the median of the \
rounds' ratios to the first target. Each measurement takes {seconds} s, after a warm-up that is not counted.
- **Every answer is checked**: acknowledgements by id and contents, events by number, broadcasts by number and \
member. What is missing, doubled or wrong stands under errors, and does not count for the rate.
- *Closed loop*: each connection has one event under way. *Open loop*: events are sent at fixed times, whatever the \
server does, and each latency is taken from the time at which the event was to be sent, so that a stall is felt by \
all that were due in it (no coordinated omission); what is never answered counts with the time it was waited for. \
*sent late* is what the client itself adds to that.
- *Events*: the client asks for a burst of {BURST}, and for the next when the last of them is there; latencies are from \
asking. *Broadcast*: everybody in one room, two broadcasts under way; latencies are from sending to each member.
- *server* and *client* are the parts of one processor that they were on; *server µs* is the processor time of the \
server's processes for each acknowledgement, event, delivery or connection: the steadier figure on a busy machine. \
*limit* says who was at 90 % or more.
- *Memory* is what the server's resident memory grew by, from a fresh process that has served 10 connections, \
divided by the idle connections; heartbeats go on (*pings*).
",
        rounds = figures.rounds,
        seconds = figures.seconds,
    )
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::bench::figures::{Sample, Target};
    use crate::bench::machine::Machine;
    use crate::bench::measure::Measure;
    use crate::bench::plan::Cell;

    fn figures(samples: Vec<Sample>) -> Figures {
        Figures {
            format: Figures::FORMAT,
            siospec: "0.1.0".into(),
            command: "siospec bench".into(),
            started: DateTime::UNIX_EPOCH,
            interrupted: false,
            machine: Machine {
                apart: true,
                ..Machine::default()
            },
            rounds: 5,
            seconds: 1.0,
            hold_seconds: 1.0,
            targets: vec![Target::default()],
            rows: vec![Row {
                measure: Measure::Acks,
                cell: Cell {
                    transport: siospec_codec::engine::Transport::Websocket,
                    connections: 50,
                },
                rate: None,
                target: "reference".into(),
                samples,
            }],
        }
    }

    #[test]
    fn good_figures_need_no_excuse() {
        let sample = Sample {
            client_share: 0.5,
            client_waited: Some(0.01),
            server_share: Some(0.95),
            ..Sample::default()
        };
        assert_eq!(caveats(&figures(vec![sample])), Vec::<String>::new());
    }

    #[test]
    fn a_busy_machine_and_a_busy_client_are_said() {
        let sample = Sample {
            client_share: 0.8,
            client_waited: Some(0.15),
            server_share: Some(0.5),
            trouble: Some("it went away".into()),
            ..Sample::default()
        };
        let said = caveats(&figures(vec![sample])).join("\n");
        for words in [
            "for 15 % of the time",
            "In 1 of 1 rows the client was at its end",
            "reference, 50 connections on websocket: it went away",
        ] {
            assert!(said.contains(words), "{said}");
        }
    }
}
