//! One run: scenarios × targets, played as libtest-mimic trials on many threads, collected as outcomes.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Failed, Trial as Test};
use tokio::runtime::{Handle, Runtime};

use super::known::Baseline;
use super::plan::{Plan, Weight};
use super::progress::{self, Playing};
use super::stop::Stop;
use super::{attempt, contract, gone, verdict};
use crate::outcome::{Judged, Outcome, Run, Verdict};
use crate::report::failure;
use crate::scenario::trial::Trial;
use crate::target::knobs::Settings;
use crate::target::needs::Needs;
use crate::target::server::Server;
use crate::target::waits::Threads;

/// How long trials have to end after a stop.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A run that has begun: its targets are reached, its trials are known.
pub struct Session {
    shared: Arc<Shared>,
    jobs: Vec<Job>,
    of_all: usize,
    /// How many outcomes there are to be if nothing stops it and every target is reached.
    asked: usize,
    targets: Vec<Judged>,
    runtime: Runtime,
}

struct Shared {
    plan: Plan,
    stop: Stop,
    began: Instant,
    started: chrono::DateTime<chrono::Utc>,
    outcomes: Mutex<BTreeMap<usize, Outcome>>,
    /// How many trials still need an instance with these settings.
    uses: Mutex<BTreeMap<(usize, Settings), usize>>,
    baselines: Vec<Baseline>,
    pace: attempt::Pace,
    playing: Playing,
}

/// One trial on one target, once.
#[derive(Clone)]
struct Job {
    index: usize,
    server: usize,
    trial: Arc<Trial>,
    repetition: u32,
    weight: Weight,
    /// What the server is started with, or why the trial is not offered.
    offered: Result<Settings, String>,
    /// Why the app under test cannot play its part in the trial.
    broken: Option<String>,
}

impl Session {
    /// Reaches every target and lays out the trials.
    pub fn begin(plan: Plan, stop: Stop) -> std::io::Result<Self> {
        let threads = Arc::new(Threads::default());
        let joined = threads.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .on_thread_start(move || joined.join())
            .enable_all()
            .build()?;
        let (began, started) = (Instant::now(), chrono::Utc::now());
        let reached = runtime.block_on(async { reach(&plan.servers, &stop).await });
        let pace = runtime.block_on(async { attempt::Pace::start(threads) });
        let selected = plan.filter.selected(&plan.scenarios);
        let mut targets: Vec<_> = plan
            .servers
            .iter()
            .zip(reached)
            .map(|(server, reached)| plan.judged(server, reached))
            .collect();
        let trials = plan.filter.part(selected.clone());
        let admitted = |target: &Judged, trials: &[Arc<Trial>]| {
            let of = trials
                .iter()
                .filter(|trial| plan.filter.admits_on(&target.name, trial));
            of.count() * plan.repeat.max(1) as usize
        };
        let asked = targets.iter().map(|target| admitted(target, &trials)).sum();
        let mut jobs = lay_out(&plan, &targets, &trials);
        let mut uses = BTreeMap::new();
        for job in &jobs {
            if let Ok(settings) = &job.offered {
                *uses.entry((job.server, settings.clone())).or_default() += 1;
            }
        }
        let of_all: usize = plan
            .scenarios
            .iter()
            .map(|scenario| Trial::of(scenario).len())
            .sum();
        let baselines: Vec<Baseline> = plan
            .servers
            .iter()
            .map(|server| Baseline::new(server.known()))
            .collect();
        for (target, baseline) in targets.iter_mut().zip(&baselines) {
            target.selected = admitted(target, &selected);
            target.known = baseline.listed(&plan.scenarios, |name| plan.is_elsewhere(name));
        }
        if plan.contract {
            runtime.block_on(async { hold_to_contract(&plan, &mut jobs, &pace, &stop).await });
        }
        let shared = Shared {
            plan,
            stop,
            began,
            started,
            outcomes: Mutex::default(),
            uses: Mutex::new(uses),
            baselines,
            pace,
            playing: Playing::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            jobs,
            of_all,
            asked,
            targets,
            runtime,
        })
    }

    /// How many trials there are.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether nothing was selected.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The trials, for libtest-mimic to run. Dropping them unplayed is fine.
    pub fn tests(&self) -> Vec<Test> {
        let many = self.shared.plan.servers.len() > 1;
        let handle = self.runtime.handle();
        let tests = self.jobs.iter().map(|job| {
            let name = match self.shared.plan.repeat {
                0 | 1 => job.trial.name.clone(),
                times => format!("{} ({} of {times})", job.trial.name, job.repetition),
            };
            let (shared, job, handle) = (self.shared.clone(), job.clone(), handle.clone());
            let kind = if many {
                shared.plan.servers[job.server].name().to_owned()
            } else {
                String::new()
            };
            Test::ignorable_test(name, move || shared.test(&job, &handle)).with_kind(kind)
        });
        tests.collect()
    }

    /// Plays every trial and returns when all are judged, or soon after the stop: trials that have not begun by then
    /// never will, and their threads wait for the end of the process.
    pub fn play(&self, arguments: &libtest_mimic::Arguments) {
        let (done, ended) = mpsc::channel();
        let (for_tests, tests) = (arguments.clone(), self.tests());
        std::thread::spawn(move || {
            let _ = libtest_mimic::run(&for_tests, tests);
            let _ = done.send(());
        });
        let mut stopped: Option<Instant> = None;
        let mut said = Instant::now();
        while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(Duration::from_millis(50)) {
            if self
                .shared
                .plan
                .progress
                .is_some_and(|every| said.elapsed() >= every)
            {
                said = Instant::now();
                // With `--quiet` the cursor stands behind a row of characters.
                let row = if arguments.quiet { "\n" } else { "" };
                anstream::eprintln!("{row}{}", self.shared.progress(self.jobs.len()));
            }
            let since = self
                .shared
                .stop
                .is_set()
                .then(|| *stopped.get_or_insert_with(Instant::now));
            let idle = self.shared.playing.is_empty();
            if since.is_some_and(|since| idle || since.elapsed() > LAST_WORDS) {
                break;
            }
        }
    }

    /// Ends every target and returns what was judged.
    pub fn finish(self) -> Run {
        let deaths = self.runtime.block_on(async {
            let mut deaths = Vec::new();
            for server in &self.shared.plan.servers {
                server.close().await;
                deaths.push((server.deaths().await, server.is_gone().await));
            }
            deaths
        });
        let outcomes: Vec<Outcome> = {
            let mut outcomes = self
                .shared
                .outcomes
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *outcomes).into_values().collect()
        };
        let mut targets = self.targets;
        for (target, (deaths, gone)) in targets.iter_mut().zip(deaths) {
            let of: Vec<&Outcome> = outcomes
                .iter()
                .filter(|outcome| outcome.target == target.name)
                .collect();
            target.deaths = deaths;
            target
                .deaths
                .extend(gone.then(|| gone::told(&of)).flatten());
            target.duration_ms = of
                .iter()
                .map(|outcome| outcome.started_ms + outcome.duration_ms)
                .max()
                .unwrap_or(0);
        }
        let plan = &self.shared.plan;
        let mut run = Run {
            format: Run::FORMAT,
            siospec: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.shared.started,
            duration_ms: millis(self.shared.began.elapsed()),
            interrupted: self.shared.stop.is_set() && outcomes.len() < self.asked,
            selection: plan.selection(self.of_all),
            targets,
            outcomes,
        };
        run.sort();
        run.find_stale();
        run
    }
}

