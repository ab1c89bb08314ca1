use super::*;
use crate::network::Ways;

const DELAY: Shaping = Shaping::Delay {
    time: Duration::from_secs(1),
    jitter: Duration::ZERO,
    seed: 0,
};
const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

fn cut(counted: Counted, count: u64) -> Command {
    Command::After(
        Trigger {
            direction: Direction::Up,
            counted,
            count,
        },
        Action::Reset,
    )
}

#[test]
fn without_a_rule_everything_passes() {
    let mut link = Link::default();
    let a = link.connect().unwrap();
    assert_eq!(
        link.passage(a, Direction::Up, GET),
        Passage {
            pass: GET.len(),
            then: None
        }
    );
    assert_eq!(link.position(), (GET.len() as u64, 0));
    assert_eq!(link.traffic().0.requests, 1);
}

#[test]
fn a_cut_after_the_fifth_byte_falls_there_however_the_bytes_arrive() {
    for first in 0..=5 {
        let mut link = Link::default();
        link.command(cut(Counted::Bytes, 5));
        let a = link.connect().unwrap();
        let passage = link.passage(a, Direction::Up, &GET[..first]);
        if first < 5 {
            assert_eq!(
                passage,
                Passage {
                    pass: first,
                    then: None
                }
            );
            assert_eq!(
                link.passage(a, Direction::Up, &GET[first..]),
                Passage {
                    pass: 5 - first,
                    then: Some(Action::Reset)
                }
            );
        } else {
            assert_eq!(
                passage,
                Passage {
                    pass: 5,
                    then: Some(Action::Reset)
                }
            );
        }
        assert_eq!(link.position(), (5, 0));
    }
}

#[test]
fn a_cut_before_the_first_byte_lets_nothing_through() {
    let mut link = Link::default();
    link.command(cut(Counted::Bytes, 0));
    let a = link.connect().unwrap();
    assert_eq!(
        link.passage(a, Direction::Up, GET),
        Passage {
            pass: 0,
            then: Some(Action::Reset)
        }
    );
}

#[test]
fn requests_are_counted_over_all_connections_of_the_client() {
    let mut link = Link::default();
    link.command(cut(Counted::Units(Unit::Request), 2));
    let (a, b) = (link.connect().unwrap(), link.connect().unwrap());
    assert_eq!(link.passage(a, Direction::Up, GET).then, None);
    let two = [GET, GET].concat();
    assert_eq!(
        link.passage(b, Direction::Up, &two),
        Passage {
            pass: GET.len(),
            then: Some(Action::Reset)
        }
    );
    assert_eq!(
        link.passage(b, Direction::Up, GET).then,
        None,
        "a rule acts once"
    );
}

#[test]
fn of_two_rules_the_earlier_place_acts_first_and_the_other_keeps_its_count() {
    let mut link = Link::default();
    link.command(cut(Counted::Bytes, 10));
    link.command(Command::After(
        Trigger {
            direction: Direction::Up,
            counted: Counted::Bytes,
            count: 4,
        },
        Action::Blackhole(Ways::Both),
    ));
    let a = link.connect().unwrap();
    assert_eq!(
        link.passage(a, Direction::Up, GET),
        Passage {
            pass: 4,
            then: Some(Action::Blackhole(Ways::Both))
        }
    );
    assert!(!link.passes(Direction::Up) && !link.passes(Direction::Down));
    assert_eq!(
        link.passage(a, Direction::Up, &GET[4..]),
        Passage {
            pass: 6,
            then: Some(Action::Reset)
        }
    );
}

#[test]
fn the_first_n_connections_fail_and_then_they_pass() {
    let mut link = Link::default();
    link.command(Command::Fail { connections: 2 });
    assert_eq!(
        [link.connect(), link.connect(), link.connect()],
        [None, None, Some(1)]
    );
    assert_eq!(
        link.command(Command::Now(Action::Refuse)),
        Some(Action::Refuse)
    );
    assert_eq!(link.connect(), None);
    link.command(Command::Now(Action::Restore));
    assert_eq!(link.connect(), Some(2));
}

#[test]
fn a_black_hole_holds_back_the_direction_that_it_is_for_and_another_adds_to_it() {
    let mut link = Link::default();
    let passes = |link: &Link| (link.passes(Direction::Up), link.passes(Direction::Down));
    for (ways, expected) in [
        (Ways::One(Direction::Up), (false, true)),
        (Ways::One(Direction::Down), (false, false)),
    ] {
        link.command(Command::Now(Action::Blackhole(ways)));
        assert_eq!(passes(&link), expected);
    }
    link.command(Command::Now(Action::Restore));
    assert_eq!(passes(&link), (true, true));
}

#[test]
fn restored_a_link_is_as_if_nothing_had_been_ordered() {
    let mut link = Link::default();
    for shaping in [DELAY, Shaping::Bandwidth(1), Shaping::Slice(1)] {
        link.command(Command::Shape(Ways::Both, shaping));
    }
    let shape = link.shape(0, Direction::Up).0;
    assert!(
        shape.bandwidth.is_some() && !shape.delay.is_zero(),
        "one beside the other"
    );
    link.command(Command::Fail { connections: 9 });
    link.command(cut(Counted::Bytes, 1));
    link.command(Command::Now(Action::Restore));
    let a = link.connect().unwrap();
    assert_eq!(
        link.shape(a, Direction::Up),
        (Shape::default(), Duration::ZERO)
    );
    assert_eq!(link.passage(a, Direction::Up, GET).then, None);
}

#[test]
fn jitter_repeats_with_its_seed_and_differs_by_connection_direction_and_seed() {
    let waits = |seed, connection, direction| {
        let mut link = Link::default();
        let shaping = Shaping::Delay {
            time: Duration::from_millis(10),
            jitter: Duration::from_millis(100),
            seed,
        };
        link.command(Command::Shape(Ways::Both, shaping));
        let waits: Vec<_> = (0..8)
            .map(|_| link.shape(connection, direction).1)
            .collect();
        let fits = |wait: &Duration| (10..=110).contains(&wait.as_millis());
        assert!(waits.iter().all(fits), "{waits:?}");
        waits
    };
    let first = waits(7, 1, Direction::Up);
    assert_eq!(first, waits(7, 1, Direction::Up));
    for other in [
        (8, 1, Direction::Up),
        (7, 2, Direction::Up),
        (7, 1, Direction::Down),
    ] {
        assert_ne!(first, waits(other.0, other.1, other.2));
    }
}
