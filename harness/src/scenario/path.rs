//! The way to a step, as reports print it and baselines name it: `4` is the fourth step, `4.2` the second of the block
//! that is the fourth, `4.1.2` the second of that block's first branch.

use super::model::{Step, Verb};

/// The way in words, from places that count from 0.
pub fn words(path: &[usize]) -> String {
    let numbers: Vec<String> = path.iter().map(|index| (index + 1).to_string()).collect();
    numbers.join(".")
}

/// Whether there is a step at the end of that way.
pub fn leads(steps: &[Step], words: &str) -> bool {
    let (first, rest) = match words.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (words, None),
    };
    let Some(step) = place(first).and_then(|index| steps.get(index)) else {
        return false;
    };
    match (rest, &step.verb) {
        (None, _) => true,
        (Some(rest), Verb::Repeat(repeat)) => leads(&repeat.steps, rest),
        (Some(rest), Verb::Together(steps)) => leads(steps, rest),
        (Some(rest), Verb::Either(branches)) => {
            rest.split_once('.').is_some_and(|(branch, rest)| {
                let steps = place(branch).and_then(|index| branches.get(index));
                steps.is_some_and(|steps| leads(steps, rest))
            })
        }
        (Some(_), _) => false,
    }
}

fn place(number: &str) -> Option<usize> {
    number.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::catalogue::Catalogue;
    use crate::scenario::load::load;

    #[test]
    fn a_way_leads_through_blocks_and_branches_or_nowhere() {
        let yaml = "title: x\ntransports: websocket\nsteps:\n  - A.alive:\n  - together:\n    - A.alive:\n    - A.alive:\n  \
                    - either:\n    - - A.expect: '40'\n    - - A.dead:\n      - B.open: polling\n";
        let catalogue = Catalogue::parse("[]").unwrap();
        let scenario = load("a/b", "b.yaml", yaml.as_bytes(), &catalogue).unwrap();
        let steps = &scenario.cases[0].steps;
        for words in ["1", "2", "2.2", "3", "3.1.1", "3.2.2"] {
            assert!(leads(steps, words), "{words}");
        }
        for words in [
            "0", "4", "1.1", "2.3", "3.1", "3.1.2", "3.3.1", "", "x", "2.", "-1",
        ] {
            assert!(!leads(steps, words), "{words}");
        }
        assert_eq!(words(&[2, 1, 0]), "3.2.1");
    }
}
