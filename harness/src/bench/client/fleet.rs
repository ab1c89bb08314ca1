//! All connections of the load client, and the loop that serves them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll, Registry, Token};
use siospec_codec::engine::Transport;

use super::address::Address;
use super::exchange::{Dialer, Exchange};
use super::member::{Heard, Link, Member, Outbox, Stage, hear};
use super::polling::{Half, Polling};
use super::stream::Stream;
use super::timer::{TIMER, Timer};
use super::websocket::WebSocket;
use crate::bench::latency::Times;
use crate::bench::phase::{Phase, Silence};
use crate::run::stop::Stop;

/// Connections that are made at the same time; a backlog of the kernel holds 128 on old systems.
const AT_ONCE: usize = 64;
/// The loop looks around at least this often, so that a wish to stop is heard.
const LOOK: Duration = Duration::from_millis(100);

/// Connections to one server.
#[derive(Debug)]
pub(crate) struct Fleet {
    poll: Poll,
    events: Events,
    timer: Timer,
    address: Arc<Address>,
    transport: Transport,
    members: Vec<Option<Member>>,
    outbox: Outbox,
    scratch: Vec<u8>,
    tally: Tally,
}

/// What became of the connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Connections that stand: CONNECT is answered.
    pub(crate) connected: usize,
    /// Connections that were lost or never came about.
    pub(crate) lost: usize,
    /// Why, the first time.
    pub(crate) why: Option<String>,
    /// Pings that were answered.
    pub(crate) pings: u64,
}

