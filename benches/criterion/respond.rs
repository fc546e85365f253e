//! Reading, validating, and writing the full response.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use setpoint::{
    Family, Limits, Now,
    check::{check, check_form},
};
use setpoint_benches::{EPOCH_MS, ORG, Park, SIZES, batch};

fn respond(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("respond");
    let (limits, now) = (Limits::DEFAULT, Now::new(0, EPOCH_MS));
    let park = Park::new();
    for family in Family::ALL {
        for items in SIZES {
            let batch = batch(family, items);
            group.throughput(Throughput::ElementsAndBytes { elements: items as u64, bytes: batch.body.len() as u64 });
            group.bench_function(BenchmarkId::new(format!("form/{}", family.name()), items), |bencher| {
                bencher.iter(|| check_form(black_box(&batch.body), family, ORG, &limits, now).response.len());
            });
            group.bench_function(BenchmarkId::new(format!("directory/{}", family.name()), items), |bencher| {
                bencher.iter(|| check(black_box(&batch.body), family, ORG, &park, &limits, now).response.len());
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = respond
}
criterion_main!(benches);
