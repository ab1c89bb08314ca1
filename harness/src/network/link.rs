//! The rules of one client's link: what is armed, how far its bytes have come, and what happens at which byte.
//!
//! Pure: the proxy tells it which bytes passed on which connection, it tells the proxy how many of them
//! may go on, when, and what to do then. So the same bytes and the same rules always give the same cut.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng, rngs::SmallRng};

use super::command::{Action, Command, Counted, Shaping, Trigger};
use super::scanner::{Boundary, Direction, Scanner, Unit};

/// What the proxy is to do with a chunk: let `pass` bytes through, then, if there is one, the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// How many bytes of the chunk go on, from its start.
    pub pass: usize,
    /// What happens behind them; the rest of the chunk is asked for again afterwards.
    pub then: Option<Action>,
}

/// What has passed in one direction, over all connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of TCP payload.
    pub bytes: u64,
    /// Ends of HTTP requests, or of responses.
    pub requests: u64,
    /// Ends of WebSocket frames.
    pub frames: u64,
    /// Ends of Engine.IO packets.
    pub packets: u64,
}

/// How the bytes of one direction are shaped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// Each piece arrives this much later.
    pub delay: Duration,
    /// And up to this much more.
    pub jitter: Duration,
    /// What the jitter is drawn from.
    pub seed: u64,
    /// Bytes a second, where limited.
    pub bandwidth: Option<u64>,
    /// The largest TCP segment in bytes, where sliced.
    pub slice: Option<usize>,
}

#[derive(Debug)]
struct Armed {
    trigger: Trigger,
    action: Action,
    seen: u64,
}

/// One direction of the link, over all connections.
#[derive(Debug, Default)]
struct Lane {
    /// Whether a black hole holds its bytes back.
    held: bool,
    shape: Shape,
    /// Where each connection's jitter comes from.
    jitter: BTreeMap<u64, SmallRng>,
    scanners: BTreeMap<u64, Scanner>,
    passed: Traffic,
}

/// The state of one client's link.
#[derive(Debug, Default)]
pub struct Link {
    refused: bool,
    failing: u64,
    armed: Vec<Armed>,
    up: Lane,
    down: Lane,
    connections: u64,
}

impl Link {
    /// Takes a command; answers with the action that is to happen at once, if any.
    pub fn command(&mut self, command: Command) -> Option<Action> {
        match command {
            Command::Now(action) => {
                self.take(action);
                return Some(action);
            }
            Command::After(trigger, action) => self.armed.push(Armed {
                trigger,
                action,
                seen: 0,
            }),
            Command::Fail { connections } => self.failing = connections,
            Command::Shape(ways, shaping) => {
                for direction in [Direction::Up, Direction::Down] {
                    if ways.covers(direction) {
                        self.lane(direction).shaped(shaping);
                    }
                }
            }
        }
        None
    }

    /// A new connection has arrived: its number, or `None` where it is to be reset.
    pub fn connect(&mut self) -> Option<u64> {
        if self.refused {
            return None;
        }
        if self.failing > 0 {
            self.failing -= 1;
            return None;
        }
        self.connections += 1;
        Some(self.connections)
    }

    /// Whether bytes of that direction pass just now.
    #[must_use]
    pub fn passes(&self, direction: Direction) -> bool {
        let held = match direction {
            Direction::Up => self.up.held,
            Direction::Down => self.down.held,
        };
        !self.refused && !held
    }

    /// How the next piece of a connection is shaped, and how long it waits.
    pub fn shape(&mut self, connection: u64, direction: Direction) -> (Shape, Duration) {
        let lane = self.lane(direction);
        let shape = lane.shape;
        if shape.jitter.is_zero() {
            return (shape, shape.delay);
        }
        let rng = lane.jitter.entry(connection).or_insert_with(|| {
            let own = (connection << 1) | u64::from(direction == Direction::Up);
            SmallRng::seed_from_u64(shape.seed ^ own)
        });
        let jitter = shape.jitter.mul_f64(rng.random_range(0.0..=1.0));
        (shape, shape.delay + jitter)
    }

