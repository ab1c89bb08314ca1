//! The model: who is connected where and in which room, and what everybody must hear of an act.

use std::collections::{BTreeMap, BTreeSet};

use super::act::{Act, Deed, ROOMS, Space};
use super::arguments::{Argument, Head, packet, prefix};
use super::script::Script;
use super::setup::Setup;
use super::vocabulary::Vocabulary;

mod broadcast;
mod come_back;
mod leave;
mod speak;

/// How a client of the cast connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// On HTTP long-polling, and not on WebSocket.
    pub polling: bool,
    /// Through the fault proxy.
    pub proxied: bool,
}

/// What a conversation starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cast {
    /// The clients, `A` to `E`.
    pub seats: Vec<Seat>,
    /// Whether `M` listens on `/monitor`.
    pub monitored: bool,
    /// Whether nobody else is on the server, so that whole namespaces may be spoken to.
    pub alone: bool,
    /// The digits of the dynamic namespace.
    pub dynamic: u32,
    /// How the server is started.
    pub setup: Setup,
}

/// The state of the conversation.
#[derive(Debug)]
pub(super) struct World {
    cast: Cast,
    /// The bytes that a packet or a request of a client may have.
    limit: u64,
    peers: Vec<Peer>,
    strangers: u32,
    /// Monitors that listened for a moment.
    listeners: u32,
}

#[derive(Debug)]
struct Peer {
    name: String,
    seat: Seat,
    life: Life,
    upgraded: bool,
    sliced: bool,
    /// Rooms by namespace.
    joined: BTreeMap<Space, BTreeSet<String>>,
    /// What was sent to it and it has not read, in order.
    due: Vec<Due>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Away,
    Here,
    Gone,
}

#[derive(Debug)]
struct Due {
    space: Space,
    literals: Vec<String>,
    act: Option<usize>,
}

/// Whether an act makes sense where the conversation stands; `None` if not.
type Done = Option<()>;

impl World {
    /// Nobody is there yet.
    pub(super) fn new(cast: &Cast, vocabulary: &Vocabulary) -> Self {
        let peers = cast.seats.iter().enumerate().map(|(index, seat)| Peer {
            name: char::from(b'A' + u8::try_from(index).unwrap_or(0)).to_string(),
            seat: *seat,
            life: Life::Away,
            upgraded: false,
            sliced: false,
            joined: BTreeMap::new(),
            due: Vec::new(),
        });
        Self {
            peers: peers.collect(),
            limit: cast.setup.limit().unwrap_or(vocabulary.limit()),
            cast: cast.clone(),
            strangers: 0,
            listeners: 0,
        }
    }

    /// Writes what happens before the first act.
    pub(super) fn open(&self, script: &mut Script) {
        if self.cast.monitored {
            script.step("M.connect", "/monitor");
        }
    }

    /// Writes an act and what must come of it. Where it makes no sense, nothing is written, and `false` is returned.
    pub(super) fn perform(&mut self, act: &Act, script: &mut Script) -> bool {
        let mark = script.mark();
        let done = act.deed.weight() <= self.limit && self.attempt(act, script).is_some();
        if !done {
            script.back_to(mark);
        }
        done
    }

    /// Each arm asks whether the act makes sense before it changes anything.
    fn attempt(&mut self, act: &Act, script: &mut Script) -> Done {
        let who = act.who;
        match &act.deed {
            Deed::Connect(space) => self.connect(who, *space, script),
            Deed::Unknown => self.refused(who, "/nowhere", None, script),
            Deed::Unauthorised => self.refused(who, "/auth", Some(Space::Auth), script),
            Deed::Echo(space, arguments) => self.echo(who, *space, arguments, script),
            Deed::Ask(space, arguments) => self.ask(
                who,
                *space,
                "message-with-ack",
                arguments,
                arguments,
                script,
            ),
            Deed::Count(space, bytes) => {
                let length = Argument::Number(bytes.len().to_string());
                self.ask(
                    who,
                    *space,
                    "count-bytes",
                    &[Argument::Bytes(bytes.clone())],
                    &[length],
                    script,
                )
            }
            Deed::Slow(space, time) => {
                let time = [Argument::integer(*time)];
                self.ask(who, *space, "slow", &time, &time, script)
            }
            Deed::WhoAmI(space) => self.who_am_i(who, *space, script),
            Deed::Note(space, value) => self.note(who, *space, value, script),
            Deed::Join(space, rooms) => self.join(who, *space, rooms, script),
            Deed::Leave(space, room) => self.leave(who, *space, *room, script),
            Deed::Broadcast(broadcast) => self.broadcast(who, broadcast, script),
            Deed::Together(space, room, speakers) => self.together(*space, *room, speakers, script),
            Deed::Call(space, arguments, answer) => {
                self.call(who, *space, arguments, answer.as_deref(), script)
            }
            Deed::CallMany(space, room) => self.call_many(who, *space, *room, script),
            Deed::Burst(space, count, binary) => self.burst(who, *space, *count, *binary, script),
            Deed::Pipeline(space, count, ordered) => {
                self.pipeline(who, *space, *count, *ordered, script)
            }
            Deed::Sandwich(space) => self.sandwich(who, *space, script),
            Deed::DoubleAck(space) => self.ask(
                who,
                *space,
                "double-ack",
                &[],
                &[Argument::text("a")],
                script,
            ),
            Deed::Disconnect(space) => self.disconnect(who, *space, script),
            Deed::Kick(space, for_good) => self.kick(who, *space, *for_good, script),
            Deed::KickRoom(space, room) => self.kick_room(who, *space, *room, script),
            Deed::Upgrade => self.upgrade(who, script),
            Deed::Close => self.close(who, script),
            Deed::Lose(cut) => self.lose(who, *cut, script),
            Deed::Return(speaker) => self.come_back(who, *speaker, script),
            Deed::Slice(size) => self.slice(who, *size, script),
            Deed::Hostile(row) => self.hostile(who, *row, false, script),
            Deed::Stranger(row) => self.stranger(*row, script),
            Deed::Fence => self.fence(who, script),
        }
    }

