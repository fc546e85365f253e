//! One run from outside.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    plan::{Plan, Schedule},
    seen::Seen,
    sim::Sim,
    trace::Trace,
    violation::{Invariant, Violation},
};

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// A hash of everything that happened, in order.
    pub hash: u64,
    /// How many things happened.
    pub length: u64,
    /// What was exercised.
    pub seen: Seen,
    /// The first promise that was broken, if one was.
    pub violation: Option<Violation>,
    /// Everything that happened, line by line, if it was asked for.
    pub trace: Vec<String>,
    /// How long it took on its own clock, in milliseconds.
    pub virtual_ms: u64,
}

/// Runs a schedule to its end, or to the first promise that is broken.
pub fn run(schedule: &Schedule) -> Outcome {
    run_keeping(schedule, false)
}

/// As [`run`], and keeps what happened.
pub fn run_with_trace(schedule: &Schedule) -> Outcome {
    run_keeping(schedule, true)
}

fn run_keeping(schedule: &Schedule, keep_trace: bool) -> Outcome {
    let (plan, faults) = Plan::draw(schedule);
    let mut sim = Sim::new(plan, faults, keep_trace);
    let violation = match catch_unwind(AssertUnwindSafe(|| sim.run())) {
        Ok(check) => check.err(),
        Err(panic) => Some(Violation { invariant: Invariant::Panic, words: words_of(&*panic) }),
    };
    let (hash, length, trace) = std::mem::replace(&mut sim.trace, Trace::new(false)).finish();
    Outcome { hash, length, seen: sim.oracle.seen.clone(), violation, trace, virtual_ms: sim.now }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_owned()
}
