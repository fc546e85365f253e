//! Channel messages: reading, matching every reply to its item, and taking the events.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use setpoint::{Family, Now, Requester, requester::RequesterConfig};
use setpoint_benches::{EPOCH_MS, ORG, message, nth_id, small};

fn ingest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ingest");
    let mut requester = Requester::new(ORG, RequesterConfig::default(), [7; 32]);
    let mut ids = (0..).map(nth_id);
    for replies in [1, 100, 1_000] {
        group.throughput(Throughput::Elements(replies as u64));
        group.bench_function(BenchmarkId::new("message", replies), |bencher| {
            // Setup and routine share the requester in turns.
            let requester = std::cell::RefCell::new(&mut requester);
            bencher.iter_batched(
                || {
                    let ids: Vec<String> = ids.by_ref().take(replies).collect();
                    let body = small::batch(ids.iter().map(|id| (id, 30_000)));
                    let sent = requester.borrow_mut().submit_body(Family::Invoke, body, Now::new(0, EPOCH_MS));
                    sent.expect("a batch with fresh ids");
                    message(Family::Invoke, &ids)
                },
                |message| {
                    let mut requester = requester.borrow_mut();
                    let read = requester.handle_message(&message);
                    while requester.poll_event().is_some() {}
                    read.map_err(|error| error.to_string())
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = ingest
}
criterion_main!(benches);
