//! Many runs, on all cores: each run by itself, and the sum in the order of the seeds.

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
    plan::Schedule,
    run::run,
    seen::Seen,
    violation::{Invariant, Violation},
};

/// Which runs to make.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// The schedule of every run but for its seed, which is the first.
    pub schedule: Schedule,
    /// How many seeds, from that one on.
    pub runs: u64,
    /// How many runs at a time; `None` for one on each core.
    pub threads: Option<usize>,
    /// Stop after so many failures.
    pub failures: usize,
}

/// What came of all runs.
#[derive(Debug, Clone, Default)]
pub struct Total {
    /// Runs that were made.
    pub runs: u64,
    /// What they exercised.
    pub seen: Seen,
    /// Virtual time, in milliseconds.
    pub virtual_ms: u64,
    /// Things that happened.
    pub length: u64,
    /// The failing seeds, as far as they were looked for, in ascending order.
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

/// Makes the runs; `progress` is told how many are done.
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
                    total.seen.add(&outcome.seen);
                    if let Some(violation) = outcome.violation {
                        total.failures.insert(seed, violation);
                    }
                    drop(total);
                    // Whoever listens may have gone.
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
