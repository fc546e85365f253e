//! Many runs on all cores. Each run is on its own; the totals do not depend on the order in which they end.

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use crate::{
    coverage::Coverage,
    plan::Schedule,
    run::run,
    violation::{Invariant, Violation},
};

/// Which runs to make.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with a struct literal")]
pub struct Sweep {
    /// The schedule of the first run; the others differ in the seed.
    pub schedule: Schedule,
    /// How many runs, with consecutive seeds.
    pub runs: u64,
    /// Runs at the same time; `None` is one on each core.
    pub threads: Option<usize>,
    /// Stop after this many failures.
    pub failures: usize,
}

/// The totals of all runs.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Total {
    /// Number of runs.
    pub runs: u64,
    /// What they exercised.
    pub coverage: Coverage,
    /// Simulated time, in milliseconds.
    pub virtual_ms: u64,
    /// Lines of all traces.
    pub length: u64,
    /// The failing seeds, in ascending order. Not all, if the sweep stopped early.
    pub failures: BTreeMap<u64, Violation>,
}

impl Total {
    /// The failures by broken promise.
    pub fn by_invariant(&self) -> BTreeMap<Invariant, u64> {
        let mut count = BTreeMap::new();
        for violation in self.failures.values() {
            *count.entry(violation.invariant).or_default() += 1;
        }
        count
    }
}

/// Runs them. `progress` is called with the number of runs that are done.
pub fn sweep(sweep: &Sweep, mut progress: impl FnMut(u64)) -> Total {
    let next = AtomicU64::new(0);
    let total = Mutex::new(Total::default());
    let threads = sweep.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
    let (done, finished) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (next, total, done) = (&next, &total, done.clone());
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let enough = lock(total).failures.len() >= sweep.failures;
                    if n >= sweep.runs || enough {
                        return;
                    }
                    let seed = sweep.schedule.seed.wrapping_add(n);
                    let outcome = run(&Schedule { seed, ..sweep.schedule.clone() });
                    let mut total = lock(total);
                    total.runs += 1;
                    total.length += outcome.length;
                    total.virtual_ms += outcome.virtual_ms;
                    total.coverage.add(&outcome.coverage);
                    if let Some(violation) = outcome.violation {
                        total.failures.insert(seed, violation);
                    }
                    drop(total);
                    // Fails only if `progress` panicked.
                    let _ = done.send(());
                }
            });
        }
        drop(done);
        let mut count = 0;
        while finished.recv().is_ok() {
            count += 1;
            progress(count);
        }
    });
    total.into_inner().unwrap_or_default()
}

fn lock(total: &Mutex<Total>) -> std::sync::MutexGuard<'_, Total> {
    total.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
