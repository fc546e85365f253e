//! Runs many schedules of one scenario.

use std::{
    env,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::{runtime::Builder, time::timeout};

use crate::{run, task};

/// Longer, on the virtual clock, than any scenario takes.
const STUCK: Duration = Duration::from_secs(24 * 60 * 60);

/// Identifies a schedule: equal traces mean the same steps at the same times, with the same notes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// How many steps the tasks took.
    pub steps: u64,
    /// Hash of all steps, times and notes, in order.
    pub hash: u64,
}

/// Why a schedule failed, and the notes up to then.
#[derive(Debug)]
struct Failed {
    message: String,
    notes: Vec<String>,
}

/// Runs `scenario` with consecutive seeds. The environment overrides the first seed (`SEED`, 1 by default) and their
/// number (`SCHEDULES`, `schedules` by default).
///
/// # Panics
/// At the first seed that fails, with its notes and the command that runs it again. If `KEEP_GOING` is set: at the end,
/// with the number of failures.
pub fn explore<F: Future<Output = ()>>(package: &str, test: &str, schedules: u64, scenario: impl Fn() -> F) {
    let first = number("SEED").unwrap_or(1);
    let schedules = number("SCHEDULES").unwrap_or(schedules);
    let keep_going = env::var_os("KEEP_GOING").is_some();
    let mut failures = Vec::new();
    for seed in (0..schedules).map(|n| first.wrapping_add(n)) {
        let Err(failed) = one(seed, &scenario) else { continue };
        if !keep_going {
            panic!(
                "seed {seed} fails: {}\n{}\nThis schedule again: SEED={seed} SCHEDULES=1 cargo test -p {package} {test}",
                failed.message,
                failed.notes.join("\n")
            );
        }
        failures.push((seed, failed.message));
    }
    if let Some((seed, message)) = failures.first() {
        panic!("{test}: {} of {schedules} schedules fail, first seed {seed}: {message}", failures.len());
    }
}

/// Runs `scenario` with `seed`.
///
/// # Panics
/// The scenario fails.
pub fn trace<F: Future<Output = ()>>(seed: u64, scenario: impl Fn() -> F) -> Trace {
    one(seed, &scenario).unwrap_or_else(|failed| panic!("seed {seed} fails: {}", failed.message))
}

fn one<F: Future<Output = ()>>(seed: u64, scenario: &impl Fn() -> F) -> Result<Trace, Failed> {
    let result = catch_unwind(AssertUnwindSafe(|| {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
        runtime.block_on(async {
            run::begin(seed);
            if timeout(STUCK, scenario()).await.is_err() {
                panic!("it is stuck: no task can run any more");
            }
        });
    }));
    let run = run::end();
    let (trace, notes, panicked) = run.map_or((Trace { steps: 0, hash: 0 }, Vec::new(), None), |run| {
        (Trace { steps: run.steps, hash: run.hash }, run.notes, run.panicked)
    });
    match (result, panicked) {
        (Ok(()), None) => Ok(trace),
        // The panic of a task comes first: the scenario may have failed because of it.
        (_, Some(message)) => Err(Failed { message, notes }),
        (Err(payload), None) => Err(Failed { message: task::panic_message(&*payload), notes }),
    }
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use tokio::{sync::mpsc, time::sleep};

    use super::*;
    use crate::{alive, cut, note, task};

    async fn two_tasks() -> String {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let tasks = ["a", "b"].map(|name| {
            let sender = sender.clone();
            tokio::spawn(task(name, async move {
                for _ in 0..2 {
                    sender.send(name).unwrap();
                    tokio::task::yield_now().await;
                }
            }))
        });
        drop(sender);
        let mut order = String::new();
        while let Some(name) = receiver.recv().await {
            order.push_str(name);
        }
        for task in tasks {
            task.await.unwrap();
        }
        note(|| order.clone());
        order
    }

    #[test]
    fn every_order_of_two_tasks_is_found() {
        let found = RefCell::new(BTreeSet::new());
        for seed in 0..300 {
            trace(seed, || async {
                let order = two_tasks().await;
                found.borrow_mut().insert(order);
            });
        }
        let found: Vec<_> = found.into_inner().into_iter().collect();
        assert_eq!(found, ["aabb", "abab", "abba", "baab", "baba", "bbaa"]);
    }

    #[test]
    fn the_same_seed_is_the_same_schedule() {
        let scenario = || async { drop(two_tasks().await) };
        let traces: Vec<_> = (0..50).map(|seed| trace(seed, scenario)).collect();
        assert_eq!(traces, (0..50).map(|seed| trace(seed, scenario)).collect::<Vec<_>>());
        assert!(traces.iter().map(|trace| trace.hash).collect::<BTreeSet<_>>().len() > 10, "seeds differ");
    }

    #[test]
    fn every_branch_of_a_select_is_polled_first_by_some_seed() {
        let found = RefCell::new(BTreeSet::new());
        for seed in 0..50 {
            trace(seed, || async {
                let first = crate::select! { () = async {} => 0, () = async {} => 1, () = async {} => 2 };
                found.borrow_mut().insert(first);
            });
        }
        assert_eq!(found.into_inner().len(), 3);
    }

    #[test]
    fn a_panic_of_a_task_and_a_scenario_without_an_end_are_failures() {
        let failed = one(1, &|| async { drop(tokio::spawn(task("t", async { panic!("so it goes") })).await) });
        assert_eq!(failed.unwrap_err().message, "so it goes");
        let failed = one(1, &std::future::pending::<()>);
        assert!(failed.unwrap_err().message.contains("stuck"));
    }

    #[test]
    fn a_future_is_dropped_at_each_of_its_awaits_and_its_task_counted_until_then() {
        let found = RefCell::new(BTreeSet::new());
        for seed in 0..200 {
            trace(seed, || async {
                let at = RefCell::new(0);
                let steps = task("cut", async {
                    for n in 1..4 {
                        *at.borrow_mut() = n;
                        sleep(Duration::from_millis(10)).await;
                    }
                    *at.borrow_mut() = 4;
                });
                assert_eq!(alive("cut"), 1);
                let whole = cut(steps).await.is_some();
                assert_eq!(alive("cut"), 0);
                found.borrow_mut().insert((*at.borrow(), whole));
            });
        }
        let found: Vec<_> = found.into_inner().into_iter().collect();
        assert_eq!(found, [(0, false), (1, false), (2, false), (3, false), (4, true)]);
    }
}