    /// Bytes that have passed upward and downward, over all connections.
    #[must_use]
    pub fn position(&self) -> (u64, u64) {
        (self.up.passed.bytes, self.down.passed.bytes)
    }

    /// What has passed upward and downward.
    #[must_use]
    pub fn traffic(&self) -> (Traffic, Traffic) {
        (self.up.passed, self.down.passed)
    }

    /// Bytes have arrived on a connection: how many go on, and what happens then.
    pub fn passage(&mut self, connection: u64, direction: Direction, bytes: &[u8]) -> Passage {
        let scanners = match direction {
            Direction::Up => &mut self.up.scanners,
            Direction::Down => &mut self.down.scanners,
        };
        let scanner = scanners
            .entry(connection)
            .or_insert_with(|| Scanner::new(direction));
        let watching = |armed: &Armed| armed.trigger.direction == direction;
        let reached = self
            .armed
            .iter()
            .enumerate()
            .filter(|(_, armed)| watching(armed))
            .filter_map(|(which, armed)| Some((armed.reached(scanner, bytes)?, which)))
            .min();
        let pass = reached.map_or(bytes.len(), |(pass, _)| pass);
        let boundaries = scanner.feed(&bytes[..pass]);
        let then = reached.map(|(_, which)| self.armed.remove(which).action);
        for armed in self.armed.iter_mut().filter(|armed| watching(armed)) {
            armed.seen += armed.counts(pass, &boundaries);
        }
        self.lane(direction).passed.add(pass, &boundaries);
        if let Some(action) = then {
            self.take(action);
        }
        Passage { pass, then }
    }

    /// A connection is gone; what was read along on it is forgotten.
    pub fn closed(&mut self, connection: u64) {
        for lane in [&mut self.up, &mut self.down] {
            lane.scanners.remove(&connection);
            lane.jitter.remove(&connection);
        }
    }

    fn take(&mut self, action: Action) {
        match action {
            Action::Blackhole(ways) => {
                self.up.held |= ways.covers(Direction::Up);
                self.down.held |= ways.covers(Direction::Down);
            }
            Action::Refuse => self.refused = true,
            Action::Restore => {
                self.refused = false;
                self.failing = 0;
                self.armed.clear();
                for lane in [&mut self.up, &mut self.down] {
                    lane.held = false;
                    lane.shape = Shape::default();
                }
            }
            Action::Reset | Action::Close | Action::HalfClose(_) => {}
        }
    }

    fn lane(&mut self, direction: Direction) -> &mut Lane {
        match direction {
            Direction::Up => &mut self.up,
            Direction::Down => &mut self.down,
        }
    }
}

impl Traffic {
    fn add(&mut self, bytes: usize, boundaries: &[Boundary]) {
        self.bytes += bytes as u64;
        for boundary in boundaries {
            match boundary.unit {
                Unit::Request => self.requests += 1,
                Unit::Frame => self.frames += 1,
                Unit::Packet => self.packets += 1,
            }
        }
    }
}

impl Lane {
    fn shaped(&mut self, shaping: Shaping) {
        match shaping {
            Shaping::Delay { time, jitter, seed } => {
                self.shape = Shape {
                    delay: time,
                    jitter,
                    seed,
                    ..self.shape
                };
                // The draw begins anew.
                self.jitter.clear();
            }
            Shaping::Bandwidth(rate) => self.shape.bandwidth = Some(rate),
            Shaping::Slice(size) => self.shape.slice = Some(size),
        }
    }
}

impl Armed {
    /// The offset in `bytes` at which the trigger's count is full, if it is within them.
    fn reached(&self, scanner: &Scanner, bytes: &[u8]) -> Option<usize> {
        let left = self.trigger.count.saturating_sub(self.seen);
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

    fn counts(&self, bytes: usize, boundaries: &[Boundary]) -> u64 {
        match self.trigger.counted {
            Counted::Bytes => bytes as u64,
            Counted::Units(unit) => boundaries.iter().filter(|b| b.unit == unit).count() as u64,
        }
    }
}

#[cfg(test)]
mod tests;
