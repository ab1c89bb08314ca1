//! Going, in all its ways; moving to another transport; and what is wrong on purpose.

use super::{Done, Life, Peer, Space, World, room};
use crate::fuzz::server::arguments::Argument;
use crate::fuzz::server::hostile::{self, Outcome, Sent};
use crate::fuzz::server::script::{Script, quoted};
use crate::fuzz::server::stranger;

impl Peer {
    pub(super) fn on_polling(&self) -> bool {
        self.seat.polling && !self.upgraded
    }
}

impl World {
    pub(super) fn disconnect(&mut self, who: usize, space: Space, script: &mut Script) -> Done {
        let name = self.in_space(who, space)?.name.clone();
        self.read(who, script);
        script.literal(format!("{name}.send"), &format!("41{}", self.prefix(space)));
        self.peers[who].joined.remove(&space);
        // The round trip shows that the server has taken note.
        script.step(format!("{name}.nothing"), "");
        self.tell("left", &name, space, script);
        Some(())
    }

    pub(super) fn kick(
        &mut self,
        who: usize,
        space: Space,
        for_good: bool,
        script: &mut Script,
    ) -> Done {
        let name = self.in_space(who, space)?.name.clone();
        self.read(who, script);
        self.emit(who, space, "kick", &[Argument::Bool(for_good)], script);
        if !for_good {
            self.kicked(who, space, script);
            return Some(());
        }
        let goodbyes: Vec<_> = self.peers[who]
            .joined
            .keys()
            .map(|space| format!("41{}", self.prefix(*space)))
            .collect();
        match goodbyes.as_slice() {
            [_] => script.literals(format!("{name}.expect"), &goodbyes),
            _ => script.literals(format!("{name}.expect.any-order"), &goodbyes),
        }
        script.step(format!("{name}.dead"), "");
        self.gone(who, script);
        Some(())
    }

    pub(super) fn kick_room(
        &mut self,
        who: usize,
        space: Space,
        index: usize,
        script: &mut Script,
    ) -> Done {
        self.in_space(who, space)?;
        let members = self.members(space, room(index));
        if members.is_empty() || self.cast.monitored {
            return None;
        }
        for member in &members {
            self.read(*member, script);
        }
        self.emit(
            who,
            space,
            "kick-room",
            &[Argument::text(room(index)), Argument::Bool(false)],
            script,
        );
        for member in members {
            self.kicked(member, space, script);
        }
        Some(())
    }

    /// Writes that the server puts somebody out of a namespace.
    fn kicked(&mut self, who: usize, space: Space, script: &mut Script) {
        let name = self.peers[who].name.clone();
        self.expect(who, space, &[format!("41{}", self.prefix(space))], script);
        self.peers[who].joined.remove(&space);
        script.step(format!("{name}.nothing"), "");
        self.tell("left", &name, space, script);
    }

    pub(super) fn upgrade(&mut self, who: usize, script: &mut Script) -> Done {
        let name = self
            .here(who)
            .filter(|peer| peer.on_polling())?
            .name
            .clone();
        let request = format!("/socket.io/?EIO=4&transport=websocket&sid=${name}.sid");
        script.step(format!("{name}.ws.open"), request);
        script.literal(format!("{name}.ws.send"), "2probe");
        script.literal(format!("{name}.ws.expect"), "3probe");
        script.literal(format!("{name}.ws.send"), "5");
        self.peers[who].upgraded = true;
        Some(())
    }

    pub(super) fn close(&mut self, who: usize, script: &mut Script) -> Done {
        let name = self.here(who)?.name.clone();
        self.read(who, script);
        script.step(format!("{name}.close"), "");
        self.gone(who, script);
        Some(())
    }

