//! The client's tasks in many orders, each chosen by a seed, against a service that may do anything at any time.
//!
//! The client runs unchanged, from [`Client`](crate::Client) to its senders and pumps; only the HTTP call and the
//! source are scripted. docs/concurrency.md says what this finds.

mod closing;
mod oracle;
mod scenario;
mod service;

use setpoint_interleave::{Trace, explore, trace};

use self::{closing::closing, scenario::sending};

const PACKAGE: &str = env!("CARGO_PKG_NAME");

#[test]
fn every_item_ends_once_in_whatever_order_responses_and_outcomes_come() {
    explore(PACKAGE, "every_item_ends_once_in_whatever_order", 600, || sending(false));
}

#[test]
fn calls_and_streams_dropped_anywhere_leave_nothing_behind() {
    explore(PACKAGE, "calls_and_streams_dropped_anywhere", 600, || sending(true));
}

#[test]
fn closing_ends_every_stream_and_every_task_whatever_it_meets() {
    explore(PACKAGE, "closing_ends_every_stream", 900, closing);
}

#[test]
fn the_same_seed_is_the_same_schedule() {
    let traces =
        || -> Vec<Trace> { (1..20).flat_map(|seed| [trace(seed, || sending(true)), trace(seed, closing)]).collect() };
    let first = traces();
    assert_eq!(first, traces());
    assert!(first.iter().all(|one| first.iter().filter(|other| *other == one).count() == 1), "seeds differ");
}
