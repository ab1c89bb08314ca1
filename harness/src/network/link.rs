//! The rules of one client's link: what is armed, how far its bytes have come, and what happens at which byte.
//!
//! Pure: the proxy tells it which bytes passed on which connection, it tells the proxy how many of them
//! may go on and what to do then. So the same bytes and the same rules always give the same cut.

use std::collections::BTreeMap;
use std::time::Duration;

use super::scanner::{Direction, Scanner, Unit};

/// What happens to the connections of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Both halves end with a TCP reset.
    Reset,
    /// Both halves end with a FIN.
    Close,
    /// One direction ends with a FIN, the other lives on.
    HalfClose(Direction),
    /// Nothing passes any more in either direction, and nobody is told; `Restore` lets it pass again.
    Blackhole,
    /// New connections are reset before a byte passes; those that stand are reset too.
    Refuse,
    /// New connections pass again, and what a black hole held back goes on.
    Restore,
}

/// What a trigger counts, over all connections of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Bytes of TCP payload.
    Bytes,
    /// Ends of requests, frames or packets.
    Units(Unit),
}

/// The place at which an armed action happens: behind the `count`-th of these in that direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trigger {
    /// The direction that is watched.
    pub direction: Direction,
    /// What is counted from the moment of arming on.
    pub counted: Counted,
    /// How many pass before the action; 0 means before the next byte.
    pub count: u64,
}

/// How bytes are shaped on their way.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Shape {
    /// Each piece arrives this much later.
    pub delay: Duration,
    /// And up to this much more, drawn from the link's seed.
    pub jitter: Duration,
    /// Bytes a second, where limited.
    pub bandwidth: Option<u64>,
    /// The largest TCP segment in bytes, where sliced.
    pub slice: Option<usize>,
}

/// One command to a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    /// Do it to all connections now.
    Now(Action),
    /// Do it when the trigger's place is reached.
    After(Trigger, Action),
    /// Reset the first so many new connections, then let them through.
    Fail {
        /// How many connections.
        connections: u64,
    },
    /// Shape one direction from now on.
    Shape(Direction, Shape),
}

/// What the proxy is to do with a chunk: let `pass` bytes through, then, if there is one, the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// How many bytes of the chunk go on, from its start.
    pub pass: usize,
    /// What happens behind them; the rest of the chunk is asked for again afterwards.
    pub then: Option<Action>,
}

#[derive(Debug)]
struct Armed {
    trigger: Trigger,
    action: Action,
    seen: u64,
}

/// Whether bytes pass at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weather {
    /// They do.
    #[default]
    Fair,
    /// They wait; connections stay open.
    Held,
    /// Connections are reset, new ones too.
    Refused,
}

/// The state of one client's link.
#[derive(Debug, Default)]
pub struct Link {
    weather: Weather,
    armed: Vec<Armed>,
    failing: u64,
    shapes: BTreeMap<bool, Shape>,
    scanners: BTreeMap<(u64, bool), Scanner>,
    passed: BTreeMap<bool, u64>,
    connections: u64,
}

impl Link {
    /// Takes a command; answers with the action that is to happen at once, if any.
    pub fn command(&mut self, command: Command) -> Option<Action> {
        match command {
            Command::Now(action) => {
                self.weather_of(action);
                return Some(action);
            }
            Command::After(trigger, action) => self.armed.push(Armed {
                trigger,
                action,
                seen: 0,
            }),
            Command::Fail { connections } => self.failing = connections,
            Command::Shape(direction, shape) => {
                self.shapes.insert(direction == Direction::Up, shape);
            }
        }
        None
    }

    /// A new connection has arrived: its number, or `None` where it is to be reset.
    pub fn connect(&mut self) -> Option<u64> {
        if self.weather == Weather::Refused {
            return None;
        }
        if self.failing > 0 {
            self.failing -= 1;
            return None;
        }
        self.connections += 1;
        Some(self.connections)
    }