    pub(super) fn lose(&mut self, who: usize, cut: bool, script: &mut Script) -> Done {
        let peer = self.here(who).filter(|peer| peer.seat.proxied || !cut)?;
        // When the loss of a polling client is noticed, nobody can tell.
        if self.cast.monitored && peer.on_polling() {
            return None;
        }
        let (name, upgraded) = (peer.name.clone(), peer.upgraded);
        self.read(who, script);
        if self.cast.monitored && upgraded {
            // An upgrade that has not arrived leaves the session to polling.
            script.step(format!("{name}.alive"), "");
        }
        match cut {
            true => script.step(format!("{name}.network"), "reset"),
            false => script.step(format!("{name}.drop"), "reset"),
        }
        self.gone(who, script);
        Some(())
    }

    pub(super) fn slice(&mut self, who: usize, size: u32, script: &mut Script) -> Done {
        let hasty = self.cast.setup.is_hasty();
        let peer = self
            .peers
            .get(who)
            // A pong behind a long event in small slices comes late.
            .filter(|peer| peer.seat.proxied && peer.life != Life::Gone && !hasty)?;
        script.step(
            format!("{}.network", peer.name),
            format!("{{slice: {{size: {size}, direction: up}}}}"),
        );
        self.peers[who].sliced = true;
        Some(())
    }

    pub(super) fn hostile(
        &mut self,
        who: usize,
        row: usize,
        enduring: bool,
        script: &mut Script,
    ) -> Done {
        let row = hostile::TABLE.get(row)?;
        let peer = self.here(who)?;
        let joined = peer.joined.contains_key(&Space::Main);
        let outcome = row.outcome;
        let uncertain = enduring || matches!(outcome, Outcome::Either | Outcome::Waits);
        if row.joined.is_some_and(|wanted| wanted != joined)
            || row.websocket && peer.on_polling()
            || row.is_long(self.limit) && peer.sliced
            || !row.fits(self.limit)
            // A request that is never answered could not even be sent.
            || enduring && peer.on_polling()
            || self.cast.monitored && uncertain
        {
            return None;
        }
        let name = peer.name.clone();
        self.read(who, script);
        for send in row.sends {
            match send {
                Sent::Frame(frame) => script.step(format!("{name}.ws.frame"), frame),
                packet => {
                    let literal = packet.literal(self.limit).unwrap_or_default();
                    script.literal(format!("{name}.send"), &literal);
                }
            }
        }
        match outcome {
            _ if enduring => {}
            Outcome::Waits => {}
            Outcome::Ignores => {
                script.step(format!("{name}.nothing"), "");
                return Some(());
            }
            Outcome::Closes => script.step(format!("{name}.dead"), ""),
            Outcome::Either => {
                script.step("either", "");
                script.inside(&[format!("- - {name}.dead:"), format!("- - {name}.nothing:")]);
            }
        }
        if uncertain {
            script.step(format!("{name}.drop"), "reset");
        }
        self.gone(who, script);
        Some(())
    }

    pub(super) fn stranger(&mut self, row: usize, script: &mut Script) -> Done {
        let row = stranger::TABLE.get(row)?;
        self.strangers += 1;
        let name = format!("X{}", self.strangers);
        script.step(format!("{name}.http"), row.request);
        script.step(format!("{name}.http.expect"), row.answer);
        Some(())
    }

    /// Somebody is lost for good; the monitor hears of each of the namespaces.
    fn gone(&mut self, who: usize, script: &mut Script) {
        let peer = &mut self.peers[who];
        peer.life = Life::Gone;
        peer.due.clear();
        let left = std::mem::take(&mut peer.joined);
        let name = peer.name.clone();
        if !self.cast.monitored {
            return;
        }
        let told: Vec<_> = left
            .keys()
            .map(|space| self.told("left", &name, *space))
            .collect();
        match told.as_slice() {
            [] => {}
            [one] => script.literal("M.expect", one),
            many => {
                script.step("M.expect.any-order", "");
                script.inside(
                    &many
                        .iter()
                        .map(|one| format!("- {}", quoted(one)))
                        .collect::<Vec<_>>(),
                );
            }
        }
    }
}
