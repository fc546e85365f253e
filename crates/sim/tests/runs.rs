//! The simulation itself: runs repeat exactly, the promises hold over days and very long uptimes, and options determine runs.

use setpoint_sim::{Exercised, Fault, Schedule, Size, Sweep, run, run_with_trace, sweep};

#[test]
fn one_seed_is_one_run_byte_for_byte() {
    for seed in 0..20 {
        let (first, second) = (run_with_trace(&Schedule::of_seed(seed)), run(&Schedule::of_seed(seed)));
        assert_eq!((first.hash, first.length), (second.hash, second.length), "seed {seed}");
        assert_eq!(first.length, first.trace.len() as u64);
        assert_eq!(first.coverage, second.coverage);
        assert_ne!(first.hash, run(&Schedule::of_seed(seed + 1)).hash, "seeds {seed} and its successor");
    }
}

#[test]
fn every_promise_holds_in_a_few_hundred_runs() {
    let asked = Sweep { schedule: Schedule::of_seed(1), runs: 400, threads: None, failures: 1 };
    let total = sweep(&asked, |_| ());
    assert_eq!((total.runs, total.failures.first_key_value()), (400, None));
}

#[test]
fn a_virtual_day_passes_with_every_promise_kept() {
    let schedule = Schedule { hours: Some(24), ..Schedule::of_seed(101) };
    let outcome = run(&schedule);
    assert_eq!(outcome.violation, None);
    assert!(outcome.virtual_ms >= 24 * 3_600_000);
}

#[test]
fn timers_run_beyond_two_to_the_36_milliseconds_of_uptime() {
    let long = (0..100).map(|seed| run(&Schedule::of_seed(seed))).find(|outcome| {
        outcome.coverage.of_event(Exercised::LongUptime) > 0 && outcome.coverage.of_event(Exercised::TimedOut) > 0
    });
    assert_eq!(long.expect("such a run").violation, None);
}

#[test]
fn a_run_without_faults_ends_every_item_as_its_device_said() {
    for seed in 0..50 {
        let schedule = Schedule { off: Fault::ALL.iter().copied().collect(), ..Schedule::of_seed(seed) };
        let outcome = run(&schedule);
        assert_eq!(outcome.violation, None, "seed {seed}");
        assert_eq!(outcome.coverage.of_event(Exercised::Restart), 0);
        let batches = outcome.coverage.of_event(Exercised::Batch);
        assert_eq!(
            outcome.coverage.of_event(Exercised::BatchDone),
            batches - outcome.coverage.of_event(Exercised::Resent)
        );
    }
}

#[test]
fn options_name_a_run_completely() {
    let mut schedule = Schedule { size: Size { items: Some(2), ..Size::default() }, ..Schedule::of_seed(7) };
    assert_eq!(schedule.options(), "--seed 7 --items 2");
    schedule.off.insert(Fault::Crash);
    assert_eq!(schedule.options(), "--seed 7 --off crash --items 2");
    schedule.off = Fault::ALL.iter().copied().filter(|fault| *fault != Fault::Crash).collect();
    assert_eq!(schedule.options(), "--seed 7 --only crash --items 2");
    schedule.off.insert(Fault::Crash);
    assert_eq!(schedule.options(), "--seed 7 --only none --items 2");
}
