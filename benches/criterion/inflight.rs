//! Submitting, matching and expiring, with 1 to 1,000,000 items in flight all the while. The smallest messages that
//! there are still have to be read; the group `read` says what reading costs.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use setpoint_benches::Churn;

fn inflight(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("inflight");
    for in_flight in [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        let mut churn = Churn::new(in_flight);
        churn.fill();
        group.throughput(Throughput::Elements(churn.batch() as u64));
        group.bench_function(BenchmarkId::new("churn", in_flight), |bencher| {
            bencher.iter_custom(|steps| {
                let mut spent = Duration::ZERO;
                for _ in 0..steps {
                    let step = churn.prepare();
                    let start = Instant::now();
                    churn.submit(step.body, step.now);
                    if let Some(message) = &step.message {
                        churn.ingest(message);
                    }
                    churn.expire(step.now);
                    while churn.poll().is_some() {}
                    spent += start.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = inflight
}
criterion_main!(benches);
