//! A run: batches of inputs to all peers at once, until enough were asked or somebody stops it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::answer::{End, Packet};
use super::class::Class;
use super::explain::{Verdict, explain};
use super::generate::Source;
use super::input::{Input, Layer};
use super::ours::{self, Ours, Rules};
use super::peer::{Asked, Peer, Reply};
use super::shrink::shrink;
use super::tally::{Example, Tally};
use crate::run::stop::Stop;

/// Inputs asked between two looks at the clock.
const BATCH: usize = 400;
/// Findings that are shrunk and kept; all are counted.
const KEPT: usize = 20;

/// When a run ends by itself.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// After that many inputs.
    Count(u64),
    /// After that time.
    Time(Duration),
}

/// What is to be done.
#[derive(Debug)]
pub struct Plan {
    /// Who is asked.
    pub against: Vec<Asked>,
    /// Which inputs.
    pub seed: u64,
    /// How many.
    pub bound: Bound,
    /// Ends it early.
    pub stop: Stop,
}

/// A disagreement without a class, or an input that broke a peer.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Whose answer it is.
    pub peer: String,
    /// The smallest input that shows it.
    pub input: Input,
    /// What we say.
    pub ours: Ours,
    /// What the peer says.
    pub reply: Reply,
}

/// An input with everybody's answer.
#[derive(Debug, Clone)]
pub struct Vector {
    /// The input.
    pub input: Input,
    /// What we say.
    pub ours: Ours,
    /// Each peer, what its answer is beside ours, and the answer as a line of the protocol.
    pub peers: Vec<(String, Verdict, String)>,
}

/// What came of it.
#[derive(Debug)]
pub struct Found {
    /// Which inputs.
    pub seed: u64,
    /// Who was asked: name and versions.
    pub peers: Vec<(String, BTreeMap<String, String>)>,
    /// The counts.
    pub tally: Tally,
    /// What has no class, the first few.
    pub findings: Vec<Finding>,
    /// The smallest example of each class, with everybody's answer.
    pub examples: Vec<(&'static Class, Vector)>,
    /// The smallest input of each of our verdicts.
    pub vectors: Vec<Vector>,
    /// How long the inputs took.
    pub took: Duration,
    /// Whether somebody stopped it.
    pub stopped: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Inputs so far.
    pub inputs: u64,
    /// Since the first one.
    pub took: Duration,
    /// Classes seen.
    pub classes: usize,
    /// Disagreements without one.
    pub unknown: u64,
}

/// Runs it. `say` hears after each batch how far it is.
///
/// # Errors
/// A peer cannot be started, or keeps breaking.
pub async fn run(plan: &Plan, mut say: impl FnMut(Progress)) -> Result<Found, String> {
    let mut peers = Vec::new();
    for asked in &plan.against {
        tokio::select! {
            peer = asked.start() => peers.push(peer?),
            () = plan.stop.set() => return Err("stopped before a parser was asked".into()),
        }
    }
    let mut run = Run {
        source: Source::new(plan.seed),
        tally: Tally::new(
            &peers
                .iter()
                .map(|peer| peer.name.clone())
                .collect::<Vec<_>>(),
        ),
        peers,
        findings: Vec::new(),
        verdicts: BTreeMap::new(),
    };
    let began = Instant::now();
    while let Some(size) = plan.bound.next(run.tally.inputs, began.elapsed()) {
        tokio::select! {
            asked = run.batch(size) => asked?,
            () = plan.stop.set() => break,
        }
        say(Progress {
            inputs: run.tally.inputs,
            took: began.elapsed(),
            classes: run.tally.seen().count(),
            unknown: run.tally.unknown(),
        });
    }
    let took = began.elapsed();
    // A peer that was stopped in the middle of a batch still has answers to give that nobody wants.
    let stopped = plan.stop.is_set();
    let (mut examples, mut vectors) = (Vec::new(), Vec::new());
    if !stopped {
        tokio::select! {
            written = run.write_down() => (examples, vectors) = written?,
            () = plan.stop.set() => {}
        }
    }
    let Run {
        peers,
        tally,
        findings,
        ..
    } = run;
    for peer in peers {
        peer.end().await;
    }
    let named = plan.against.iter();
    Ok(Found {
        seed: plan.seed,
        peers: named
            .map(|asked| (asked.name.clone(), asked.versions.clone()))
            .collect(),
        tally,
        findings,
        examples,
        vectors,
        took,
        stopped: plan.stop.is_set(),
    })
}

impl Bound {
    /// How many inputs the next batch has; `None` at the end.
    fn next(self, inputs: u64, took: Duration) -> Option<usize> {
        match self {
            Self::Time(time) => (took < time).then_some(BATCH),
            Self::Count(count) => match count.saturating_sub(inputs) {
                0 => None,
                left => Some(usize::try_from(left).unwrap_or(BATCH).min(BATCH)),
            },
        }
    }
}

struct Run {
    source: Source,
    peers: Vec<Peer>,
    tally: Tally,
    findings: Vec<Finding>,
    /// The smallest input of each of our verdicts.
    verdicts: BTreeMap<(Layer, String), Input>,
}

impl Run {
    async fn batch(&mut self, size: usize) -> Result<(), String> {
        let inputs: Vec<Input> = (0..size).map(|_| self.source.input()).collect();
        let replies = try_join_all(self.peers.iter_mut().map(|peer| peer.ask(&inputs))).await?;
        for (at, input) in inputs.iter().enumerate() {
            let ours = ours::read(input, Rules::default());
            self.keep_smallest(input, &ours);
            for (peer, replies) in replies.iter().enumerate() {
                let verdict = self.count(peer, input, &ours, &replies[at]);
                if verdict == Some(Verdict::Unknown) && self.findings.len() < KEPT {
                    self.find(peer, input).await?;
                }
            }
        }
        self.tally.inputs += size as u64;
        Ok(())
    }

