//! The values of `network`: what the fault proxy is to do.

use super::lower::Lowerer;
use super::node::{Node, Value};
use super::verb::{Direction, Loss, Network, Trigger, Unit};

const DIRECTIONS: [(&str, Direction); 3] = [
    ("up", Direction::Up),
    ("down", Direction::Down),
    ("both", Direction::Both),
];

/// The faults that have fields.
pub(super) const FAULTS: [&str; 9] = [
    "cut",
    "reset",
    "close",
    "half-close",
    "blackhole",
    "refuse",
    "delay",
    "bandwidth",
    "slice",
];

impl Lowerer {
    pub(super) fn network(&mut self, value: &Node) -> Option<Network> {
        let both = Direction::Both;
        let cut = |how| Network::Cut { how, after: None };
        if matches!(value.value, Value::Scalar(..)) {
            let text = self.text(value, "a fault of the network")?;
            return match text {
                "restore" => Some(Network::Restore),
                "reset" => Some(cut(Loss::Reset)),
                "close" => Some(cut(Loss::Fin)),
                "blackhole" => Some(Network::Blackhole {
                    direction: both,
                    after: None,
                }),
                "refuse" => Some(Network::Refuse {
                    times: None,
                    after: None,
                }),
                _ => self.unknown(
                    value,
                    "fault of the network without fields",
                    text,
                    &["restore", "reset", "close", "blackhole", "refuse"],
                ),
            };
        }
        let faults = self.known(value, "network", &FAULTS)?;
        let [(name, node)] = faults.as_slice() else {
            return self.fail(
                value,
                "one fault at a time",
                Some("write a step for each".to_owned()),
            );
        };
        self.fault(name, node)
    }

    fn fault(&mut self, name: &str, node: &Node) -> Option<Network> {
        let fields: &[&'static str] = match name {
            "cut" => &["how", "after"],
            "reset" | "close" => &["after"],
            "half-close" | "blackhole" => &["direction", "after"],
            "refuse" => &["times", "after"],
            "delay" => &["time", "jitter", "seed", "direction"],
            "bandwidth" => &["rate", "direction"],
            _ => &["size", "direction"],
        };
        let mut how = if name == "close" {
            Loss::Fin
        } else {
            Loss::Reset
        };
        let mut direction = Direction::Both;
        let (mut after, mut times, mut number) = (None, None, None);
        let (mut time, mut jitter, mut seed) = (None, std::time::Duration::ZERO, 0);
        if matches!(node.value, Value::Scalar(..)) {
            // `blackhole: up`, `refuse: 3`, `delay: 100ms`, `slice: 1`
            match name {
                "half-close" | "blackhole" => {
                    direction = self.word(node, "direction", &DIRECTIONS)?;
                }
                "refuse" => times = Some(self.number(node, "number of connections")?),
                "delay" => time = Some(self.duration(node)?),
                "bandwidth" | "slice" => number = Some(self.number(node, "number of bytes")?),
                _ => {}
            }
        }
        let short =
            matches!(node.value, Value::Scalar(..)) && !matches!(name, "cut" | "reset" | "close");
        let given = if short {
            Vec::new()
        } else {
            self.known(node, name, fields)?
        };
        for (field, node) in given {
            match field {
                "how" => {
                    how = self.word(
                        node,
                        "way to cut",
                        &[("reset", Loss::Reset), ("fin", Loss::Fin)],
                    )?;
                }
                "after" => after = Some(self.trigger(node)?),
                "direction" => direction = self.word(node, "direction", &DIRECTIONS)?,
                "times" => times = Some(self.number(node, "number of connections")?),
                "time" => time = Some(self.duration(node)?),
                "jitter" => jitter = self.duration(node)?,
                "seed" => seed = self.number(node, "seed")?,
                _ => number = Some(self.number(node, "number of bytes")?),
            }
        }
        match (name, time, number) {
            ("cut" | "reset" | "close", ..) => Some(Network::Cut { how, after }),
            ("half-close", ..) if direction == Direction::Both => self.fail(
                node,
                "`half-close` needs the one direction that ends",
                Some("write `half-close: up`; both directions are `close`".to_owned()),
            ),
            ("half-close", ..) => Some(Network::HalfClose { direction, after }),
            ("blackhole", ..) => Some(Network::Blackhole { direction, after }),
            ("refuse", ..) if times.is_some() && after.is_some() => self.fail(
                node,
                "`refuse` takes `times` or `after`",
                Some("the next `times` connections from now on, or all from a place on".to_owned()),
            ),
            ("refuse", ..) => Some(Network::Refuse { times, after }),
            ("delay", Some(time), _) => Some(Network::Delay {
                time,
                jitter,
                seed,
                direction,
            }),
            ("bandwidth", _, Some(rate @ 1..)) => Some(Network::Bandwidth { rate, direction }),
            ("slice", _, Some(size @ 1..)) => Some(Network::Slice { size, direction }),
            _ => {
                let needs = match name {
                    "delay" => "time: 100ms",
                    "bandwidth" => "rate: 10000",
                    _ => "size: 1",
                };
                self.fail(
                    node,
                    format!("`{name}` needs more"),
                    Some(format!("write `{name}: {{{needs}}}`")),
                )
            }
        }
    }

    fn trigger(&mut self, node: &Node) -> Option<Trigger> {
        let units = [
            ("bytes", Unit::Bytes),
            ("packets", Unit::Packets),
            ("frames", Unit::Frames),
            ("requests", Unit::Requests),
        ];
        let mut counted = None;
        let mut direction = None;
        for (field, node) in self.known(
            node,
            "after",
            &["bytes", "packets", "frames", "requests", "direction"],
        )? {
            if field == "direction" {
                direction = Some(self.word(node, "direction", &DIRECTIONS[..2])?);
                continue;
            }
            let unit = units
                .iter()
                .find(|(name, _)| *name == field)
                .map_or(Unit::Bytes, |(_, unit)| *unit);
            counted = Some((unit, self.number(node, "number")?));
        }
        match (counted, direction) {
            (Some((unit, count)), Some(direction)) => Some(Trigger {
                unit,
                count,
                direction,
            }),
            _ => {
                let hint = "write `after: {packets: 2, direction: down}`";
                self.fail(
                    node,
                    "`after` needs a count and a direction",
                    Some(hint.to_owned()),
                )
            }
        }
    }
}
