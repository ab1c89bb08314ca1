//! Events that others hear.

use std::collections::BTreeSet;

use super::{Done, Due, Life, Space, World, room};
use crate::fuzz::server::act::{Broadcast, Target};
use crate::fuzz::server::arguments::{Argument, yaml};
use crate::fuzz::server::script::{Script, quoted};

impl World {
    pub(super) fn broadcast(
        &mut self,
        who: usize,
        broadcast: &Broadcast,
        script: &mut Script,
    ) -> Done {
        let space = broadcast.space;
        self.in_space(who, space)?;
        // A whole namespace is spoken to only where nobody else is.
        if broadcast.to.is_empty() && !self.cast.alone {
            return None;
        }
        let to = self.meant(&broadcast.to, space)?;
        let except = self.meant(&broadcast.except, space)?;
        let mut hearers: BTreeSet<usize> = match broadcast.to.is_empty() {
            true => self.everybody(space).collect(),
            false => to,
        };
        hearers.retain(|hearer| !except.contains(hearer) && (broadcast.from_io || *hearer != who));
        // Without an acknowledgement only those who hear it can tell that it was handed over.
        if !broadcast.acknowledged && hearers.is_empty() {
            return None;
        }
        let options = Argument::Map(vec![
            (
                "from".to_owned(),
                Argument::text(if broadcast.from_io { "io" } else { "socket" }),
            ),
            ("to".to_owned(), self.targets(&broadcast.to, space)),
            ("except".to_owned(), self.targets(&broadcast.except, space)),
        ]);
        let mut all = vec![options, Argument::text("msg")];
        all.extend(broadcast.arguments.iter().cloned());
        self.emit(who, space, "emit-to", &all, script);
        if broadcast.acknowledged {
            script.modifier("ack", "[]");
        }
        for hearer in hearers {
            self.deliver(hearer, space, "msg", &broadcast.arguments, script);
            if !broadcast.acknowledged {
                self.read(hearer, script);
            }
        }
        Some(())
    }

    /// Those who are in the rooms or have the ids; `None` if an id is nobody's.
    fn meant(&self, targets: &[Target], space: Space) -> Option<BTreeSet<usize>> {
        let mut meant = BTreeSet::new();
        for target in targets {
            match target {
                Target::Room(index) => meant.extend(self.members(space, room(*index))),
                Target::Peer(who) => {
                    self.in_space(*who, space)?;
                    meant.insert(*who);
                }
            }
        }
        Some(meant)
    }

    fn targets(&self, targets: &[Target], space: Space) -> Argument {
        let names = targets.iter().map(|target| match target {
            Target::Room(index) => Argument::text(room(*index)),
            Target::Peer(who) => Argument::Id(self.id(&self.peers[*who].name, space)),
        });
        Argument::List(names.collect())
    }

    pub(super) fn together(
        &mut self,
        space: Space,
        index: usize,
        speakers: &[usize],
        script: &mut Script,
    ) -> Done {
        let distinct: BTreeSet<usize> = speakers.iter().copied().collect();
        if distinct.len() < 2
            || distinct
                .iter()
                .any(|who| self.in_space(*who, space).is_none())
        {
            return None;
        }
        let hearers = self.members(space, room(index));
        for hearer in &hearers {
            self.read(*hearer, script);
        }
        script.step("together", "");
        for who in &distinct {
            let name = &self.peers[*who].name;
            let options = Argument::Map(vec![(
                "to".to_owned(),
                Argument::List(vec![Argument::text(room(index))]),
            )]);
            let all = [
                Argument::text("emit-to"),
                options,
                Argument::text("msg"),
                Argument::text(name),
            ];
            let mut lines = vec![
                format!("- {name}.emit: {}", yaml(&all)),
                "  ack: []".to_owned(),
            ];
            if space != Space::Main {
                lines.push(format!("  ns: {}", self.path(space)));
            }
            script.inside(&lines);
        }
        for hearer in hearers {
            let heard: Vec<String> = distinct
                .iter()
                .filter(|who| **who != hearer)
                .flat_map(|who| self.heard(space, "msg", &[Argument::text(&self.peers[*who].name)]))
                .collect();
            let words = format!("{}.expect.any-order", self.peers[hearer].name);
            match heard.as_slice() {
                [] => {}
                [one] => self.peers[hearer].due.push(Due {
                    space,
                    literals: vec![one.clone()],
                    act: script.act(),
                }),
                many => {
                    script.step(words, "");
                    script.inside(
                        &many
                            .iter()
                            .map(|one| format!("- {}", quoted(one)))
                            .collect::<Vec<_>>(),
                    );
                }
            }
        }
        Some(())
    }

    pub(super) fn call_many(
        &mut self,
        who: usize,
        space: Space,
        index: usize,
        script: &mut Script,
    ) -> Done {
        self.in_space(who, space)?;
        // The server may still ask one who is lost, and wait.
        if self.peers.iter().any(|peer| peer.life == Life::Gone) {
            return None;
        }
        let mut hearers = self.members(space, room(index));
        hearers.remove(&who);
        self.read(who, script);
        let options = Argument::Map(vec![(
            "to".to_owned(),
            Argument::List(vec![Argument::text(room(index))]),
        )]);
        let all = [options, Argument::integer(5000), Argument::text("q")];
        self.emit(who, space, "call-many", &all, script);
        for hearer in &hearers {
            self.read(*hearer, script);
            let hole = format!("${}", script.name("c"));
            self.expect(
                *hearer,
                space,
                &self.event(space, &hole, "called", &[Argument::text("q")]),
                script,
            );
            self.answer(*hearer, space, &hole, &[Argument::text("yes")], script);
        }
        let answers = vec![Argument::text("yes"); hearers.len()];
        let result = [Argument::Null, Argument::List(answers)];
        self.expect(
            who,
            space,
            &self.heard(space, "call-many-result", &result),
            script,
        );
        Some(())
    }
}
