//! One trial on one server, played until there is a verdict that deserves the name.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::doubt::{Circumstances, Doubt, REPLAYS};
use super::plan::Plan;
use super::silence::{heard, is_silent};
use super::stop::Stop;
use crate::outcome::{Failure, Snippet, Verdict};
use crate::play::{End, PlayOptions, Played, Pulse, play};
use crate::scenario::source::Source;
use crate::scenario::trial::Trial;
use crate::scenario::verb::Verb;
use crate::target::knobs::Settings;
use crate::target::needs::Needs;
use crate::target::server::{Lease, Server};
use crate::target::waits::{Threads, Waits};
use crate::transcript::Transcript;

/// How the note ends that says that a trial ended the process of its server.
pub(crate) const ENDED_IT: &str = "(alone, so this trial ended it)";
/// A server that answers so many trials nothing, with nobody else there, does so to everybody.
const SHUT: u32 = 3;
/// How long after a failure a process may take to be seen dead.
const GRACE: Duration = Duration::from_millis(100);

/// What keeps plays honest about time: the measure of the harness's own lateness, and one place for those that are
/// played again because of it.
pub(crate) struct Pace {
    pulse: Pulse,
    /// Those of the runtime, where that is known: servers within this process wait for a processor as they do.
    threads: Arc<Threads>,
    calm: Semaphore,
    /// How many trials heard nothing either from a server that they had for themselves.
    shut: AtomicU32,
}

impl Pace {
    /// Starts to measure the runtime that it is called in.
    pub(crate) fn start(threads: Arc<Threads>) -> Self {
        Self {
            pulse: Pulse::start(),
            threads,
            calm: Semaphore::new(1),
            shut: AtomicU32::new(0),
        }
    }

    /// What the threads of a server have waited for a processor so far.
    async fn waits(&self, lease: &Lease<'_>) -> Waits {
        match lease.is_within() {
            true => Waits::of_threads(&self.threads),
            false => lease.waits().await,
        }
    }

    fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Relaxed) >= SHUT
    }

    /// Waits for the place of a trial that is played again, unless it is held already: whoever asks for a second one
    /// waits for itself. False if the run was stopped meanwhile.
    async fn wait_for<'p>(&'p self, place: &mut Option<SemaphorePermit<'p>>, stop: &Stop) -> bool {
        if place.is_none() {
            *place = tokio::select! {
                place = self.calm.acquire() => place.ok(),
                () = stop.set() => None,
            };
        }
        place.is_some()
    }
}

/// One play among others.
pub(crate) struct Turn<'a> {
    /// Whether a failure was known before, so that there is no need to look again whether it is one.
    pub(crate) foreseen: &'a (dyn Fn(&Failure) -> bool + Sync),
    /// Whether it is known to fail, each time.
    pub(crate) fails: bool,
    /// Whether a wait deserves a second look if the server's process lacked a processor in it.
    pub(crate) spares: bool,
}

impl Turn<'_> {
    /// A play on a server of which nothing is known.
    pub(crate) fn on_a_stranger() -> Self {
        Self {
            foreseen: &|_| false,
            fails: false,
            spares: true,
        }
    }
}

/// A verdict and what it rests on.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) transcript: Option<Arc<Transcript>>,
    /// Whether it failed because something did not come in time.
    pub(crate) waited: bool,
    /// Whether a shared instance fell silent under it, and one of its own did not.
    pub(crate) moved: bool,
}

impl Judgement {
    pub(super) fn errored(reason: String) -> Self {
        Self {
            verdict: Verdict::Errored {
                reason,
                failure: None,
            },
            transcript: None,
            waited: false,
            moved: false,
        }
    }

    pub(super) fn not_offered(reason: String) -> Self {
        Self {
            verdict: Verdict::NotOffered { reason },
            transcript: None,
            waited: false,
            moved: false,
        }
    }
}