impl Fleet {
    /// No connections yet.
    pub(crate) fn new(address: Arc<Address>, transport: Transport) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = Timer::new(poll.registry())?;
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            timer,
            address,
            transport,
            members: Vec::new(),
            outbox: Outbox::default(),
            scratch: vec![0; 64 * 1024],
            tally: Tally::default(),
        })
    }

    /// What became of the connections so far.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Makes connections until there are `many`, or `until` has come, or one fails. The times are those from the
    /// first byte to the answer to CONNECT.
    pub(crate) fn grow(&mut self, many: usize, until: Instant, stop: &Stop) -> io::Result<Times> {
        let mut times = Times::default();
        while self.tally.connected < many && self.tally.lost == 0 {
            let now = Instant::now();
            if now >= until || stop.is_set() {
                break;
            }
            let opening = self.members.len() - self.tally.connected;
            for _ in opening..AT_ONCE.min(opening + many - self.members.len()) {
                self.begin(self.members.len(), now);
            }
            self.turn(until, &mut Silence, &mut |_, time| times.record(time))?;
        }
        Ok(times)
    }

    /// Makes connections, `at_once` at a time, and ends each as soon as it stands, until `until` has come or `most`
    /// were made.
    pub(crate) fn churn(
        &mut self,
        at_once: usize,
        most: u64,
        until: Instant,
        stop: &Stop,
    ) -> io::Result<Times> {
        let mut times = Times::default();
        let mut leaving: Vec<usize> = Vec::new();
        let start = Instant::now();
        (0..at_once).for_each(|place| self.begin(place, start));
        while times.len() < most && self.tally.lost == 0 {
            let now = Instant::now();
            if now >= until || stop.is_set() {
                break;
            }
            let mut made = Vec::new();
            self.turn(until, &mut Silence, &mut |place, time| {
                times.record(time);
                made.push(place);
            })?;
            for place in made {
                // A polling session outlives its connections, unless it is closed.
                self.outbox.packet(place, "1");
                leaving.push(place);
            }
            self.flush();
            let now = Instant::now();
            leaving.retain(|place| {
                let left = self.members[*place]
                    .as_ref()
                    .is_none_or(|member| member.link.is_flushed());
                if left {
                    self.members[*place] = None;
                }
                !left
            });
            for place in 0..at_once {
                if self.members[place].is_none() {
                    self.begin(place, now);
                }
            }
        }
        Ok(times)
    }

    /// Serves the connections until `until` has come or the phase is done.
    pub(crate) fn drive(
        &mut self,
        phase: &mut dyn Phase,
        until: Instant,
        stop: &Stop,
    ) -> io::Result<()> {
        loop {
            let now = Instant::now();
            if now >= until || stop.is_set() || phase.is_done(now) {
                return Ok(());
            }
            let wake = phase.tick(now, &mut self.outbox);
            self.flush();
            self.turn(wake.unwrap_or(until).min(until), phase, &mut |_, _| {})?;
        }
    }

    /// Closes every session, and waits a moment until polling servers have heard it.
    pub(crate) fn close(mut self, stop: &Stop) -> io::Result<()> {
        for client in 0..self.members.len() {
            self.outbox.packet(client, "1");
        }
        self.flush();
        let until = Instant::now() + Duration::from_secs(1);
        while Instant::now() < until && !stop.is_set() {
            let unheard = |member: &Member| !member.link.is_flushed();
            if !self.members.iter().flatten().any(unheard) {
                break;
            }
            self.turn(until, &mut Silence, &mut |_, _| {})?;
        }
        Ok(())
    }

    fn begin(&mut self, place: usize, now: Instant) {
        let member = match dial(&self.address, self.transport, place, self.poll.registry()) {
            Ok(link) => Some(Member {
                link,
                stage: Stage::Opening,
                begun: now,
            }),
            Err(why) => {
                self.tally.lose(why);
                None
            }
        };
        if place < self.members.len() {
            self.members[place] = member;
        } else {
            self.members.push(member);
        }
    }

    /// Waits once, and serves what is ready.
    fn turn(
        &mut self,
        wake: Instant,
        phase: &mut dyn Phase,
        connected: &mut dyn FnMut(usize, Duration),
    ) -> io::Result<()> {
        let patience = self.timer.set(wake, Instant::now(), LOOK);
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            if event.token() == TIMER {
                self.timer.rang();
                continue;
            }
            let place = event.token().0 / 2;
            let Err(why) = self.serve(place, event, phase, connected) else {
                self.flush();
                continue;
            };
            if self.members.get_mut(place).and_then(Option::take).is_some() {
                self.tally.lose(why);
                phase.lost(place);
            }
            self.flush();
        }
        self.events = events;
        Ok(())
    }

    fn serve(
        &mut self,
        place: usize,
        event: &Event,
        phase: &mut dyn Phase,
        connected: &mut dyn FnMut(usize, Duration),
    ) -> Result<(), String> {
        let half = match event.token().0 % 2 {
            0 => Half::Get,
            _ => Half::Post,
        };
        let Some(member) = self.members.get_mut(place).and_then(Option::as_mut) else {
            return Ok(());
        };
        if event.is_writable() {
            member.link.writable(half)?;
        }
        if !event.is_readable() && !event.is_read_closed() && !event.is_error() {
            return Ok(());
        }
        let now = Instant::now();
        let registry = self.poll.registry();
        let (outbox, stage) = (&mut self.outbox, member.stage);
        let mut heard = Heard::default();
        let mut deliver = |text: &str| hear(place, stage, text, now, outbox, phase, &mut heard);
        member
            .link
            .readable(half, &mut self.scratch, registry, &mut deliver)?;
        self.tally.pings += heard.pings;
        if let Some(sid) = heard.sid {
            member.stage = Stage::Connecting;
            member.link.opened(sid, registry)?;
        }
        if heard.connected && member.stage != Stage::Connected {
            member.stage = Stage::Connected;
            self.tally.connected += 1;
            connected(place, now - member.begun);
        }
        Ok(())
    }

    /// Writes what the outbox holds.
    fn flush(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        let (members, tally, registry) = (&mut self.members, &mut self.tally, self.poll.registry());
        self.outbox.drain(|place, packet| {
            let Some(member) = &mut members[place] else {
                return;
            };
            if let Err(why) = member.link.send(packet, registry) {
                members[place] = None;
                tally.lose(why);
            }
        });
    }
}

impl Tally {
    fn lose(&mut self, why: String) {
        self.lost += 1;
        self.why.get_or_insert(why);
    }
}

fn dial(
    address: &Arc<Address>,
    transport: Transport,
    place: usize,
    registry: &Registry,
) -> Result<Link, String> {
    let source = address.source(place);
    let dialer = |half: usize| Dialer {
        to: address.socket,
        source,
        token: Token(place * 2 + half),
    };
    match transport {
        Transport::Websocket => {
            let Dialer { to, source, token } = dialer(0);
            let stream = Stream::dial(to, source, registry, token);
            let link = stream.and_then(|stream| WebSocket::new(stream, address));
            Ok(Link::WebSocket(Box::new(link.map_err(|e| e.to_string())?)))
        }
        Transport::Polling => {
            let (get, post) = (Exchange::new(dialer(0)), Exchange::new(dialer(1)));
            let link = Polling::new(address.clone(), get, post, registry)?;
            Ok(Link::Polling(Box::new(link)))
        }
    }
}
