//! Draws conversations: the same seed and vocabulary give the same one.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::act::{Act, Broadcast, Deed, ROOMS, Space, Target};
use super::arguments::Argument;
use super::script::Script;
use super::setup::Setup;
use super::vocabulary::{Usage, Vocabulary};
use super::world::{Cast, Seat, World};
use super::{hostile, stranger};

/// Acts in a conversation, at least and at most.
const LENGTH: std::ops::Range<usize> = 6..40;
/// What cannot be done where the conversation stands is drawn again, but not for ever.
const TRIES: usize = 40;
/// Texts that servers have got wrong.
const TEXTS: [&str; 14] = [
    "",
    "hi",
    "€ø😀",
    "a-b",
    "42[\"x\"]",
    "line\nbreak",
    "\t\\\"/",
    "null",
    "$x",
    "~/x/",
    "1",
    "_placeholder",
    "4",
    "\u{1f}",
];
const NUMBERS: [&str; 9] = [
    "0",
    "1",
    "-1",
    "0.5",
    "-2.25",
    "123456789",
    "2147483648",
    "9007199254740991",
    "1000000",
];

/// A cast, and acts that follow from one another.
pub(super) fn draw(seed: u64, vocabulary: &Vocabulary) -> (Cast, Vec<Act>) {
    let mut draw = Draw(SmallRng::seed_from_u64(seed));
    let cast = draw.cast(vocabulary);
    let length = draw.0.random_range(LENGTH);
    let (mut world, mut script) = (World::new(&cast, vocabulary), Script::default());
    let mut acts = Vec::new();
    for _ in 0..length {
        for _ in 0..TRIES {
            let who = draw.0.random_range(0..cast.seats.len());
            let deed = draw.deed(cast.setup, cast.seats.len());
            let act = Act { who, deed };
            let done = match vocabulary.of(&act.deed) {
                Usage::Asked => world.perform(&act, &mut script),
                Usage::Endured => world.endure(&act, &mut script),
                Usage::LeftOut => false,
            };
            if done {
                acts.push(act);
                break;
            }
        }
    }
    (cast, acts)
}

struct Draw(SmallRng);

impl Draw {
    fn cast(&mut self, vocabulary: &Vocabulary) -> Cast {
        let clients = self.0.random_range(2..=5);
        let seats = (0..clients).map(|_| Seat {
            polling: !vocabulary.websocket() || self.0.random_bool(0.5),
            proxied: self.0.random_bool(0.2),
        });
        Cast {
            seats: seats.collect(),
            monitored: vocabulary.fixture() && self.0.random_bool(0.25),
            alone: vocabulary.fixture() && self.0.random_bool(0.05),
            dynamic: self.0.random_range(1000..1_000_000_000),
            setup: self.setup(vocabulary),
        }
    }

    /// Half of all conversations are plain.
    fn setup(&mut self, vocabulary: &Vocabulary) -> Setup {
        let chosen = vocabulary.setups().choose(&mut self.0).copied();
        let plain = self.0.random_bool(0.4);
        chosen.filter(|_| !plain).unwrap_or_default()
    }

