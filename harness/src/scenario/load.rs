//! A file's bytes to a scenario, or everything that is wrong with it.

use std::sync::{Arc, OnceLock};

use super::catalogue::Catalogue;
use super::check;
use super::diagnostic::{Diagnostic, in_order};
use super::document;
use super::lower::Lowerer;
use super::model::{Case, Scenario};
use super::splice;

/// The most trials that one scenario may make: keys of `cases:` multiply each other, and the transports of clients.
const TRIALS: usize = 2000;

/// Reads a scenario. `name` is the path below the corpus without its ending, `file` the path as
/// it is shown.
///
/// # Errors
/// Everything that is wrong with the file, in its order.
pub fn load(
    name: &str,
    file: &str,
    bytes: &[u8],
    catalogue: &Catalogue,
) -> Result<Arc<Scenario>, Vec<Diagnostic>> {
    let (source, root) = document::read(file, bytes)?;
    let mut lowerer = Lowerer::new(&source);
    let header = lowerer.header(&root, catalogue);
    let mut cases = Vec::new();
    let links = header.clients.iter().map(|client| client.links.len());
    let labels = header.cases.iter().map(|(_, labels)| labels.len());
    let trials = links.chain(labels).fold(1, usize::saturating_mul);
    if trials > TRIALS {
        let message = format!("these cases and clients make more than {TRIALS} trials");
        let hint = "write two scenarios, or a shorter matrix".to_owned();
        return Err(vec![
            Diagnostic::new(&source, 0..1, message).hint(Some(hint)),
        ]);
    }
    let mut room = splice::ROOM;
    for labels in combinations(&header.cases) {
        let Some(steps) = header.steps else { break };
        let mut steps = steps.clone();
        let mut macros = Vec::new();
        let texts: Vec<(String, String)> = labels
            .iter()
            .map(|(key, _, text)| (key.clone(), text.clone()))
            .collect();
        splice::tree(&mut steps, &texts, &mut room, &mut macros);
        for (node, message) in macros {
            lowerer.fail::<()>(&node, message, None);
        }
        if room == 0 {
            break;
        }
        let steps = lowerer.steps(&steps).into();
        cases.push(Case {
            labels: labels
                .into_iter()
                .map(|(key, label, _)| (key, label))
                .collect(),
            steps,
        });
    }
    let drain = header.drain;
    let scenario = Scenario {
        name: name.to_owned(),
        source: Arc::clone(&source),
        title: header.title,
        requirements: header.requirements,
        level: header.level,
        needs: header.needs,
        config: header.config,
        clients: header.clients,
        transports: header.transports,
        path: header.path,
        alone: header.alone,
        stress: header.stress,
        manual_heartbeat: header.manual_heartbeat,
        drain: drain.is_some(),
        note: header.note,
        aka: header.aka,
        cases,
        digests: OnceLock::new(),
    };
    if let Some(node) = drain
        && scenario.note.is_none()
    {
        let hint = "say in `note:` why what is left over does not matter";
        lowerer.fail::<()>(node, "`drain` needs a note", Some(hint.to_owned()));
    }
    let mut errors = lowerer.errors;
    if errors.is_empty() {
        errors = check::scenario(&scenario);
    }
    if errors.is_empty() {
        Ok(Arc::new(scenario))
    } else {
        Err(in_order(errors))
    }
}

/// A key of `cases:`, the label chosen, and its text.
type Choice = (String, String, String);

/// Every choice of one label for each key, the last key's changing fastest.
fn combinations(cases: &[(String, Vec<(String, String)>)]) -> Vec<Vec<Choice>> {
    let mut all = vec![Vec::new()];
    for (key, labels) in cases {
        let mut longer = Vec::with_capacity(all.len() * labels.len());
        for choice in &all {
            for (label, text) in labels {
                let mut next: Vec<Choice> = choice.clone();
                next.push((key.clone(), label.clone(), text.clone()));
                longer.push(next);
            }
        }
        all = longer;
    }
    all
}
