//! What clients do in a conversation, as plain data: it can be drawn, left out and made simpler.

use super::arguments::Argument;

/// One thing that one client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Which client, by its place in the cast.
    pub who: usize,
    /// What it does.
    pub deed: Deed,
}

/// A namespace of the fixture contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// `/`
    Main,
    /// `/custom`
    Custom,
    /// `/auth`, with the right token.
    Auth,
    /// `/slow`, whose middleware waits.
    Slow,
    /// `/dyn-<digits>`, which no other conversation uses.
    Dynamic,
}

/// Whom a broadcast names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A room.
    Room(usize),
    /// A client, by its id in the namespace.
    Peer(usize),
}

/// The names that rooms have in conversations.
pub const ROOMS: [&str; 4] = ["red", "green", "blue", "a room/é"];

/// What a client can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Joins a namespace; opens the connection if there is none.
    Connect(Space),
    /// Asks for a namespace that nobody has.
    Unknown,
    /// Asks for `/auth` with a wrong token.
    Unauthorised,
    /// `message`, and its arguments back.
    Echo(Space, Vec<Argument>),
    /// `message-with-ack`, and its arguments back in the acknowledgement.
    Ask(Space, Vec<Argument>),
    /// `count-bytes`.
    Count(Space, Vec<u8>),
    /// `whoami`.
    WhoAmI(Space),
    /// `note`, which `/monitor` hears.
    Note(Space, Argument),
    /// `join`.
    Join(Space, Vec<usize>),
    /// `leave`.
    Leave(Space, usize),
    /// `emit-to`.
    Broadcast(Broadcast),
    /// Several clients broadcast to one room at once.
    Together(Space, usize, Vec<usize>),
    /// `call`; with no answer it times out.
    Call(Space, Vec<Argument>, Option<Vec<Argument>>),
    /// `call-many` to a room, everybody answers.
    CallMany(Space, usize),
    /// `burst`.
    Burst(Space, u32, bool),
    /// So many `message`s without waiting; whether their answers must come in order.
    Pipeline(Space, u32, bool),
    /// `sandwich`.
    Sandwich(Space),
    /// `double-ack`.
    DoubleAck(Space),
    /// `slow`, in milliseconds.
    Slow(Space, u32),
    /// Leaves a namespace with DISCONNECT.
    Disconnect(Space),
    /// `kick`; with `true` the whole connection.
    Kick(Space, bool),
    /// `kick-room`, of this namespace only.
    KickRoom(Space, usize),
    /// Upgrades from polling to WebSocket.
    Upgrade,
    /// Ends the connection as a client library does.
    Close,
    /// Loses the connection; with `true` by the proxy, else by itself.
    Lose(bool),
    /// Loses the connection, misses what this client says to a room meanwhile, and comes back as who it was.
    Return(usize),
    /// From now on the proxy passes so many bytes of it at a time.
    Slice(u32),
    /// Sends something that is wrong: a row of [`hostile::TABLE`](super::hostile::TABLE).
    Hostile(usize),
    /// Somebody who is no client makes a request: a row of [`stranger::TABLE`](super::stranger::TABLE).
    Stranger(usize),
    /// Reads all that is due, and makes sure that there is no more.
    Fence,
}

/// `emit-to`, with its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// The namespace.
    pub space: Space,
    /// From the server, so that the sender hears it too.
    pub from_io: bool,
    /// Rooms and ids; empty is the whole namespace.
    pub to: Vec<Target>,
    /// Rooms and ids that are left out.
    pub except: Vec<Target>,
    /// The arguments behind the event's name.
    pub arguments: Vec<Argument>,
    /// Whether the sender waits until it was handed over.
    pub acknowledged: bool,
}

impl Deed {
    /// At most about how many bytes a packet of the client, or a request with it, has on either transport.
    pub fn weight(&self) -> u64 {
        // The event's name, its options, namespace and ids.
        const AROUND: u64 = 600;
        let of = |arguments: &[Argument]| arguments.iter().map(Argument::weight).sum::<u64>();
        let arguments = match self {
            Self::Echo(_, arguments) | Self::Ask(_, arguments) => of(arguments),
            Self::Note(_, argument) => argument.weight(),
            Self::Broadcast(broadcast) => of(&broadcast.arguments),
            Self::Call(_, arguments, answer) => {
                of(arguments).max(of(answer.as_deref().unwrap_or_default()))
            }
            _ => 0,
        };
        AROUND + arguments
    }

    /// The same with less in it, the simplest first.
    pub fn simpler(&self) -> Vec<Self> {
        let plain = || vec![Argument::integer(1)];
        let shorter = |arguments: &[Argument]| {
            let mut all = vec![plain()];
            all.extend((0..arguments.len()).map(|index| {
                let mut rest = arguments.to_vec();
                rest.remove(index);
                rest
            }));
            all.retain(|rest| rest.len() < arguments.len() || arguments != plain());
            all
        };
        match self {
            Self::Echo(space, arguments) => shorter(arguments)
                .into_iter()
                .map(|arguments| Self::Echo(*space, arguments))
                .collect(),
            Self::Ask(space, arguments) => shorter(arguments)
                .into_iter()
                .map(|arguments| Self::Ask(*space, arguments))
                .collect(),
            Self::Call(space, arguments, answer) if *arguments != plain() => {
                vec![Self::Call(*space, plain(), answer.clone())]
            }
            Self::Join(space, rooms) if rooms.len() > 1 => rooms
                .iter()
                .map(|room| Self::Join(*space, vec![*room]))
                .collect(),
            Self::Burst(space, count, binary) if *count > 1 => {
                vec![
                    Self::Burst(*space, 1, *binary),
                    Self::Burst(*space, count / 2, *binary),
                ]
            }
            Self::Pipeline(space, count, ordered) if *count > 2 => {
                vec![
                    Self::Pipeline(*space, 2, *ordered),
                    Self::Pipeline(*space, count / 2, *ordered),
                ]
            }
            Self::Together(space, room, peers) if peers.len() > 2 => (0..peers.len())
                .map(|index| {
                    let mut rest = peers.clone();
                    rest.remove(index);
                    Self::Together(*space, *room, rest)
                })
                .collect(),
            Self::Broadcast(broadcast) => broadcast
                .simpler()
                .into_iter()
                .map(Self::Broadcast)
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl Broadcast {
    fn simpler(&self) -> Vec<Self> {
        let mut all = Vec::new();
        if self.arguments != [Argument::integer(1)] {
            all.push(Self {
                arguments: vec![Argument::integer(1)],
                ..self.clone()
            });
        }
        for index in 0..self.to.len() {
            if self.to.len() > 1 {
                let mut fewer = self.clone();
                fewer.to.remove(index);
                all.push(fewer);
            }
        }
        for index in 0..self.except.len() {
            let mut fewer = self.clone();
            fewer.except.remove(index);
            all.push(fewer);
        }
        all
    }
}
