//! Coming back to a session that the server kept.

use super::{Done, Space, World};
use crate::fuzz::server::arguments::Argument;
use crate::fuzz::server::script::{Script, quoted};

impl World {
    /// Somebody is lost, misses what `speaker` says to one of its rooms, comes back with the offset of the last event
    /// that it saw, and is told.
    pub(super) fn come_back(&mut self, who: usize, speaker: usize, script: &mut Script) -> Done {
        let space = Space::Main;
        let peer = self.in_space(who, space)?;
        // The loss of a polling client is noticed late, and what more namespaces would recover is another matter.
        let fits = self.cast.setup.has_offsets()
            && !self.cast.monitored
            && !peer.on_polling()
            && peer.joined.len() == 1;
        let room = peer.joined[&space].first().filter(|_| fits)?.clone();
        self.in_space(speaker, space).filter(|_| speaker != who)?;
        let name = peer.name.clone();
        self.read(who, script);
        let offset = script.name("offset");
        self.emit(who, space, "message", &[Argument::text("last")], script);
        script.literal(
            format!("{name}.expect"),
            &format!("42[\"message-back\",\"last\",${offset}]"),
        );
        self.listeners += 1;
        let listener = format!("L{}", self.listeners);
        script.step(format!("{listener}.connect"), "/monitor");
        script.step(format!("{name}.drop"), "reset");
        script.literal(
            format!("{listener}.expect"),
            &self.told("left", &name, space),
        );
        script.step(format!("{listener}.close"), "");
        self.say_to(speaker, who, &room, script)?;
        script.step(format!("{name}.open"), "websocket");
        script.literal(
            format!("{name}.send"),
            &format!("40{{\"pid\":${name}.pid,\"offset\":${offset}}}"),
        );
        // Whether what was missed comes before the reply is free.
        let heard = [
            format!("40{{\"sid\":${name}.id,\"pid\":${name}.pid}}"),
            "42[\"msg\",\"missed\",$_]".to_owned(),
            "42[\"auth\",...]".to_owned(),
        ];
        script.step(format!("{name}.expect.any-order"), "");
        script.inside(&heard.map(|literal| format!("- {}", quoted(&literal))));
        self.peers[who].upgraded = true;
        Some(())
    }

    /// Writes that somebody speaks to a room in which one member is away.
    fn say_to(&mut self, speaker: usize, away: usize, room: &str, script: &mut Script) -> Done {
        let options = Argument::Map(vec![(
            "to".to_owned(),
            Argument::List(vec![Argument::text(room)]),
        )]);
        let said = [Argument::text("missed")];
        let all = [options, Argument::text("msg"), said[0].clone()];
        self.emit(speaker, Space::Main, "emit-to", &all, script);
        script.modifier("ack", "[]");
        let mut hearers = self.members(Space::Main, room);
        hearers.retain(|hearer| *hearer != speaker && *hearer != away);
        for hearer in hearers {
            self.deliver(hearer, Space::Main, "msg", &said, script);
        }
        Some(())
    }
}
