//! Makes a failing conversation small, as long as it fails in the same way.

use std::time::Instant;

use super::class::Class;
use super::conversation::Conversation;
use super::setup::Setup;
use crate::play::Pending;

/// Whoever can say how a conversation fails, if it does.
pub(super) trait Court: Sync {
    /// Plays it once.
    fn fails<'a>(&'a self, conversation: &'a Conversation) -> Pending<'a, Option<Class>>;
}

/// How much may be tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Plays.
    pub(super) plays: u32,
    /// No play begins after this.
    pub(super) until: Instant,
}

impl Budget {
    fn take(&mut self) -> bool {
        let left = self.plays > 0 && Instant::now() < self.until;
        self.plays = self.plays.saturating_sub(1);
        left
    }
}

/// The smallest conversation found that fails as `class`.
pub(super) async fn shrink(
    whole: Conversation,
    class: &Class,
    mut budget: Budget,
    court: &impl Court,
) -> Conversation {
    let mut best = whole;
    loop {
        let before = best.clone();
        best = fewer_acts(best, class, &mut budget, court).await;
        best = simpler_acts(best, class, &mut budget, court).await;
        best = simpler_cast(best, class, &mut budget, court).await;
        if best == before {
            return best;
        }
    }
}

/// Takes away halves, quarters, … and at last single acts, from the end to the beginning.
async fn fewer_acts(
    mut best: Conversation,
    class: &Class,
    budget: &mut Budget,
    court: &impl Court,
) -> Conversation {
    let mut size = best.acts.len().div_ceil(2);
    while size > 0 {
        let mut end = best.acts.len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let candidate = best.only(|index, _| !(start..end).contains(&index));
            end = start;
            if !budget.take() {
                return best;
            }
            if court.fails(&candidate).await.as_ref() == Some(class) {
                best = candidate;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    best
}

async fn simpler_acts(
    mut best: Conversation,
    class: &Class,
    budget: &mut Budget,
    court: &impl Court,
) -> Conversation {
    for index in 0..best.acts.len() {
        let mut again = true;
        while again {
            again = false;
            for deed in best.acts[index].deed.simpler() {
                let mut candidate = best.clone();
                candidate.acts[index].deed = deed;
                if !budget.take() {
                    return best;
                }
                if court.fails(&candidate).await.as_ref() == Some(class) {
                    best = candidate;
                    again = true;
                    break;
                }
            }
        }
    }
    best
}

/// On a plain server, without monitor and proxies, and everybody on WebSocket.
async fn simpler_cast(
    mut best: Conversation,
    class: &Class,
    budget: &mut Budget,
    court: &impl Court,
) -> Conversation {
    let mut candidates = Vec::new();
    if best.cast.monitored {
        let mut candidate = best.clone();
        candidate.cast.monitored = false;
        candidates.push(candidate.cast);
    }
    if best.cast.alone {
        let mut candidate = best.clone();
        candidate.cast.alone = false;
        candidates.push(candidate.cast);
    }
    for index in 0..best.cast.seats.len() {
        let seat = best.cast.seats[index];
        for (polling, proxied) in [(false, false), (seat.polling, false), (false, seat.proxied)] {
            let mut cast = best.cast.clone();
            cast.seats[index].polling = polling;
            cast.seats[index].proxied = proxied;
            if cast != best.cast && !candidates.contains(&cast) {
                candidates.push(cast);
            }
        }
    }
    if best.cast.setup != Setup::Plain && budget.take() {
        let mut candidate = best.clone();
        candidate.cast.setup = Setup::Plain;
        if court.fails(&candidate).await.as_ref() == Some(class) {
            best = candidate;
        }
    }
    for cast in candidates {
        // Each takes one thing away from what is best now.
        let mut candidate = best.clone();
        candidate.cast.monitored &= cast.monitored;
        candidate.cast.alone &= cast.alone;
        for (now, wanted) in candidate.cast.seats.iter_mut().zip(&cast.seats) {
            now.polling &= wanted.polling;
            now.proxied &= wanted.proxied;
        }
        if candidate == best {
            continue;
        }
        if !budget.take() {
            return best;
        }
        if court.fails(&candidate).await.as_ref() == Some(class) {
            best = candidate;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fuzz::server::vocabulary::{Vocabulary, name};

    fn class() -> Class {
        Class {
            deed: "join".to_owned(),
            what: "wrong".to_owned(),
        }
    }

    /// Fails where somebody joins a room, and later somebody leaves one.
    struct JoinThenLeave;

    impl Court for JoinThenLeave {
        fn fails<'a>(&'a self, conversation: &'a Conversation) -> Pending<'a, Option<Class>> {
            let names: Vec<_> = conversation.acts.iter().map(name).collect();
            let join = names.iter().position(|name| *name == "join");
            let leave = names.iter().rposition(|name| *name == "leave");
            let fails = join.zip(leave).is_some_and(|(join, leave)| join < leave);
            Box::pin(std::future::ready(fails.then(class)))
        }
    }

    async fn shrunk(whole: &Conversation, plays: u32) -> Conversation {
        let until = Instant::now() + Duration::from_secs(60);
        shrink(
            whole.clone(),
            &class(),
            Budget { plays, until },
            &JoinThenLeave,
        )
        .await
    }

    #[tokio::test]
    async fn only_what_makes_it_fail_is_left() {
        let capabilities = ["rooms", "call", "dynamic"].map(str::to_owned);
        let vocabulary = Vocabulary::new(capabilities, true, &[], &[]);
        let mut seen = 0;
        for seed in 0..200 {
            let whole = Conversation::drawn(seed, &vocabulary);
            if JoinThenLeave.fails(&whole).await.is_none() {
                continue;
            }
            seen += 1;
            let small = shrunk(&whole, 10_000).await;
            let names: Vec<_> = small.acts.iter().map(name).collect();
            assert_eq!(names, ["join", "leave"], "seed {seed}");
            assert!(
                small
                    .cast
                    .seats
                    .iter()
                    .all(|seat| !seat.polling && !seat.proxied)
            );
            assert_eq!(shrunk(&whole, 0).await, whole);
        }
        assert!(seen > 20, "{seen}");
    }
}