/// Plays the trial. It is played again, one such trial at a time, where a time decided while the harness's own scheduler
/// was late, and on an instance of its own where a shared process died under it, fell silent, or gave a time that is off,
/// since any of the trials may have done that. `None` if the run was stopped meanwhile.
pub(crate) async fn judge(
    plan: &Plan,
    server: &Server,
    settings: &Settings,
    trial: &Arc<Trial>,
    pace: &Pace,
    turn: Turn<'_>,
    stop: &Stop,
) -> Option<Judgement> {
    let mut needs = Needs::of(trial);
    let mut doubt = Doubt::default();
    let mut place = None;
    let mut moved = false;
    while !doubt.is_hopeless() {
        let lease = match server.lend(settings, &needs).await {
            Ok(lease) => lease,
            Err(error) => {
                return Some(Judgement::errored(format!(
                    "the server could not be started: {error}"
                )));
            }
        };
        let apart = moved;
        let replays = doubt.replays();
        let options = PlayOptions {
            time_scale: plan.time_scale,
            // How long an answer may take unless the scenario says is no rule: a slow machine gets more each time.
            wait: PlayOptions::default().wait * 2_u32.pow(replays),
            target: lease.control(),
            pulse: Some(pace.pulse.clone()),
            ..PlayOptions::default()
        };
        let before = pace.waits(&lease).await;
        let mut played = play(trial, &lease.endpoint, &options, stop.set()).await;
        let failed = !matches!(played.end, End::Passed | End::Cancelled);
        let death = match failed && !needs.process {
            true => died(&lease).await,
            false => None,
        };
        let waited = pace.waits(&lease).await.longest_since(&before);
        let shared = lease.is_shared();
        let foreseen = match &played.end {
            End::Failed(failure) => {
                (turn.foreseen)(&located(&trial.scenario.source, failure.clone()))
            }
            _ => false,
        };
        let unheard = !heard(&played.transcript);
        let silent = match &played.end {
            End::Failed(failure) if failure.timing && shared && !foreseen && !pace.is_shut() => {
                unheard || is_silent(&lease.endpoint, options.scaled(options.wait)).await
            }
            _ => false,
        };
        lease.give_back().await;
        if death.is_some() && shared {
            needs.alone = true;
            continue;
        }
        let again = match &mut played.end {
            End::Failed(failure) => {
                if failure.timing && unheard && apart {
                    pace.shut.fetch_add(1, Ordering::Relaxed);
                }
                moved |= silent;
                needs.alone |= moved || shared && failure.missed.is_some();
                let seen = Circumstances {
                    foreseen,
                    late: played.late,
                    starved: if turn.spares { waited } else { Duration::ZERO },
                    patience: options.scaled(patience(trial, failure, &options)),
                    in_company: shared,
                    kept_out: silent || failure.at == "setup" && trial.is_a_crowd(),
                };
                doubt.of_failure(failure, seen)
            }
            End::Passed => doubt.of_pass(turn.fails, played.late.is_some()),
            End::Errored(_) | End::Cancelled => false,
        };
        if again && !pace.wait_for(&mut place, stop).await {
            return None;
        }
        if !again || moved && pace.is_shut() {
            return judged(trial, played, death, apart && !unheard);
        }
    }
    let reason = format!(
        "this machine was too busy to judge it: {} in each of {} plays; try fewer --jobs, or --time-scale",
        doubt.obstacles(),
        REPLAYS + 1
    );
    Some(Judgement::errored(reason))
}

/// How long the step that failed had waited, before scaling.
fn patience(trial: &Trial, failure: &crate::play::Failure, options: &PlayOptions) -> Duration {
    let Some((first, rest)) = failure.path.split_first() else {
        return options.wait;
    };
    let Some(mut step) = trial.case.steps.get(*first) else {
        return options.wait;
    };
    for index in rest {
        let inner = match &step.verb {
            Verb::Repeat(repeat) => repeat.steps.get(*index),
            Verb::Together(steps) => steps.get(*index),
            // In a block of branches the path names the branch first, and the outer step's own wait will do.
            _ => None,
        };
        let Some(inner) = inner else { break };
        step = inner;
    }
    match (&step.verb, step.within) {
        (Verb::Check(_), _) => Duration::ZERO,
        (Verb::Dead(time), within) => time.or(within).unwrap_or(options.dead),
        (_, within) => within.unwrap_or(options.wait),
    }
}

