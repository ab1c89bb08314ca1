//! The app under test may be wrong, too: the fixture contract is played itself, each handler once on one client, and
//! trials that rely on what does not hold are errored, not failed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use include_dir::{Dir, include_dir};

use super::attempt::{self, Pace};
use super::plan::Plan;
use super::stop::Stop;
use crate::outcome::Verdict;
use crate::scenario::catalogue::{Catalogue, CatalogueError};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::json::{Json, Node};
use crate::scenario::load::load;
use crate::scenario::model::Scenario;
use crate::scenario::trial::Trial;
use crate::scenario::verb::Verb;
use crate::target::manifest::Throw;
use crate::target::needs::{Needs, each_step};
use crate::target::server::Server;

static CHECKS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/contract");

/// Where the checks are, for the reader.
const FOLDER: &str = "harness/contract/";

/// The check of the handler that raises an error. Ending the process is what some libraries do then, and what a
/// scenario says about it is for the scenario to judge.
const THROW: &str = "throw";

/// The checks, each named after the part of the contract that it plays: an event, `namespace-…`, `engine-echo`, `deny`.
///
/// # Errors
/// One of them was broken when the program was built.
pub fn scenarios() -> Result<Vec<Arc<Scenario>>, Vec<Diagnostic>> {
    let nothing = |error: CatalogueError| format!("{error}");
    let Ok(catalogue) = Catalogue::parse("[]").map_err(nothing) else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    for file in CHECKS.files() {
        let name = file
            .path()
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        let shown = format!("{FOLDER}{name}.yaml");
        all.push(load(&name, &shown, file.contents(), &catalogue)?);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Whether a check can be asked of the server: where an error in a handler ends the process, as the target says, the app
/// does not catch it.
pub(super) fn asks_for(trial: &Trial, server: &Server) -> Result<(), String> {
    let ends =
        matches!(server, Server::Foreign(foreign) if foreign.manifest.throw == Throw::EndsProcess);
    let check = trial.scenario.source.file == format!("{FOLDER}{THROW}.yaml");
    match check && ends {
        true => Err(
            "an error in a handler ends the process, as target.yaml says (`throw: ends-process`)"
                .into(),
        ),
        false => Ok(()),
    }
}

/// The parts of the contract that a trial relies on.
pub(super) fn relied_on(trial: &Trial) -> BTreeSet<String> {
    let mut parts = BTreeSet::new();
    if trial.scenario.path == "/engine.io/" {
        parts.insert("engine-echo".to_owned());
    }
    each_step(&trial.case.steps, &mut |step| match &step.verb {
        Verb::Emit(emit) => parts.extend(event(&emit.args)),
        Verb::Connect(connect) => {
            let namespace = connect
                .ns
                .as_plain()
                .unwrap_or_default()
                .trim_start_matches('/');
            let family = if namespace.starts_with("dyn-") {
                "dyn"
            } else {
                namespace
            };
            parts.insert(format!("namespace-{family}"));
        }
        _ => {}
    });
    parts
}

/// The name of an event, where no hole stands for it.
fn event(args: &Json) -> Option<String> {
    let Node::Array { items, .. } = args.root() else {
        return None;
    };
    match args.node(*items.first()?) {
        Node::Text(name) => Some(name.clone()),
        _ => None,
    }
}

/// The parts of `wanted` that do not hold on the server, each with the reason that its trials are given.
pub(super) async fn broken(
    plan: &Plan,
    server: &Server,
    wanted: &BTreeSet<String>,
    pace: &Pace,
    stop: &Stop,
) -> BTreeMap<String, String> {
    let checks = scenarios().unwrap_or_default();
    let checks = checks
        .iter()
        .filter(|check| wanted.contains(&check.name) && check.name != THROW);
    let trials: Vec<_> = checks.flat_map(Trial::of).map(Arc::new).collect();
    let played = trials.iter().map(async |trial| {
        let needs = Needs::of(trial);
        // What the server does not offer, no trial that relies on it will ask of it.
        let settings = server.offers(&needs).ok()?;
        let turn = attempt::Turn::on_a_stranger();
        let judged = attempt::judge(plan, server, &settings, trial, pace, turn, stop).await?;
        let why = match &judged.verdict {
            Verdict::Failed { failure } => failure.message.clone(),
            Verdict::Errored { reason, .. } => reason.clone(),
            _ => return None,
        };
        let part = trial.scenario.name.clone();
        let reason = format!(
            "fixture: the app does not do what the contract says of `{part}` ({}); see `siospec fixture-check`",
            why.lines().next().unwrap_or_default()
        );
        Some((part, reason))
    });
    futures_util::future::join_all(played)
        .await
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_of_the_contract_loads() {
        let names: Vec<_> = scenarios()
            .unwrap()
            .iter()
            .map(|check| check.name.clone())
            .collect();
        for name in [
            "message",
            "note",
            "call-many",
            "namespace-auth",
            "engine-echo",
            THROW,
        ] {
            assert!(names.iter().any(|known| known == name), "{name} is missing");
        }
    }

    #[test]
    fn a_trial_relies_on_the_events_and_namespaces_that_it_uses() {
        let yaml = "title: x\nclients: {A: polling}\nsteps:\n  - A.connect: /dyn-7\n  - repeat:\n      times: 2\n      steps:\n        - A.emit: [join, [red]]\n";
        let catalogue = Catalogue::parse("[]").unwrap();
        let scenario = load("x", "x.yaml", yaml.as_bytes(), &catalogue).unwrap();
        let parts = relied_on(&Trial::of(&scenario)[0]);
        assert_eq!(
            parts.into_iter().collect::<Vec<_>>(),
            ["join", "namespace-dyn"]
        );
    }
}
