//! Packets whose order is free. Attachments stay behind their header.

use super::captures::Captures;
use super::mismatch::Mismatch;
use super::received::Received;
use super::socket::Head;
use crate::scenario::literal::PacketPattern;

/// Whether the packets that came so far can be the expected ones, each pattern used once. Holes
/// are bound when the last packet has come. Returns how many packets are still missing.
///
/// # Errors
/// However they are paired, one packet that came is none of the expected ones. The mismatch is
/// that of the first packet for which no pattern is left.
pub fn any_order(
    patterns: &[PacketPattern],
    received: &[Received],
    captures: &mut Captures,
) -> Result<usize, Mismatch> {
    let wanted = units(patterns, PacketPattern::attachments);
    let came = units(received, |packet| match packet {
        Received::Text(text) => Head::read(text)
            .and_then(|head| head.attachments)
            .unwrap_or(0),
        Received::Binary(_) => 0,
    });
    let mut search = Search {
        wanted: &wanted,
        came: &came,
        steps: 0,
        furthest: (0, None),
    };
    let mut used = vec![false; wanted.len()];
    match search.place(0, &mut used, captures) {
        Some(bound) if received.len() == patterns.len() => {
            *captures = bound;
            Ok(0)
        }
        Some(_) => Ok(patterns.len().saturating_sub(received.len())),
        None => Err(search.mismatch(patterns)),
    }
}

/// A header with as many of its attachments as are there.
fn units<T>(packets: &[T], attachments: impl Fn(&T) -> u64) -> Vec<&[T]> {
    let mut units = Vec::new();
    let mut rest = packets;
    while let Some(first) = rest.first() {
        let length = attachments(first).saturating_add(1).min(rest.len() as u64);
        let (unit, behind) = rest.split_at(usize::try_from(length).unwrap_or(rest.len()));
        units.push(unit);
        rest = behind;
    }
    units
}

/// Pairings that are tried before a list with many holes is given up.
const STEPS: u32 = 100_000;

struct Search<'a> {
    wanted: &'a [&'a [PacketPattern]],
    came: &'a [&'a [Received]],
    steps: u32,
    /// The furthest unit for which no pattern was found, and why the nearest one refused it.
    furthest: (usize, Option<Mismatch>),
}

impl Search<'_> {
    /// Finds a pattern for the unit at `at` and all behind it.
    fn place(&mut self, at: usize, used: &mut [bool], captures: &Captures) -> Option<Captures> {
        let Some(unit) = self.came.get(at) else {
            return Some(captures.clone());
        };
        for pattern in 0..self.wanted.len() {
            self.steps += 1;
            if used[pattern] || self.steps > STEPS {
                continue;
            }
            let mut bound = captures.clone();
            match fits(self.wanted[pattern], unit, &mut bound) {
                Ok(()) => {
                    used[pattern] = true;
                    let rest = self.place(at + 1, used, &bound);
                    used[pattern] = false;
                    if rest.is_some() {
                        return rest;
                    }
                }
                Err(mismatch) if at > self.furthest.0 || self.furthest.1.is_none() => {
                    self.furthest = (at, Some(mismatch));
                }
                Err(_) => {}
            }
        }
        None
    }

    fn mismatch(self, patterns: &[PacketPattern]) -> Mismatch {
        let (at, nearest) = self.furthest;
        let all: Vec<&str> = patterns.iter().map(|p| p.written.as_str()).collect();
        let unit = self.came.get(at).and_then(|unit| unit.first());
        let came = unit.map_or_else(String::new, ToString::to_string);
        let mismatch = Mismatch::new(format!("in any order {}", all.join(" · ")), came);
        match nearest {
            Some(nearest) if self.wanted.len() == 1 => nearest,
            _ if self.steps > STEPS => {
                mismatch.because("too many pairings are possible; name more of the packets")
            }
            _ => mismatch,
        }
    }
}

fn fits(
    patterns: &[PacketPattern],
    unit: &[Received],
    captures: &mut Captures,
) -> Result<(), Mismatch> {
    if unit.len() > patterns.len() {
        let first = patterns.first().map_or("", |p| p.written.as_str());
        return Err(Mismatch::new(first, &unit[0]));
    }
    patterns
        .iter()
        .zip(unit)
        .try_for_each(|(pattern, packet)| pattern.matches(packet, captures))
}
