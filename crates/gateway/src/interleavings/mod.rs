//! Tests of the gateway's tasks under many schedules, one per seed.
//!
//! The run loop, the store's committer, the HTTP routes and the event streams are the real ones. Sockets are replaced by callers
//! that call the routes and may be dropped at any await, as a lost connection does; links and store are scripted.
//! docs/concurrency.md says what this finds.

mod books;
mod callers;
mod links;
mod service;
mod story;

use setpoint_interleave::{Trace, explore, trace};

use self::story::{End, story};

const PACKAGE: &str = env!("CARGO_PKG_NAME");

#[test]
fn every_caller_gets_its_answer_and_every_outcome_is_published_once() {
    explore(PACKAGE, "every_caller_gets_its_answer", 400, || story(End::AfterAll));
}

#[test]
fn a_shutdown_in_the_middle_answers_everyone_and_publishes_what_is_decided() {
    explore(PACKAGE, "a_shutdown_in_the_middle", 800, || story(End::Shutdown));
}

#[test]
fn a_store_that_fails_in_the_middle_leaves_no_caller_without_an_answer() {
    explore(PACKAGE, "a_store_that_fails_in_the_middle", 400, || story(End::StoreFails));
}

#[test]
fn a_gateway_that_is_dropped_in_the_middle_leaves_no_caller_without_an_answer() {
    explore(PACKAGE, "a_gateway_that_is_dropped_in_the_middle", 600, || story(End::Abort));
}

#[test]
fn the_same_seed_is_the_same_schedule() {
    let traces = || -> Vec<Trace> {
        let ends = [End::AfterAll, End::Shutdown, End::StoreFails, End::Abort];
        (1..20).flat_map(|seed| ends.map(|end| trace(seed, || story(end)))).collect()
    };
    let first = traces();
    assert_eq!(first, traces());
    assert!(first.iter().all(|one| first.iter().filter(|other| *other == one).count() == 1), "seeds differ");
}
