//! One client's memberships in namespaces, as a pure state machine above the Engine.IO session.

use crate::acks::Acks;
use crate::args::Args;
use bytestring::ByteString;
use siospec_codec::socket::AckId;
use std::time::Instant;

/// A Socket.IO packet from the client, whole: its attachments are in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The namespace it is for, `/` included.
    pub namespace: ByteString,
    /// What it says.
    pub body: Body,
}

/// What a packet from the client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Asks to join, with the JSON object of its payload, if there was one.
    Connect(Option<ByteString>),
    /// Leaves.
    Disconnect,
    /// An event.
    Event {
        /// Its name; none if the name is a number, which is legal and never has a handler (SIO-EV-10).
        name: Option<ByteString>,
        /// Its arguments.
        args: Args,
        /// The id under which it wants to be acknowledged.
        id: Option<Id>,
    },
    /// Answers a request of the server.
    Ack {
        /// The id of the request, if there is one that a request of the server can have.
        id: Option<u64>,
        /// The answer.
        args: Args,
    },
    /// Only a server refuses, so this is a violation (SIO-CN-22).
    ConnectError,
}

/// An ack id of a client: a decimal integer of any length, without leading zeros (SIO-ACK-12 to SIO-ACK-14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Id {
    /// One that 64 bits hold.
    Number(u64),
    /// The digits of any other.
    Digits(ByteString),
}

impl Id {
    /// The id of a packet.
    pub fn of(id: AckId<'_>) -> Self {
        match id.as_u64() {
            Some(number) => Self::Number(number),
            None => {
                let digits = id.to_string();
                let digits = digits.trim_start_matches('0');
                Self::Digits(digits.into())
            }
        }
    }

    /// The id as the codec has it.
    pub fn as_ack_id(&self) -> AckId<'_> {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Digits(digits) => AckId::from_digits(digits).unwrap_or_else(|| 0.into()),
        }
    }
}

/// A rule of the Socket.IO protocol that the client broke; the connection is closed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// SIO-CN-16, SIO-CC-07
    #[error("CONNECT to a namespace already joined")]
    AlreadyConnected,
    /// SIO-CN-17, SIO-CN-21, SIO-DC-06, SIO-DC-16, SIO-BI-23
    #[error("packet for a namespace not joined")]
    NotConnected,
    /// SIO-CN-22
    #[error("CONNECT_ERROR from a client")]
    ConnectError,
    /// SIO-EV-22: what waits for a middleware is bounded.
    #[error("too many packets before the CONNECT was answered")]
    TooManyHeld,
    /// SIO-CN-19
    #[error("no namespace joined in time")]
    ConnectTimeout,
}

/// What the server has to do about a packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Action<S, W> {
    /// Nothing.
    Nothing,
    /// Decide on a CONNECT; [`Connection::accept`] or [`Connection::refuse`] follows.
    Connect {
        /// The namespace asked for.
        namespace: ByteString,
        /// The JSON object of the payload.
        auth: Option<ByteString>,
    },
    /// Run the handler of an event.
    Event {
        /// The member it is from.
        socket: S,
        /// Its name; none if it is a number.
        name: Option<ByteString>,
        /// Its arguments.
        args: Args,
        /// Its ack id.
        id: Option<Id>,
    },
    /// Wake whoever asked.
    Answer {
        /// The one who asked.
        waiter: W,
        /// The answer.
        args: Args,
    },
    /// The client has left; its handler hears of it.
    Left {
        /// The member that was.
        socket: S,
        /// Requests it will not answer any more.
        abandoned: Vec<W>,
    },
}

/// One client: its memberships, and the time it has to get one. `S` stands for a member, `W` for who waits for an ACK.
#[derive(Debug)]
pub struct Connection<S, W> {
    members: Vec<Member<S, W>>,
    deadline: Option<Instant>,
    max_held: usize,
}

#[derive(Debug)]
struct Member<S, W> {
    namespace: ByteString,
    stage: Stage<S>,
    acks: Acks<W>,
}

#[derive(Debug)]
enum Stage<S> {
    /// The middleware is at work; what the client sends meanwhile waits (SIO-EV-22).
    Joining {
        held: Vec<Incoming>,
    },
    Joined(S),
}

impl<S: Clone, W> Connection<S, W> {
    /// A client that has until `deadline` to join its first namespace (SIO-CN-19).
    pub fn new(deadline: Instant, max_held: usize) -> Self {
        Self {
            members: Vec::new(),
            deadline: Some(deadline),
            max_held,
        }
    }

