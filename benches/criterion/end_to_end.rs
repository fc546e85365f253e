//! The whole conversation in memory: a requester, a responder, devices that answer, and the requester again.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use setpoint::Family;
use setpoint_benches::{Conversation, SEED, batch_from};

fn end_to_end(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("end_to_end");
    let mut rng = fastrand::Rng::with_seed(SEED);
    for family in Family::ALL {
        for items in [1, 100, 1_000] {
            let mut conversation = Conversation::new();
            group.throughput(Throughput::Elements(items as u64));
            group.bench_function(BenchmarkId::new(family.name(), items), |bencher| {
                bencher.iter_batched(
                    || batch_from(&mut rng, family, items).body,
                    |body| conversation.hold(family, body),
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = end_to_end
}
criterion_main!(benches);
