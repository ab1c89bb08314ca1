//! Whether a play is believed or deserves another: the rules, without the playing.

use std::time::Duration;

use crate::play::Failure;

/// How often a trial is played again because a time may have decided it.
pub(super) const REPLAYS: u32 = 3;
/// A wait that is longer than the harness was late by this factor did not end because of it.
const AMPLE: u32 = 5;

/// What was seen of a trial so far.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    replays: u32,
    late: Duration,
    seen: Option<(String, String)>,
}

/// How a play that failed came about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Circumstances {
    /// Whether this failure was known before.
    pub(super) foreseen: bool,
    /// How late the harness's own timers were, if that may have decided it.
    pub(super) late: Option<Duration>,
    /// The longest that a thread of the server waited for a processor, where that deserves a second look.
    pub(super) starved: Duration,
    /// How long the step that failed had waited; nothing where it compared times itself.
    pub(super) patience: Duration,
    /// Whether it was not let in where others may be why: in a crowd, or on a shared server that fell silent.
    pub(super) kept_out: bool,
}

impl Doubt {
    /// How often it was played again.
    pub(super) fn replays(&self) -> u32 {
        self.replays
    }

    /// The most that the harness was late by in any of the plays.
    pub(super) fn late(&self) -> Duration {
        self.late
    }

    /// Whether the harness has been in the way too often for a verdict.
    pub(super) fn is_hopeless(&self) -> bool {
        self.replays > REPLAYS
    }

    /// Whether a trial that failed is to be played again.
    pub(super) fn of_failure(&mut self, failure: &mut Failure, seen: Circumstances) -> bool {
        // What is known to come needs no second look, and would be no longer the same in one: with patience beyond the
        // ping interval, a request that is held is answered after all.
        if seen.foreseen {
            return false;
        }
        // These say more of how busy the machine is than of the server.
        let long = !seen.starved.is_zero() && seen.starved * AMPLE >= seen.patience;
        let starved = failure.timing && long;
        if starved {
            failure.notes.push(format!(
                "the server's process waited {:.1?} for a processor meanwhile",
                seen.starved
            ));
        }
        let excused = starved || failure.timing && seen.kept_out;
        let Some(late) = seen.late.or(excused.then_some(Duration::ZERO)) else {
            return false;
        };
        self.late = self.late.max(late);
        self.replays += 1;
        let ample = self.is_hopeless() && late * AMPLE < seen.patience;
        // What does not hang on a time is believed when it comes a second time.
        let this = (failure.at.clone(), failure.summary.clone());
        let twice = !failure.timing && self.seen.replace(this.clone()) == Some(this);
        !ample && !twice
    }

    /// Whether a trial that passed is to be played again: nobody expected it to, and a late harness waits long enough
    /// for a server's own time limits.
    pub(super) fn of_pass(&mut self, fails: bool, late: bool) -> bool {
        let again = fails && late && self.replays < REPLAYS;
        self.replays += u32::from(again);
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(2);

    fn failure(timing: bool) -> Failure {
        Failure {
            at: "step 1".to_owned(),
            path: vec![0],
            span: None,
            client: None,
            summary: "what was expected did not come in time".to_owned(),
            expected: None,
            received: None,
            json_path: None,
            notes: Vec::new(),
            timing,
        }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn waited() -> Circumstances {
        Circumstances {
            patience: WAIT,
            ..Circumstances::default()
        }
    }

    fn late(by: u64) -> Circumstances {
        Circumstances {
            late: Some(ms(by)),
            ..waited()
        }
    }

    #[test]
    fn a_failure_on_a_machine_that_kept_up_is_believed() {
        let again = Doubt::default().of_failure(&mut failure(true), waited());
        assert!(!again);
    }

    #[test]
    fn a_failure_while_the_harness_was_late_is_looked_at_again_and_then_given_up() {
        let mut doubt = Doubt::default();
        let late = late(500);
        for replay in 1..=4 {
            assert!(doubt.of_failure(&mut failure(true), late));
            assert_eq!(doubt.is_hopeless(), replay == 4);
        }
        assert_eq!(doubt.late(), ms(500));
    }

    #[test]
    fn a_wait_far_longer_than_the_harness_was_late_is_believed_in_the_end() {
        let mut doubt = Doubt::default();
        let late = late(100);
        let again: Vec<bool> = (0..4)
            .map(|_| doubt.of_failure(&mut failure(true), late))
            .collect();
        assert_eq!(again, [true, true, true, false]);
    }

    #[test]
    fn what_hangs_on_no_time_is_believed_when_it_comes_twice() {
        let mut doubt = Doubt::default();
        let late = late(500);
        assert!(doubt.of_failure(&mut failure(false), late));
        assert!(!doubt.of_failure(&mut failure(false), late));
    }

    #[test]
    fn a_failure_that_is_known_is_believed_on_a_late_machine_too() {
        let known = Circumstances {
            foreseen: true,
            starved: WAIT,
            kept_out: true,
            ..late(500)
        };
        assert!(!Doubt::default().of_failure(&mut failure(true), known));
    }

    #[test]
    fn a_server_without_a_processor_gets_a_second_look_that_says_so() {
        let starved = |ms| Circumstances {
            starved: Duration::from_millis(ms),
            ..waited()
        };
        let mut slow = failure(true);
        assert!(Doubt::default().of_failure(&mut slow, starved(400)));
        assert_eq!(
            slow.notes,
            ["the server's process waited 400.0ms for a processor meanwhile"]
        );
        assert!(!Doubt::default().of_failure(&mut failure(true), starved(399)));
        assert!(!Doubt::default().of_failure(&mut failure(false), starved(400)));
    }

    #[test]
    fn a_client_that_others_may_have_kept_out_gets_a_second_look() {
        let crowd = Circumstances {
            kept_out: true,
            ..waited()
        };
        assert!(Doubt::default().of_failure(&mut failure(true), crowd));
        assert!(!Doubt::default().of_failure(&mut failure(false), crowd));
    }

    #[test]
    fn a_pass_that_nobody_expected_is_looked_at_again_where_the_harness_was_late() {
        let mut doubt = Doubt::default();
        assert!(!doubt.of_pass(false, true));
        assert!(!doubt.of_pass(true, false));
        let again: Vec<bool> = (0..4).map(|_| doubt.of_pass(true, true)).collect();
        assert_eq!(again, [true, true, true, false]);
    }
}
