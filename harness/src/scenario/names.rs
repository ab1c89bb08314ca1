//! Whose name a name is: results, baselines and releases know a scenario by its names, so each is one scenario's.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::document;
use super::model::Scenario;
use super::node::{Node, Value};
use super::source::Source;

/// What is wrong with the names of these scenarios.
pub(super) fn check(scenarios: &[Arc<Scenario>]) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let mut present: BTreeMap<&str, &Scenario> = BTreeMap::new();
    for scenario in scenarios {
        if let Some(other) = present.insert(&scenario.name, scenario) {
            let message = format!(
                "two files are the scenario `{}`: this one and {}",
                scenario.name, other.source.file
            );
            let hint = "a scenario is named by its path below the folder that is given; give a folder that holds both";
            errors
                .push(Diagnostic::new(&scenario.source, 0..1, message).hint(Some(hint.to_owned())));
        }
    }
    let mut earlier: BTreeMap<&str, &Scenario> = BTreeMap::new();
    for scenario in scenarios {
        for name in &scenario.aka {
            let (message, hint) = if let Some(other) = present.get(name.as_str()) {
                let whose = match std::ptr::eq(*other, scenario.as_ref()) {
                    true => "this scenario's own name".to_owned(),
                    false => format!("the name of {}", other.source.file),
                };
                (
                    format!("`{name}` is {whose}"),
                    "an earlier name is one that no scenario has any more; strike it",
                )
            } else if let Some(other) = earlier.insert(name, scenario) {
                let whose = match std::ptr::eq(other, scenario.as_ref()) {
                    true => "stands here twice".to_owned(),
                    false => format!("is an earlier name of {} too", other.source.file),
                };
                (
                    format!("`{name}` {whose}"),
                    "one scenario goes on under an earlier name; leave it with that one",
                )
            } else {
                continue;
            };
            let span = place(&scenario.source, name);
            errors
                .push(Diagnostic::new(&scenario.source, span, message).hint(Some(hint.to_owned())));
        }
    }
    errors
}

/// Where the name stands behind `aka:`, the last time if more than once.
fn place(source: &Arc<Source>, name: &str) -> Range<usize> {
    let Ok((source, root)) = document::read(&source.file, source.text.as_bytes()) else {
        return 0..1;
    };
    let Value::Entries(entries) = &root.value else {
        return 0..1;
    };
    let aka = entries.iter().find(|(key, _)| key.text() == Some("aka"));
    let nodes: &[Node] = match aka.map(|(_, node)| node) {
        Some(Node {
            value: Value::Items(items),
            ..
        }) => items,
        Some(node) => std::slice::from_ref(node),
        None => &[],
    };
    let named = nodes.iter().rfind(|node| node.text() == Some(name));
    named.map_or(0..1, |node| document::span(&source, node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::catalogue::Catalogue;
    use crate::scenario::load::load;

    fn errors(scenarios: &[(&str, &str)]) -> Vec<String> {
        let catalogue = Catalogue::parse("[]").unwrap();
        let load = |(name, aka): &(&str, &str)| {
            let yaml =
                format!("title: x\n{aka}transports: [polling, websocket]\nsteps:\n  - A.alive:\n");
            load(name, &format!("{name}.yaml"), yaml.as_bytes(), &catalogue).unwrap()
        };
        let scenarios: Vec<_> = scenarios.iter().map(load).collect();
        check(&scenarios).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_of_their_own_are_fine() {
        let two = [
            ("a/b", "aka: a/old\n"),
            ("a/c", "aka: [a/older, a/oldest]\n"),
        ];
        assert_eq!(errors(&two), [""; 0]);
    }

    #[test]
    fn an_earlier_name_is_one_scenarios() {
        let two = [
            ("a/b", "aka: a/old\n"),
            ("a/c", "aka:\n  - a/older\n  - a/old\n"),
        ];
        assert_eq!(
            errors(&two),
            [
                "a/c.yaml:4:5: `a/old` is an earlier name of a/b.yaml too (one scenario goes on under an earlier name; \
                 leave it with that one)"
            ]
        );
        assert_eq!(
            errors(&[("a/b", "aka: [a/old, a/old]\n")]),
            [
                "a/b.yaml:2:14: `a/old` stands here twice (one scenario goes on under an earlier name; leave it with \
                 that one)"
            ]
        );
    }

    #[test]
    fn an_earlier_name_is_nobodys_present_one() {
        let hint = "(an earlier name is one that no scenario has any more; strike it)";
        assert_eq!(
            errors(&[("a/b", "aka: a/c\n"), ("a/c", "")]),
            [format!(
                "a/b.yaml:2:6: `a/c` is the name of a/c.yaml {hint}"
            )]
        );
        assert_eq!(
            errors(&[("a/b", "aka: a/b\n")]),
            [format!(
                "a/b.yaml:2:6: `a/b` is this scenario's own name {hint}"
            )]
        );
    }

    #[test]
    fn two_files_are_not_one_scenario() {
        let errors = errors(&[("a/b", ""), ("a/b", "")]);
        assert!(
            errors[0].starts_with(
                "a/b.yaml:1:1: two files are the scenario `a/b`: this one and a/b.yaml"
            ),
            "{errors:?}"
        );
    }
}
