//! Runs one schedule and collects the outcome.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    coverage::Coverage,
    plan::{Plan, Schedule},
    sim::Sim,
    trace::Trace,
    violation::{Invariant, Violation},
};

/// The outcome of a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// A hash of the trace.
    pub hash: u64,
    /// The number of lines of the trace.
    pub length: u64,
    /// What was exercised.
    pub coverage: Coverage,
    /// The promise that was broken, if one was.
    pub violation: Option<Violation>,
    /// The trace, line by line, if it was kept.
    pub trace: Vec<String>,
    /// How long it took in simulated time, in milliseconds.
    pub virtual_ms: u64,
}

/// Runs a schedule to its end, or until a promise is broken.
///
/// ```
/// use setpoint_sim::{Schedule, run};
///
/// let outcome = run(&Schedule::of_seed(1));
/// assert_eq!(outcome.violation, None);
/// assert_eq!(outcome.hash, run(&Schedule::of_seed(1)).hash);
/// ```
pub fn run(schedule: &Schedule) -> Outcome {
    run_keeping(schedule, false)
}

/// As [`run`], and keeps the trace.
pub fn run_with_trace(schedule: &Schedule) -> Outcome {
    run_keeping(schedule, true)
}

fn run_keeping(schedule: &Schedule, keep_trace: bool) -> Outcome {
    let (plan, faults) = Plan::draw(schedule);
    let mut sim = Sim::new(plan, faults, keep_trace);
    let violation = match catch_unwind(AssertUnwindSafe(|| sim.run())) {
        Ok(check) => check.err(),
        Err(panic) => Some(Violation { invariant: Invariant::Panic, message: panic_message(&*panic) }),
    };
    let (hash, length, trace) = std::mem::replace(&mut sim.trace, Trace::new(false)).finish();
    Outcome { hash, length, coverage: sim.oracle.coverage.clone(), violation, trace, virtual_ms: sim.now }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_owned()
}
