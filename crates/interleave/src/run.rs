//! What belongs to the schedule that runs on this thread.

use std::{cell::RefCell, collections::BTreeMap};

use tokio::time::Instant;

/// More steps than any story takes: something goes round in circles.
const MOST_STEPS: u64 = 2_000_000;
/// The virtual clock starts here, so that nothing comes close to zero.
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
    pub(crate) trail: Vec<String>,
    pub(crate) panicked: Option<String>,
    next_task: u32,
    alive: BTreeMap<u32, &'static str>,
}

/// The payload of a panic that a story asks for: it is no failure.
#[derive(Debug)]
pub struct Scripted;

/// Starts a schedule on this thread. The runtime must be entered: the clock starts with it.
pub(crate) fn begin(seed: u64) {
    let run = Run {
        rng: fastrand::Rng::with_seed(seed),
        origin: Instant::now(),
        hash: 0,
        steps: 0,
        trail: Vec::new(),
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
        assert!(self.steps < MOST_STEPS, "{MOST_STEPS} steps, and no end; alive: {:?}", self.alive);
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

/// A number below `end` that the seed says; without a schedule 0.
pub fn below(end: u64) -> u64 {
    with(|run| run.below(end)).unwrap_or(0)
}

/// True as often as `one_in` says; without a schedule never.
pub fn chance(one_in: u64) -> bool {
    with(|run| run.below(one_in) == 0).unwrap_or(false)
}

/// Milliseconds of the virtual clock, if a schedule runs on this thread.
pub fn clock_ms() -> Option<u64> {
    with(|run| EPOCH_MS + run.now_ms())
}

/// How many tasks of this name there are.
pub fn alive(name: &str) -> usize {
    with(|run| run.alive.values().filter(|task| **task == name).count()).unwrap_or(0)
}

/// Notes what happened: it is part of the schedule's trace, and printed if the schedule fails.
pub fn note(what: impl FnOnce() -> String) {
    let what = what();
    with(|run| {
        for byte in what.bytes() {
            run.mix(u64::from(byte));
        }
        let line = format!("{:>7} ms  {what}", run.now_ms());
        run.trail.push(line);
    });
}
