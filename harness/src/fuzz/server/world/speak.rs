//! Coming in, and events that concern the speaker alone.

use super::{Done, Life, Space, World, room};
use crate::fuzz::server::arguments::{Argument, Head, packet, yaml};
use crate::fuzz::server::script::Script;

impl World {
    pub(super) fn connect(&mut self, who: usize, space: Space, script: &mut Script) -> Done {
        let peer = self.peers.get(who).filter(|peer| peer.life != Life::Gone)?;
        if peer.joined.contains_key(&space) {
            return None;
        }
        let name = peer.name.clone();
        self.read(who, script);
        let value = match space {
            Space::Auth => "{ns: /auth, auth: {token: secret}}".to_owned(),
            _ => self.path(space),
        };
        script.step(format!("{name}.connect"), value);
        self.tell("joined", &name, space, script);
        let peer = &mut self.peers[who];
        peer.life = Life::Here;
        peer.joined.entry(space).or_default();
        Some(())
    }

    pub(super) fn refused(
        &mut self,
        who: usize,
        ns: &str,
        space: Option<Space>,
        script: &mut Script,
    ) -> Done {
        let peer = self.here(who)?;
        if space.is_some_and(|space| peer.joined.contains_key(&space)) {
            return None;
        }
        let name = peer.name.clone();
        self.read(who, script);
        script.literal(
            format!("{name}.send"),
            &format!("40{ns},{{\"token\":\"wrong\"}}"),
        );
        let payload = match space {
            Some(_) => "{\"message\":\"not authorized\",...}",
            None => "$_",
        };
        script.literal(format!("{name}.expect"), &format!("44{ns},{payload}"));
        Some(())
    }

    /// Writes an `emit` without its acknowledgement.
    pub(super) fn emit(
        &self,
        who: usize,
        space: Space,
        event: &str,
        arguments: &[Argument],
        script: &mut Script,
    ) {
        let all: Vec<_> = std::iter::once(Argument::text(event))
            .chain(arguments.iter().cloned())
            .collect();
        script.step(format!("{}.emit", self.peers[who].name), yaml(&all));
        if space != Space::Main {
            script.modifier("ns", &self.path(space));
        }
    }

    pub(super) fn echo(
        &mut self,
        who: usize,
        space: Space,
        arguments: &[Argument],
        script: &mut Script,
    ) -> Done {
        self.in_space(who, space)?;
        self.emit(who, space, "message", arguments, script);
        self.deliver(who, space, "message-back", arguments, script);
        // Whether it or somebody's broadcast comes first, nobody can tell, so it is read at once.
        self.read(who, script);
        Some(())
    }

    pub(super) fn ask(
        &mut self,
        who: usize,
        space: Space,
        event: &str,
        arguments: &[Argument],
        answer: &[Argument],
        script: &mut Script,
    ) -> Done {
        self.in_space(who, space)?;
        self.emit(who, space, event, arguments, script);
        script.modifier("ack", &yaml(answer));
        Some(())
    }

    pub(super) fn who_am_i(&mut self, who: usize, space: Space, script: &mut Script) -> Done {
        // What the app of `/auth` joins before it decides, a library may show or not.
        let peer = self.in_space(who, space).filter(|_| space != Space::Auth)?;
        let rooms: Vec<_> = peer.joined[&space].iter().map(Argument::text).collect();
        let id = self.id(&peer.name, space);
        let answer = format!(
            "[{{sid: {id}, nsp: {}, rooms: {}, ...}}]",
            self.path(space),
            yaml(&rooms)
        );
        self.emit(who, space, "whoami", &[], script);
        script.modifier("ack", &answer);
        Some(())
    }

    pub(super) fn note(
        &mut self,
        who: usize,
        space: Space,
        value: &Argument,
        script: &mut Script,
    ) -> Done {
        let peer = self.in_space(who, space).filter(|_| self.cast.monitored)?;
        // Others on the server hear it too, and know by its text that it is none of theirs; an attachment has none.
        if value.is_binary() && !self.cast.alone {
            return None;
        }
        let id = Argument::Id(self.id(&peer.name, space));
        self.emit(who, space, "note", std::slice::from_ref(value), script);
        let mut heard = vec![Argument::text("noted"), id, value.clone()];
        heard.extend(self.offset());
        script.literals(
            "M.expect",
            &packet(
                Head {
                    ack: false,
                    ns: "/monitor",
                    id: "",
                },
                &heard,
            ),
        );
        Some(())
    }

