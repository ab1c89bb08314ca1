//! What holds for all faults.

use super::*;
use std::collections::HashSet;

#[test]
fn no_two_faults_have_one_name() {
    let mut names = HashSet::new();
    for fault in all() {
        assert!(names.insert(fault.name), "{} stands twice", fault.name);
    }
}

#[test]
fn each_fault_names_what_it_breaks() {
    for fault in all() {
        assert!(
            !fault.requirements.is_empty() && !fault.breaks.is_empty(),
            "{}",
            fault.name
        );
        let falls_anyway = fault
            .also
            .iter()
            .any(|(id, _)| fault.requirements.contains(id));
        assert!(
            !falls_anyway,
            "{} lists its own requirement under `also`",
            fault.name
        );
        assert!(
            fault.also.iter().all(|(_, reason)| !reason.is_empty()),
            "{}",
            fault.name
        );
    }
}

#[test]
fn a_fault_is_found_by_its_name() {
    assert_eq!(
        find("ack-twice").map(|fault| fault.requirements),
        Some(&["SIO-ACK-08"][..])
    );
    assert!(find("nobody").is_none());
}
