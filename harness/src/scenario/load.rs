//! A file's bytes to a scenario, or everything that is wrong with it.

use std::sync::Arc;

use super::catalogue::Catalogue;
use super::check;
use super::diagnostic::Diagnostic;
use super::document;
use super::lower::Lowerer;
use super::model::{Case, Scenario};
use super::splice;

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
    for labels in combinations(&header.cases) {
        let Some(steps) = header.steps else { break };
        let mut steps = steps.clone();
        let mut macros = Vec::new();
        let texts: Vec<(String, String)> = labels
            .iter()
            .map(|(key, _, text)| (key.clone(), text.clone()))
            .collect();
        splice::tree(&mut steps, &texts, &mut macros);
        for (node, message) in macros {
            lowerer.fail::<()>(&node, message, None);
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
    errors.sort_by_key(|error| error.span.start);
    errors.dedup_by(|a, b| a.span == b.span && a.message == b.message);
    if errors.is_empty() {
        Ok(Arc::new(scenario))
    } else {
        Err(errors)
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