/// How the process died, if it did: a closed connection may be seen a moment before the end of its process.
async fn died(lease: &Lease<'_>) -> Option<String> {
    if let Some(death) = lease.death().await {
        return Some(death);
    }
    tokio::time::sleep(GRACE).await;
    lease.death().await
}

fn judged(trial: &Trial, played: Played, death: Option<String>, moved: bool) -> Option<Judgement> {
    let source = &trial.scenario.source;
    let waited = matches!(&played.end, End::Failed(failure) if failure.timing);
    let verdict = match played.end {
        End::Cancelled => return None,
        End::Passed => Verdict::Passed,
        End::Failed(failure) | End::Errored(failure) if death.is_some() => {
            let mut failure = located(source, failure);
            failure
                .notes
                .extend(death.map(|death| format!("{death} {ENDED_IT}")));
            Verdict::Failed { failure }
        }
        End::Failed(failure) => Verdict::Failed {
            failure: located(source, failure),
        },
        End::Errored(failure) => {
            let reason = failure.summary.clone();
            Verdict::Errored {
                reason,
                failure: Some(located(source, failure)),
            }
        }
    };
    Some(Judgement {
        verdict,
        transcript: Some(Arc::new(played.transcript)),
        waited,
        moved,
    })
}

/// The failure of a play with the place in its file.
fn located(source: &Source, failure: crate::play::Failure) -> Failure {
    let (line, column, length) = match &failure.span {
        Some(span) => place(&source.text, span),
        None => (heading(&source.text, &failure.at), 1, 1),
    };
    Failure {
        file: source.file.clone(),
        line,
        column,
        length,
        snippet: Snippet::around(&source.text, line),
        client: failure.client,
        step: failure.at,
        message: failure.summary,
        expected: failure.expected,
        received: failure.received,
        path: failure.json_path,
        notes: failure.notes,
    }
}

/// Line, column and length, in characters, of the first line of a span of bytes.
fn place(text: &str, span: &std::ops::Range<usize>) -> (u32, u32, u32) {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    let before = &text[..start];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    let first = text[start..end]
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (
        count(line),
        count(column),
        count(first.chars().count().max(1)),
    )
}

/// The line to show for what is not a step: the header for the setup, the last line for the final fence.
fn heading(text: &str, at: &str) -> u32 {
    let number = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
    if at == "setup" {
        let listed = |line: &str| line.starts_with("clients:") || line.starts_with("transports:");
        return number(text.lines().position(listed).unwrap_or(0) + 1);
    }
    number(text.trim_end().lines().count().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_trial_that_is_late_again_and_again_does_not_wait_for_itself() {
        let (pace, stop) = (Pace::start(Arc::default()), Stop::default());
        let mut place = None;
        assert!(pace.wait_for(&mut place, &stop).await);
        let again = pace.wait_for(&mut place, &stop);
        assert!(
            tokio::time::timeout(Duration::from_secs(5), again)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn a_stopped_run_waits_for_no_place() {
        let (pace, stop) = (Pace::start(Arc::default()), Stop::default());
        let mut held = None;
        assert!(pace.wait_for(&mut held, &stop).await);
        stop.turn();
        assert!(!pace.wait_for(&mut None, &stop).await);
    }

    #[test]
    fn a_span_becomes_the_line_and_column_that_an_editor_shows() {
        let text = "title: é\nsteps:\n  - emit: [ä]\n    ack: []\n";
        let start = text.find("emit").unwrap();
        assert_eq!(place(text, &(start..text.len())), (3, 5, 9));
        assert_eq!(place(text, &(0..1_000_000)), (1, 1, 8));
    }

    #[test]
    fn what_is_no_step_is_shown_where_it_comes_from() {
        let text = "title: x\nclients: {A: polling}\nsteps:\n  - A.nothing:\n\n";
        assert_eq!(heading(text, "setup"), 2);
        assert_eq!(heading(text, "final fence"), 4);
    }
}