async fn reach(servers: &[Server], stop: &Stop) -> Vec<Result<(), String>> {
    let reaching = futures_util::future::join_all(servers.iter().map(Server::reach));
    tokio::select! {
        reached = reaching => reached,
        () = stop.set() => servers.iter().map(|_| Err("stopped before it was reached".to_owned())).collect(),
    }
}

/// The trials in the order in which they begin: targets take turns; within one, trials that share an instance stand
/// together, so that it can be ended early, and those that take long begin first.
fn lay_out(plan: &Plan, targets: &[Judged], trials: &[Arc<Trial>]) -> Vec<Job> {
    let mut by_target: Vec<Vec<Job>> = Vec::new();
    for (number, (server, target)) in plan.servers.iter().zip(targets).enumerate() {
        let mut jobs = Vec::new();
        let wanted = trials
            .iter()
            .filter(|trial| plan.filter.admits_on(&target.name, trial));
        for trial in wanted.filter(|_| target.unreachable.is_none()) {
            let weight = plan.weight(trial);
            let offered = server.offers(&Needs::of(trial));
            let offered = contract::asks_for(trial, server).and(offered);
            for repetition in 1..=plan.repeat.max(1) {
                let (trial, offered) = (trial.clone(), offered.clone());
                jobs.push(Job {
                    index: 0,
                    server: number,
                    trial,
                    repetition,
                    weight,
                    offered,
                    broken: None,
                });
            }
        }
        // Plays of one trial do not stand together: ten floods at once are another trial than a flood.
        if matches!(server, Server::Bundled(_)) {
            let expected = |job: &Job| super::length::expected(&job.trial);
            jobs.sort_by_key(|job| (job.repetition, std::cmp::Reverse(expected(job))));
        } else {
            let order = |job: &Job| (job.offered.clone(), job.repetition);
            jobs.sort_by_cached_key(order);
        }
        by_target.push(jobs);
    }
    let longest = by_target.iter().map(Vec::len).max().unwrap_or(0);
    let mut turns: Vec<_> = by_target.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    for _ in 0..longest {
        all.extend(turns.iter_mut().filter_map(Iterator::next));
    }
    for (index, job) in all.iter_mut().enumerate() {
        job.index = index;
    }
    all
}

