//! The state of the schedule that runs on this thread.

use std::{cell::RefCell, collections::BTreeMap};

use tokio::time::Instant;

/// More steps than any scenario takes: beyond, it is in an endless loop.
const MAX_STEPS: u64 = 2_000_000;
/// Where the virtual clock starts. Far from zero, so that nothing underflows.
const EPOCH_MS: u64 = 1_000_000_000;

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

#[derive(Debug)]
pub(crate) struct Run {
    rng: fastrand::Rng,
    origin: Instant,
    pub(crate) hash: u64,
    pub(crate) steps: u64,
    pub(crate) notes: Vec<String>,
    /// The message of the first task that panicked.
    pub(crate) panicked: Option<String>,
    next_task: u32,
    alive: BTreeMap<u32, &'static str>,
}

/// The payload of a panic that a scenario causes on purpose: it is not a failure.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "scenarios construct it")]
pub struct Scripted;

/// Starts a schedule on this thread. Must be called within the runtime, whose clock it reads.
pub(crate) fn begin(seed: u64) {
    let run = Run {
        rng: fastrand::Rng::with_seed(seed),
        origin: Instant::now(),
        hash: 0,
        steps: 0,
        notes: Vec::new(),
        panicked: None,
        next_task: 0,
        alive: BTreeMap::new(),
    };
    RUN.with_borrow_mut(|slot| *slot = Some(run));
}

pub(crate) fn end() -> Option<Run> {
    RUN.with_borrow_mut(Option::take)
}

pub(crate) fn with<T>(f: impl FnOnce(&mut Run) -> T) -> Option<T> {
    RUN.with_borrow_mut(|run| run.as_mut().map(f))
}

impl Run {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.rng.u64(..end.max(1))
    }

    fn mix(&mut self, value: u64) {
        self.hash = (self.hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A task is about to take a step.
    pub(crate) fn step(&mut self, task: u32) {
        self.steps += 1;
        assert!(self.steps < MAX_STEPS, "{MAX_STEPS} steps without an end; alive: {:?}", self.alive);
        self.mix(u64::from(task));
        self.mix(self.now_ms());
    }

    pub(crate) fn add_task(&mut self, name: &'static str) -> u32 {
        self.next_task += 1;
        self.alive.insert(self.next_task, name);
        self.next_task
    }

    pub(crate) fn remove_task(&mut self, task: u32) {
        self.alive.remove(&task);
    }
}

/// A number below `end` that the seed chooses; 0 without a schedule.
pub fn below(end: u64) -> u64 {
    with(|run| run.below(end)).unwrap_or(0)
}

/// True once in `one_in` times; never without a schedule.
pub fn chance(one_in: u64) -> bool {
    with(|run| run.below(one_in) == 0).unwrap_or(false)
}

/// The virtual clock, in milliseconds, if a schedule runs on this thread.
pub fn clock_ms() -> Option<u64> {
    with(|run| EPOCH_MS + run.now_ms())
}

/// How many tasks of this name exist.
pub fn alive(name: &str) -> usize {
    with(|run| run.alive.values().filter(|task| **task == name).count()).unwrap_or(0)
}

/// Adds a note. Notes are part of the schedule's trace, and printed if the schedule fails.
pub fn note(what: impl FnOnce() -> String) {
    let what = what();
    with(|run| {
        for byte in what.bytes() {
            run.mix(u64::from(byte));
        }
        let line = format!("{:>7} ms  {what}", run.now_ms());
        run.notes.push(line);
    });
}