    fn count(&mut self, peer: usize, input: &Input, ours: &Ours, reply: &Reply) -> Option<Verdict> {
        let verdict = match reply {
            Reply::NotOffered => {
                self.tally.column(peer).not_offered += 1;
                return None;
            }
            Reply::Broke(_) => Verdict::Unknown,
            Reply::Answer(theirs) => explain(&self.peers[peer].name, input, ours, theirs),
        };
        let column = self.tally.column(peer);
        column.asked += 1;
        match &verdict {
            Verdict::Agrees => column.agreed += 1,
            Verdict::Unknown => column.unknown += 1,
            Verdict::Known(classes) => self.tally.disagree(peer, classes, input),
        }
        Some(verdict)
    }

    fn keep_smallest(&mut self, input: &Input, ours: &Ours) {
        let key = (input.layer, verdict_key(ours));
        match self.verdicts.get_mut(&key) {
            Some(old) if (old.size(), &*old) <= (input.size(), input) => {}
            Some(old) => *old = input.clone(),
            None => _ = self.verdicts.insert(key, input.clone()),
        }
    }

    /// Shrinks what has no class, and keeps it unless something as small is there.
    async fn find(&mut self, peer: usize, input: &Input) -> Result<(), String> {
        let peer = &mut self.peers[peer];
        let name = peer.name.clone();
        let unexplained = |input: &Input, ours: &Ours, reply: &Reply| match reply {
            Reply::Answer(theirs) => explain(&name, input, ours, theirs) == Verdict::Unknown,
            Reply::Broke(_) => true,
            Reply::NotOffered => false,
        };
        let input = shrink(input, peer, unexplained).await?;
        let reply = peer.ask_one(&input).await?;
        let known = |finding: &Finding| finding.peer == peer.name && finding.input == input;
        if !self.findings.iter().any(known) {
            self.findings.push(Finding {
                peer: peer.name.clone(),
                ours: ours::read(&input, Rules::default()),
                input,
                reply,
            });
        }
        Ok(())
    }

    /// The smallest example of each class, and of each of our verdicts, put to everybody.
    async fn write_down(&mut self) -> Result<(Vec<(&'static Class, Vector)>, Vec<Vector>), String> {
        let mut examples = Vec::new();
        for class in self.tally.seen().collect::<Vec<_>>() {
            let mut smallest: Option<Example> = None;
            for peer in &mut self.peers {
                let Some(example) = self.tally.examples.get(&(class.name, peer.name.clone()))
                else {
                    continue;
                };
                let (pure, name) = (example.pure, peer.name.clone());
                let shows = |input: &Input, ours: &Ours, reply: &Reply| match reply {
                    Reply::Answer(theirs) => match explain(&name, input, ours, theirs) {
                        Verdict::Known(classes) => {
                            classes.contains(&class) && (!pure || classes.len() == 1)
                        }
                        _ => false,
                    },
                    _ => false,
                };
                let input = shrink(&example.input, peer, shows).await?;
                let rank = |example: &Example| {
                    (!example.pure, example.input.size(), example.input.clone())
                };
                let shrunk = Example { input, pure };
                if smallest
                    .as_ref()
                    .is_none_or(|old| rank(&shrunk) < rank(old))
                {
                    smallest = Some(shrunk);
                }
            }
            if let Some(example) = smallest {
                examples.push((class, self.everybody(example.input).await?));
            }
        }
        let mut vectors = Vec::new();
        for input in self.verdicts.values().cloned().collect::<Vec<_>>() {
            vectors.push(self.everybody(input).await?);
        }
        Ok((examples, vectors))
    }

    async fn everybody(&mut self, input: Input) -> Result<Vector, String> {
        let ours = ours::read(&input, Rules::default());
        let mut peers = Vec::new();
        for peer in &mut self.peers {
            let (verdict, line) = match peer.ask_one(&input).await? {
                Reply::Answer(theirs) => {
                    (explain(&peer.name, &input, &ours, &theirs), theirs.line())
                }
                Reply::Broke(why) => (Verdict::Unknown, why),
                Reply::NotOffered => continue,
            };
            peers.push((peer.name.clone(), verdict, line));
        }
        Ok(Vector { input, ours, peers })
    }
}

/// What a vector stands for: the rule that was broken, or what was read last.
fn verdict_key(ours: &Ours) -> String {
    if let Some(rule) = ours.broken {
        return format!("{rule:?}");
    }
    let kind = match ours.answer.packets.last() {
        Some(Packet::Engine { kind, body }) => {
            format!("{kind} {}", matches!(body, super::answer::Body::Binary(_)))
        }
        Some(Packet::Socket { kind, id, data, .. }) => {
            format!("{kind} {} {}", id.is_some(), data.is_some())
        }
        None => String::new(),
    };
    match ours.answer.end {
        End::Waiting => format!("waiting {kind}"),
        _ => kind,
    }
}