    /// The same, where nothing is asked of the one who sends what is wrong: only the others must not suffer.
    pub(super) fn endure(&mut self, act: &Act, script: &mut Script) -> bool {
        let Deed::Hostile(row) = act.deed else {
            return false;
        };
        let mark = script.mark();
        let done = self.hostile(act.who, row, true, script).is_some();
        if !done {
            script.back_to(mark);
        }
        done
    }

    /// Writes what must hold in the end: everybody has heard all and is still served, and so is a newcomer.
    pub(super) fn end(&mut self, script: &mut Script) {
        for who in 0..self.peers.len() {
            if self.peers[who].life == Life::Here {
                self.read(who, script);
                script.step(format!("{}.alive", self.peers[who].name), "");
            }
        }
        script.step("F.connect", "/");
        self.tell("joined", "F", Space::Main, script);
        script.step("F.alive", "");
    }

    /// Somebody who is connected.
    fn here(&self, who: usize) -> Option<&Peer> {
        self.peers.get(who).filter(|peer| peer.life == Life::Here)
    }

    /// Somebody who is in a namespace.
    fn in_space(&self, who: usize, space: Space) -> Option<&Peer> {
        self.here(who)
            .filter(|peer| peer.joined.contains_key(&space))
    }

    fn path(&self, space: Space) -> String {
        match space {
            Space::Main => "/".to_owned(),
            Space::Custom => "/custom".to_owned(),
            Space::Auth => "/auth".to_owned(),
            Space::Slow => "/slow".to_owned(),
            Space::Dynamic => format!("/dyn-{}", self.cast.dynamic),
        }
    }

    fn prefix(&self, space: Space) -> String {
        prefix(&self.path(space))
    }

    /// How the scenario names somebody's id.
    fn id(&self, name: &str, space: Space) -> String {
        match space {
            Space::Main => format!("${name}.id"),
            _ => format!("${name}.id({})", self.path(space)),
        }
    }

    /// The members of a room, by their places.
    fn members(&self, space: Space, room: &str) -> BTreeSet<usize> {
        self.everybody(space)
            .filter(|who| self.peers[*who].joined[&space].contains(room))
            .collect()
    }

    fn everybody(&self, space: Space) -> impl Iterator<Item = usize> {
        (0..self.peers.len()).filter(move |who| self.in_space(*who, space).is_some())
    }

    /// An event is under way to somebody, who need not read it at once.
    fn deliver(
        &mut self,
        who: usize,
        space: Space,
        name: &str,
        arguments: &[Argument],
        script: &Script,
    ) {
        let literals = self.heard(space, name, arguments);
        self.peers[who].due.push(Due {
            space,
            literals,
            act: script.act(),
        });
    }

    /// The literals of an event that a client hears, and that does not ask for an answer.
    fn heard(&self, space: Space, name: &str, arguments: &[Argument]) -> Vec<String> {
        let offset = self.offset();
        let all: Vec<_> = arguments.iter().cloned().chain(offset).collect();
        self.event(space, "", name, &all)
    }

    /// What stands behind the arguments of an event to a client.
    fn offset(&self) -> Option<Argument> {
        let has_offsets = self.cast.setup.has_offsets();
        has_offsets.then(|| Argument::Id("$_".to_owned()))
    }

    /// The literals of an event.
    fn event(&self, space: Space, id: &str, name: &str, arguments: &[Argument]) -> Vec<String> {
        let all: Vec<_> = std::iter::once(Argument::text(name))
            .chain(arguments.iter().cloned())
            .collect();
        packet(
            Head {
                ack: false,
                ns: &self.path(space),
                id,
            },
            &all,
        )
    }

    /// Writes that somebody reads all that is under way.
    fn read(&mut self, who: usize, script: &mut Script) {
        let now = script.act();
        for due in std::mem::take(&mut self.peers[who].due) {
            script.belongs_to(due.act);
            self.expect(who, due.space, &due.literals, script);
        }
        script.belongs_to(now);
    }

    /// Writes that somebody reads one packet. The order between namespaces is free, so it is that namespace's next.
    fn expect(&self, who: usize, space: Space, literals: &[String], script: &mut Script) {
        script.literals(format!("{}.expect", self.peers[who].name), literals);
        script.modifier("ns", &self.path(space));
    }

    fn fence(&mut self, who: usize, script: &mut Script) -> Done {
        self.here(who)?;
        self.read(who, script);
        script.step(format!("{}.nothing", self.peers[who].name), "");
        Some(())
    }

    /// Writes that the monitor hears of somebody who came or went.
    fn tell(&self, event: &str, name: &str, space: Space, script: &mut Script) {
        if self.cast.monitored {
            script.literal("M.expect", &self.told(event, name, space));
        }
    }

    fn told(&self, event: &str, name: &str, space: Space) -> String {
        let rest = match event == "left" || self.cast.setup.has_offsets() {
            true => ",...",
            false => "",
        };
        format!(
            "42/monitor,[\"{event}\",\"{}\",{}{rest}]",
            self.path(space),
            self.id(name, space)
        )
    }
}

/// The name of a room.
fn room(index: usize) -> &'static str {
    ROOMS[index % ROOMS.len()]
}