    /// What makes sense on a server that is started so only comes first, since it seldom can be done.
    fn deed(&mut self, setup: Setup, peers: usize) -> Deed {
        if setup.has_offsets() && self.0.random_bool(0.25) {
            return Deed::Return(self.0.random_range(0..peers));
        }
        let space = self.space();
        match self.0.random_range(0..100) {
            0..16 => Deed::Connect(space),
            16..18 => Deed::Unknown,
            18..20 => Deed::Unauthorised,
            20..27 => Deed::Echo(space, self.arguments(4)),
            27..34 => Deed::Ask(space, self.arguments(4)),
            34 => Deed::Count(space, self.bytes()),
            35..38 => Deed::WhoAmI(space),
            38..40 => Deed::Note(space, self.argument(0)),
            40..50 => {
                let rooms = self.0.random_range(1..=2);
                Deed::Join(space, (0..rooms).map(|_| self.room()).collect())
            }
            50..53 => Deed::Leave(space, self.room()),
            53..68 => Deed::Broadcast(self.broadcast(space, peers)),
            68..70 => {
                let speakers = (0..peers).filter(|_| self.0.random_bool(0.7)).collect();
                Deed::Together(space, self.room(), speakers)
            }
            70..73 => {
                let answer = self.0.random_bool(0.97).then(|| self.answer());
                Deed::Call(space, self.arguments(2), answer)
            }
            73 => Deed::CallMany(space, self.room()),
            74 => Deed::Burst(space, self.0.random_range(1..20), self.0.random_bool(0.3)),
            75..77 => Deed::Pipeline(space, self.0.random_range(2..12), self.0.random_bool(0.5)),
            77 => Deed::Sandwich(space),
            78 => Deed::DoubleAck(space),
            79 => Deed::Slow(space, self.0.random_range(1..30)),
            80..82 => Deed::Disconnect(space),
            82 => Deed::Kick(space, self.0.random_bool(0.3)),
            83 => Deed::KickRoom(space, self.room()),
            84..88 => Deed::Upgrade,
            88 => Deed::Close,
            89 => Deed::Lose(self.0.random_bool(0.5)),
            90 => Deed::Slice(self.0.random_range(16..200)),
            91..96 => Deed::Hostile(self.0.random_range(0..hostile::TABLE.len())),
            96..98 => Deed::Stranger(self.0.random_range(0..stranger::TABLE.len())),
            _ => Deed::Fence,
        }
    }

    fn space(&mut self) -> Space {
        match self.0.random_range(0..400) {
            0..240 => Space::Main,
            240..310 => Space::Custom,
            310..350 => Space::Auth,
            // Its middleware takes its time.
            350 => Space::Slow,
            _ => Space::Dynamic,
        }
    }

    fn room(&mut self) -> usize {
        self.0.random_range(0..ROOMS.len())
    }

    fn broadcast(&mut self, space: Space, peers: usize) -> Broadcast {
        let to = match self.0.random_range(0..10) {
            0 => 0,
            1..7 => 1,
            _ => 2,
        };
        let except = usize::from(self.0.random_bool(0.2));
        Broadcast {
            space,
            from_io: self.0.random_bool(0.3),
            to: (0..to).map(|_| self.target(peers)).collect(),
            except: (0..except).map(|_| self.target(peers)).collect(),
            arguments: self.arguments(3),
            acknowledged: self.0.random_bool(0.8),
        }
    }

    fn target(&mut self, peers: usize) -> Target {
        match self.0.random_bool(0.8) {
            true => Target::Room(self.room()),
            false => Target::Peer(self.0.random_range(0..peers)),
        }
    }

    fn arguments(&mut self, most: usize) -> Vec<Argument> {
        let count = self.0.random_range(0..=most);
        (0..count).map(|_| self.argument(0)).collect()
    }

    /// An answer that every library can tell from none: not empty, and not null alone.
    fn answer(&mut self) -> Vec<Argument> {
        let mut answer = vec![Argument::text(self.text())];
        answer.extend(self.arguments(2));
        answer
    }

    fn argument(&mut self, depth: u32) -> Argument {
        let kinds = if depth < 3 { 12 } else { 8 };
        match self.0.random_range(0..kinds) {
            0 => Argument::Null,
            1 => Argument::Bool(self.0.random()),
            2..4 => Argument::Number(self.pick(&NUMBERS)),
            4..7 => Argument::text(self.text()),
            7 => Argument::Bytes(self.bytes()),
            8..10 => {
                let count = self.0.random_range(0..4);
                Argument::List((0..count).map(|_| self.argument(depth + 1)).collect())
            }
            _ => {
                let count: usize = self.0.random_range(0..4);
                let entry =
                    |index: usize, draw: &mut Self| (format!("k{index}"), draw.argument(depth + 1));
                Argument::Map((0..count).map(|index| entry(index, self)).collect())
            }
        }
    }

    fn text(&mut self) -> String {
        match self.0.random_range(0..12) {
            0 => "x".repeat(self.0.random_range(100..3000)),
            _ => self.pick(&TEXTS),
        }
    }

    fn pick(&mut self, from: &[&str]) -> String {
        from.choose(&mut self.0)
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.0.random_range(0..8);
        (0..length).map(|_| self.0.random()).collect()
    }
}
