//! Runs every vector under `crates/core/vectors`; its README describes the format.

mod corpus;
mod devices;
mod engine;
mod json;
mod replies;
mod validation;

use std::collections::{BTreeMap, BTreeSet};

#[test]
fn names_are_unique_and_no_case_is_lost() {
    let counts: BTreeMap<String, usize> = serde_json::from_str(include_str!("../../vectors/counts.json")).unwrap();
    for (kind, count) in counts {
        let cases = corpus::cases(&kind);
        let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), cases.len(), "two cases of {kind} have the same name");
        assert_eq!(cases.len(), count, "cases of {kind}: if this is what you meant, correct counts.json");
    }
}

#[test]
fn validation() {
    corpus::run("validation", validation::run);
}

#[test]
fn replies() {
    corpus::run("replies", replies::run);
}

#[test]
fn devices() {
    corpus::run("devices", devices::run);
}

#[test]
fn json() {
    corpus::run("json", json::run);
}

#[test]
fn engine() {
    corpus::run("engine", engine::run);
}
