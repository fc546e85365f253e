//! Reading alone: a batch body into entries, a channel message into replies.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use setpoint::{Family, Limits, reply::read_message, request::read_batch};
use setpoint_benches::{ORG, SIZES, batch, message, nth_id};

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    for family in Family::ALL {
        for items in SIZES {
            let batch = batch(family, items);
            group.throughput(Throughput::ElementsAndBytes { elements: items as u64, bytes: batch.body.len() as u64 });
            group.bench_function(BenchmarkId::new(format!("batch/{}", family.name()), items), |bencher| {
                bencher
                    .iter(|| read_batch(black_box(&batch.body), family, ORG, &Limits::DEFAULT).map(|read| read.len()));
            });
            let ids: Vec<String> = (0..items as u64).map(nth_id).collect();
            let message = message(family, &ids);
            group.throughput(Throughput::ElementsAndBytes { elements: items as u64, bytes: message.len() as u64 });
            group.bench_function(BenchmarkId::new(format!("message/{}", family.name()), items), |bencher| {
                bencher.iter(|| read_message(black_box(&message), &Limits::DEFAULT).map(|read| read.len()));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = read
}
criterion_main!(benches);