/// Plays the fixture contract on every server that is not the bundled one, as far as trials rely on it; those that rely
/// on what does not hold cannot be judged.
async fn hold_to_contract(plan: &Plan, jobs: &mut [Job], pace: &attempt::Pace, stop: &Stop) {
    for (number, server) in plan.servers.iter().enumerate() {
        let mine = |job: &&mut Job| job.server == number && job.offered.is_ok();
        let relied_on: BTreeSet<String> = match server {
            Server::Bundled(_) => continue,
            _ => jobs
                .iter_mut()
                .filter(mine)
                .flat_map(|job| contract::relied_on(&job.trial))
                .collect(),
        };
        let broken = contract::broken(plan, server, &relied_on, pace, stop).await;
        for job in jobs.iter_mut().filter(mine) {
            let parts = contract::relied_on(&job.trial);
            job.broken = parts.iter().find_map(|part| broken.get(part)).cloned();
        }
    }
}

impl Shared {
    fn progress(&self, all: usize) -> String {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let red = outcomes.values().filter(|outcome| outcome.is_red()).count();
        progress::line(
            outcomes.len(),
            red,
            all,
            self.began.elapsed(),
            &self.playing,
        )
    }

    /// Plays a job on this thread and says to libtest-mimic what came of it.
    fn test(&self, job: &Job, handle: &Handle) -> Result<Completion, Failed> {
        if self.stop.is_set() {
            park();
        }
        self.playing.begin(job.index, &job.trial.name);
        let begun = self.began.elapsed();
        let played = std::panic::catch_unwind(AssertUnwindSafe(|| {
            handle.block_on(async { self.judge(job).await })
        }));
        let judged = match played {
            Ok(judged) => judged,
            Err(panic) => Some(attempt::Judgement::errored(format!(
                "the harness panicked: {}",
                words(&*panic)
            ))),
        };
        let outcome = judged.map(|judged| self.outcome(job, judged, begun));
        if let Some(outcome) = &outcome {
            self.outcomes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(job.index, outcome.clone());
            if self.plan.trace {
                anstream::eprintln!("{}", failure::whole(outcome));
            }
        }
        self.playing.end(job.index);
        match outcome {
            Some(outcome) => verdict::told(&outcome, self.plan.verbose),
            None => park(),
        }
    }

    /// What came of the job; `None` if the run was stopped meanwhile.
    async fn judge(&self, job: &Job) -> Option<attempt::Judgement> {
        let settings = match &job.offered {
            Ok(settings) => settings,
            Err(reason) => return Some(attempt::Judgement::not_offered(reason.clone())),
        };
        if let Some(broken) = &job.broken {
            return Some(attempt::Judgement::errored(broken.clone()));
        }
        let server = &self.plan.servers[job.server];
        let baseline = &self.baselines[job.server];
        let turn = attempt::Turn {
            foreseen: &|failure| baseline.foresees(&job.trial, failure),
            fails: baseline.expects_failure(&job.trial),
            spares: true,
        };
        let judged = attempt::judge(
            &self.plan, server, settings, &job.trial, &self.pace, turn, &self.stop,
        )
        .await;
        let last = {
            let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            let left = uses.entry((job.server, settings.clone())).or_default();
            *left = left.saturating_sub(1);
            *left == 0
        };
        if last {
            server.retire(settings).await;
        }
        judged
    }

    fn outcome(&self, job: &Job, judged: attempt::Judgement, begun: Duration) -> Outcome {
        let scenario = &job.trial.scenario;
        let weighed = self.baselines[job.server].weigh(&job.trial, judged.verdict);
        Outcome {
            target: self.plan.servers[job.server].name().to_owned(),
            trial: job.trial.name.clone(),
            scenario: scenario.name.clone(),
            aka: scenario.aka.clone(),
            file: scenario.source.file.clone(),
            title: scenario.title.clone(),
            requirements: scenario.requirements.clone(),
            level: scenario.level,
            group: scenario
                .requirements
                .first()
                .and_then(|id| id.rsplit_once('-'))
                .map_or("", |(group, _)| group)
                .into(),
            needs: scenario.needs.clone(),
            repetition: job.repetition,
            gates: job.weight == Weight::Gates,
            newer: job.weight == Weight::Newer,
            changed: job.weight == Weight::Changed,
            moved: judged.moved,
            verdict: weighed,
            replay: self
                .plan
                .replay(&self.plan.servers[job.server], &job.trial.name),
            transcript: judged.transcript,
            started_ms: millis(begun),
            duration_ms: millis(self.began.elapsed().saturating_sub(begun)),
        }
    }
}

/// The run was stopped: nothing of this thread is wanted any more. The process ends without it.
fn park() -> ! {
    loop {
        std::thread::park();
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a word")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Verdict {
    /// Whether `--rerun-failed` plays it again.
    pub fn is_to_rerun(&self) -> bool {
        matches!(
            self,
            Verdict::Failed { .. } | Verdict::Errored { .. } | Verdict::UnexpectedPass { .. }
        )
    }
}
