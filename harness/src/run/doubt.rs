//! Whether a play is believed or deserves another: the rules, without the playing.

use std::time::Duration;

use crate::play::Failure;

/// How often a trial is played again because a time may have decided it.
pub(super) const REPLAYS: u32 = 3;
/// A wait that is longer than the harness was late by this factor did not end because of it.
const AMPLE: u32 = 5;
/// A measured time is off by less than all that was waited meanwhile, or two threads have waited for each other.
const EXACT: u32 = 2;

/// What was seen of a trial so far.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    replays: u32,
    late: Duration,
    starved: Duration,
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
    /// How long the step that failed had waited, unless it measured a time.
    pub(super) patience: Duration,
    /// Whether it was not let in where others may be why: in a crowd, or on a shared server that fell silent.
    pub(super) kept_out: bool,
    /// Whether others used the same instance, so that a time measured there may be off because of them.
    pub(super) in_company: bool,
}

impl Doubt {
    /// How often it was played again.
    pub(super) fn replays(&self) -> u32 {
        self.replays
    }

    /// What was in the way: the most that the harness was late by, and the server's threads waited, in any of the plays.
    pub(super) fn obstacles(&self) -> String {
        let late = format!("timers fired up to {:.1?} late", self.late);
        let starved = format!(
            "the server waited up to {:.1?} for a processor",
            self.starved
        );
        match (self.late.is_zero(), self.starved.is_zero()) {
            (_, true) => late,
            (true, false) => starved,
            (false, false) => format!("{late}, and {starved},"),
        }
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
        let missed = failure.missed;
        let explained_by = |delay: Duration| match missed {
            Some(missed) => delay * EXACT >= missed,
            None => delay * AMPLE >= seen.patience,
        };
        // It says more of how busy the machine is than of the server.
        let starved = failure.timing && !seen.starved.is_zero() && explained_by(seen.starved);
        if starved {
            self.starved = self.starved.max(seen.starved);
            failure.notes.push(format!(
                "the server waited {:.1?} for a processor meanwhile",
                seen.starved
            ));
        }
        let kept = seen.kept_out || seen.in_company && missed.is_some();
        let excused = starved || failure.timing && kept;
        let Some(late) = seen.late.or(excused.then_some(Duration::ZERO)) else {
            return false;
        };
        self.late = self.late.max(late);
        self.replays += 1;
        // The last wait is eight times as long as it needs to be, but a measured time does not grow with the patience.
        let rest = if missed.is_some() {
            seen.starved
        } else {
            Duration::ZERO
        };
        let ample = self.is_hopeless() && !explained_by(late.max(rest));
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
            missed: None,
        }
    }

    /// A time was measured, and lies beyond what is forgiven.
    fn missed(by: u64) -> Failure {
        Failure {
            missed: Some(ms(by)),
            ..failure(true)
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
        assert_eq!(doubt.obstacles(), "timers fired up to 500.0ms late");
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
            ["the server waited 400.0ms for a processor meanwhile"]
        );
        assert!(!Doubt::default().of_failure(&mut failure(true), starved(399)));
        assert!(!Doubt::default().of_failure(&mut failure(false), starved(400)));
    }

    #[test]
    fn a_measured_time_is_believed_where_nothing_explains_how_far_it_is_off() {
        let starved = |by| Circumstances {
            starved: ms(by),
            ..Circumstances::default()
        };
        assert!(!Doubt::default().of_failure(&mut missed(90), starved(44)));
        let mut doubt = Doubt::default();
        for _ in 0..4 {
            assert!(doubt.of_failure(&mut missed(90), starved(45)));
        }
        assert_eq!(
            doubt.obstacles(),
            "the server waited up to 45.0ms for a processor"
        );
        let mut doubt = Doubt::default();
        let late = Circumstances {
            late: Some(ms(60)),
            ..Circumstances::default()
        };
        let again: Vec<bool> = (0..4)
            .map(|_| doubt.of_failure(&mut missed(121), late))
            .collect();
        assert_eq!(again, [true, true, true, false]);
        assert!(doubt.of_failure(&mut missed(120), late));
    }

    #[test]
    fn a_time_measured_on_a_server_that_others_use_is_measured_again() {
        let in_company = Circumstances {
            in_company: true,
            ..waited()
        };
        let mut doubt = Doubt::default();
        assert!(doubt.of_failure(&mut missed(90), in_company));
        assert!(!doubt.of_failure(&mut missed(90), waited()));
        assert!(!Doubt::default().of_failure(&mut failure(true), in_company));
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