    /// Takes a packet of the client.
    pub fn handle(&mut self, packet: Incoming) -> Result<Action<S, W>, Violation> {
        let Incoming { namespace, body } = packet;
        let at = self
            .members
            .iter()
            .position(|member| member.namespace == namespace);
        let at = match (at, &body) {
            (_, Body::ConnectError) => return Err(Violation::ConnectError),
            (Some(_), Body::Connect(_)) => return Err(Violation::AlreadyConnected),
            (None, Body::Connect(_)) => self.members.len(),
            (Some(at), _) => at,
            (None, _) => return Err(Violation::NotConnected),
        };
        if let Body::Connect(auth) = body {
            let stage = Stage::Joining { held: Vec::new() };
            self.members.push(Member {
                namespace: namespace.clone(),
                stage,
                acks: Acks::default(),
            });
            return Ok(Action::Connect { namespace, auth });
        }
        let member = &mut self.members[at];
        let socket = match &mut member.stage {
            Stage::Joining { held } if held.len() >= self.max_held => {
                return Err(Violation::TooManyHeld);
            }
            Stage::Joining { held } => {
                held.push(Incoming { namespace, body });
                return Ok(Action::Nothing);
            }
            Stage::Joined(socket) => socket,
        };
        match body {
            Body::Event { name, args, id } => Ok(Action::Event {
                socket: socket.clone(),
                name,
                args,
                id,
            }),
            // SIO-ACK-20
            Body::Ack { id, args } => {
                let waiter = id.and_then(|id| member.acks.answer(id));
                Ok(waiter.map_or(Action::Nothing, |waiter| Action::Answer { waiter, args }))
            }
            Body::Disconnect => {
                let socket = socket.clone();
                let mut member = self.members.remove(at);
                Ok(Action::Left {
                    socket,
                    abandoned: member.acks.abandon().collect(),
                })
            }
            Body::Connect(_) | Body::ConnectError => Ok(Action::Nothing),
        }
    }

    /// The middleware has admitted the client. Packets that came meanwhile are due now, in order.
    ///
    /// None if the connection has gone meanwhile: then nobody has joined (SIO-CN-29).
    pub fn accept(&mut self, namespace: &ByteString, socket: S) -> Option<Vec<Incoming>> {
        let member = self
            .members
            .iter_mut()
            .find(|member| member.namespace == *namespace)?;
        let Stage::Joining { held } = &mut member.stage else {
            return None;
        };
        let held = std::mem::take(held);
        // Not the one that shares the memory of a frame.
        member.namespace = namespace.clone();
        member.stage = Stage::Joined(socket);
        // SIO-CN-30
        self.deadline = None;
        Some(held)
    }

    /// The middleware has refused the client. The timer goes on (SIO-CN-20), and the client may try again (SIO-CE-13).
    ///
    /// It is a violation to have sent packets for a namespace that was not joined in the end; none if the connection
    /// has gone meanwhile.
    pub fn refuse(&mut self, namespace: &str) -> Option<Result<(), Violation>> {
        let joining = |member: &Member<S, W>| {
            member.namespace == *namespace && matches!(member.stage, Stage::Joining { .. })
        };
        let at = self.members.iter().position(joining)?;
        match self.members.remove(at).stage {
            Stage::Joining { held } if !held.is_empty() => Some(Err(Violation::NotConnected)),
            _ => Some(Ok(())),
        }
    }

    /// The server ends a membership. Whoever gets it is the one to tell the handler, so that it hears of it once
    /// (SIO-DC-11).
    pub fn leave(&mut self, namespace: &str) -> Option<(S, Vec<W>)> {
        let at = self
            .members
            .iter()
            .position(|member| member.namespace == *namespace)?;
        if matches!(self.members[at].stage, Stage::Joining { .. }) {
            return None;
        }
        let mut member = self.members.remove(at);
        let abandoned = member.acks.abandon().collect();
        match member.stage {
            Stage::Joined(socket) => Some((socket, abandoned)),
            Stage::Joining { .. } => None,
        }
    }

    /// The connection is gone: all memberships end (SIO-DC-12), those not decided yet without a word.
    pub fn close(&mut self) -> Vec<(S, Vec<W>)> {
        self.deadline = None;
        std::mem::take(&mut self.members)
            .into_iter()
            .filter_map(|mut member| match member.stage {
                Stage::Joined(socket) => Some((socket, member.acks.abandon().collect())),
                Stage::Joining { .. } => None,
            })
            .collect()
    }

    /// The members, in order of joining.
    pub fn sockets(&self) -> Vec<S> {
        let joined = |member: &Member<S, W>| match &member.stage {
            Stage::Joined(socket) => Some(socket.clone()),
            Stage::Joining { .. } => None,
        };
        self.members.iter().filter_map(joined).collect()
    }

    /// Registers a request of the server in a namespace; none if the client is not a member.
    pub fn ask(&mut self, namespace: &str, waiter: W, deadline: Option<Instant>) -> Result<u64, W> {
        let member = self
            .members
            .iter_mut()
            .find(|member| member.namespace == *namespace);
        match member {
            Some(member) if matches!(member.stage, Stage::Joined(_)) => {
                Ok(member.acks.ask(waiter, deadline))
            }
            _ => Err(waiter),
        }
    }

    /// Whether the client is a member.
    pub fn is_joined(&self, namespace: &str) -> bool {
        self.members.iter().any(|member| {
            member.namespace == *namespace && matches!(member.stage, Stage::Joined(_))
        })
    }

    /// When [`Connection::tick`] has something to say next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let acks = self
            .members
            .iter()
            .filter_map(|member| member.acks.poll_timeout())
            .min();
        [self.deadline, acks].into_iter().flatten().min()
    }

    /// What has run out of time at `now`: requests nobody answered, or the client itself.
    pub fn tick(&mut self, now: Instant) -> Result<Vec<W>, Violation> {
        if self.deadline.is_some_and(|at| now >= at) {
            self.deadline = None;
            return Err(Violation::ConnectTimeout);
        }
        let mut expired = Vec::new();
        for member in &mut self.members {
            while let Some(waiter) = member.acks.expire(now) {
                expired.push(waiter);
            }
        }
        Ok(expired)
    }
}
