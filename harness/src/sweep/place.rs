//! Where a conversation is cut.

use crate::network::{Counted, Direction, Traffic, Trigger, Unit};

/// Where a direction is cut: behind every so many bytes, and at the end of each request, frame and packet, which is
/// counted as such, so that it is found wherever its bytes stand in this play.
pub(super) fn places(direction: Direction, traffic: &Traffic, every: u64) -> Vec<Trigger> {
    let place = |counted, count| Trigger {
        direction,
        counted,
        count,
    };
    let step = usize::try_from(every).unwrap_or(usize::MAX);
    let bytes = (0..traffic.bytes).step_by(step);
    let mut places: Vec<_> = bytes.map(|count| place(Counted::Bytes, count)).collect();
    let units = [
        (Unit::Request, traffic.requests),
        (Unit::Frame, traffic.frames),
        (Unit::Packet, traffic.packets),
    ];
    for (unit, ends) in units {
        places.extend((1..=ends).map(|count| place(Counted::Units(unit), count)));
    }
    places
}

/// The smallest cut is the one behind the fewest bytes; boundaries come after them.
pub(super) fn size(at: &Trigger) -> (bool, u64) {
    (at.counted != Counted::Bytes, at.count)
}

/// The same in an order of which each part is spread over the whole, so that a sweep that ends early has seen
/// something of everything.
pub(super) fn spread<T>(places: Vec<T>) -> Vec<T> {
    let all = places.len();
    // About the golden section, and without a common divisor, so that each place comes once.
    let stride = (all * 618 / 1000..).find(|stride| divisor(*stride, all) == 1);
    let mut places: Vec<_> = places.into_iter().map(Some).collect();
    let turns = (0..all).map(|turn| turn * stride.unwrap_or(1) % all);
    turns
        .filter_map(|at| places.get_mut(at).and_then(Option::take))
        .collect()
}

/// The greatest common divisor; that of 0 and `b` is `b`.
fn divisor(a: usize, b: usize) -> usize {
    match a {
        0 => b,
        _ => divisor(b % a, a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_comes_once_and_any_part_is_spread_over_the_whole() {
        for all in 0..300 {
            let mut spread = spread((0..all).collect());
            if all >= 60 {
                let part = &spread[..all / 3];
                for fifth in 0..5 {
                    let (from, to) = (all * fifth / 5, all * (fifth + 1) / 5);
                    assert!(
                        part.iter().any(|at| (from..to).contains(at)),
                        "nothing from {from} to {to} in {part:?}"
                    );
                }
            }
            spread.sort_unstable();
            assert_eq!(spread, (0..all).collect::<Vec<_>>());
        }
    }
}
