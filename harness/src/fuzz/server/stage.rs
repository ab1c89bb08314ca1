//! Where conversations are played: one server, and what it can be asked for.

use std::sync::Arc;

use super::class::Class;
use super::conversation::{Conversation, Written};
use super::finding::Repeats;
use super::setup::Setup;
use super::shrink::Court;
use super::vocabulary::Vocabulary;
use crate::outcome::{Failure, Verdict};
use crate::play::Pending;
use crate::run::plan::Plan;
use crate::run::stop::Stop;
use crate::run::{Judgement, Pace, Turn, judge};
use crate::scenario::catalogue::Catalogue;
use crate::scenario::load::load;
use crate::scenario::trial::Trial;
use crate::target::knobs::Setting;
use crate::target::needs::Needs;
use crate::target::server::Server;

/// Plays of a written-out scenario, and how many where they are not all alike.
const REPLAYS: (u32, u32) = (3, 10);

/// What playing needs.
pub(super) struct Stage {
    server: Arc<Server>,
    pub(super) vocabulary: Vocabulary,
    pub(super) stop: Stop,
    plan: Plan,
    pace: Pace,
    catalogue: Catalogue,
}

/// How a conversation failed.
pub(super) struct Wrong {
    /// In which way.
    pub(super) class: Class,
    /// Where, and what instead.
    pub(super) failure: Failure,
    /// Something did not come in time, or a pong may not have: on a busy machine that is no evidence.
    pub(super) excusable: bool,
}

/// How one play ended.
pub(super) enum Came {
    Right,
    Wrong(Box<Wrong>),
    Unjudged(String),
    Stopped,
}

/// The one trial of a scenario's text.
fn trial(text: &str, catalogue: &Catalogue) -> Result<Arc<Trial>, String> {
    let scenario = load("fuzz", "fuzz.yaml", text.as_bytes(), catalogue).map_err(|errors| {
        let errors = errors.iter().map(|error| error.render(false));
        errors.collect::<String>()
    })?;
    let trial = Trial::of(&scenario).pop().ok_or("no trial")?;
    Ok(Arc::new(trial))
}

/// What this server can be asked for; with `known` also what its known deviations name.
async fn vocabulary(server: &Server, known: bool) -> Result<Vocabulary, String> {
    let started = |setup: Setup| {
        let config = setup.config();
        let config = config.map_or(String::new(), |config| format!("config: {config}\n"));
        let text = format!("title: x\n{config}steps:\n  - A.open: polling\n");
        trial(&text, &Catalogue::default())
    };
    let mut setups = Vec::new();
    for setup in Setup::ALL {
        let offered = server.offers(&Needs::of(&*started(setup)?)).is_ok();
        setups.extend(offered.then_some(setup));
    }
    let plain = started(Setup::Plain)?;
    let needs = Needs::of(&plain);
    let settings = server.offers(&needs)?;
    let limit = match settings.get("maxPayload") {
        Some(Setting::Number(bytes)) => Some(*bytes),
        _ => None,
    };
    let lease = server.lend(&settings, &needs).await?;
    let fixture = lease.endpoint.fixture;
    lease.give_back().await;
    let deviations = if known { Vec::new() } else { server.known() };
    let transports = server.transports();
    let vocabulary = Vocabulary::new(server.capabilities(), fixture, &transports, &deviations);
    Ok(vocabulary.set_up(setups, limit))
}

impl Stage {
    /// A server that was reached; playing ends when `stop` is turned.
    pub(super) async fn set(
        server: Arc<Server>,
        known: bool,
        time_scale: f64,
        stop: Stop,
    ) -> Result<Self, String> {
        let plan = Plan {
            time_scale,
            ..Plan::new(Vec::new(), Vec::new())
        };
        Ok(Self {
            vocabulary: vocabulary(&server, known).await?,
            server,
            stop,
            plan,
            pace: Pace::start(Arc::default()),
            catalogue: Catalogue::default(),
        })
    }

    /// Plays a conversation once.
    pub(super) async fn play(&self, conversation: &Conversation) -> Came {
        let written = conversation.written(&self.vocabulary, ("A drawn conversation", None));
        let came = self.play_text(&written.text).await;
        match came {
            Ok(Some(Judgement {
                verdict: Verdict::Failed { failure },
                waited,
                ..
            })) => Came::Wrong(Box::new(Wrong {
                class: Class::of(&failure, conversation, &written),
                excusable: waited || conversation.cast.setup.is_hasty(),
                failure,
            })),
            Ok(Some(Judgement {
                verdict: Verdict::Errored { reason, .. },
                ..
            })) => Came::Unjudged(reason),
            Ok(Some(_)) => Came::Right,
            Ok(None) => Came::Stopped,
            Err(why) => Came::Unjudged(why),
        }
    }

    /// Plays a scenario as a run would; `None` if it was stopped.
    async fn play_text(&self, text: &str) -> Result<Option<Judgement>, String> {
        let trial = trial(text, &self.catalogue)?;
        let settings = self.server.offers(&Needs::of(&trial))?;
        let turn = Turn::on_a_stranger();
        Ok(judge(
            &self.plan,
            &self.server,
            &settings,
            &trial,
            &self.pace,
            turn,
            &self.stop,
        )
        .await)
    }

    /// Whether one of a few more plays fails in the same way.
    pub(super) async fn comes_again(&self, conversation: &Conversation, class: &Class) -> bool {
        for _ in 0..REPLAYS.0 {
            if self.fails(conversation).await.as_ref() == Some(class) {
                return true;
            }
        }
        false
    }

    /// Plays the scenario as it is written, until it failed in the same way three times of three, or ten times at all.
    pub(super) async fn replays(
        &self,
        small: &Conversation,
        written: &Written,
        class: &Class,
    ) -> (Repeats, Option<Failure>) {
        let (mut repeats, mut last) = (Repeats::default(), None);
        while repeats.of < REPLAYS.0 || repeats.same < repeats.of && repeats.of < REPLAYS.1 {
            match self.play_text(&written.text).await {
                Ok(None) => break,
                Ok(Some(Judgement {
                    verdict: Verdict::Failed { failure },
                    ..
                })) => {
                    let same = Class::of(&failure, small, written) == *class;
                    repeats.same += u32::from(same);
                    last = if same { Some(failure) } else { last };
                }
                _ => {}
            }
            repeats.of += 1;
        }
        (repeats, last)
    }
}

impl Court for Stage {
    fn fails<'a>(&'a self, conversation: &'a Conversation) -> Pending<'a, Option<Class>> {
        Box::pin(async move {
            match self.play(conversation).await {
                Came::Wrong(wrong) => Some(wrong.class),
                _ => None,
            }
        })
    }
}