    pub(super) fn join(
        &mut self,
        who: usize,
        space: Space,
        rooms: &[usize],
        script: &mut Script,
    ) -> Done {
        self.in_space(who, space)?;
        let names: Vec<_> = rooms
            .iter()
            .map(|index| Argument::text(room(*index)))
            .collect();
        self.emit(who, space, "join", &[Argument::List(names)], script);
        let all = self.peers[who].joined.entry(space).or_default();
        all.extend(rooms.iter().map(|index| room(*index).to_owned()));
        self.acknowledge_rooms(who, space, script);
        Some(())
    }

    pub(super) fn leave(
        &mut self,
        who: usize,
        space: Space,
        index: usize,
        script: &mut Script,
    ) -> Done {
        self.in_space(who, space)?;
        self.emit(who, space, "leave", &[Argument::text(room(index))], script);
        self.peers[who]
            .joined
            .entry(space)
            .or_default()
            .remove(room(index));
        self.acknowledge_rooms(who, space, script);
        Some(())
    }

    fn acknowledge_rooms(&self, who: usize, space: Space, script: &mut Script) {
        let rooms: Vec<_> = self.peers[who].joined[&space]
            .iter()
            .map(Argument::text)
            .collect();
        match space {
            Space::Auth => script.modifier("ack", "[$_]"),
            _ => script.modifier("ack", &yaml(&[Argument::List(rooms)])),
        }
    }

    pub(super) fn call(
        &mut self,
        who: usize,
        space: Space,
        arguments: &[Argument],
        answer: Option<&[Argument]>,
        script: &mut Script,
    ) -> Done {
        self.in_space(who, space)?;
        self.read(who, script);
        let timeout = Argument::integer(if answer.is_some() { 5000 } else { 100 });
        let all: Vec<_> = std::iter::once(timeout)
            .chain(arguments.iter().cloned())
            .collect();
        self.emit(who, space, "call", &all, script);
        let hole = format!("${}", script.name("c"));
        self.expect(
            who,
            space,
            &self.event(space, &hole, "called", arguments),
            script,
        );
        let result = match answer {
            Some(answer) => {
                self.answer(who, space, &hole, answer, script);
                std::iter::once(Argument::Null)
                    .chain(answer.iter().cloned())
                    .collect()
            }
            None => vec![Argument::text("timeout")],
        };
        self.expect(
            who,
            space,
            &self.heard(space, "call-result", &result),
            script,
        );
        Some(())
    }

    /// Writes that somebody answers a call.
    pub(super) fn answer(
        &self,
        who: usize,
        space: Space,
        hole: &str,
        answer: &[Argument],
        script: &mut Script,
    ) {
        for literal in packet(
            Head {
                ack: true,
                ns: &self.path(space),
                id: hole,
            },
            answer,
        ) {
            script.literal(format!("{}.send", self.peers[who].name), &literal);
        }
    }

    pub(super) fn burst(
        &mut self,
        who: usize,
        space: Space,
        count: u32,
        binary: bool,
        script: &mut Script,
    ) -> Done {
        self.in_space(who, space)?;
        let options = Argument::Map(vec![("binary".to_owned(), Argument::Bool(binary))]);
        self.emit(
            who,
            space,
            "burst",
            &[Argument::integer(count), options],
            script,
        );
        for number in 0..count {
            let mut arguments = vec![Argument::integer(number)];
            arguments.extend(binary.then(|| Argument::Bytes(vec![1, 2, 3])));
            self.deliver(who, space, "burst", &arguments, script);
        }
        self.read(who, script);
        Some(())
    }

    pub(super) fn pipeline(
        &mut self,
        who: usize,
        space: Space,
        count: u32,
        ordered: bool,
        script: &mut Script,
    ) -> Done {
        let name = self.in_space(who, space)?.name.clone();
        self.read(who, script);
        let answers: Vec<String> = (0..count)
            .flat_map(|number| self.heard(space, "message-back", &[Argument::integer(number)]))
            .collect();
        for number in 0..count {
            let literals = self.event(space, "", "message", &[Argument::integer(number)]);
            script.literals(format!("{name}.send"), &literals);
        }
        match ordered {
            true => answers
                .into_iter()
                .for_each(|answer| self.expect(who, space, &[answer], script)),
            false => script.literals(format!("{name}.expect.any-order"), &answers),
        }
        Some(())
    }

    pub(super) fn sandwich(&mut self, who: usize, space: Space, script: &mut Script) -> Done {
        self.in_space(who, space)?;
        self.emit(who, space, "sandwich", &[], script);
        script.modifier("ack", "[]");
        self.deliver(who, space, "first", &[], script);
        self.deliver(who, space, "last", &[], script);
        self.read(who, script);
        Some(())
    }
}
