//! How long a trial takes, roughly: what takes long begins first, so that a run is not much longer than its longest
//! trial.

use std::time::Duration;

use crate::scenario::literal::PacketLiteral;
use crate::scenario::model::{Config, Step};
use crate::scenario::trial::Trial;
use crate::scenario::verb::Verb;

/// A setting above this is there so that its time does not come.
const FAR: Duration = Duration::from_secs(3);

/// From the times that its steps and its settings name.
pub(super) fn expected(trial: &Trial) -> Duration {
    let config = &trial.scenario.config;
    let near = |time: Option<Duration>| time.filter(|time| *time <= FAR).unwrap_or_default();
    // Nobody sets a timer short who does not wait for it.
    let timers =
        near(config.ping_interval) + near(config.ping_timeout) + near(config.connect_timeout);
    let steps: Duration = trial
        .case
        .steps
        .iter()
        .map(|step| of_step(step, config))
        .sum();
    timers + steps
}

fn of_step(step: &Step, config: &Config) -> Duration {
    let all = |steps: &[Step]| -> Duration { steps.iter().map(|step| of_step(step, config)).sum() };
    let ping = config.ping_interval.unwrap_or_default();
    let own = match &step.verb {
        Verb::Wait(time) | Verb::Silence(time) | Verb::Dead(Some(time)) => *time,
        Verb::Dead(None) => Duration::from_millis(500),
        Verb::Expect(packets) if packets.iter().any(|packet| packet.written == "2") => ping,
        Verb::ExpectRaw(packet) if packet.written == "2" => ping,
        Verb::Send(packet) => slowness(packet),
        Verb::Repeat(repeat) => all(&repeat.steps) * repeat.times,
        Verb::Together(steps) => {
            let each = steps.iter().map(|step| of_step(step, config));
            each.max().unwrap_or_default()
        }
        Verb::Either(branches) => {
            let each = branches.iter().map(|steps| all(steps));
            each.max().unwrap_or_default()
        }
        _ => Duration::from_millis(1),
    };
    own.max(step.not_before.unwrap_or_default())
}

/// How long the fixture is asked to take over an event.
fn slowness(packet: &PacketLiteral) -> Duration {
    let PacketLiteral::Text(text) = packet else {
        return Duration::ZERO;
    };
    let text = text.as_plain().unwrap_or_default();
    let milliseconds = text
        .split_once("[\"slow\",")
        .and_then(|(_, rest)| rest.strip_suffix(']')?.parse().ok());
    Duration::from_millis(milliseconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::catalogue::Catalogue;
    use crate::scenario::load::load;

    fn milliseconds(yaml: &str) -> u128 {
        let yaml =
            format!("title: x\ntransports: [websocket]\nheartbeat: manual\n{yaml}  - alive:\n");
        let scenario = load("a/b", "x.yaml", yaml.as_bytes(), &Catalogue::default()).unwrap();
        expected(&Trial::of(&scenario)[0]).as_millis()
    }

    #[test]
    fn the_times_of_steps_and_the_pings_that_are_awaited_count() {
        let waits =
            milliseconds("steps:\n  - wait: 300ms\n    note: x\n  - silence: 200ms\n    note: x\n");
        assert_eq!(waits, 501);
        let pings = milliseconds(
            "config: {pingInterval: 400ms}\nsteps:\n  - expect: '2'\n  - repeat:\n      times: 3\n      steps:\n        \
             - expect: '2'\n",
        );
        assert_eq!(pings, 400 + 4 * 400 + 1);
        assert_eq!(milliseconds("steps:\n  - send: 421[\"slow\",1000]\n"), 1001);
        let far = milliseconds("config: {pingInterval: 60s}\nsteps:\n  - send: 42[\"x\"]\n");
        assert_eq!(far, 1, "a ping that nobody waits for");
    }
}
