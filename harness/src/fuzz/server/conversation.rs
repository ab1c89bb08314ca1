//! A conversation, and the scenario that it is.

use std::collections::BTreeSet;

use super::act::Act;
use super::draw::draw;
use super::feature;
use super::script::Script;
use super::vocabulary::{Usage, Vocabulary, name};
use super::world::{Cast, World};

/// Who takes part, and what they do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// What it was drawn from.
    pub seed: u64,
    /// The clients.
    pub cast: Cast,
    /// What they do. An act that makes no sense where it stands is passed over.
    pub acts: Vec<Act>,
}

/// A conversation as a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The whole file.
    pub text: String,
    /// For each step the act that it belongs to; `None` for what is asked in the end.
    pub origins: Vec<Option<usize>>,
    /// The acts that made sense.
    pub performed: Vec<usize>,
}

impl Conversation {
    /// The conversation of a seed.
    pub fn drawn(seed: u64, vocabulary: &Vocabulary) -> Self {
        let (cast, acts) = draw(seed, vocabulary);
        Self { seed, cast, acts }
    }

    /// Writes it down. `about` is the title and, where there is one, the note.
    pub fn written(&self, vocabulary: &Vocabulary, about: (&str, Option<&str>)) -> Written {
        let mut world = World::new(&self.cast, vocabulary);
        let mut script = Script::default();
        world.open(&mut script);
        let mut performed = Vec::new();
        for (index, act) in self.acts.iter().enumerate() {
            script.belongs_to(Some(index));
            let done = match vocabulary.of(&act.deed) {
                Usage::Asked => world.perform(act, &mut script),
                Usage::Endured => world.endure(act, &mut script),
                Usage::LeftOut => false,
            };
            if done {
                performed.push(index);
            }
        }
        script.belongs_to(None);
        world.end(&mut script);
        let (steps, origins) = script.finish();
        let text = self.header(&steps, &performed, about) + &steps;
        Written {
            text,
            origins,
            performed,
        }
    }

    fn header(
        &self,
        steps: &str,
        performed: &[usize],
        (title, note): (&str, Option<&str>),
    ) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut text = format!("title: {}\n", quoted(title));
        let acts = performed.iter().map(|index| &self.acts[*index]);
        let needs: BTreeSet<&str> = acts
            .flat_map(|act| feature::of(&act.deed))
            .flat_map(|feature| feature.needs.iter().copied())
            .collect();
        if !needs.is_empty() {
            let needs: Vec<_> = needs.into_iter().collect();
            text += &format!("needs: [{}]\n", needs.join(", "));
        }
        if let Some(config) = self.cast.setup.config() {
            text += &format!("config: {config}\n");
        }
        if self.cast.alone {
            text += "alone: true\n";
        }
        if let Some(note) = note {
            text += &format!("note: {}\n", quoted(note));
        }
        let seats = self
            .cast
            .seats
            .iter()
            .zip('A'..)
            .filter(|(_, name)| steps.contains(&format!("- {name}.")));
        let seats: Vec<_> = seats
            .map(|(seat, name)| {
                let transport = if seat.polling { "polling" } else { "websocket" };
                let via = if seat.proxied { ", via: proxy" } else { "" };
                format!("  {name}: {{transport: {transport}{via}, opened: false}}\n")
            })
            .collect();
        if !seats.is_empty() {
            text += &format!("clients:\n{}", seats.concat());
        }
        text + "steps:\n"
    }

    /// The same without acts that are not `kept`.
    pub(super) fn only(&self, kept: impl Fn(usize, &Act) -> bool) -> Self {
        let acts = self
            .acts
            .iter()
            .enumerate()
            .filter(|(index, act)| kept(*index, act));
        Self {
            acts: acts.map(|(_, act)| act.clone()).collect(),
            ..self.clone()
        }
    }

    /// What is special about the act that a step belongs to.
    pub(super) fn name_of(&self, act: Option<usize>) -> &'static str {
        act.and_then(|act| self.acts.get(act)).map_or("fence", name)
    }
}
