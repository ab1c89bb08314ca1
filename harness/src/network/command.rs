//! What a script orders the network to do, and the words for it in the transcript.

use std::fmt;
use std::time::Duration;

use super::scanner::{Direction, Unit};

/// One direction of a link, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ways {
    /// This one.
    One(Direction),
    /// Up and down.
    Both,
}

/// What happens to the connections of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Both halves end with a TCP reset.
    Reset,
    /// Both halves end with a FIN.
    Close,
    /// One direction ends with a FIN, the other lives on.
    HalfClose(Direction),
    /// Nothing passes any more, and nobody is told; `Restore` lets what was held back go on.
    Blackhole(Ways),
    /// New connections are reset before a byte passes; those that stand are reset too.
    Refuse,
    /// Everything passes again as it came: black holes and shapes end, and what is armed is disarmed.
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

/// How bytes are shaped on their way; each kind stands beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shaping {
    /// Each piece arrives `time` later, and up to `jitter` more.
    Delay {
        /// At least this much.
        time: Duration,
        /// And up to this much more.
        jitter: Duration,
        /// What the jitter is drawn from: the same seed gives the same waits, connection by connection.
        seed: u64,
    },
    /// At most so many bytes a second.
    Bandwidth(u64),
    /// TCP segments of at most so many bytes.
    Slice(usize),
}

/// One command to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Shape bytes from now on.
    Shape(Ways, Shaping),
}

impl Ways {
    /// Whether bytes of that direction are meant.
    #[must_use]
    pub fn covers(self, direction: Direction) -> bool {
        match self {
            Self::One(one) => one == direction,
            Self::Both => true,
        }
    }
}

impl Action {
    /// Whether connections end by it, both their halves.
    #[must_use]
    pub fn ends(self) -> bool {
        matches!(self, Self::Reset | Self::Close | Self::Refuse)
    }
}

impl fmt::Display for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(direction) => direction.fmt(f),
            Self::Both => f.write_str("both ways"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset => f.write_str("reset"),
            Self::Close => f.write_str("close"),
            Self::HalfClose(direction) => write!(f, "half-close {direction}"),
            Self::Blackhole(ways) => write!(f, "blackhole {ways}"),
            Self::Refuse => f.write_str("refuse"),
            Self::Restore => f.write_str("restore"),
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.counted {
            Counted::Bytes => "byte",
            Counted::Units(Unit::Request) => "request",
            Counted::Units(Unit::Frame) => "frame",
            Counted::Units(Unit::Packet) => "packet",
        };
        write!(f, "behind {unit} {} {}", self.count, self.direction)
    }
}

impl fmt::Display for Shaping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay { time, jitter, .. } if jitter.is_zero() => write!(f, "{time:?} later"),
            Self::Delay { time, jitter, seed } => {
                write!(f, "{time:?} later, and up to {jitter:?} more (seed {seed})")
            }
            Self::Bandwidth(rate) => write!(f, "{rate} bytes a second"),
            Self::Slice(size) => write!(f, "in segments of {size} bytes"),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(action) => action.fmt(f),
            Self::After(trigger, action) => write!(f, "armed: {action} {trigger}"),
            Self::Fail { connections } => write!(f, "refuse the next {connections}"),
            Self::Shape(ways, shaping) => write!(f, "{ways}: {shaping}"),
        }
    }
}