    /// Whether bytes pass just now.
    #[must_use]
    pub fn weather(&self) -> Weather {
        self.weather
    }

    /// How bytes of that direction are shaped just now.
    #[must_use]
    pub fn shape(&self, direction: Direction) -> Shape {
        self.shapes
            .get(&(direction == Direction::Up))
            .copied()
            .unwrap_or_default()
    }

    /// Bytes that have passed in that direction, over all connections.
    #[must_use]
    pub fn passed(&self, direction: Direction) -> u64 {
        self.passed
            .get(&(direction == Direction::Up))
            .copied()
            .unwrap_or(0)
    }

    /// Bytes have arrived on a connection: how many go on, and what happens then.
    pub fn passage(&mut self, connection: u64, direction: Direction, bytes: &[u8]) -> Passage {
        let up = direction == Direction::Up;
        let scanner = self
            .scanners
            .entry((connection, up))
            .or_insert_with(|| Scanner::new(direction));
        let Some((pass, which)) = self
            .armed
            .iter()
            .enumerate()
            .filter(|(_, armed)| armed.trigger.direction == direction)
            .filter_map(|(which, armed)| Some((armed.reached(scanner, bytes)?, which)))
            .min()
        else {
            let boundaries = scanner.feed(bytes);
            for armed in self
                .armed
                .iter_mut()
                .filter(|a| a.trigger.direction == direction)
            {
                armed.seen += armed.counts(bytes.len(), &boundaries);
            }
            *self.passed.entry(up).or_default() += bytes.len() as u64;
            return Passage {
                pass: bytes.len(),
                then: None,
            };
        };
        let boundaries = scanner.feed(&bytes[..pass]);
        let action = self.armed.remove(which).action;
        for armed in self
            .armed
            .iter_mut()
            .filter(|a| a.trigger.direction == direction)
        {
            armed.seen += armed.counts(pass, &boundaries);
        }
        *self.passed.entry(up).or_default() += pass as u64;
        self.weather_of(action);
        Passage {
            pass,
            then: Some(action),
        }
    }

    /// A connection is gone; what was read along on it is forgotten.
    pub fn closed(&mut self, connection: u64) {
        self.scanners.retain(|(of, _), _| *of != connection);
    }

    fn weather_of(&mut self, action: Action) {
        self.weather = match action {
            Action::Blackhole => Weather::Held,
            Action::Refuse => Weather::Refused,
            Action::Restore => Weather::Fair,
            Action::Reset | Action::Close | Action::HalfClose(_) => self.weather,
        };
    }
}

impl Armed {
    /// The offset in `bytes` at which the trigger's count is full, if it is within them.
    fn reached(&self, scanner: &Scanner, bytes: &[u8]) -> Option<usize> {
        let left = self.trigger.count - self.seen;
        if left == 0 {
            return Some(0);
        }
        match self.trigger.counted {
            Counted::Bytes => usize::try_from(left)
                .ok()
                .filter(|left| *left <= bytes.len()),
            Counted::Units(unit) => {
                let mut ends = scanner
                    .clone()
                    .feed(bytes)
                    .into_iter()
                    .filter(|b| b.unit == unit);
                ends.nth(usize::try_from(left - 1).ok()?).map(|b| b.offset)
            }
        }
    }

    fn counts(&self, bytes: usize, boundaries: &[super::Boundary]) -> u64 {
        match self.trigger.counted {
            Counted::Bytes => bytes as u64,
            Counted::Units(unit) => boundaries.iter().filter(|b| b.unit == unit).count() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(link.passed(Direction::Up), GET.len() as u64);
        assert_eq!(link.passed(Direction::Down), 0);
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
            assert_eq!(link.passed(Direction::Up), 5);
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
            Action::Blackhole,
        ));
        let a = link.connect().unwrap();
        assert_eq!(
            link.passage(a, Direction::Up, GET),
            Passage {
                pass: 4,
                then: Some(Action::Blackhole)
            }
        );
        assert_eq!(link.weather(), Weather::Held);
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
}
