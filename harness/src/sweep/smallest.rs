//! The smallest failing cut, written out as a scenario.

use super::figures::Violation;
use crate::network::{Counted, Unit};
use crate::scenario::trial::Trial;

/// The scenario with the cut armed before its client opens. `None` where the client is not written in a way that can
/// be turned.
pub(super) fn written(trial: &Trial, violation: &Violation) -> Option<String> {
    let text = &trial.scenario.source.text;
    let client = &violation.client;
    let seat = trial.clients.iter().find(|seat| seat.name == *client)?;
    let unit = match violation.at.counted {
        Counted::Bytes => "bytes",
        Counted::Units(Unit::Request) => "requests",
        Counted::Units(Unit::Frame) => "frames",
        Counted::Units(Unit::Packet) => "packets",
    };
    let (count, direction) = (violation.at.count, violation.at.direction);
    let text = match &seat.reconnecting {
        Some(_) => text.replacen("via: proxy", "via: proxy, opened: false", 1),
        None => {
            let short = format!("{client}: {} via proxy", seat.link.transport);
            let long = format!(
                "{client}: {{transport: {}, via: proxy, opened: false}}",
                seat.link.transport
            );
            text.replacen(&short, &long, 1)
        }
    };
    if text == trial.scenario.source.text {
        return None;
    }
    let steps = format!(
        "note: \"found by a sweep: {}\"\nsteps:\n  - {client}.network: {{cut: {{after: {{{unit}: {count}, direction: {direction}}}, how: reset}}}}\n  - {client}.connect: /\n",
        violation.what.replace('\\', "\\\\").replace('"', "'"),
    );
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("note:"))
        .flat_map(|line| [line, "\n"])
        .collect();
    text.contains("\nsteps:\n").then(|| {
        text.replacen("\nsteps:\n", &format!("\n{steps}"), 1)
            .replacen("\n\n", "\n", 1)
    })
}
