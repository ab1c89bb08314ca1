//! What was asked and is not yet answered, by acknowledgement id.

use std::collections::VecDeque;
use std::time::Instant;

/// The events of one connection that wait for their acknowledgement. Ids count upwards; answers may come in any order.
#[derive(Debug, Default)]
pub(crate) struct Outstanding {
    /// The id of the oldest slot.
    first: u64,
    /// When each was to be sent; `None` where it is answered.
    slots: VecDeque<Option<Instant>>,
}

/// An acknowledgement that nobody waits for: sent twice, or with an id that was never asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unasked;

impl Outstanding {
    /// Nothing asked; the first id will be `first`.
    pub(crate) fn starting_at(first: u64) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    /// Takes the next id, for an event that was to be sent `at`.
    pub(crate) fn ask(&mut self, at: Instant) -> u64 {
        self.slots.push_back(Some(at));
        self.first + self.slots.len() as u64 - 1
    }

    /// The answer to `id` is there; says when its event was to be sent.
    pub(crate) fn answer(&mut self, id: u64) -> Result<Instant, Unasked> {
        let at = id
            .checked_sub(self.first)
            .and_then(|place| self.slots.get_mut(usize::try_from(place).ok()?))
            .and_then(Option::take)
            .ok_or(Unasked)?;
        while self.slots.front().is_some_and(Option::is_none) {
            self.slots.pop_front();
            self.first += 1;
        }
        Ok(at)
    }

    /// When those that wait were to be sent.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = Instant> + '_ {
        self.slots.iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_is_answered_once_in_any_order() {
        let (mut asked, now) = (Outstanding::starting_at(7), Instant::now());
        assert_eq!([asked.ask(now), asked.ask(now), asked.ask(now)], [7, 8, 9]);
        assert_eq!(asked.answer(9), Ok(now));
        assert_eq!(asked.answer(9), Err(Unasked));
        assert_eq!(asked.answer(7), Ok(now));
        assert_eq!(asked.answer(7), Err(Unasked));
        assert_eq!(asked.answer(10), Err(Unasked));
        assert_eq!(asked.unanswered().count(), 1);
        assert_eq!(asked.ask(now), 10);
    }
}
